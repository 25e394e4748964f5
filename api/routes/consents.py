"""Filing, showing and stopping consents."""

from typing import Any

from fastapi import APIRouter, status

from api.auth import Caller, GatewayPart, Patient
from api.cursors import Asked
from api.models import CapsulesBody, ConsentBody, DocumentBody
from ledger.ids import Address, parse_consent_id
from ledger.service import consents, views
from ledger.service.consents import Filed
from ledger.service.disclosure import receipt
from ledger.service.gateway import Gateway

router = APIRouter(prefix="/v1/consents", tags=["consents"])


@router.post("")
def file(body: ConsentBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """File a signed consent with its capsules; in the log, with a receipt, before the answer."""
    filed = gateway.states.sequenced(
        caller,
        lambda state: consents.file(
            gateway,
            state,
            filing=body.filing.model_dump(exclude_none=True),
            capsules=body.capsules.model_dump(by_alias=True),
            request=body.request,
        ),
    )
    return shown(gateway, caller, filed)


@router.get("")
def show(gateway: GatewayPart, caller: Caller, page: Asked) -> dict[str, Any]:
    """The caller's consents as a patient, and those that name the caller, in the order of filing."""
    state = gateway.states.find(caller)
    own = [] if state is None else views.consents_of_patient(gateway, state)
    named = views.consents_naming(gateway, caller)
    found = list({one["consent"]: one for one in [*named, *own]}.values())
    return page.shown(gateway, caller, "consents", found, key=lambda one: [one["index"], one["consent"]])


@router.post("/preview")
def preview(body: DocumentBody, gateway: GatewayPart, patient: Patient) -> dict[str, Any]:
    """Which records each participant can read now, and could with this document."""
    found = views.preview_of(gateway, patient, consents.draft_document(body.document))
    return {
        "participants": [
            {"participant": one.participant, "now": list(one.now), "then": list(one.then)} for one in found
        ]
    }


@router.get("/{consent}")
def one(consent: str, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """One consent, with its state here and on chain."""
    return views.consent_for(gateway, caller, parse_consent_id(consent))


@router.put("/{consent}/capsules", status_code=status.HTTP_204_NO_CONTENT)
def replace_capsules(consent: str, body: CapsulesBody, gateway: GatewayPart, patient: Patient) -> None:
    """Replace a running consent's capsules after an epoch has ended or records of a new label set came."""
    consents.replace_capsules(gateway, patient, parse_consent_id(consent), body.model_dump(by_alias=True))


def shown(gateway: Gateway, caller: Address, filed: Filed) -> dict[str, Any]:
    """A consent just filed or stopped, with the receipt of that act."""
    found = views.consent_for(gateway, caller, filed.consent)
    return {**found, "receipt": receipt(gateway, caller, filed.entry)}

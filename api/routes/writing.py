"""Records that a provider or a device adds to a patient, and that the patient files."""

from typing import Any

from fastapi import APIRouter

from api.auth import Caller, GatewayPart
from api.models import PlaceBody, PublicationsBody, RefilingsBody
from api.views import decision_context
from ledger.ids import Did
from ledger.service import writing
from ledger.service.disclosure import receipt
from ledger.service.records import Submission

router = APIRouter(prefix="/v1", tags=["writing"])


@router.post("/publications/place")
def place(body: PlaceBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """The signed public key to seal a record to: of its compartment, or of the patient's inbox."""
    found = writing.place(gateway, caller, Did(body.patient), body.header, tuple(body.purpose))
    return {
        "compartment": found.compartment,
        "epoch": found.epoch,
        "key": found.key,
        "signature": found.signature,
    }


@router.post("/publications")
def publish(body: PublicationsBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Decide on records whose blocks are stored already: all are taken, or none and the refusals told."""
    batch = [Submission(**one.model_dump()) for one in body.records]
    written = writing.publish(gateway, caller, Did(body.patient), batch, tuple(body.purpose))
    logged = written.positions or [one.appended.index for one in written.refused]
    return {
        "records": [
            {"root": one.root, "index": index} for one, index in zip(batch, written.positions, strict=False)
        ],
        "refused": [
            {"root": one.question.resource["root"], "decision": decision_context(one)}
            for one in written.refused
        ],
        "receipts": [receipt(gateway, caller, index) for index in logged],
    }


@router.post("/records/refilings")
def refile(body: RefilingsBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Move records from the signed-in patient's inbox to their compartments: all, or none."""
    batch = [Submission(header="", **one.model_dump()) for one in body.records]
    places = gateway.states.sequenced(caller, lambda state: writing.refile(gateway, state, batch))
    return {"records": [{"root": one.root, "index": index} for one, index in zip(batch, places, strict=True)]}

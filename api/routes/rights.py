"""What patients may do about their being here at all: go on with new keys, or elsewhere."""

from typing import Any

from fastapi import APIRouter

from api.auth import GatewayPart, Patient
from api.models import DepartureBody, SuccessionBody
from ledger.service import moving, succession

router = APIRouter(prefix="/v1/patient", tags=["patient"])


@router.post("/succession")
def succeed(body: SuccessionBody, gateway: GatewayPart, patient: Patient) -> dict[str, Any]:
    """Go on for another account, which is given up for good. Sent again, it gives the same answer.

    All consents of the old account end, on chain too where their stops are given; it cannot sign in any more.
    """
    signed = succession.Signed(
        old=gateway.account_of(body.old),
        new=patient.account,
        witness=gateway.account_of(body.witness),
        signature=body.signature,
        acceptance=body.acceptance,
        identification=body.identification,
    )
    stops = {one.consent: one.signature for one in body.stops}
    entry = succession.succeed(gateway, signed, stops, version=body.version)
    return {"index": entry, "receipt": gateway.journal.receipt(entry).to_json()}


@router.post("/departure")
def leave(body: DepartureBody, gateway: GatewayPart, patient: Patient) -> dict[str, Any]:
    """Go on at another gateway. Sent again, it gives the same answer.

    Nothing is permitted or taken here any more; history, export and erasure stay open to the patient.
    """
    entry = moving.leave(
        gateway,
        patient.account,
        to=body.to,
        url=body.url,
        signature=body.signature,
        version=body.version,
    )
    return {"index": entry, "receipt": gateway.journal.receipt(entry).to_json()}

"""Releases of records to a grantee."""

from typing import Any

from fastapi import APIRouter

from api.auth import Caller, GatewayPart
from api.models import ReleaseBody
from api.views import decision_context
from ledger.ids import Did, parse_emergency_id
from ledger.service import releases
from ledger.service.disclosure import receipt

router = APIRouter(prefix="/v1/releases", tags=["releases"])


@router.post("")
def release(body: ReleaseBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Decide on a signed request and, on PERMIT, hand out capsules; a refusal is 200 without records."""
    asked = body.request
    request = releases.SignedRequest(
        origin=asked.origin,
        participant=Did(asked.participant),
        patient=Did(asked.patient),
        purpose=tuple(asked.purpose),
        action=asked.action,
        classes=tuple(asked.classes),
        records=tuple(asked.records),
        nonce=asked.nonce,
        expires=asked.expires,
        signature=body.signature,
    )
    emergency = None if body.emergency is None else parse_emergency_id(body.emergency)
    released = releases.release(gateway, caller, request, emergency)
    appended = [released.decided.appended, *([released.appended] if released.appended else [])]
    return {
        "decision": decision_context(released.decided),
        "records": released.records,
        "grants": [grant.as_json() for grant in released.grants],
        "waiting": list(released.waiting),
        "receipts": [receipt(gateway, caller, one.index) for one in appended],
    }

"""Emergencies: declared by providers, seen by whom they concern, reviewed by patient or auditor."""

from typing import Any

from fastapi import APIRouter

from api.auth import Caller, GatewayPart, Provider
from api.models import EmergencyBody, ReviewBody
from ledger.ids import Did, parse_emergency_id
from ledger.service import emergencies, reviews
from ledger.service.disclosure import receipt

router = APIRouter(prefix="/v1/emergencies", tags=["emergency"])


@router.post("")
def declare(body: EmergencyBody, gateway: GatewayPart, provider: Provider) -> dict[str, Any]:
    """Declare an emergency. The answer is the same whether or not the account is a patient's here."""
    said = body.declaration
    declaration = emergencies.Declaration(
        origin=said.origin,
        participant=Did(said.participant),
        patient=Did(said.patient),
        purpose=said.purpose,
        reason=said.reason,
        nonce=said.nonce,
        until=said.until,
        signature=body.signature,
    )
    made = emergencies.declare(gateway, provider, declaration)
    shown = {"emergency": made.emergency, "index": made.entry, "due": made.due}
    return {**shown, "receipt": receipt(gateway, provider, made.entry)}


@router.get("")
def show(gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """What was declared about the caller or by the caller; for an auditor, an outline of all."""
    return {"emergencies": reviews.shown_to(gateway, caller)}


@router.get("/{emergency}")
def one(emergency: str, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """One emergency in full; an auditor's reading is logged."""
    return reviews.shown_in_full(gateway, caller, parse_emergency_id(emergency))


@router.post("/{emergency}/review")
def review(emergency: str, body: ReviewBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Say what the caller, its patient or an auditor, finds of an emergency; once for each."""
    found = reviews.Review(finding=body.finding, note=body.note, signature=body.signature)
    index = reviews.review(gateway, caller, parse_emergency_id(emergency), found)
    shown = {"emergency": emergency, "state": body.finding, "index": index}
    return {**shown, "receipt": receipt(gateway, caller, index)}

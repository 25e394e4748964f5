"""The participant directory as this gateway sees it; clients check it against the chain themselves."""

from typing import Any

from fastapi import APIRouter

from api.auth import GatewayPart
from api.cursors import Asked
from api.models import ProfileBody
from ledger.errors import NotFound
from ledger.ids import parse_did
from ledger.service import participants
from ledger.service.participants import Participant

router = APIRouter(prefix="/v1/participants", tags=["participants"])


@router.get("")
def everyone(gateway: GatewayPart, page: Asked) -> dict[str, Any]:
    """All participants, suspended ones too, by did."""
    found = [_shown(participant) for participant in participants.everyone(gateway)]
    return page.shown(gateway, None, "participants", found, key=lambda one: one["participant"])


@router.post("")
def bring(body: ProfileBody, gateway: GatewayPart) -> dict[str, Any]:
    """Bring a profile; it is kept only if the directory's hash vouches for it, so anyone may."""
    profile = participants.bring(gateway, body.profile)
    return {"participant": gateway.did(profile.account)}


@router.get("/{did}")
def one(did: str, gateway: GatewayPart) -> dict[str, Any]:
    """One participant."""
    chain_id, account = parse_did(did)
    if chain_id != gateway.chain_id:
        raise NotFound("no such participant", fix="`consent participant list` shows all.")
    return _shown(participants.find(gateway, account))


def _shown(participant: Participant) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "participant": participant.did,
        "roles": participant.state.roles,
        "suspended": participant.state.suspended,
    }
    if participant.profile is not None:
        shown["profile"] = participant.profile.text.decode()
    return shown

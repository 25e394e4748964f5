"""Stopping consents: taken also while the database is away, by whoever brings them signed."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, status

from api.auth import GatewayPart, Token
from api.models import RevocationBody, StopBody
from api.routes.consents import shown
from api.urgently import Urgent
from ledger.canonical import unhex
from ledger.ids import ConsentId, parse_address, parse_consent_id
from ledger.service import consents, keptstops, participants, sessions
from ledger.service.gateway import Gateway
from ledger.service.keptstops import SignedStop

router = APIRouter(prefix="/v1", tags=["consents"])

KEPT: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Kept on disk, to be logged before this gateway answers anything else.",
        "content": {"application/json": {"example": {"consent": "0x" + "2b" * 32, "state": "kept"}}},
    }
}


async def _urgent(request: Request) -> Urgent:
    urgent: Urgent = request.app.state.urgent
    return urgent


UrgentPart = Annotated[Urgent, Depends(_urgent)]


@router.post("/consents/{consent}/revocation", responses=KEPT)
async def stop(
    consent: str,
    body: RevocationBody,
    gateway: GatewayPart,
    urgent: UrgentPart,
    token: Token,
    response: Response,
) -> dict[str, Any]:
    """Stop a consent. From this answer on nothing is permitted on it; the chain follows (`spread`: later).

    202 and the state ``kept``: the database is away, and the stop is on disk beside the gateway's keys. Its
    receipt is there once it is in the log; this gateway answers nothing else before that.
    """
    asked = parse_consent_id(consent)
    answer = await urgent.logged_or_kept(
        gateway.kept_stops,
        lambda: _stopped(gateway, token, asked, body),
        lambda: keptstops.keep_known(gateway, asked, body.signature, spread=body.spread),
    )
    return answer or _kept(asked, response)


@router.post("/stops", responses=KEPT)
async def bring(
    body: StopBody, gateway: GatewayPart, urgent: UrgentPart, response: Response
) -> dict[str, Any]:
    """Stop a consent by what anybody could bring on chain, without a sign-in.

    ``logged``: it is in the log and counts; whoever signs in as the patient finds the receipt. ``kept`` with
    202: as at the other operation.
    """
    signed = SignedStop(
        controller=parse_address(body.controller),
        epoch=body.epoch,
        terms_hash=unhex(body.terms_hash),
        until=body.until,
        signature=body.signature,
    )
    consent = keptstops.proven(gateway, signed)
    answer = await urgent.logged_or_kept(
        gateway.kept_stops,
        lambda: _taken(gateway, consent, body),
        lambda: keptstops.keep(gateway, consent, signed, spread=body.spread),
    )
    return answer or _kept(consent, response)


def _stopped(gateway: Gateway, token: str, consent: ConsentId, body: RevocationBody) -> dict[str, Any]:
    caller = sessions.account_of(gateway, token)
    participants.refuse_suspended(gateway, caller)
    filed = gateway.states.sequenced(
        caller,
        lambda state: consents.stop(gateway, state, consent, body.signature, spread=body.spread),
    )
    return shown(gateway, caller, filed)


def _taken(gateway: Gateway, consent: ConsentId, body: StopBody) -> dict[str, Any]:
    keptstops.take(gateway, consent, body.signature, spread=body.spread)
    return {"consent": consent, "state": "logged"}


def _kept(consent: ConsentId, response: Response) -> dict[str, Any]:
    response.status_code = status.HTTP_202_ACCEPTED
    return {"consent": consent, "state": "kept"}

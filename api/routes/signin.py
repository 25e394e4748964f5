"""Sign-in with EIP-4361."""

from typing import Any

from fastapi import APIRouter, status

from api.auth import Account, GatewayPart, Token
from api.models import ChallengeBody, SignInBody
from ledger.ids import parse_address
from ledger.service import sessions
from ledger.service.signin import format_time

router = APIRouter(prefix="/v1/sign-in", tags=["sign-in"])


@router.post("/challenge")
def challenge(body: ChallengeBody, gateway: GatewayPart) -> dict[str, Any]:
    """What the EIP-4361 message must say; the nonce is good once, for five minutes."""
    message = sessions.challenge(gateway, parse_address(body.account))
    return {
        "domain": message.domain,
        "uri": message.uri,
        "chain_id": message.chain_id,
        "nonce": message.nonce,
        "issued_at": format_time(message.issued_at),
        "expires_at": format_time(message.expires_at),
        "message": message.text,
    }


@router.post("")
def sign_in(body: SignInBody, gateway: GatewayPart) -> dict[str, Any]:
    """A bearer token for the account that signed the message."""
    session = sessions.sign_in(gateway, body.message, body.signature)
    return {"token": session.token, "expires_at": session.expires_at, "account": session.account}


@router.delete("", status_code=status.HTTP_204_NO_CONTENT)
def sign_out(gateway: GatewayPart, _account: Account, token: Token) -> None:
    """End the session."""
    sessions.sign_out(gateway, token)


@router.delete("/all", status_code=status.HTTP_204_NO_CONTENT)
def sign_out_everywhere(gateway: GatewayPart, account: Account) -> None:
    """End every session of the account, also those of its machines."""
    sessions.sign_out_everywhere(gateway, account)

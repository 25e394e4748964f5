"""Sign-in of machines: keys that participants register, and tokens for assertions that those keys sign."""

from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path, Request, status
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, GatewayPart
from api.models import MachineKeyBody
from ledger.canonical import parse_object
from ledger.errors import InvalidInput
from ledger.service import machines

router = APIRouter(prefix="/v1", tags=["sign-in"])

FORM = "application/x-www-form-urlencoded"
Kid = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$", description="RFC 7638 thumbprint of the key.")]
_FIELDS = {
    "grant_type": {"const": "client_credentials"},
    "client_assertion_type": {"const": machines.ASSERTION_TYPE},
    "client_assertion": {"type": "string", "description": "A JWT, ES384 or RS384."},
    "scope": {"const": machines.SCOPE},
}
_FORM = {"type": "object", "required": list(_FIELDS), "properties": _FIELDS}


@router.post(
    "/token", openapi_extra={"requestBody": {"required": True, "content": {FORM: {"schema": _FORM}}}}
)
async def token(request: Request, gateway: GatewayPart) -> dict[str, Any]:
    """A bearer token for at most five minutes, for an assertion of a registered key (RFC 7523)."""
    form = _form(request.headers.get("Content-Type", ""), await request.body())
    session = await run_in_threadpool(machines.sign_in, gateway, form["client_assertion"])
    return {
        "access_token": session.token,
        "token_type": "bearer",
        "expires_in": machines.SECONDS,
        "scope": machines.SCOPE,
    }


@router.get("/machine-keys")
def show(gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """The caller's registered keys, revoked ones too."""
    return {
        "keys": [
            {"kid": row.kid, "jwk": parse_object(row.jwk), "revoked": row.revoked}
            for row in machines.keys_of(gateway, caller)
        ]
    }


@router.put("/machine-keys/{kid}", status_code=status.HTTP_204_NO_CONTENT)
def register(kid: Kid, body: MachineKeyBody, gateway: GatewayPart, caller: Caller) -> None:
    """Register a public key that may sign in for the caller; again with the same key is success."""
    machines.register(gateway, caller, kid, body.jwk, body.signature)


@router.delete("/machine-keys/{kid}", status_code=status.HTTP_204_NO_CONTENT)
def revoke(kid: Kid, gateway: GatewayPart, caller: Caller) -> None:
    """Revoke a key for good, and end all sessions of the caller, this one too."""
    machines.revoke(gateway, caller, kid)


def _form(media: str, body: bytes) -> dict[str, str]:
    """The fields of the form, each once; RFC 6749 names what is wrong by ``error``."""
    try:
        pairs = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=16)
    except ValueError as exc:
        raise _bad_form("invalid_request") from exc
    form = dict(pairs)
    if (
        media.split(";")[0].strip().lower() != FORM
        or len(form) != len(pairs)
        or not form.keys() >= _FIELDS.keys()
    ):
        raise _bad_form("invalid_request")
    if form["grant_type"] != "client_credentials":
        raise _bad_form("unsupported_grant_type")
    if form["client_assertion_type"] != machines.ASSERTION_TYPE:
        raise _bad_form("invalid_request")
    if form["scope"] != machines.SCOPE:
        raise _bad_form("invalid_scope")
    return form


def _bad_form(error: str) -> InvalidInput:
    return InvalidInput("not a token request in our form", reason=error, fix="See /docs.", error=error)

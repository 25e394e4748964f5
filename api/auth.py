"""Who is calling: dependencies that routes take. A route without one of them is open on purpose."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Scope

from ledger.errors import SignInRequired
from ledger.ids import Address
from ledger.parties import Role
from ledger.service import participants, sessions
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState

_bearer = HTTPBearer(auto_error=False, description="The token that POST /v1/sign-in gives.")


async def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


GatewayPart = Annotated[Gateway, Depends(_gateway)]


def bearer(scope: Scope) -> str | None:
    """The token that a request brings; None without one, and with two, of which nobody knows whose counts."""
    sent = [value for name, value in scope["headers"] if name == b"authorization"]
    scheme, _, token = (sent[0] if len(sent) == 1 else b"").decode("latin-1").partition(" ")
    return token if scheme.lower() == "bearer" and sessions.is_token(token) else None


async def _token(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> str:
    token = bearer(request.scope)
    if token is None:
        raise SignInRequired("this needs a sign-in", fix="Sign in, then send the token as a bearer token.")
    return token


Token = Annotated[str, Depends(_token)]


def _account(gateway: GatewayPart, token: Token) -> Address:
    return sessions.account_of(gateway, token)


Account = Annotated[Address, Depends(_account)]
"""The signed-in account, suspended or not: for ending sessions, and for nothing else."""


def _caller(gateway: GatewayPart, account: Account) -> Address:
    participants.refuse_suspended(gateway, account)
    return account


Caller = Annotated[Address, Depends(_caller)]
"""The signed-in account; a suspended participant only if it is a patient, and then as one."""


def _patient(gateway: GatewayPart, caller: Caller) -> PatientState:
    return gateway.states.need(caller)


Patient = Annotated[PatientState, Depends(_patient)]
"""The signed-in account's own state as a patient; every object below is looked up in it and nowhere else."""


def _provider(gateway: GatewayPart, caller: Caller) -> Address:
    participants.need_role(gateway, caller, Role.PROVIDER)
    return caller


Provider = Annotated[Address, Depends(_provider)]
"""The signed-in account, admitted as a provider and not suspended."""


def _depositor(gateway: GatewayPart, caller: Caller) -> Address:
    if gateway.states.find(caller) is None:
        participants.need_role(gateway, caller, Role.PROVIDER)
    return caller


Depositor = Annotated[Address, Depends(_depositor)]
"""The signed-in account, who may bring ciphertext: an enrolled patient, or a provider in force."""


def is_auditor(gateway: Gateway, caller: Address) -> bool:
    """Whether the account may read the whole log."""
    return participants.has_role(gateway, caller, Role.AUDITOR)

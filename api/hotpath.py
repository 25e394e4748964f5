"""The two endpoints that are called most, past the framework's own machinery, which is what costs.

A route of class `Grouped` answers a well-formed request itself: it is parsed into structs, decided and logged
together with all others that wait (`ledger.service.groups`), and encoded. Everything else goes the usual way,
through the function that the route is declared with: what is taken here is a part of what is taken there, and
what is refused there is refused with the same words.
"""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from api import authzen
from api.grouping import Groups
from api.structs import Evaluation, Evaluations
from ledger.errors import LedgerError
from ledger.ids import Address
from ledger.service import groups, sessions
from ledger.service.batches import Answered, Asked
from ledger.service.gateway import Gateway
from ledger.service.groups import Call, Reply

MOST = 256
"""How many requests share a transaction at most."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_one = msgspec.json.Decoder(Evaluation)
_many = msgspec.json.Decoder(Evaluations)
_encoder = msgspec.json.Encoder()


class Grouped(APIRoute):
    """A route for one evaluation, or for several if its path says so."""

    def get_route_handler(self) -> Handler:
        """Answer what is well-formed; the rest as any route does."""
        usual = super().get_route_handler()
        read = _batch if self.path.endswith("s") else _single

        async def handle(request: Request) -> Response:
            gateway: Gateway = request.app.state.gateway
            token = _token(request)
            asked = None if token is None else read(gateway, await request.body())
            if token is None or asked is None:
                return await usual(request)
            ask, enough, answer = asked
            call = Call(token=gateway.keys.hash_token(token), ask=ask, enough=enough)
            reply = await _groups(request.app, gateway).result(call)
            if isinstance(reply, Exception):
                raise reply
            return Response(_encoder.encode(answer(reply)), media_type="application/json")

        return handle


Asking = tuple[
    Callable[[Address], Sequence[Asked]],
    Callable[[bool], bool],
    Callable[[Sequence[Answered]], dict[str, Any]],
]
"""What to ask once it is known who asks, when to end, and how to answer."""


def _single(gateway: Gateway, body: bytes) -> Asking | None:
    try:
        asked = _one.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return (lambda caller: [authzen.question(gateway, caller, asked)]), (lambda permitted: False), _only


def _batch(gateway: Gateway, body: bytes) -> Asking | None:
    try:
        asked = _many.decode(body)
        enough = authzen.enough(asked.options)
    except (msgspec.MsgspecError, UnicodeDecodeError, LedgerError):
        return None
    whole = asked.whole()
    return None if whole is None else (partial(_items, gateway, whole), enough, _all)


def _only(replies: Sequence[Answered]) -> dict[str, Any]:
    if isinstance(replies[0], LedgerError):
        raise replies[0]
    return authzen.answer(replies[0])


def _all(replies: Sequence[Answered]) -> dict[str, Any]:
    return {"evaluations": [authzen.answer(one) for one in replies]}


def _items(gateway: Gateway, asked: Sequence[Evaluation], caller: Address) -> list[Asked]:
    return [_item(gateway, caller, one) for one in asked]


def _item(gateway: Gateway, caller: Address, asked: Evaluation) -> Asked:
    try:
        return authzen.question(gateway, caller, asked)
    except LedgerError as exc:
        return exc


def _token(request: Request) -> str | None:
    if request.headers.get("content-type") != "application/json":
        return None
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" and sessions.is_token(token) else None


def _groups(app: FastAPI, gateway: Gateway) -> Groups[Call, Reply]:
    found: Groups[Call, Reply] | None = getattr(app.state, "checks", None)
    if found is None:
        found = app.state.checks = Groups(partial(groups.answer_all, gateway), most=MOST)
    return found

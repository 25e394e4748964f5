"""The two endpoints that are called most, before the framework's own machinery, which is what costs.

A well-formed request is answered here: it is parsed into structs, decided and logged together with all others
that wait (`ledger.service.groups`), and encoded. Everything else goes on to the route of the same path, which
says in OpenAPI what both do: what is taken here is a part of what is taken there, and what is refused there
is refused with the same words.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import authzen
from api.grouping import Groups
from api.problems import refusal, request_id
from api.structs import Evaluation, Evaluations
from ledger.errors import LedgerError
from ledger.ids import Address
from ledger.service import groups, sessions
from ledger.service.batches import Answered, Asked
from ledger.service.gateway import Gateway
from ledger.service.groups import Call, Reply

MOST = 256
"""How many requests share a transaction at most."""

_one = msgspec.json.Decoder(Evaluation)
_many = msgspec.json.Decoder(Evaluations)
_encoder = msgspec.json.Encoder()


class HotPath:
    """Answers what is well-formed of `PATHS`, and hands on the rest."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway
        self._groups: Groups[Call, Reply] = Groups(partial(groups.answer_all, gateway), most=MOST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, which is whole and within bounds already, and answer."""
        read = PATHS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        token = None if read is None else _token(scope)
        if read is None or token is None:
            await self._app(scope, receive, send)
            return
        body = await receive()
        asked = read(self._gateway, body.get("body", b""))
        if asked is None:
            await self._app(scope, _again(body, receive), send)
            return
        try:
            answer = Response(await self._answer(token, asked), media_type="application/json")
        except LedgerError as exc:
            answer = refusal(exc, request_id(scope))
        await answer(scope, receive, send)

    async def _answer(self, token: str, asked: "Asking") -> bytes:
        ask, enough, answer = asked
        call = Call(token=self._gateway.keys.hash_token(token), ask=ask, enough=enough)
        reply = await self._groups.result(call)
        if isinstance(reply, Exception):
            raise reply
        return _encoder.encode(answer(reply))


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


def _token(scope: Scope) -> str | None:
    """The token of a request whose headers are as most clients send them."""
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    signed = [value for name, value in scope["headers"] if name == b"authorization"]
    if kinds != [b"application/json"] or len(signed) != 1 or not signed[0].startswith(b"Bearer "):
        return None
    text = signed[0].removeprefix(b"Bearer ").decode("latin-1")
    return text if sessions.is_token(text) else None


def _again(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


PATHS = {"/access/v1/evaluation": _single, "/access/v1/evaluations": _batch}

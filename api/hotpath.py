"""The two endpoints that are called most, in front of the framework, whose machinery is what costs.

A well-formed request is answered here: it is parsed into structs, decided from memory, put into the log with
all others that wait (`ledger.service.groups`), and encoded. Everything else goes on to the route of the same
path, which says in OpenAPI what both do: what is taken here is a part of what is taken there, and what is
refused there is refused with the same words.
"""

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import authzen
from api.grouping import Groups
from api.limits import MAX_OPEN, is_too_deep
from api.logs import REQUEST, loggable
from api.problems import refusal
from api.requestids import Answered as Told
from api.requestids import answer_headers, identifier_of, unforeseen
from api.structs import Evaluation, Evaluations
from ledger.errors import LedgerError
from ledger.service import groups, sessions
from ledger.service.batches import Answered, Enough, never
from ledger.service.gateway import Gateway
from ledger.service.groups import Ask, Call, Reply
from ledger.service.keptstops import require_applied
from ledger.service.provisional import Provisional

MOST = 256
"""How many requests share a transaction at most."""

_JSON = [(b"content-type", b"application/json")]
_BEARER = b"Bearer "

_one = msgspec.json.Decoder(Evaluation)
_many = msgspec.json.Decoder(Evaluations)
_encoder = msgspec.json.Encoder()


class Asking(NamedTuple):
    """What to ask once it is known who asks, when to end, and how to answer."""

    ask: Ask
    enough: Enough
    answer: Callable[[Sequence[Answered]], dict[str, Any]]


class HotPath:
    """Answers what is well-formed of `PATHS`, and hands on the rest."""

    def __init__(self, app: ASGIApp, gateway: Gateway, *, answered: Told = lambda *_: None) -> None:
        self._app = app
        self._gateway = gateway
        self._answered = answered
        self._provisional = Provisional(gateway)
        self._groups: Groups[Call, Reply] = Groups(partial(groups.answer_all, gateway), most=MOST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; or let the application do so, to which nothing is missing then."""
        read = PATHS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        token = None if read is None else _token(scope)
        if read is None or token is None:
            await self._app(scope, receive, send)
            return
        messages, body = await _whole(receive)
        asking = None if body is None or is_too_deep(body) else read(self._gateway, body)
        if asking is None:
            await self._app(scope, _again(messages, receive), send)
            return
        begun = perf_counter()
        identifier = identifier_of(scope)
        scope["template"] = scope["path"]
        REQUEST.set(loggable(identifier))
        status, size = 500, 0
        try:
            status, size = await self._answer(token, asking, identifier, scope, receive, send)
        finally:
            self._answered(scope, status, perf_counter() - begun, size)

    async def _answer(
        self, token: str, asking: Asking, identifier: str, scope: Scope, receive: Receive, send: Send
    ) -> tuple[int, int]:
        """Send the answer; its status, and the size of its body."""
        try:
            content = _encoder.encode(asking.answer(await self._replies(token, asking)))
        except Exception as exc:
            refused = (
                refusal(exc, identifier) if isinstance(exc, LedgerError) else unforeseen(exc, identifier)
            )
            refused.raw_headers.extend(answer_headers(identifier))
            await refused(scope, receive, send)
            return refused.status_code, len(refused.body)
        length = (b"content-length", b"%d" % len(content))
        headers = [length, *_JSON, *answer_headers(identifier)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})
        return 200, len(content)

    async def _replies(self, token: str, asking: Asking) -> Sequence[Answered]:
        require_applied(self._gateway.kept_stops)
        hashed = self._gateway.keys.hash_token(token)
        reply = await self._groups.result(self._provisional.call(hashed, asking.ask, asking.enough))
        if isinstance(reply, Exception):
            raise reply
        return reply


def _single(gateway: Gateway, body: bytes) -> Asking | None:
    try:
        asked = _one.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Asking(lambda caller: [authzen.question(gateway.did(caller), asked)], never, _only)


def _batch(gateway: Gateway, body: bytes) -> Asking | None:
    try:
        asked = _many.decode(body)
        enough = authzen.enough(asked.options)
    except (msgspec.MsgspecError, UnicodeDecodeError, LedgerError):
        return None
    whole = asked.whole()
    return None if whole is None else Asking(lambda by: authzen.items(gateway, by, whole), enough, _all)


def _only(replies: Sequence[Answered]) -> dict[str, Any]:
    if isinstance(replies[0], LedgerError):
        raise replies[0]
    return authzen.answer(replies[0])


def _all(replies: Sequence[Answered]) -> dict[str, Any]:
    return {"evaluations": [authzen.answer(one) for one in replies]}


def _token(scope: Scope) -> str | None:
    """The token of a request whose headers are as most clients send them."""
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    signed = [value for name, value in scope["headers"] if name == b"authorization"]
    if kinds != [b"application/json"] or len(signed) != 1 or not signed[0].startswith(_BEARER):
        return None
    text: str = signed[0].removeprefix(_BEARER).decode("latin-1")
    return text if sessions.is_token(text) else None


async def _whole(receive: Receive) -> tuple[list[Message], bytes | None]:
    """What was received, and the body if that is all of it and within bounds."""
    messages = [await receive()]
    size = len(messages[0].get("body", b""))
    while messages[-1].get("more_body", False) and size <= MAX_OPEN:
        messages.append(await receive())
        size += len(messages[-1].get("body", b""))
    whole = messages[-1]["type"] == "http.request" and size <= MAX_OPEN
    return messages, b"".join(one["body"] for one in messages) if whole else None


def _again(first: list[Message], receive: Receive) -> Receive:
    waiting = first[::-1]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


PATHS = {"/access/v1/evaluation": _single, "/access/v1/evaluations": _batch}

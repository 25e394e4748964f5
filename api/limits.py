"""Bounds on requests, before anything parses them or asks who is calling.

=================== =======================================================================
path and query      `MAX_TARGET` bytes (414)
head                `MAX_HEAD` bytes, with 32 more for each field (431)
body                `MAX_OPEN` bytes; of who is signed in, `MAX_BODY`; a block, `MAX_BLOCK` (413)
large bodies        `MOST_LARGE` at a time, over `MAX_OPEN`; others wait (503)
JSON                `MAX_DEPTH` levels (400), and `MOST_PARTS` objects and lists (413)
=================== =======================================================================
"""

import asyncio
from contextlib import ExitStack

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import bearer
from api.connections import MAX_HEAD
from api.problems import problem, refusal, request_id
from ledger.canonical import MAX_DEPTH, deeper_than
from ledger.errors import EnvironmentFault, InvalidInput, LedgerError, TooLarge
from ledger.records.blocks import MAX_BLOCK
from ledger.service import sessions
from ledger.service.gateway import Gateway

MAX_TARGET = 8 << 10
MAX_OPEN = 64 << 10
MAX_BODY = 4 << 20
MOST_PARTS = 1 << 17
"""Each takes a hundred times the memory of its two brackets once parsed."""
MOST_LARGE = 8
LARGE_SECONDS = 10.0
BLOCKS = "/v1/blocks/"
_FIELD = 32


class Limits:
    """Refuses what is out of bounds; what is not goes on with its body in one piece."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway
        self._large = asyncio.Semaphore(MOST_LARGE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the head, read the body up to its bound, then hand both on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with ExitStack() as held:
            refused = _head_refused(scope)
            try:
                body = None if refused else await self._whole(scope, receive, held)
            except LedgerError as exc:
                refused = refusal(exc, request_id(scope))
            if refused is not None:
                await _closing_if_unread(refused, scope)(scope, receive, send)
            elif body is not None:
                await self._app(scope, _replay(body, receive), send)

    async def _whole(self, scope: Scope, receive: Receive, held: ExitStack) -> bytes | None:
        """The body; None if the client leaves before its end."""
        is_block = scope["path"].startswith(BLOCKS)
        limit = MAX_BLOCK if is_block else MAX_BODY
        announced = _announced(scope)
        body, admitted, more = bytearray(), False, True
        while True:
            size = max(len(body), announced)
            if size > limit:
                raise TooLarge(f"a body here has at most {limit} bytes", fix="Send less.")
            if size > MAX_OPEN and not admitted:
                await self._admit(scope, held)
                admitted = True
            if not more:
                break
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
        whole = bytes(body)
        if not is_block:
            _check_structure(whole)
        return whole

    async def _admit(self, scope: Scope, held: ExitStack) -> None:
        """Let a large body in: of somebody who is signed in, and while not too many others are at work."""
        token = bearer(scope)
        if token is None:
            raise TooLarge(f"without a sign-in a body has at most {MAX_OPEN} bytes", fix="Sign in first.")
        await run_in_threadpool(sessions.account_of, self._gateway, token)
        try:
            await asyncio.wait_for(self._large.acquire(), LARGE_SECONDS)
        except TimeoutError as exc:
            raise EnvironmentFault(
                "too many large requests at once", reason="busy", fix="Try again."
            ) from exc
        held.callback(self._large.release)


def _head_refused(scope: Scope) -> Response | None:
    target = len(scope["raw_path"]) + len(scope["query_string"])
    if target > MAX_TARGET:
        return _problem(scope, 414, f"path and query have at most {MAX_TARGET} bytes")
    head = target + sum(len(name) + len(value) + _FIELD for name, value in scope["headers"])
    if head > MAX_HEAD:
        return _problem(scope, 431, f"a request's head has at most {MAX_HEAD} bytes")
    return None


def _problem(scope: Scope, status: int, detail: str) -> Response:
    return problem(status, "head_too_large", detail, fix="Send less.", request_id=request_id(scope))


def _announced(scope: Scope) -> int:
    """The Content-Length; 0 without one, as of a body in chunks."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


def _check_structure(body: bytes) -> None:
    """What a parser would make of it, before there is one; brackets in texts count as well."""
    if body.count(b"[") + body.count(b"{") > MOST_PARTS:
        raise TooLarge(f"a body here has at most {MOST_PARTS} objects and lists", fix="Send less.")
    if is_too_deep(body):
        raise InvalidInput(
            f"JSON nested deeper than {MAX_DEPTH} levels", reason="too_deep", fix="Send a flatter body."
        )


def is_too_deep(body: bytes) -> bool:
    """Whether a body, if it is JSON, is nested deeper than `MAX_DEPTH`."""
    return body.count(b"[") + body.count(b"{") > MAX_DEPTH and deeper_than(MAX_DEPTH, body)


def _closing_if_unread(answer: Response, scope: Scope) -> Response:
    """Who waits for a word before the body never sends it: the next bytes would be taken for it."""
    if any(name == b"expect" for name, _ in scope["headers"]):
        answer.headers["Connection"] = "close"
    return answer


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again

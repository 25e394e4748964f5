"""Bounds on requests, before anything parses them or asks who is calling."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem, request_id
from ledger.canonical import MAX_DEPTH, deeper_than
from ledger.records.blocks import MAX_BLOCK

MAX_BODY = 4 << 20
BLOCKS = "/v1/blocks/"


class BodyLimits:
    """Refuses a body that is too large (413) or, if it is JSON, nested too deep (400)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body up to its bound, then hand it on in one piece."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        blocks = scope["path"].startswith(BLOCKS)
        limit = MAX_BLOCK if blocks else MAX_BODY
        body = await _read(receive, limit)
        if body is None:
            refusal = problem(
                413,
                "too_large",
                f"a body here has at most {limit} bytes",
                fix="Send less.",
                request_id=request_id(scope),
            )
            await refusal(scope, receive, send)
        elif not blocks and is_too_deep(body):
            refusal = problem(
                400,
                "invalid_input",
                f"JSON nested deeper than {MAX_DEPTH} levels",
                reason="too_deep",
                fix="Send a flatter body.",
                request_id=request_id(scope),
            )
            await refusal(scope, receive, send)
        else:
            await self._app(scope, _replay(body, receive), send)


def is_too_deep(body: bytes) -> bool:
    """Whether a body, if it is JSON, is nested deeper than `MAX_DEPTH`."""
    return body.count(b"[") + body.count(b"{") > MAX_DEPTH and deeper_than(MAX_DEPTH, body)


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None as soon as it is over the limit."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again

"""Request ids: one for every answer, the caller's own if it sent a plain one; the end of unforeseen errors.

The outermost layer. It adds headers to what is answered inside, tells what was answered how soon, and turns
an exception that nothing inside knew into a problem document. The log names its request id and kind; its text
could hold anything.
"""

import re
from collections.abc import Callable
from time import perf_counter

import structlog
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import REQUEST, loggable
from api.problems import problem
from ledger.randomness import Pool

HEADER = b"x-request-id"
_PLAIN = re.compile(rb"[A-Za-z0-9._~:/+=-]{1,128}")

Answered = Callable[[Scope, int, float, int], None]
"""Is told of an answer: the scope when it was given, status, seconds, bytes of its body."""

_random = Pool()
_log = structlog.get_logger()


class RequestIds:
    """Gives every request an id, every answer that id and ``Cache-Control: no-store``."""

    def __init__(self, app: ASGIApp, answered: Answered = lambda *_: None) -> None:
        self._app = app
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        identifier = identifier_of(scope)
        scope.setdefault("state", {})["request_id"] = identifier
        REQUEST.set(loggable(identifier))
        status = size = 0

        async def named(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), *answer_headers(identifier)]
                message = {**message, "headers": headers}
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, named)
        except Exception as exc:
            answer = unforeseen(exc, identifier)
            if not status:
                await answer(scope, receive, named)
        finally:
            self._answered(scope, status, perf_counter() - begun, size)


def answer_headers(identifier: str) -> list[tuple[bytes, bytes]]:
    """What every answer has beside its own headers."""
    return [(HEADER, identifier.encode()), (b"cache-control", b"no-store")]


def new_identifier() -> str:
    """A random UUID; made so, since the module for it takes several times as long."""
    digits = _random(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def unforeseen(error: Exception, identifier: str) -> JSONResponse:
    """The answer to a request in which something went wrong that nobody foresaw; the log says that it did."""
    _log.error("unforeseen", request_id=REQUEST.get(), kind=type(error).__name__)
    return problem(
        500,
        "error",
        "something went wrong here, and it is not your fault",
        fix="Try again; if it stays, tell the operator the request id.",
        request_id=identifier,
    )


def identifier_of(scope: Scope) -> str:
    """The caller's, if it can go into a header as it is; else a new one."""
    sent = next((value for name, value in scope["headers"] if name == HEADER), b"")
    return sent.decode("ascii") if _PLAIN.fullmatch(sent) else new_identifier()

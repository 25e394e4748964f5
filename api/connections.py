"""What one connection may cost, whatever comes over it: how long, how much, and how many at once.

=============== =========================================================================
head            whole within `HEAD_SECONDS`, and of `MAX_HEAD` bytes (408, 431)
body            whole within `BODY_SECONDS` (408); how large, `api.limits` says
around a body   chunk sizes and trailers of `MAX_FRAMING` bytes (431)
answer          taken by the client, without a pause of `ANSWER_SECONDS`
connections     `most_connections`: who waits longest makes room for who comes next (503)
=============== =========================================================================

The parser has no bounds of its own. Nothing is measured per byte or per request but a length and a time; a
timer of the connection looks after it. Of a request that is answered here nothing has begun: the application
acts on whole bodies only.
"""

import asyncio
import resource
from http import HTTPStatus

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import problem
from api.requestids import answer_headers, new_identifier

MAX_HEAD = 32 << 10
MAX_FRAMING = 1 << 20
LOOK_SECONDS = 1.0
_FIX = {
    400: "Send HTTP/1.1 with a method that it names.",
    408: "Send it again, without a pause.",
    431: "Send less.",
    503: "Try again.",
}


def most_connections() -> int:
    """How many connections are held at once: never more than half of the files that may be open."""
    return min(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Connection(HttpToolsProtocol):
    """HTTP/1.1 within bounds."""

    HEAD_SECONDS = 10.0
    BODY_SECONDS = 60.0
    ANSWER_SECONDS = 30.0

    _since = 0.0
    """When what is waited for began to be waited for: a head, or the rest of a body."""
    _overhead = 0
    """Bytes that came since the message began and are no body."""
    _in_head = False
    _in_body = False
    _refused = False
    """It was told so. Until it is looked after it may send what it likes: an end at once cuts the answer."""
    _unsent = 0
    _moved = 0.0
    """How much the client had left to take when last looked, and since when it takes nothing."""
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look after it, and make room for it if there are too many."""
        super().connection_made(transport)
        self.access_log = False  # its lines have the query, in which callers may send anything
        self._since = self._moved = self.loop.time()
        self._look = self.loop.call_later(LOOK_SECONDS, self._look_after)
        if len(self.connections) > (most := most_connections()):
            self._make_room(most)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look after it no more."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and refuse what goes on and on before a head, around a body or behind it."""
        if self._refused:
            return
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > (MAX_FRAMING if self._in_body else MAX_HEAD):
            self._refuse(431, "head_too_large", f"a request's head has at most {MAX_HEAD} bytes")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._overhead = 0
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A body begins, if only an empty one."""
        self._in_head, self._in_body = False, True
        self._since = self.loop.time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """More of it."""
        self._overhead -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._overhead = 0
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The next head is waited for, if no body is."""
        if not self._in_body:
            self._since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """A problem document, as for everything else."""
        self._refuse(400, "invalid_input", "the request could not be read as HTTP", "not_http")

    def shutdown(self) -> None:
        """Wait for nothing that a client has yet to send."""
        if self.waits:
            self.transport.close()
        else:
            super().shutdown()

    @property
    def waits(self) -> bool:
        """Whether it is the client's turn, so that nothing is lost when the connection ends."""
        ended = self._refused or self.transport.is_closing()
        return not ended and (self._in_body or self._is_answered)

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _look_after(self) -> None:
        now = self.loop.time()
        self._look = self.loop.call_later(LOOK_SECONDS, self._look_after)
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent:
            self._moved = now
        self._unsent = unsent
        if self._refused or now - self._moved >= self.ANSWER_SECONDS:
            self.transport.abort()
        elif self.waits and now - self._since >= (self.BODY_SECONDS if self._in_body else self.HEAD_SECONDS):
            self._end(408, "request_timeout", "the request took too long to come")

    def _make_room(self, most: int) -> None:
        """End the connection that has waited longest, this one if all others are at work."""
        held = [one for one in self.connections if isinstance(one, Connection)]
        if sum(not one.transport.is_closing() for one in held) > most:
            oldest = min((one for one in held if one.waits), key=lambda one: one._since)
            oldest._end(503, "busy", "the gateway has too many connections", told=oldest is self)

    def _end(self, status: int, code: str, detail: str, *, told: bool = False) -> None:
        """End a connection that waits; who has begun a request, or is to be told, hears why."""
        if self._in_head or self._in_body or told:
            self._tell(status, code, detail)
        self.transport.close()

    def _refuse(self, status: int, code: str, detail: str, reason: str = "") -> None:
        """End a connection whose client may be sending still."""
        if self._tell(status, code, detail, reason):
            self._refused = True
            self.transport.write_eof()
        else:
            self.transport.close()

    def _tell(self, status: int, code: str, detail: str, reason: str = "") -> bool:
        """Answer, unless an answer is under way or was given already."""
        free = self.waits and not (self._in_body and self._is_answered)
        if free:
            self.transport.write(_raw(_problem(status, code, detail, reason)))
        return free


def _problem(status: int, code: str, detail: str, reason: str) -> Response:
    identifier = new_identifier()
    answer = problem(status, code, detail, reason=reason, fix=_FIX[status], request_id=identifier)
    answer.raw_headers.extend([*answer_headers(identifier), (b"connection", b"close")])
    return answer


def _raw(answer: Response) -> bytes:
    """An answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}".encode()]
    lines += [name + b": " + value for name, value in answer.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])

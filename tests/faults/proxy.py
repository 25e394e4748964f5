"""Between us and a node: a JSON-RPC proxy on loopback that passes everything on, until a fault is in its way.

A fault is given what was asked, one call or several, and a way to ask the node. It gives back the answers, or
a reply that is no answer, or raises `Silence`.
"""

import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Call = dict[str, Any]
Answer = dict[str, Any]
Forward = Callable[[Sequence[Call]], list[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Any HTTP answer."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Fault = Callable[[Sequence[Call], Forward], "list[Answer] | Reply"]


class Silence(Exception):  # noqa: N818 - what happens, and no error of ours
    """No answer comes: the connection is closed, reset, or kept open until the client has lost patience."""

    def __init__(self, how: Literal["closed", "reset", "held"] = "closed") -> None:
        self.how = how

    def fall(self, connection: socket.socket) -> None:
        if self.how == "held":
            with suppress(OSError):
                connection.recv(1)
        if self.how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def honest(calls: Sequence[Call], forward: Forward) -> list[Answer]:
    """No fault."""
    return forward(calls)


def behind(fault: Fault, *views: Fault) -> Fault:
    """A fault of a node that is itself seen only through views, the last of which is nearest to it."""
    if not views:
        return fault

    def both(calls: Sequence[Call], forward: Forward) -> list[Answer] | Reply:
        def seen(asked: Sequence[Call]) -> list[Answer]:
            answers = behind(*views)(asked, forward)
            assert not isinstance(answers, Reply)
            return answers

        return fault(calls, seen)

    return both


class FaultProxy:
    """``with FaultProxy(node) as proxy: Rpc(proxy.url)``; what goes wrong is ``proxy.fault``."""

    def __init__(self, node: str) -> None:
        self.fault: Fault = honest
        self.asked: Counter[str] = Counter()
        self._node = urlsplit(node)
        self._open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def telling(self, fault: Fault) -> Iterator[None]:
        """Let a fault stand in the way for a while."""
        before, self.fault = self.fault, fault
        try:
            yield
        finally:
            self.fault = before

    def forward(self, connection: HTTPConnection, calls: Sequence[Call]) -> list[Answer]:
        """What the node answers, in the order in which it was asked."""
        connection.request("POST", "/", json.dumps(calls), {"content-type": "application/json"})
        answers = {answer["id"]: answer for answer in json.loads(connection.getresponse().read())}
        return [answers[call["id"]] for call in calls]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self) -> None:
                super().setup()
                proxy._open.add(self.connection)
                self.node = HTTPConnection(str(proxy._node.hostname), proxy._node.port, timeout=30)

            def finish(self) -> None:
                proxy._open.discard(self.connection)
                self.node.close()
                with suppress(OSError):
                    super().finish()

            def handle(self) -> None:
                with suppress(OSError):  # the client went away
                    super().handle()

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                calls = body if isinstance(body, list) else [body]
                proxy.asked.update(call["method"] for call in calls)
                try:
                    told = proxy.fault(calls, lambda asked: proxy.forward(self.node, asked))
                except Silence as silence:
                    silence.fall(self.connection)
                    self.close_connection = True
                    return
                except (OSError, HTTPException):  # the node itself is silent
                    self.close_connection = True
                    return
                if not isinstance(told, Reply):
                    told = Reply(body=json.dumps(told if isinstance(body, list) else told[0]).encode())
                self._reply(told)

            def _reply(self, reply: Reply) -> None:
                self.send_response(reply.status)
                headers = {"content-type": "application/json", "content-length": str(len(reply.body))}
                for name, value in {**headers, **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)
                self.wfile.flush()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

"""A node that somebody watches: a proxy in front of the devnet that keeps every JSON-RPC call made to it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import requests

from ledger.chain.devnet import Devnet


class Asked(NamedTuple):
    """One call."""

    method: str
    params: Any

    @property
    def text(self) -> str:
        """Everything that it says, in lower case."""
        return json.dumps(self.params).lower()


class Watcher:
    """Passes calls on to a node and keeps them."""

    def __init__(self, node: str) -> None:
        self.asked: list[Asked] = []
        self._node = node
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, body: bytes) -> bytes:
        parsed = json.loads(body)
        calls = parsed if isinstance(parsed, list) else [parsed]
        self.asked += [Asked(call["method"], call.get("params", [])) for call in calls]
        answer = requests.post(self._node, body, headers={"Content-Type": "application/json"}, timeout=30)
        return answer.content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self.take

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                answer = take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:  # stderr is no place for it
                """Keep still."""

        return Handler


class WatchedDevnet(Devnet):
    """A devnet whose URL leads through a watcher; the last one made is `made`."""

    made: "WatchedDevnet"
    watcher: Watcher | None = None

    def __init__(self, state_dir: Path, port: int = 0) -> None:
        super().__init__(state_dir, port)
        WatchedDevnet.made = self

    @property
    def url(self) -> str:
        if self.watcher is None:
            self.watcher = Watcher(super().url)
        return self.watcher.url

    def stop(self) -> None:
        if self.watcher is not None:
            self.watcher.close()
            self.watcher = None
        super().stop()

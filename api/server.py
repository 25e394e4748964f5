"""Serving a gateway over HTTP, in this process."""

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from api import logs
from api.app import application
from api.connections import Connection
from api.delivering import Deliverer
from api.settings import LOOPBACK, GatewaySettings
from api.wiring import Opened, open_gateway
from api.worker import Worker
from ledger.errors import ChainUnreachable, Conflict, EnvironmentFault, EvidenceError, InvalidInput
from ledger.service import erasure, keptstops
from ledger.service.anchoring import check_against_chain
from ledger.service.gateway import Gateway, system_clock

BODY_SECONDS = 10


class Server:
    """A gateway that listens as long as the context lasts; requests under way are finished on the way out."""

    def __init__(self, settings: GatewaySettings, *, clock: Callable[[], datetime] = system_clock) -> None:
        if settings.host not in LOOPBACK and not settings.public_url:
            raise InvalidInput(
                "a gateway that is reached from outside needs its public https URL",
                reason="no_public_url",
                fix="Set CONSENT_PUBLIC_URL=https://… and put a TLS proxy in front.",
            )
        self._settings = settings
        self._clock = clock
        self._exit = ExitStack()
        self.url = ""
        self._opened: Opened | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def gateway(self) -> Gateway:
        """The gateway that is served; only while the context lasts."""
        if self._opened is None:
            raise EnvironmentFault("the gateway is not running")
        return self._opened.gateway

    def __enter__(self) -> Self:
        logs.configure()
        with ExitStack() as exit_stack:
            listener = exit_stack.enter_context(_listen(self._settings.host, self._settings.port))
            port = listener.getsockname()[1]
            self.url = self._settings.public_url or f"http://{self._settings.host}:{port}"
            self._opened = open_gateway(self._settings, origin=self.url, clock=self._clock)
            exit_stack.callback(self._opened.close)
            _require_chain(self._opened.gateway)
            erasure.replay(self._opened.gateway)
            _catch_up(self._opened.gateway)
            _apply_stops(self._opened.gateway)
            exit_stack.enter_context(Worker(self._opened.gateway))
            exit_stack.enter_context(Deliverer(self._opened.gateway))
            self._start(listener)
            exit_stack.callback(self._halt)
            self._exit = exit_stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def wait(self) -> None:
        """Block until the server ends."""
        if self._thread is not None:
            self._thread.join()

    def _start(self, listener: socket.socket) -> None:
        self._server = uvicorn.Server(serving(application(self.gateway)))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, name="http")
        self._thread.start()

    def _halt(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()


def serving(app: ASGIApp) -> uvicorn.Config:
    """How an application is served."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Connection,
        ws="none",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=BODY_SECONDS,
        lifespan="off",
    )


def _require_chain(gateway: Gateway) -> None:
    """Refuse to start beside a node of another chain; one that does not answer may be waited for."""
    try:
        gateway.relayer.require_chain()
    except ChainUnreachable as exc:
        if exc.reason in ("wrong_chain", "other_chain"):
            raise


def _catch_up(gateway: Gateway) -> None:
    """Hear of the chain before answering: a log that is behind its own anchor must not sign anything.

    With the chain out of reach the gateway starts all the same: it refuses access and accepts stops.
    """
    with suppress(EnvironmentFault, EvidenceError):
        gateway.follower.catch_up()
        check_against_chain(gateway)


def _apply_stops(gateway: Gateway) -> None:
    """Have stops that were kept count before anything is answered; while that fails, nothing else is."""
    with suppress(EnvironmentFault, EvidenceError, Conflict):
        keptstops.apply(gateway)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
    except OSError as exc:
        listener.close()
        raise InvalidInput(
            f"cannot listen on port {port}", reason="port_taken", fix="Choose another with --port."
        ) from exc
    return listener

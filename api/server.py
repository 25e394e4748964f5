"""Serving a gateway over HTTP, in this process.

It ends in the order in which nothing is lost: ``/readyz`` says so first, then nobody new is let in, requests
under way finish within a bound, what is logged is on disk by then, follower and relayer end their step, and
the database lets go of what this gateway held for all.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from datetime import datetime
from typing import Self

import uvicorn
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Scope

from api import logs, metrics
from api.accesslog import AccessLog
from api.app import application
from api.connections import Connection
from api.delivering import Deliverer
from api.notifying import tell_manager
from api.settings import LOOPBACK, GatewaySettings
from api.tallies import Commits, Requests, method_of, route_of
from api.wiring import Opened, open_gateway
from api.worker import Worker
from ledger.errors import ChainUnreachable, Conflict, EnvironmentFault, EvidenceError, InvalidInput
from ledger.service import erasure, keptstops
from ledger.service.anchoring import check_against_chain
from ledger.service.gateway import Gateway, system_clock


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
        self._requests, self._commits = Requests(), Commits()
        self._access: AccessLog | None = None
        self._stopping = threading.Event()
        self.url = ""
        self.metrics_url = ""
        self._opened: Opened | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def gateway(self) -> Gateway:
        """The gateway that is served; only while the context lasts."""
        if self._opened is None:
            raise EnvironmentFault("the gateway is not running")
        return self._opened.gateway

    @property
    def collectors(self) -> tuple[Collector, ...]:
        """What there is to measure; only while the context lasts."""
        standing = metrics.Standing(self.gateway, self._stopping.is_set)
        return metrics.Answers(self._requests, self._commits), standing

    def __enter__(self) -> Self:
        logs.configure(self._settings.log_level)
        with ExitStack() as exit_stack:
            listener = exit_stack.enter_context(_listen(self._settings.host, self._settings.port))
            port = listener.getsockname()[1]
            self.url = self._settings.public_url or f"http://{self._settings.host}:{port}"
            self._opened = open_gateway(
                self._settings, origin=self.url, clock=self._clock, committed=self._commits.count
            )
            exit_stack.callback(self._opened.close)
            _require_chain(self._opened.gateway)
            erasure.replay(self._opened.gateway)
            _catch_up(self._opened.gateway)
            _apply_stops(self._opened.gateway)
            exit_stack.enter_context(Worker(self._opened.gateway))
            exit_stack.enter_context(Deliverer(self._opened.gateway))
            if logs.LEVELS[self._settings.log_level] <= logs.LEVELS["info"]:
                self._access = exit_stack.enter_context(AccessLog())
            self.metrics_url = exit_stack.enter_context(self._metrics())
            self._start(listener)
            exit_stack.callback(self._halt)
            tell_manager("READY=1")
            self._exit = exit_stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def wait(self) -> None:
        """Block until the server ends."""
        if self._thread is not None:
            self._thread.join()

    def _start(self, listener: socket.socket) -> None:
        app = application(self.gateway, answered=self._answered, stopping=self._stopping)
        self._server = uvicorn.Server(serving(app, stop_seconds=self._settings.stop_seconds))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, name="http")
        self._thread.start()

    def _metrics(self) -> AbstractContextManager[str]:
        if self._settings.metrics_port is None:
            return nullcontext("")
        return metrics.serving(self._settings.metrics_host, self._settings.metrics_port, *self.collectors)

    def _answered(self, scope: Scope, status: int, seconds: float, size: int) -> None:
        route, method = route_of(scope), method_of(scope)
        self._requests.count(route, method, status, seconds)
        if self._access is not None:
            named = logs.REQUEST.get()
            self._access.tell(named, method=method, route=route, status=status, seconds=seconds, size=size)

    def _halt(self) -> None:
        self._stopping.set()
        tell_manager("STOPPING=1")
        time.sleep(self._settings.drain_seconds)
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()


def serving(app: ASGIApp, *, stop_seconds: int = 10) -> uvicorn.Config:
    """How an application is served; requests under way have `stop_seconds` to finish when it ends."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Connection,
        ws="none",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=stop_seconds,
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

"""Stops wait for nobody: not for the database, and not for the threads that wait for it."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import refusal, request_id
from ledger.errors import StoreUnavailable
from ledger.service.gateway import Gateway
from ledger.service.keptstops import require_applied
from ledger.store.keptstops import KeptStops

PATIENCE = 5.0
"""Seconds for which a stop waits for the database before it is kept."""
TOGETHER = 16
"""How many stops are at work at once, on either way."""
STILL_ANSWERED = frozenset({"/v1/stops", "/healthz", "/readyz", "/metrics"})
"""Beside a stop of one consent: what is answered while stops wait."""

T = TypeVar("T")


class StopsFirst:
    """Refuses everything but stops and questions of health while stops wait to be applied."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look, and answer or hand on."""
        if scope["type"] != "http" or _is_answered(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            require_applied(self._gateway.kept_stops)
        except StoreUnavailable as exc:
            await refusal(exc, request_id(scope))(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Urgent:
    """Threads that stops have for themselves."""

    def __init__(self) -> None:
        self._logging = CapacityLimiter(TOGETHER)
        self._keeping = CapacityLimiter(TOGETHER)

    async def logged_or_kept(
        self, kept: KeptStops, log: Callable[[], T], keep: Callable[[], object]
    ) -> T | None:
        """What `log` gives; None once `keep` is done, if the database does not answer, or not in time.

        While stops wait already `log` is not tried. One that is late may still end up in the log: applying a
        stop twice changes nothing.

        Raises:
            LedgerError: what `log` raises but for the database's fault, and what `keep` raises.
        """
        if not kept.waiting:
            try:
                with fail_after(PATIENCE):
                    return await to_thread.run_sync(log, abandon_on_cancel=True, limiter=self._logging)
            except (StoreUnavailable, TimeoutError):
                pass
        await to_thread.run_sync(keep, limiter=self._keeping)
        return None


def _is_answered(path: str) -> bool:
    return path in STILL_ANSWERED or (path.startswith("/v1/consents/") and path.endswith("/revocation"))

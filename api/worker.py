"""What a gateway does beside answering: follow the chain, take over stops, relay, anchor, tidy up."""

import threading
import time
from collections.abc import Callable
from typing import Self

import structlog

from ledger.chain.facts import BlockHeader
from ledger.chain.networks import network_of
from ledger.errors import LedgerError
from ledger.service import erasure, keptstops, uploads
from ledger.service.anchoring import anchor_if_grown, check_against_chain
from ledger.service.erasedblocks import let_go
from ledger.service.gateway import Gateway
from ledger.service.stops import resend, take_over
from ledger.store.marks import FAULTS, Mark

REST_SECONDS = 2
"""How often the relayer looks at its account while nothing is due and no block came."""
ERASE_SECONDS = 0.5
STOPS_SECONDS = 0.2
SWEEP_SECONDS = 60

_log = structlog.get_logger()


class Worker:
    """Four threads: one reads the chain, one writes to it, one finishes erasures, one applies kept stops.

    Of several gateways on one database each reads the chain and applies the stops that it kept itself, and
    the one that leads does the rest.
    An error is logged by its code and tried again.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stop = threading.Event()
        pause = network_of(gateway.deployment.chain_id).look_seconds
        self._threads = [
            threading.Thread(target=self._loop, args=(self._read, pause), name="follower"),
            threading.Thread(target=self._loop, args=(self._write, pause), name="relayer"),
            threading.Thread(target=self._loop, args=(self._erase, ERASE_SECONDS), name="eraser"),
            threading.Thread(target=self._loop, args=(self._apply, STOPS_SECONDS), name="stops"),
        ]
        self._relay_due = 0.0
        self._relayed_at: BlockHeader | None = None
        self._anchor_due = 0.0
        self._sweep_due = 0.0
        self._stops_due = True
        self._told: frozenset[Mark] = frozenset()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _loop(self, act: Callable[[], None], pause: float) -> None:
        failing = ""
        while not self._stop.is_set():
            try:
                act()
                failing = ""
            except LedgerError as exc:
                if exc.reason != failing:  # once per cause, not ten times a second
                    _log.warning("background", thread=threading.current_thread().name, reason=exc.reason)
                failing = exc.reason
            except Exception as exc:
                _log.error("background", thread=threading.current_thread().name, kind=type(exc).__name__)
            self._stop.wait(pause)

    def _read(self) -> None:
        self._stops_due |= self._gateway.follower.step()
        if self._stops_due:
            check_against_chain(self._gateway)
            take_over(self._gateway)
            self._stops_due = False

    def _write(self) -> None:
        if not self._gateway.db.leads():
            return
        self._relay()
        now = self._gateway.clock().timestamp()
        if now >= self._anchor_due:
            anchor_if_grown(self._gateway)
            self._anchor_due = now + self._gateway.settings.anchor_interval

    def _relay(self) -> None:
        """Take a step if there is anything to send, a block came, or the last step is a while ago."""
        relayer, tip, now = self._gateway.relayer, self._gateway.follower.index.tip, time.monotonic()
        if tip == self._relayed_at and now < self._relay_due and not relayer.is_due():
            return
        relayer.step()
        self._tell()
        resend(self._gateway)
        self._relayed_at, self._relay_due = tip, now + REST_SECONDS

    def _tell(self) -> None:
        """Log what keeps the relayer from its work, or should alarm its operator, once as it begins."""
        found = self._gateway.relayer.marks & set(FAULTS)
        for mark in sorted(found - self._told):
            _log.error("relayer", reason=str(mark))
        self._told = found

    def _apply(self) -> None:
        """A stop that waits keeps everything else from being answered, so nothing keeps it from its turn."""
        applied = keptstops.apply(self._gateway)
        if applied:
            _log.warning("stops", applied=applied)

    def _erase(self) -> None:
        if not self._gateway.db.leads():
            return
        let_go(self._gateway)
        erasure.log_again(self._gateway)
        now = self._gateway.clock().timestamp()
        if now >= self._sweep_due:
            uploads.sweep(self._gateway)
            self._sweep_due = now + SWEEP_SECONDS

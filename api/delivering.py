"""The thread that sends events to webhooks, and notes the ends that come by themselves.

Of several gateways on one database the one that leads does it. A few events are on their way at once, one a
provider, each for a bounded time; two of the places are for stops alone. So who is slow holds up nobody else.
"""

import asyncio
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self

import structlog

from ledger.errors import InvalidInput, LedgerError
from ledger.service import deliveries, expiries, hooksigning, targets
from ledger.service.deliveries import Delivery, Pace
from ledger.service.gateway import Gateway
from ledger.service.hooksigning import HookKey
from ledger.service.posting import PostError, post
from ledger.service.targets import Resolve

PLACES = 8
"""How many events are on their way at once."""

FOR_STOPS = 2
"""How many of those places only stops may take."""

LOOK_SECONDS = 0.5
SWEEP_SECONDS = 60
POST_SECONDS = 10.0
RESOLVERS = 4 * PLACES
"""How many names may be looked up at once: a look-up can be given up, but not ended."""

_log = structlog.get_logger()


class Deliverer:
    """Runs as long as the context lasts; what is on its way when it ends is sent again the next time."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        pace: Pace | None = None,
        look_up: Resolve = targets.resolve,
        tls: ssl.SSLContext | None = None,
        seconds: float = POST_SECONDS,
    ) -> None:
        self._gateway = gateway
        self._pace = pace or Pace()
        self._look_up = look_up
        self._tls = tls or ssl.create_default_context()
        self._seconds = seconds
        self._key = HookKey.of(gateway.keys.webhook_seed)
        self._busy: dict[bytes, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")
        self._thread = threading.Thread(target=self._run, name="webhooks")
        self._sweep_due = 0.0
        self._noted = False
        self._failing = ""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(PLACES, thread_name_prefix="webhooks"))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def _stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._work())

    async def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                await self._look()
                self._failing = ""
            except LedgerError as exc:
                if exc.reason != self._failing:  # once per cause
                    _log.warning("background", thread="webhooks", reason=exc.reason)
                self._failing = exc.reason
            except Exception as exc:
                _log.error("background", thread="webhooks", kind=type(exc).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
        for task in list(self._busy.values()):
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _look(self) -> None:
        if not await asyncio.to_thread(self._gateway.db.leads):
            return
        await asyncio.to_thread(self._note)
        for urgent, places in ((False, PLACES - FOR_STOPS), (True, PLACES)):
            free = places - len(self._busy)
            if free > 0:
                for one in await asyncio.to_thread(self._due, urgent, free):
                    self._start(one)

    def _note(self) -> None:
        """What the passing of time brings."""
        if not self._noted:
            self._noted = expiries.note_ends(self._gateway) == 0
        expiries.step(self._gateway)
        now = self._gateway.clock().timestamp()
        if now >= self._sweep_due:
            deliveries.sweep(self._gateway, self._pace)
            expiries.sweep(self._gateway)
            self._sweep_due = now + SWEEP_SECONDS

    def _due(self, urgent: bool, most: int) -> list[Delivery]:
        return deliveries.due(self._gateway, busy=list(self._busy), urgent=urgent, most=most)

    def _start(self, delivery: Delivery) -> None:
        provider = delivery.hook.lookup
        task = self._loop.create_task(self._deliver(delivery))
        self._busy[provider] = task
        task.add_done_callback(lambda _: self._done(provider))

    def _done(self, provider: bytes) -> None:
        del self._busy[provider]
        self._wake.set()

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            outcome: int | str = await self._post(delivery)
        except PostError as exc:
            outcome = exc.reason
        except Exception as exc:
            _log.error("background", thread="webhooks", kind=type(exc).__name__)
            outcome = "error"
        try:
            await asyncio.to_thread(deliveries.ended, self._gateway, delivery, outcome, self._pace)
        except LedgerError as exc:  # nothing is noted, so it is due again
            _log.warning("background", thread="webhooks", reason=exc.reason)

    async def _post(self, delivery: Delivery) -> int:
        gateway = self._gateway
        try:
            async with asyncio.timeout(self._seconds):
                target = targets.parse_target(delivery.url, gateway.settings.webhook_allow)
                found = await self._loop.run_in_executor(
                    self._resolvers, targets.addresses, target, self._look_up
                )
        except InvalidInput as exc:
            raise PostError("no_public_address") from exc
        except TimeoutError as exc:
            raise PostError("timeout") from exc
        body = delivery.body(gateway.settings.origin)
        headers = hooksigning.signed(
            self._key, target.url, body, nonce=gateway.randomness(16), now=gateway.clock()
        )
        return await post(target, found, headers, body, tls=self._tls, seconds=self._seconds)

"""What is due at webhooks, what exactly is sent, and what becomes of it.

An event is sent until its receiver takes it, at least once: after a crash perhaps again, under the same event
id. Each failure doubles the wait, with jitter, for the event and for its whole webhook, so that a receiver
that is down costs next to nothing; what nobody took for three days is given up. Nothing is promised about
order, but that stops come first.
"""

from collections.abc import Collection
from dataclasses import dataclass

from ledger.canonical import canonical
from ledger.ids import Address
from ledger.parties import Role
from ledger.service.gateway import Gateway
from ledger.service.participants import has_role
from ledger.store.webhooks import EventRow, HookRow

GONE = 410
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patiently events are sent; milliseconds.

    first, longest: the wait after one failure, doubled after each, and its bound.
    gives_up: how long after it happened an event is sent at most.
    remembers: how long after that its provider can still see that it was given up.
    """

    first: int = 5_000
    longest: int = 3_600_000
    gives_up: int = 3 * DAY_MS
    remembers: int = 30 * DAY_MS

    def wait(self, failures: int, chance: float) -> int:
        """How long after so many failures; between half and one and a half of it, by a `chance` below 1."""
        doubled = min(self.longest, self.first << min(failures - 1, 30))
        return int(doubled * (0.5 + chance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event that is due at one webhook."""

    hook: HookRow
    event: EventRow

    @property
    def url(self) -> str:
        """Where it goes."""
        return str(self.hook.sealed["url"])

    def body(self, origin: str) -> bytes:
        """What is sent: the ids of the event and of what it is about, and the gateway to ask."""
        kind, at = self.event.kind, self.event.at
        about = {kind.partition(".")[0]: self.event.about}
        return canonical({"event": self.event.event, "type": kind, "time": at, "origin": origin, **about})


def due(gateway: Gateway, *, busy: Collection[bytes], urgent: bool, most: int) -> list[Delivery]:
    """What is to be sent now, one event a provider, to none that is `busy`; stops first, or alone.

    What a provider that is no longer in force would be told is given up instead; of whom that is true, is not
    known before the chain was heard of.
    """
    if gateway.last_head() is None:
        return []
    with gateway.db.read() as connection:
        found = gateway.stores.webhooks.due(connection, gateway.now_ms(), busy=busy, urgent=urgent, most=most)
    ready = []
    for hook, event in found:
        if has_role(gateway, Address(hook.sealed["account"]), Role.PROVIDER):
            ready.append(Delivery(hook=hook, event=event))
        else:
            _give_up(gateway, hook)
    return ready


def ended(gateway: Gateway, delivery: Delivery, outcome: int | str, pace: Pace) -> None:
    """Note how it went.

    Args:
        gateway: who sent it.
        delivery: what was sent.
        outcome: the status of the answer: 2xx takes it, 410 wants no more of anything, all others are
            failures; or the stable word for why there was none.
        pace: when to try again.
    """
    if outcome == GONE:
        with gateway.db.write() as connection:
            gateway.stores.webhooks.end(connection, delivery.hook.hook, gateway.now_ms())
    elif isinstance(outcome, int) and 200 <= outcome < 300:
        with gateway.db.write() as connection:
            gateway.stores.webhooks.taken(connection, delivery.event, gateway.now_ms())
    else:
        _failed(gateway, delivery, f"status_{outcome}" if isinstance(outcome, int) else outcome, pace)


def _failed(gateway: Gateway, delivery: Delivery, reason: str, pace: Pace) -> None:
    now, chance = gateway.now_ms(), int.from_bytes(gateway.randomness(2)) / (1 << 16)
    with gateway.db.write() as connection:
        gateway.stores.webhooks.failed(
            connection,
            delivery.event,
            now,
            reason=reason,
            due=now + pace.wait(delivery.event.attempts + 1, chance),
            hook_due=now + pace.wait(delivery.hook.failures + 1, chance),
        )


def sweep(gateway: Gateway, pace: Pace) -> None:
    """Give up what was tried for too long, and forget what was given up long ago."""
    now = gateway.now_ms()
    with gateway.db.write() as connection:
        gateway.stores.webhooks.bury(connection, now, before=now - pace.gives_up)
        gateway.stores.webhooks.forget(connection, before=now - pace.remembers)


def _give_up(gateway: Gateway, hook: HookRow) -> None:
    with gateway.db.write() as connection:
        gateway.stores.webhooks.give_up(connection, hook.hook, gateway.now_ms())

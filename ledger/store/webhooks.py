"""Webhooks of providers, and the events that are on their way to them.

An event stays until its receiver has taken it; nothing here says that somebody is delivering it just now, so
one that was killed meanwhile is simply due again.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Row, delete, func, insert, select, update

from ledger.canonical import canonical, parse_object
from ledger.store.tables import webhook_events as events
from ledger.store.tables import webhooks
from ledger.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRow:
    """One webhook; ``sealed`` has its account and URL. Times in Unix milliseconds.

    ``due`` is when it is tried next at the earliest, ``failures`` how often it failed since it last took an
    event, ``reason`` why it failed last; ``gone`` is since when its receiver wants no more.
    """

    hook: str
    lookup: bytes
    kinds: tuple[str, ...]
    created: int
    due: int
    failures: int
    succeeded: int | None
    failed: int | None
    reason: str | None
    gone: int | None
    sealed: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event on its way to one webhook; ``dead`` is since when it is not tried any more."""

    event: str
    hook: str
    kind: str
    about: str
    at: int
    urgent: bool
    due: int
    attempts: int
    dead: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How many events wait for a webhook, since when the oldest does, when one is tried next; the dead."""

    waiting: int
    oldest: int | None
    due: int | None
    dead: int


class WebhookStore:
    """Rows of ``webhooks`` and ``webhook_events``, in the caller's transaction."""

    def __init__(self, vault: Vault, no_patient: bytes) -> None:
        self._vault = vault
        self._tag = no_patient

    def add(
        self,
        connection: Connection,
        *,
        hook: str,
        lookup: bytes,
        kinds: Iterable[str],
        created: int,
        sealed: dict[str, Any],
    ) -> None:
        """A new webhook, that nothing was sent to."""
        connection.execute(
            insert(webhooks).values(
                hook=hook,
                lookup=lookup,
                kinds=",".join(kinds),
                created=created,
                due=created,
                failures=0,
                sealed=self._vault.seal(self._tag, f"webhook/{hook}", canonical(sealed)),
            )
        )

    def get_of(self, connection: Connection, hook: str, *, lookup: bytes) -> HookRow | None:
        """One webhook of a provider, or None; one of another is not even opened."""
        found = self._where(connection, (webhooks.c.hook == hook) & (webhooks.c.lookup == lookup))
        return found[0] if found else None

    def of(self, connection: Connection, lookups: Iterable[bytes]) -> list[HookRow]:
        """The webhooks of some providers, oldest first, those that are gone too."""
        return self._where(connection, webhooks.c.lookup.in_(set(lookups)))

    def wanting(self, connection: Connection, lookups: Iterable[bytes], kind: str) -> list[str]:
        """Which webhooks of some providers want events of a kind; nothing is opened for that."""
        theirs = webhooks.c.lookup.in_(set(lookups)) & webhooks.c.gone.is_(None)
        rows = connection.execute(select(webhooks.c.hook, webhooks.c.kinds).where(theirs))
        return [row.hook for row in rows if kind in row.kinds.split(",")]

    def want(self, connection: Connection, hook: str, kinds: Iterable[str]) -> None:
        """From now on a webhook wants these kinds of events."""
        mine = webhooks.c.hook == hook
        connection.execute(update(webhooks).where(mine).values(kinds=",".join(kinds)))

    def press(self, connection: Connection, hook: str, now: int) -> None:
        """Try a webhook again at once, however often it failed."""
        connection.execute(update(webhooks).where(webhooks.c.hook == hook).values(due=now))

    def waits(self, connection: Connection, hook: str, kind: str) -> bool:
        """Whether an event of a kind is on its way to a webhook."""
        waiting = (events.c.hook == hook) & (events.c.kind == kind) & events.c.dead.is_(None)
        return connection.execute(select(events.c.event).where(waiting)).first() is not None

    def remove(self, connection: Connection, hook: str) -> None:
        """Delete a webhook and what was on its way to it."""
        connection.execute(delete(events).where(events.c.hook == hook))
        connection.execute(delete(webhooks).where(webhooks.c.hook == hook))

    def enqueue(self, connection: Connection, row: EventRow) -> None:
        """One more event on its way."""
        connection.execute(
            insert(events).values(
                event=row.event,
                hook=row.hook,
                kind=row.kind,
                about=row.about,
                at=row.at,
                urgent=row.urgent,
                due=row.due,
                attempts=row.attempts,
                dead=row.dead,
            )
        )

    def due(
        self, connection: Connection, now: int, *, busy: Collection[bytes], urgent: bool, most: int
    ) -> list[tuple[HookRow, EventRow]]:
        """For each provider that is not `busy` the event to be tried first; of at most `most` providers.

        Urgent ones come first, and with `urgent` alone; else whatever has been due for longest.
        """
        ready = _READY & (events.c.due <= now) & (webhooks.c.due <= now)
        if urgent:
            ready &= events.c.urgent
        if busy:
            ready &= webhooks.c.lookup.not_in(busy)
        first = func.max(events.c.urgent.cast(Integer)).desc(), func.min(events.c.due)
        providers = connection.execute(
            select(webhooks.c.lookup)
            .join(events, events.c.hook == webhooks.c.hook)
            .where(ready)
            .group_by(webhooks.c.lookup)
            .order_by(*first)
            .limit(most)
        ).scalars()
        return [self._first(connection, ready & (webhooks.c.lookup == one)) for one in providers.all()]

    def taken(self, connection: Connection, row: EventRow, now: int) -> None:
        """The receiver has taken an event."""
        connection.execute(delete(events).where(_one(row)))
        mine = webhooks.c.hook == row.hook
        healthy = {"succeeded": now, "failures": 0, "due": now, "reason": None}
        connection.execute(update(webhooks).where(mine).values(healthy))

    def failed(
        self, connection: Connection, row: EventRow, now: int, *, reason: str, due: int, hook_due: int
    ) -> None:
        """A try failed: the event is due again at `due`, and its webhook with all others at `hook_due`."""
        tried = {"attempts": events.c.attempts + 1, "due": due}
        connection.execute(update(events).where(_one(row)).values(tried))
        mine = webhooks.c.hook == row.hook
        ill = {"failed": now, "failures": webhooks.c.failures + 1, "due": hook_due, "reason": reason}
        connection.execute(update(webhooks).where(mine).values(ill))

    def bury(self, connection: Connection, now: int, *, before: int) -> int:
        """Give up every event that happened before a moment; how many."""
        late = events.c.dead.is_(None) & (events.c.at < before)
        return connection.execute(update(events).where(late).values(dead=now)).rowcount

    def end(self, connection: Connection, hook: str, now: int) -> None:
        """Send nothing more to a webhook, and give up what was on its way."""
        connection.execute(update(webhooks).where(webhooks.c.hook == hook).values(gone=now))
        self.give_up(connection, hook, now)

    def give_up(self, connection: Connection, hook: str, now: int) -> None:
        """Give up what is on its way to a webhook."""
        waiting = (events.c.hook == hook) & events.c.dead.is_(None)
        connection.execute(update(events).where(waiting).values(dead=now))

    def forget(self, connection: Connection, *, before: int) -> None:
        """Delete events that were given up before a moment."""
        connection.execute(delete(events).where(events.c.dead < before))

    def queue(self, connection: Connection, hook: str) -> Queue:
        """What is on its way to one webhook."""
        waiting = (events.c.hook == hook) & events.c.dead.is_(None)
        row = connection.execute(
            select(func.count(), func.min(events.c.at), func.min(events.c.due)).where(waiting)
        ).one()
        dead = (events.c.hook == hook) & events.c.dead.is_not(None)
        count = connection.execute(select(func.count()).select_from(events).where(dead)).scalar_one()
        return Queue(waiting=row[0], oldest=row[1], due=row[2], dead=count)

    def dead(self, connection: Connection, hook: str) -> list[EventRow]:
        """The events that were given up of one webhook, oldest first."""
        lost = (events.c.hook == hook) & events.c.dead.is_not(None)
        rows = connection.execute(select(events).where(lost).order_by(events.c.at, events.c.event))
        return [_event(row) for row in rows]

    def _first(self, connection: Connection, ready: ColumnElement[bool]) -> tuple[HookRow, EventRow]:
        query = select(events).join(webhooks, events.c.hook == webhooks.c.hook).where(ready)
        row = connection.execute(query.order_by(events.c.urgent.desc(), events.c.due).limit(1)).one()
        (hook,) = self._where(connection, webhooks.c.hook == row.hook)
        return hook, _event(row)

    def _where(self, connection: Connection, condition: ColumnElement[bool]) -> list[HookRow]:
        rows = connection.execute(
            select(webhooks).where(condition).order_by(webhooks.c.created, webhooks.c.hook)
        )
        return [
            HookRow(
                hook=row.hook,
                lookup=row.lookup,
                kinds=tuple(row.kinds.split(",")),
                created=row.created,
                due=row.due,
                failures=row.failures,
                succeeded=row.succeeded,
                failed=row.failed,
                reason=row.reason,
                gone=row.gone,
                sealed=parse_object(self._vault.open(self._tag, f"webhook/{row.hook}", row.sealed)),
            )
            for row in rows
        ]


_READY = events.c.dead.is_(None) & webhooks.c.gone.is_(None)


def _one(row: EventRow) -> ColumnElement[bool]:
    return (events.c.event == row.event) & (events.c.hook == row.hook)


def _event(row: Row[Any]) -> EventRow:
    return EventRow(
        event=row.event,
        hook=row.hook,
        kind=row.kind,
        about=row.about,
        at=row.at,
        urgent=row.urgent,
        due=row.due,
        attempts=row.attempts,
        dead=row.dead,
    )

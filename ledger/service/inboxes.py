"""One place for each person that says what waits for them, and what happened.

What waits is read from what is so now, and leaves by itself once it is dealt with. What happened is what
somebody was told of (`news`), for a while.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger.consent.document import parse_document
from ledger.ids import Address
from ledger.service.gateway import Gateway
from ledger.service.news import Event
from ledger.service.participants import is_suspended
from ledger.service.requests import state_of
from ledger.service.states import PatientState
from ledger.store.emergencies import EmergencyRow
from ledger.store.news import Ending
from ledger.store.requests import RequestRow

DAY_MS = 86_400_000
NEWS_DAYS = 30
"""How far back news go unless asked for otherwise; `expiries.KEPT_DAYS` bounds what there is."""

SOON_DAYS = 14
"""How long before its end a consent is said to end soon."""

ANSWER, OPEN, NEWS = "answer", "open", "news"
"""What an item is for somebody: theirs to answer, under way without them, or something that has happened."""

OWN_ACTS = (Event.REQUEST_SENT,)
"""What is not news to whom did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing in an inbox; times in Unix milliseconds.

    `at` is when it happened or began, `by` when something that waits ends.
    """

    kind: str
    about: str
    does: str
    at: int
    by: int | None = None

    @property
    def place(self) -> list[int | str]:
        """Where it stands: what waits comes first, the most pressing first; then news, the newest first."""
        moment = -self.at if self.by is None else self.by
        return [(ANSWER, OPEN, NEWS).index(self.does), moment, self.kind, self.about]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """All that is in an inbox."""

    items: list[Item]

    @property
    def counts(self) -> dict[str, int]:
        """How many items of each sort there are."""
        found = Counter(item.does for item in self.items)
        return {does: found[does] for does in (ANSWER, OPEN, NEWS)}


def of(gateway: Gateway, account: Address, since: int | None = None) -> Inbox:
    """What is there for an account, as a patient and as a provider; for a suspended one, as a patient alone.

    Args:
        gateway: where.
        account: whose.
        since: from when on there are news, Unix milliseconds; for 30 days if None.
    """
    now, state = gateway.now_ms(), gateway.states.find(account)
    items: list[Item] = []
    if not is_suspended(gateway, account):
        start = now - NEWS_DAYS * DAY_MS if since is None else since
        items += _told(gateway, account, start) + _for_provider(gateway, account, now)
    if state is not None:
        items += _for_patient(gateway, state, now)
    return Inbox(items=list({tuple(item.place): item for item in items}.values()))


def shown(gateway: Gateway, item: Item) -> dict[str, Any]:
    """An item with whom it concerns, as far as that is still known here."""
    told: dict[str, Any] = {"kind": item.kind, "about": item.about, "does": item.does, "at": item.at}
    if item.by is not None:
        told["by"] = item.by
    sort = item.kind.partition(".")[0]
    return told | {"request": _request, "consent": _consent, "emergency": _emergency}[sort](
        gateway, item.about
    )


def _told(gateway: Gateway, account: Address, since: int) -> list[Item]:
    with gateway.db.read() as connection:
        rows = gateway.stores.news.of(connection, gateway.look_up(account), since=since)
    return [
        Item(kind=row.kind, about=row.about, does=NEWS, at=row.at) for row in rows if row.kind not in OWN_ACTS
    ]


def _for_provider(gateway: Gateway, account: Address, now: int) -> list[Item]:
    stores, lookup, soon = gateway.stores, gateway.look_up(account), now + SOON_DAYS * DAY_MS
    with gateway.db.read() as connection:
        asked = stores.requests.of_subject(connection, lookup)
        declared = stores.emergencies.of_subject(connection, lookup)
        ending = stores.news.ending_naming(connection, lookup, after=now, by=soon)
    return [*_open(asked, OPEN, now), *_unreviewed(declared, OPEN, now), *_ending(ending, now)]


def _for_patient(gateway: Gateway, state: PatientState, now: int) -> list[Item]:
    stores, soon = gateway.stores, now + SOON_DAYS * DAY_MS
    with gateway.db.read() as connection:
        asked = stores.requests.of_patient(connection, state.tag)
        declared = stores.emergencies.of_patient(connection, state.tag)
        ending = stores.news.ending_of_patient(connection, state.tag, after=now, by=soon)
    return [*_open(asked, ANSWER, now), *_unreviewed(declared, ANSWER, now), *_ending(ending, now)]


def _open(rows: Iterable[RequestRow], does: str, now: int) -> list[Item]:
    return [
        Item(
            kind="request.open",
            about=row.request,
            does=does,
            at=row.sealed.get("sent", 0),
            by=row.expires,
        )
        for row in rows
        if state_of(row, now) == "proposed"
    ]


def _unreviewed(rows: Iterable[EmergencyRow], does: str, now: int) -> list[Item]:
    return [
        Item(
            kind="emergency.overdue" if row.due <= now else "emergency.unreviewed",
            about=row.emergency,
            does=does,
            at=row.declared,
            by=row.due,
        )
        for row in rows
        if row.reviewed is None
    ]


def _ending(endings: Iterable[Ending], now: int) -> list[Item]:
    return [Item(kind="consent.ending", about=one.consent, does=OPEN, at=now, by=one.ends) for one in endings]


def _request(gateway: Gateway, request: str) -> dict[str, Any]:
    with gateway.db.read() as connection:
        row = gateway.stores.requests.get(connection, request)
    if row is None:
        return {}
    renews = {"renews": row.sealed["renews"]} if "renews" in row.sealed else {}
    return {"patient": row.sealed["patient"], "providers": [row.sealed["subject"]], **renews}


def _consent(gateway: Gateway, consent: str) -> dict[str, Any]:
    with gateway.db.read() as connection:
        row = gateway.stores.consents.get(connection, consent)
    if row is None:
        return {}
    document = parse_document(row.sealed["filing"]["document"].encode())
    return {"patient": document.patient, "providers": list(document.actors)}


def _emergency(gateway: Gateway, emergency: str) -> dict[str, Any]:
    with gateway.db.read() as connection:
        row = gateway.stores.emergencies.get(connection, emergency)
    if row is None:
        return {}
    said = row.sealed["declaration"]
    return {"patient": said["patient"], "providers": [said["participant"]]}

"""Ends that come by themselves: of requests that nobody answered, and of consents.

What is over is refused from the very moment on, by whoever reads the clock. Here it is noted, once, and those
whom it concerns are told.
"""

from contextlib import suppress

from sqlalchemy import Connection

from ledger.consent.document import ConsentDocument, parse_document
from ledger.consent.renewing import end_of
from ledger.errors import Conflict
from ledger.service import news
from ledger.service.gateway import Gateway
from ledger.service.news import Event

MOST = 200
"""How many ends of a kind one step notes."""

DAY_MS = 86_400_000
KEPT_DAYS = 90
"""How long what happened stays in inboxes."""


def step(gateway: Gateway) -> int:
    """Note and tell of what is over by now; how many ends. Doing it twice tells nobody twice."""
    return lapse_requests(gateway) + end_consents(gateway)


def lapse_requests(gateway: Gateway) -> int:
    """Note that requests have expired; how many."""
    now, store = gateway.now_ms(), gateway.stores.requests
    with gateway.db.read() as connection:
        over = store.over(connection, now=now, most=MOST)
    for row in over:
        with gateway.db.write() as connection:
            if store.lapse(connection, row.request, now=now):
                news.tell(
                    gateway,
                    connection,
                    Event.REQUEST_EXPIRED,
                    row.request,
                    tag=row.tag,
                    providers=[row.lookup],
                )
    return len(over)


def end_consents(gateway: Gateway) -> int:
    """Note that consents have ended; how many. Of one that was stopped before, nobody is told again."""
    now, store = gateway.now_ms(), gateway.stores.news
    with gateway.db.read() as connection:
        ended = store.ended(connection, by=now, most=MOST)
    for one in ended:
        with gateway.db.write() as connection:
            row = gateway.stores.consents.get(connection, one.consent)
            if store.told(connection, one.consent) and row is not None and row.stopped is None:
                news.told_of_consent(gateway, connection, Event.CONSENT_EXPIRED, one.consent, one.tag)
    return len(ended)


def note_end(gateway: Gateway, connection: Connection, consent: str, document: ConsentDocument) -> None:
    """Note when a consent ends, inside the transaction that files it."""
    ends = end_of(document)
    milliseconds = None if ends is None else int(ends.timestamp() * 1000)
    gateway.stores.news.note_end(connection, consent, milliseconds)


def note_ends(gateway: Gateway) -> int:
    """Note when those consents end that were filed before such notes were made; how many."""
    with gateway.db.read() as connection:
        missing = gateway.stores.news.without_end_noted(connection)
        rows = [gateway.stores.consents.get(connection, consent) for consent in missing[:MOST]]
    for row in filter(None, rows):
        document = parse_document(row.sealed["filing"]["document"].encode())
        with suppress(Conflict), gateway.db.write() as connection:  # erased, or noted, meanwhile
            note_end(gateway, connection, row.consent, document)
    return len(rows)


def sweep(gateway: Gateway) -> None:
    """Forget what happened long ago."""
    with gateway.db.write() as connection:
        gateway.stores.news.forget(connection, before=gateway.now_ms() - KEPT_DAYS * DAY_MS)

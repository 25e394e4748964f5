"""Telling whom it concerns of what happened: in their inbox, and by the webhooks of providers.

What is told is written in the transaction of the act itself, so there is never one without the other. It says
no more than the kind of event and the id of what it is about: who may know more asks with that id.
"""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import Connection

from ledger.ids import event_id
from ledger.service.gateway import Gateway
from ledger.store.news import NewsRow
from ledger.store.webhooks import EventRow


class Event(StrEnum):
    """What can happen; the part before the point says what the id that goes with it is of."""

    REQUEST_SENT = "request.sent"
    REQUEST_APPROVED = "request.approved"
    REQUEST_DECLINED = "request.declined"
    REQUEST_WITHDRAWN = "request.withdrawn"
    REQUEST_EXPIRED = "request.expired"
    CONSENT_GRANTED = "consent.granted"
    CONSENT_REVOKED = "consent.revoked"
    CONSENT_EXPIRED = "consent.expired"
    EMERGENCY_REVIEWED = "emergency.reviewed"
    WEBHOOK_TEST = "webhook.test"


URGENT = frozenset({Event.CONSENT_REVOKED})
"""What webhooks hear of before anything else."""

OWN_ACTS = frozenset({Event.REQUEST_SENT, Event.REQUEST_APPROVED, Event.REQUEST_DECLINED})
"""What a patient's inbox leaves out: what still waits for them, and what they have just answered."""


def tell(
    gateway: Gateway,
    connection: Connection,
    kind: Event,
    about: str,
    *,
    tag: bytes,
    providers: Iterable[bytes],
) -> None:
    """Tell some providers, by keyed look-up, and the patient of `tag`, if somebody enrolled with it.

    The inboxes' rows go when that patient is erased. What is on its way to webhooks does not: they hear of a
    stop all the same.
    """
    news, readers = gateway.stores.news, set(providers)
    row = NewsRow(event=event_id(gateway.randomness(17)), kind=kind, about=about, at=gateway.now_ms())
    patient = news.reader(connection, tag)
    also = {patient} if patient is not None and kind not in OWN_ACTS else set()
    news.add(connection, row, tag=None if patient is None else tag, lookups=readers | also)
    for hook in gateway.stores.webhooks.wanting(connection, readers, kind):
        enqueue(gateway, connection, hook, row)


def enqueue(gateway: Gateway, connection: Connection, hook: str, row: NewsRow) -> None:
    """Put an event on its way to a webhook, due at once; an urgent one also if the webhook fails just now."""
    urgent = row.kind in URGENT
    if urgent:
        gateway.stores.webhooks.press(connection, hook, row.at)
    gateway.stores.webhooks.enqueue(
        connection,
        EventRow(
            event=row.event,
            hook=hook,
            kind=row.kind,
            about=row.about,
            at=row.at,
            urgent=urgent,
            due=row.at,
            attempts=0,
            dead=None,
        ),
    )


def told_of_consent(gateway: Gateway, connection: Connection, kind: Event, consent: str, tag: bytes) -> None:
    """Tell everybody whom a filed consent names, and its patient."""
    parties = gateway.stores.news.parties(connection, consent)
    tell(gateway, connection, kind, consent, tag=tag, providers=parties)

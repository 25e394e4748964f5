"""A provider's request for a consent, and what becomes of it.

::

    proposed ──> approved     the patient files a consent that answers it
        ├──────> declined     the patient says no
        ├──────> withdrawn    the provider takes it back
        └──────> expired      its end has come

Whatever comes first stays: each is one conditional write, in the transaction of its log entry if it has one.
Once the end has come none but the last is possible, whether or not that was noted yet (`expiries`).

A request to an account that is not enrolled here is answered and listed like any other and leads nowhere, so
that nobody can learn from it who is a patient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger.consent import codes
from ledger.consent.names import check_note
from ledger.errors import Conflict, InvalidInput, NotFound, UnknownCode
from ledger.ids import Address, ConsentId, Did, RequestId, request_id
from ledger.log.entry import EntryKind
from ledger.service import news
from ledger.service.gateway import Gateway
from ledger.service.news import Event
from ledger.service.states import PatientState
from ledger.store.requests import RequestRow

MAX_NOTE = 300
DAYS = 30
"""How long a request stays open unless it says otherwise."""

MAX_DAYS = 90
MAX_UNTIL_DAYS = 36_525
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a provider asks for; ``until`` and ``expires`` in Unix milliseconds, ``until`` may be absent.

    ``renews`` is the consent that it asks to prolong, whose scope the rest then describes.
    """

    subject: Did
    purpose: tuple[str, ...]
    action: str
    classes: tuple[str, ...]
    expires: int
    until: int | None = None
    note: str = ""
    renews: ConsentId | None = None

    def as_json(self) -> dict[str, Any]:
        """The wish as entries and rows carry it."""
        body: dict[str, Any] = {
            "subject": self.subject,
            "purpose": list(self.purpose),
            "action": self.action,
            "classes": list(self.classes),
            "expires": self.expires,
        }
        if self.until is not None:
            body["until"] = self.until
        if self.note:
            body["note"] = self.note
        if self.renews is not None:
            body["renews"] = self.renews
        return body


Filed = Callable[[Connection, RequestId, int], None]
"""Called in the transaction that files a request, with its id and log position."""


def default_end(gateway: Gateway) -> int:
    """When a request that names no end expires, Unix milliseconds."""
    return gateway.now_ms() + DAYS * DAY_MS


def send(
    gateway: Gateway, account: Address, wish: Wish, *, filed: Filed = lambda *_: None
) -> tuple[RequestId, int]:
    """File a request with the patient of `account`; request id and log position.

    Raises:
        UnknownCode: a purpose, action or class that no table has.
        InvalidInput: no purpose, an end in the past, or a note that is too long.
    """
    _check(gateway, wish)
    return gateway.states.of_anybody(account, lambda state: _send(gateway, account, state, wish, filed))


def _send(
    gateway: Gateway, account: Address, state: PatientState | None, wish: Wish, filed: Filed
) -> tuple[RequestId, int]:
    request = request_id(gateway.randomness(17))
    tag = gateway.made_up_tag(account) if state is None else state.tag
    body, lookup = wish.as_json(), gateway.keys.look_up(wish.subject)

    def within(connection: Connection, entry: int) -> None:
        filed(connection, request, entry)
        gateway.stores.requests.add(
            connection,
            request=request,
            tag=tag,
            lookup=lookup,
            expires=wish.expires,
            sealed={**body, "patient": gateway.did(account), "sent": gateway.now_ms()},
        )
        news.tell(gateway, connection, Event.REQUEST_SENT, request, tag=tag, providers=[lookup])

    appended = gateway.append(
        EntryKind.REQUEST,
        head=gateway.last_head(),
        tag=tag,
        patient=gateway.did(account),
        expect=None if state is None else state.version,
        within=within,
        request=request,
        state="proposed",
        **body,
    )
    return request, appended.index


def inbox(gateway: Gateway, state: PatientState) -> list[RequestRow]:
    """What has been asked of a patient."""
    with gateway.db.read() as connection:
        return gateway.stores.requests.of_patient(connection, state.tag)


def outbox(gateway: Gateway, subject: Address) -> list[RequestRow]:
    """What a provider has asked."""
    with gateway.db.read() as connection:
        return gateway.stores.requests.of_subject(connection, gateway.look_up(subject))


def decline(gateway: Gateway, state: PatientState, request: RequestId) -> None:
    """Say no. Declining twice is success.

    Raises:
        NotFound: no such request to this patient.
        Conflict: it was answered otherwise (``answered``), or is over (``request_expired``).
    """
    _end(gateway, _found(gateway, request, tag=state.tag), "declined", Event.REQUEST_DECLINED)


def withdraw(gateway: Gateway, subject: Address, request: RequestId) -> None:
    """Take a request back. Withdrawing twice is success.

    Raises:
        NotFound: the caller has made no such request.
        Conflict: it was answered (``answered``), or is over (``request_expired``).
    """
    row = _found(gateway, request, lookup=gateway.look_up(subject))
    _end(gateway, row, "withdrawn", Event.REQUEST_WITHDRAWN)


def answered_by(gateway: Gateway, connection: Connection, tag: bytes, request: str) -> None:
    """Mark a request as approved, inside the transaction that files the consent.

    Raises:
        NotFound: no such request to this patient.
        Conflict: it was answered before (``answered``), or is over (``request_expired``).
    """
    row = gateway.stores.requests.get(connection, request, tag=tag)
    if row is None:
        raise _unknown()
    _move(gateway, connection, row, "approved", Event.REQUEST_APPROVED)


def state_of(row: RequestRow, now: int) -> str:
    """``proposed``, ``approved``, ``declined``, ``withdrawn`` or ``expired``, noted as such or not."""
    return "expired" if row.state == "proposed" and row.expires <= now else row.state


def _found(
    gateway: Gateway, request: RequestId, *, tag: bytes | None = None, lookup: bytes | None = None
) -> RequestRow:
    with gateway.db.read() as connection:
        row = gateway.stores.requests.get(connection, request, tag=tag, lookup=lookup)
    if row is None:
        raise _unknown()
    return row


def _end(gateway: Gateway, row: RequestRow, to: str, kind: Event) -> None:
    """Log that a request has come to its end, by one of its parties."""
    if row.state == to:
        return
    asked = {name: value for name, value in row.sealed.items() if name not in ("note", "patient", "sent")}
    gateway.append(
        EntryKind.REQUEST,
        head=gateway.last_head(),
        tag=row.tag,
        patient=row.sealed["patient"],
        within=lambda connection, _entry: _move(gateway, connection, row, to, kind),
        request=row.request,
        state=to,
        **asked,
    )


def _move(gateway: Gateway, connection: Connection, row: RequestRow, to: str, kind: Event) -> None:
    now = gateway.now_ms()
    if not gateway.stores.requests.move(connection, row.request, to=to, now=now):
        again = gateway.stores.requests.get(connection, row.request)
        if again is not None and state_of(again, now) == "expired":
            raise Conflict("the request has expired", reason="request_expired", fix="Ask for a new one.")
        raise Conflict("the request has been answered already", reason="answered")
    news.tell(gateway, connection, kind, row.request, tag=row.tag, providers=[row.lookup])


def _unknown() -> NotFound:
    return NotFound("no such request", fix="`consent request list` shows yours.")


def _check(gateway: Gateway, wish: Wish) -> None:
    if not wish.purpose and wish.renews is None:
        raise InvalidInput("a request needs a purpose", reason="no_purpose", fix="Name one, such as TREAT.")
    for purpose in wish.purpose:
        codes.PURPOSES.check(purpose)
    for record_class in wish.classes:
        if record_class not in codes.CLASSES:
            raise UnknownCode("no such class of records", reason="unknown_class")
    if wish.action not in codes.ACTIONS:
        raise UnknownCode("no such action", reason="unknown_action")
    now = gateway.now_ms()
    if not now < wish.expires <= now + MAX_DAYS * DAY_MS:
        raise InvalidInput(f"a request expires within {MAX_DAYS} days", reason="bad_expiry")
    if wish.until is not None and not now < wish.until <= now + MAX_UNTIL_DAYS * DAY_MS:
        raise InvalidInput(
            "the end is in the past, or beyond a hundred years",
            reason="until_past",
            fix="Give another --until.",
        )
    check_note(wish.note, MAX_NOTE)

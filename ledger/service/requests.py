"""A provider's request for a consent, and the patient's answer.

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
from ledger.ids import Address, Did, RequestId, request_id
from ledger.log.entry import EntryKind
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState
from ledger.store.requests import RequestRow

MAX_NOTE = 300
MAX_DAYS = 90
MAX_UNTIL_DAYS = 36_525


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a provider asks for; ``until`` and ``expires`` in Unix milliseconds, ``until`` may be absent."""

    subject: Did
    purpose: tuple[str, ...]
    action: str
    classes: tuple[str, ...]
    expires: int
    until: int | None = None
    note: str = ""

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
        return body


Filed = Callable[[Connection, RequestId, int], None]
"""Called in the transaction that files a request, with its id and log position."""


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
    body = wish.as_json()

    def within(connection: Connection, entry: int) -> None:
        filed(connection, request, entry)
        gateway.stores.requests.add(
            connection,
            request=request,
            tag=tag,
            lookup=gateway.keys.look_up(wish.subject),
            expires=wish.expires,
            sealed={**body, "patient": gateway.did(account)},
        )

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
        Conflict: it was approved.
    """
    with gateway.db.read() as connection:
        row = gateway.stores.requests.get(connection, request)
    if row is None or row.tag != state.tag:
        raise NotFound("no such request", fix="`consent request list` shows yours.")
    if row.state == "declined":
        return

    def within(connection: Connection, _entry: int) -> None:
        if not gateway.stores.requests.move(connection, request, to="declined"):
            raise Conflict("the request has been answered already", reason="answered")

    gateway.append(
        EntryKind.REQUEST,
        head=gateway.last_head(),
        tag=state.tag,
        patient=state.did,
        within=within,
        request=request,
        state="declined",
        **{key: value for key, value in row.sealed.items() if key not in ("note", "patient")},
    )


def answered_by(gateway: Gateway, connection: Connection, tag: bytes, request: str) -> None:
    """Mark a request as approved, inside the transaction that files the consent.

    Raises:
        NotFound: no such request to this patient.
        Conflict: it was answered before, or has expired.
    """
    row = gateway.stores.requests.get(connection, request)
    if row is None or row.tag != tag:
        raise NotFound("no such request", fix="`consent request list` shows yours.")
    if row.expires <= gateway.now_ms():
        raise Conflict("the request has expired", reason="request_expired", fix="Ask for a new one.")
    if not gateway.stores.requests.move(connection, request, to="approved"):
        raise Conflict("the request has been answered already", reason="answered")


def state_of(row: RequestRow, now: int) -> str:
    """``proposed``, ``approved``, ``declined`` or ``expired``: the last is computed, never stored."""
    return "expired" if row.state == "proposed" and row.expires <= now else row.state


def _check(gateway: Gateway, wish: Wish) -> None:
    if not wish.purpose:
        raise InvalidInput("a request needs a purpose", reason="no_purpose", fix="Name one, such as TREAT.")
    for purpose in wish.purpose:
        codes.PURPOSES.check(purpose)
    for record_class in wish.classes:
        if record_class not in codes.CLASSES:
            raise UnknownCode("no such class of records", reason="unknown_class")
    if wish.action not in codes.ACTIONS:
        raise UnknownCode("no such action", reason="unknown_action")
    now = gateway.now_ms()
    if not now < wish.expires <= now + MAX_DAYS * 86_400_000:
        raise InvalidInput(f"a request expires within {MAX_DAYS} days", reason="bad_expiry")
    if wish.until is not None and not now < wish.until <= now + MAX_UNTIL_DAYS * 86_400_000:
        raise InvalidInput(
            "the end is in the past, or beyond a hundred years",
            reason="until_past",
            fix="Give another --until.",
        )
    check_note(wish.note, MAX_NOTE)

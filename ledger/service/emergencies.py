"""Emergencies: a provider declares one, records open at once, and somebody must review it.

A declaration opens nothing by itself: see `decisions`. It is in the log before anything rests on it. One
about an account that is not enrolled is answered like any other, so that nobody can learn from it who is a
patient. For what becomes of it see `reviews`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from ledger.canonical import unhex
from ledger.consent import codes
from ledger.consent.names import check_note
from ledger.crypto.signatures import verify
from ledger.crypto.typed import EmergencyDeclaration
from ledger.errors import Conflict, EmergencyQuota, Forbidden, InvalidInput, NotFound
from ledger.ids import Address, Did, EmergencyId, emergency_id, parse_did, parse_word
from ledger.log.entry import EntryKind
from ledger.service.decisions import Declared
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState
from ledger.store.emergencies import EmergencyRow

MAX_SECONDS = 12 * 3600
"""How long an emergency lasts at most."""

MAX_TEXT = 300
DAY_MS = 86_400_000
SEE = "See yours with: consent emergency list"


class Asking(Protocol):
    """What of a signed access request must fit the emergency."""

    @property
    def patient(self) -> Did:
        """Whose records."""

    @property
    def purpose(self) -> tuple[str, ...]:
        """What for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """An `EmergencyDeclaration` as it came over the wire; ``until`` in Unix seconds."""

    origin: str
    participant: Did
    patient: Did
    purpose: str
    reason: str
    nonce: str
    until: int
    signature: str

    def typed(self) -> EmergencyDeclaration:
        """The EIP-712 struct that the participant signed."""
        return EmergencyDeclaration(
            origin=self.origin,
            participant=parse_did(self.participant)[1],
            patient=parse_did(self.patient)[1],
            purpose=self.purpose,
            reason=self.reason,
            nonce=parse_word(self.nonce),
            until=self.until,
        )

    def as_json(self) -> dict[str, Any]:
        """The declaration as entries carry it, without the signature."""
        return {
            "origin": self.origin,
            "participant": self.participant,
            "patient": self.patient,
            "purpose": self.purpose,
            "reason": self.reason,
            "nonce": self.nonce,
            "until": self.until,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A declared emergency: its log index, and by when it must be reviewed (Unix milliseconds)."""

    emergency: EmergencyId
    entry: int
    due: int


def declare(gateway: Gateway, caller: Address, declaration: Declaration) -> Made:
    """Log that a provider declares an emergency; from now on the patient sees it.

    Raises:
        Forbidden: signed for another gateway, or by another account than the caller.
        UnknownCode: a purpose that no table has.
        InvalidInput: a purpose that needs no emergency, no reason, or a time that is past or too long.
        SignatureInvalid: not signed by the caller.
        Conflict: the declaration was used before (``replayed``).
        EmergencyQuota: more than one provider may declare in a day.
    """
    _check(gateway, caller, declaration)
    account = gateway.account_of(declaration.patient)
    return gateway.states.of_anybody(
        account, lambda state: _declare(gateway, caller, account, state, declaration)
    )


def lasting(gateway: Gateway, caller: Address, emergency: EmergencyId, asking: Asking) -> Declared:
    """The caller's emergency, for a question about the same patient and with the same purpose.

    Raises:
        NotFound: the caller declared no such emergency.
        InvalidInput: it is about another patient, or for another purpose (``other_emergency``).
        Conflict: it is over (``emergency_over``).
    """
    with gateway.db.read() as connection:
        row = gateway.stores.emergencies.get_of(connection, emergency, lookup=gateway.look_up(caller))
    if row is None:
        raise NotFound("no such emergency of yours", reason="no_emergency", fix=SEE)
    said = row.sealed["declaration"]
    if (asking.patient, asking.purpose) != (said["patient"], (said["purpose"],)):
        raise InvalidInput(
            "the emergency is about another patient, or for another purpose",
            reason="other_emergency",
            fix="Ask for what was declared, or declare another one.",
        )
    return Declared(entry=row.entry, until=said["until"] * 1000)


def _check(gateway: Gateway, caller: Address, declaration: Declaration) -> None:
    if declaration.origin != gateway.settings.origin:
        raise Forbidden("the declaration is signed for another gateway", reason="other_origin")
    if declaration.participant != gateway.did(caller):
        raise Forbidden("it is signed by another account than the one signed in", reason="other_account")
    codes.PURPOSES.check(declaration.purpose)
    if not codes.needs_emergency(declaration.purpose):
        raise InvalidInput(
            "this purpose needs no emergency", reason="no_emergency_purpose", fix="Ask for it without one."
        )
    check_note(declaration.reason, MAX_TEXT)
    if not declaration.reason.strip():
        raise InvalidInput("an emergency needs a reason", reason="no_reason", fix="Say what has happened.")
    now = gateway.now_ms() // 1000
    if not now < declaration.until <= now + MAX_SECONDS:
        raise InvalidInput(
            f"an emergency lasts from now for at most {MAX_SECONDS // 3600} hours",
            reason="bad_until",
            fix="Declare a shorter one; check the clock.",
        )
    verify(declaration.typed().digest(gateway.gateway_domain), unhex(declaration.signature), caller)


def _declare(
    gateway: Gateway, caller: Address, account: Address, state: PatientState | None, declaration: Declaration
) -> Made:
    emergency = emergency_id(gateway.randomness(17))
    tag = gateway.made_up_tag(account) if state is None else state.tag
    now = gateway.now_ms()
    due = now + gateway.settings.review_days * DAY_MS
    body = {"declaration": declaration.as_json(), "signature": declaration.signature}

    def within(connection: Connection, entry: int) -> None:
        nonce = gateway.keys.hash_token(f"emergency/{caller}/{declaration.nonce}")
        if not gateway.stores.access.spend(connection, nonce, declaration.until * 1000):
            raise Conflict("this declaration was used before", reason="replayed", fix="Sign a new one.")
        _require_quota(gateway, connection, caller, now)
        row = EmergencyRow(
            emergency=emergency,
            tag=tag,
            lookup=gateway.look_up(caller),
            entry=entry,
            declared=now,
            due=due,
            reviewed=None,
            sealed=body,
        )
        gateway.stores.emergencies.add(connection, row)

    appended = gateway.append(
        EntryKind.EMERGENCY_DECLARED,
        head=gateway.last_head(),
        tag=tag,
        patient=declaration.patient,
        expect=None if state is None else state.version,
        within=within,
        emergency=emergency,
        subject=declaration.participant,
        due=due,
        **body,
    )
    return Made(emergency=emergency, entry=appended.index, due=due)


def _require_quota(gateway: Gateway, connection: Connection, caller: Address, now: int) -> None:
    most = gateway.settings.emergencies_per_day
    lookup = gateway.look_up(caller)
    recent = gateway.stores.emergencies.times_since(connection, lookup, now - DAY_MS)
    if len(recent) >= most:
        wait = DAY_MS if most == 0 else recent[-most] + DAY_MS - now
        raise EmergencyQuota(
            f"one provider may declare at most {most} emergencies in 24 hours here",
            reason="emergency_quota",
            fix="Use one that still lasts, or ask the patient, or the gateway's operator.",
            retry_after=-(-wait // 1000),
        )

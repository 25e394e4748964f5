"""Entries as an auditor reads them: one closed shape a kind. What does not fit is a finding, never a guess.

The members are those of the log's entries; times are Unix milliseconds unless said otherwise. Kinds that this
version has no rules for are read as `Unruled`.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from ledger.errors import InvalidInput
from ledger.log.entry import EntryKind

Count = Annotated[int, Meta(ge=0)]
Word = Annotated[str, Meta(pattern="^0x[0-9a-f]{64}\\Z")]
Level = Literal["seen", "safe", "final"]


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """The chain as the gateway saw it: a block, its timestamp in Unix seconds, the last final number."""

    number: Count
    hash: Word
    time: Count
    final: Count


class Block(Struct, frozen=True, forbid_unknown_fields=True):
    """A block that an entry refers to."""

    number: Count
    hash: Word


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every entry has; ``head`` is absent before the gateway had heard of any block."""

    format: Literal["consent-ledger/entry/1"]
    time: Count
    head: Head | UnsetType = UNSET


class LogOpened(Entry, frozen=True, kw_only=True, tag="log.opened"):
    """The first entry: what log this is and by which limits its gateway decides; ``max_head_age`` seconds."""

    origin: str
    log_key: str
    chain_id: Count
    registry: str
    directory: str
    anchor: str
    policy: str
    level: Level
    max_head_age: Count


class LogRead(Entry, frozen=True, kw_only=True, tag="log.read"):
    """An auditor read the entries from ``start`` up to, not including, ``end``."""

    reader: str
    start: Count
    end: Count


class PatientErased(Entry, frozen=True, kw_only=True, tag="patient.erased"):
    """What opened the entries under ``tag`` (0x and 40 hex) below ``size`` was destroyed.

    Ordered by the patient, whose erasure key signed, or by a named legal ``order``.
    """

    tag: str
    size: Count
    signature: str = ""
    order: str = ""


class OfPatient(Entry, frozen=True, kw_only=True):
    """An entry about one patient."""

    patient: str


class Enrolment(Struct, frozen=True, forbid_unknown_fields=True):
    """The patient's account names its erasure address, and the erasure key agrees (``possession``)."""

    erasure: str
    signature: str
    possession: str


class ConsentFiled(OfPatient, frozen=True, kw_only=True, tag="consent.filed"):
    """A consent with everything that proves it."""

    consent: Word
    filing: dict[str, Any]
    enrolment: Enrolment
    request: str = ""


class ConsentRevoked(OfPatient, frozen=True, kw_only=True, tag="consent.revoked"):
    """A stop: accepted by the gateway with the controller's signature, or seen on chain."""

    consent: Word
    source: Literal["gateway", "chain"]
    signature: str = ""
    block: Block | UnsetType = UNSET
    transaction: str = ""


class Asked(OfPatient, frozen=True, kw_only=True, tag="request"):
    """A provider's request for a consent, or what became of it."""

    request: str
    state: Literal["proposed", "declined", "withdrawn", "approved", "expired"]
    subject: str
    purpose: list[str]
    action: str
    classes: list[str]
    expires: Count
    until: Count | UnsetType = UNSET
    note: str = ""
    renews: Word | UnsetType = UNSET


class Resource(Struct, frozen=True, forbid_unknown_fields=True):
    """What was asked about: all records of some classes, records by name, or one that somebody would add."""

    type: Literal["patient", "record", "publication"]
    classes: list[str] | UnsetType = UNSET
    ids: list[str] | UnsetType = UNSET
    root: str | UnsetType = UNSET
    header: str | UnsetType = UNSET


class Decision(OfPatient, frozen=True, kw_only=True, tag="decision"):
    """A decision with everything that it was made on but the consents and records themselves.

    In an emergency ``declared`` is the index of its declaration. Then ``stale`` says that the head is the
    last final one, as the chain was not heard of, and ``unsealed`` that no capsule opens what is permitted.
    With ``denied`` each record was a question of its own: DENY was the answer for these, and NO_CONSENT for
    those neither permitted nor denied.
    """

    evaluation: str
    at: Count
    subject: str
    purpose: list[str]
    action: str
    emergency: bool
    resource: Resource
    outcome: Literal["PERMIT", "DENY", "NO_CONSENT"]
    permitted: list[str]
    basis: list[Word]
    obligations: list[str]
    policy: str
    level: Level
    denied: list[str] | UnsetType = UNSET
    declared: Count | UnsetType = UNSET
    stale: bool = False
    unsealed: bool = False


class SignedRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """An ``AccessRequest`` as it was signed; ``expires`` in Unix seconds."""

    origin: str
    participant: str
    patient: str
    purpose: list[str]
    action: str
    classes: list[str]
    records: list[str]
    nonce: Word
    expires: Count


class Release(OfPatient, frozen=True, kw_only=True, tag="release"):
    """Records that were handed out on a decision; ``stale`` if that is."""

    decision: Count
    subject: str
    request: SignedRequest
    signature: str
    records: list[str]
    stale: bool = False


class SignedDeclaration(Struct, frozen=True, forbid_unknown_fields=True):
    """An ``EmergencyDeclaration`` as it was signed; ``until`` in Unix seconds."""

    origin: str
    participant: str
    patient: str
    purpose: str
    reason: str
    nonce: Word
    until: Count


class EmergencyDeclared(OfPatient, frozen=True, kw_only=True, tag="emergency.declared"):
    """A provider declared an emergency, which somebody must have reviewed by ``due``."""

    emergency: str
    subject: str
    due: Count
    declaration: SignedDeclaration
    signature: str


class EmergencyReviewed(OfPatient, frozen=True, kw_only=True, tag="emergency.reviewed"):
    """What the patient or an auditor found of the emergency at index ``declared``."""

    emergency: str
    declared: Count
    origin: str
    reviewer: str
    finding: Literal["justified", "unjustified"]
    note: str
    signature: str


class RecordPublished(OfPatient, frozen=True, kw_only=True, tag="record.published"):
    """A record with its signed header. Without ``decision`` its patient wrote it.

    With it, somebody else did: it is the index of the PERMIT directly before.
    """

    root: str
    header: str
    capsule: Word
    compartment: Word
    epoch: Count
    writer: str
    signature: str
    decision: Count | UnsetType = UNSET


class RecordRefiled(OfPatient, frozen=True, kw_only=True, tag="record.refiled"):
    """A record that its patient moved from the inbox to its compartment."""

    root: str
    capsule: Word
    compartment: Word
    epoch: Count
    signature: str


class PatientSucceeded(OfPatient, frozen=True, kw_only=True, tag="patient.succeeded"):
    """The patient goes on as ``successor``; both accounts signed, and a ``witness`` who met them."""

    successor: str
    witness: str
    signature: str
    acceptance: str
    identification: str


class PatientMoved(OfPatient, frozen=True, kw_only=True, tag="patient.moved"):
    """The patient goes on at another gateway, with the log ``to``, at ``url``."""

    to: str
    url: str
    signature: str


class Unruled(Struct, frozen=True, kw_only=True):
    """An entry of a kind that this version has no rules for."""

    kind: EntryKind
    format: Literal["consent-ledger/entry/1"]
    time: Count
    head: Head | UnsetType = UNSET
    patient: str = field(default="")


Ruled = (
    LogOpened
    | LogRead
    | PatientErased
    | ConsentFiled
    | ConsentRevoked
    | Asked
    | Decision
    | Release
    | EmergencyDeclared
    | EmergencyReviewed
    | RecordPublished
    | RecordRefiled
    | PatientSucceeded
    | PatientMoved
)
AnyEntry = Ruled | Unruled

UNRULED = frozenset(
    {
        EntryKind.RECORD_ERASED,
        EntryKind.PARTICIPANT_CHANGED,
    }
)


def read_entry(value: dict[str, Any]) -> AnyEntry:
    """The entry in a decoded JSON object.

    Raises:
        InvalidInput: an unknown kind, a member too many or too few, or one of another type.
    """
    try:
        kind = value.get("kind")
        if isinstance(kind, str) and kind in UNRULED:
            return msgspec.convert(value, Unruled)
        return msgspec.convert(value, Ruled)  # type: ignore[no-any-return]
    except msgspec.ValidationError as exc:
        raise InvalidInput(f"not a log entry of this version: {exc}", reason="bad_entry") from exc

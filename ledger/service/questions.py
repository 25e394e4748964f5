"""Questions: who asks for which records of whom, what for; and what no rule could answer."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ledger.consent import codes
from ledger.errors import InvalidInput, UnknownCode
from ledger.ids import Cid, Did
from ledger.policy.index import Chosen, RecordIndex
from ledger.policy.model import Request
from ledger.records.cid import parse_cid
from ledger.records.header import RecordHeader
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState

MAX_RECORDS = 1000
_ANYBODY = Did("")
_NOWHERE = RecordIndex.of(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A record that somebody would add: its root, and its header, in which its labels are signed for."""

    root: Cid
    header: RecordHeader


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """An emergency on which a question rests: its log index, and until when it lasts (Unix milliseconds)."""

    entry: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Question:
    """Who asks for which records of whom, what for.

    ``records`` are roots asked for by name; when there are none, all records of ``classes`` (of any class, if
    there are none either) are meant. ``proposed`` is a record that is not there yet, instead of both.
    ``declared`` is the emergency that was declared for the purpose, if it is one that needs it. ``several``:
    each record is a question of its own, and they share a log entry.
    """

    subject: Did
    patient: Did
    purpose: tuple[str, ...]
    action: str = "access"
    classes: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    proposed: Proposed | None = None
    declared: Declared | None = None
    several: bool = False

    @property
    def resource(self) -> dict[str, Any]:
        """What was asked about, as the log entry names it."""
        if self.proposed is not None:
            header = self.proposed.header.to_bytes().decode()
            return {"type": "publication", "root": self.proposed.root, "header": header}
        if self.records:
            return {"type": "record", "ids": sorted(self.records)}
        return {"type": "patient", "classes": sorted(self.classes)}


def check(gateway: Gateway, question: Question) -> None:
    """Refuse a question that no rule could answer.

    Raises:
        UnknownCode: a purpose, action or class that no table has.
        InvalidInput: no purpose, records and classes both, a record that is no CID, or somebody of another
            chain.
    """
    _require_known(question.purpose, question.action, emergency=question.declared is not None)
    for record_class in question.classes:
        if record_class not in codes.CLASSES:
            raise UnknownCode("no such class of records", reason="unknown_class")
    if question.records and question.classes:
        raise InvalidInput("name records or classes, not both", reason="records_and_classes")
    if len(question.records) > MAX_RECORDS:
        raise InvalidInput(f"at most {MAX_RECORDS} records a request", reason="too_many_records")
    for root in question.records:
        parse_cid(root)
    for person in (question.subject, question.patient):
        gateway.account_of(person)


def request_of(question: Question, at: int) -> Request:
    """The question as rules are asked it, at a time in Unix milliseconds."""
    return Request(
        subject=question.subject,
        patient=question.patient,
        purposes=question.purpose,
        action=question.action,
        emergency=question.declared is not None,
        at=datetime.fromtimestamp(at / 1000, UTC),
    )


def wanted(question: Question, state: PatientState | None) -> Chosen:
    """The records that a question is about; none of somebody who is not enrolled."""
    if state is None:
        return _NOWHERE.all
    if question.proposed is not None:
        return _not_there(question.proposed, state)
    if question.records:
        return state.index.among(question.records)
    return state.index.of_classes(question.classes) if question.classes else state.index.all


def _not_there(proposed: Proposed, state: PatientState) -> Chosen:
    """The record, unless the patient has it: nobody adds it twice, nor learns so whose it is."""
    if any(record.row.root == proposed.root for record in state.records):
        return _NOWHERE.all
    return RecordIndex.of([proposed.header.facts(proposed.root)]).all


@lru_cache(maxsize=1024)
def _require_known(purposes: tuple[str, ...], action: str, *, emergency: bool) -> None:
    """Refuse what `Request` refuses of these, whoever asks."""
    Request(
        subject=_ANYBODY,
        patient=_ANYBODY,
        purposes=purposes,
        action=action,
        emergency=emergency,
        at=datetime.now(UTC),
    )

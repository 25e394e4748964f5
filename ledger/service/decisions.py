"""Decisions: read the patient's state and the head, decide, sequence; again when the patient moved meanwhile.

Which consents count (DESIGN 4.6, 5): each from its recording at the head's level until the first sign of a
stop; and the NO of one whose root denies from its filing until its end is final on chain. What such a consent
permits in an exception is a permission as any other: it needs the recording, and ends with the stop.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ledger.chain.index import ChainIndex
from ledger.consent import codes
from ledger.errors import InvalidInput, UnknownCode
from ledger.ids import CROCKFORD, Address, Did, parse_did
from ledger.log.entry import EntryKind
from ledger.log.journal import Appended, PatientChanged
from ledger.parties import Role
from ledger.policy.compiler import CompiledConsent
from ledger.policy.engine import decide
from ledger.policy.index import RecordIndex
from ledger.policy.model import Decision, Outcome, Request
from ledger.policy.preview import Standing
from ledger.records.cid import parse_cid
from ledger.service.gateway import Gateway, HeadFacts
from ledger.service.states import FiledConsent, PatientState, PublishedRecord
from ledger.service.stops import take_over_one

MAX_RECORDS = 1000
_NO_RECORDS = RecordIndex.of(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks for which records of whom, what for.

    ``records`` are roots asked for by name; when there are none, all records of ``classes`` (of any class, if
    there are none either) are meant.
    """

    subject: Did
    patient: Did
    purpose: tuple[str, ...]
    action: str = "access"
    classes: tuple[str, ...] = ()
    records: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A sequenced decision: its entry, and the state and head that it was made on."""

    evaluation: str
    question: Question
    decision: Decision
    outcome: Outcome
    permitted: tuple[PublishedRecord, ...]
    head: HeadFacts
    at: int
    tag: bytes
    version: int | None
    state: PatientState | None
    appended: Appended


def check(gateway: Gateway, question: Question) -> None:
    """Refuse a question that no rule could answer.

    Raises:
        UnknownCode: a purpose, action or class that no table has.
        InvalidInput: no purpose, records and classes both, a record that is no CID, or somebody of another
            chain.
    """
    _request(question, 0)
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


def decide_and_log(gateway: Gateway, question: Question) -> Decided:
    """One decision, in the log before this returns.

    Raises:
        UnknownCode, InvalidInput: see `check`.
        Undecidable: the chain has not been heard of for too long (nothing is logged, nothing permitted).
        StoreUnavailable: the entry could not be written, so there is no decision.
    """
    check(gateway, question)
    account = gateway.account_of(question.patient)
    if gateway.states.find(account) is None:
        return _decide_on(gateway, question, account, None)
    return gateway.states.sequenced(account, lambda state: _decide_on(gateway, question, account, state))


def eligible(
    consents: tuple[FiledConsent, ...], index: ChainIndex, head: HeadFacts, subject: Address
) -> tuple[CompiledConsent, ...]:
    """What counts at `head`, of each consent; nothing for a subject that is no admitted provider then."""
    participant = index.participant(subject, head.number)
    if participant is None or participant.suspended or not participant.roles & Role.PROVIDER:
        return ()
    return tuple(one.compiled for one in _standing(consents, index, head))


def standing(gateway: Gateway, state: PatientState) -> tuple[Standing, ...]:
    """A patient's consents that count now, whoever asks; for previews."""
    return tuple(_standing(state.consents, gateway.follower.index, gateway.head()))


def _standing(consents: Iterable[FiledConsent], index: ChainIndex, head: HeadFacts) -> Iterator[Standing]:
    for consent in consents:
        if consent.row.stopped is None and index.is_active(consent.id, head.number, head.time):
            yield consent.standing
        elif not consent.document.permits:
            ended = index.ended_number(consent.id)
            if ended is None or ended > head.final:
                yield consent.standing.refusals


def _decide_on(gateway: Gateway, question: Question, account: Address, state: PatientState | None) -> Decided:
    head = gateway.head()
    at = max(gateway.now_ms(), gateway.journal.time)  # a clock set back must not date a decision back
    if state is not None and _stopped_meanwhile(gateway, state, head):
        raise PatientChanged("a stop has reached the chain and is in the log now")
    subject = parse_did(question.subject)[1]
    decision = decide(
        () if state is None else eligible(state.consents, gateway.follower.index, head, subject),
        _request(question, at),
        _NO_RECORDS if state is None else _wanted(question, state),
    )
    allowed = set(decision.permitted)
    outcome = decision.outcome
    if not question.records and outcome is Outcome.DENY:
        outcome = Outcome.NO_CONSENT  # DENY would tell that there are records of these classes
    published = () if state is None else state.records
    permitted = tuple(record for record in published if record.row.root in allowed)
    evaluation = "ev_" + "".join(CROCKFORD[byte & 31] for byte in gateway.randomness(26))
    tag = gateway.made_up_tag(account) if state is None else state.tag
    appended = gateway.append(
        EntryKind.DECISION,
        head=head,
        tag=tag,
        patient=question.patient,
        expect=None if state is None else state.version,
        **_entry(question, decision, outcome, evaluation=evaluation, at=at, level=gateway.settings.level),
    )
    return Decided(
        evaluation=evaluation,
        question=question,
        decision=decision,
        outcome=outcome,
        permitted=permitted,
        head=head,
        at=at,
        tag=tag,
        version=None if state is None else state.version,
        state=state,
        appended=appended,
    )


def _stopped_meanwhile(gateway: Gateway, state: PatientState, head: HeadFacts) -> bool:
    """Whether the chain showed a stop that the log did not; a replay must find it before the decision."""
    return any(
        take_over_one(gateway, head, consent.id, state.tag)
        for consent in state.consents
        if consent.row.stopped is None
    )


def _wanted(question: Question, state: PatientState) -> RecordIndex:
    if question.records:
        return state.index.among(question.records)
    return state.index.of_classes(question.classes) if question.classes else state.index


def _request(question: Question, at: int) -> Request:
    return Request(
        subject=question.subject,
        patient=question.patient,
        purposes=question.purpose,
        action=question.action,
        at=datetime.fromtimestamp(at / 1000, UTC),
    )


def _entry(
    question: Question, decision: Decision, outcome: Outcome, *, evaluation: str, at: int, level: str
) -> dict[str, Any]:
    named = sorted(question.records)
    resource: dict[str, Any] = (
        {"type": "record", "ids": named}
        if named
        else {"type": "patient", "classes": sorted(question.classes)}
    )
    basis = decision.basis if outcome is decision.outcome else ()
    return {
        "evaluation": evaluation,
        "at": at,
        "subject": question.subject,
        "purpose": list(question.purpose),
        "action": question.action,
        "emergency": False,
        "resource": resource,
        "outcome": str(outcome),
        "permitted": sorted(decision.permitted),
        "basis": sorted(basis),
        "obligations": sorted({obligation.id for obligation in decision.obligations}),
        "policy": decision.policy,
        "level": level,
    }

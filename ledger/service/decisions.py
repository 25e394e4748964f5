"""Decisions: read the patient's state and the head, decide, sequence; again when the patient moved meanwhile.

Which consents count (DESIGN 4.6, 5): each from its recording at the head's level until the first sign of a
stop; and the NO of one whose root denies from its filing until its end is final on chain. What such a consent
permits in an exception is a permission as any other: it needs the recording, and ends with the stop.

In a declared emergency a chain that is not heard of does not close the records: what was final last counts.
What opens then is what the patient sealed beforehand; all else is DENY, whatever the reason, also for an
account that nobody enrolled.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ledger.chain.index import ChainIndex
from ledger.consent import codes
from ledger.errors import Conflict, InvalidInput, Undecidable, UnknownCode
from ledger.ids import CROCKFORD, Address, Cid, ConsentId, Did, parse_did
from ledger.log.entry import EntryKind
from ledger.log.journal import Appended, Draft, PatientChanged
from ledger.parties import Role
from ledger.policy.compiler import CompiledConsent
from ledger.policy.engine import decide
from ledger.policy.index import RecordIndex
from ledger.policy.model import Decision, Outcome, Request
from ledger.policy.preview import Standing
from ledger.records.cid import parse_cid
from ledger.records.header import RecordHeader
from ledger.service.capsules import sealed_places
from ledger.service.gateway import Gateway, HeadFacts
from ledger.service.states import FiledConsent, PatientState, PublishedRecord
from ledger.service.stops import take_over_one

MAX_RECORDS = 1000
_ANYBODY = Did("")
_NAMES = bytes(ord(CROCKFORD[byte & 31]) for byte in range(256))
_NO_RECORDS = RecordIndex.of(())


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
    ``declared`` is the emergency that was declared for the purpose, if it is one that needs it.
    """

    subject: Did
    patient: Did
    purpose: tuple[str, ...]
    action: str = "access"
    classes: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    proposed: Proposed | None = None
    declared: Declared | None = None

    @property
    def resource(self) -> dict[str, Any]:
        """What was asked about, as the log entry names it."""
        if self.proposed is not None:
            header = self.proposed.header.to_bytes().decode()
            return {"type": "publication", "root": self.proposed.root, "header": header}
        if self.records:
            return {"type": "record", "ids": sorted(self.records)}
        return {"type": "patient", "classes": sorted(self.classes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliberated:
    """A decision that is not in the log yet, so nothing may rest on it, with the entry that it would be."""

    evaluation: str
    question: Question
    decision: Decision
    outcome: Outcome
    head: HeadFacts
    stale: bool
    at: int
    state: PatientState | None
    draft: Draft

    def sequenced(self, appended: Appended) -> "Decided":
        """The decision, now that its entry is in the log."""
        return Decided(
            evaluation=self.evaluation,
            question=self.question,
            decision=self.decision,
            outcome=self.outcome,
            head=self.head,
            stale=self.stale,
            at=self.at,
            tag=self.draft.tag,
            version=None if self.state is None else self.state.version,
            state=self.state,
            appended=appended,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A sequenced decision: its entry, and the state and head that it was made on.

    ``stale``: in an emergency, on the last final head, since the chain was not heard of.
    """

    evaluation: str
    question: Question
    decision: Decision
    outcome: Outcome
    head: HeadFacts
    stale: bool
    at: int
    tag: bytes
    version: int | None
    state: PatientState | None
    appended: Appended

    @property
    def permitted(self) -> tuple[PublishedRecord, ...]:
        """The published records that may be had."""
        allowed = set(self.decision.permitted)
        published = () if self.state is None else self.state.records
        return tuple(record for record in published if record.row.root in allowed)


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


def decide_and_log(gateway: Gateway, question: Question) -> Decided:
    """One decision, in the log before this returns.

    Raises:
        UnknownCode, InvalidInput: see `check`.
        Undecidable: the chain has not been heard of for too long (nothing is logged, nothing permitted).
        StoreUnavailable: the entry could not be written, so there is no decision.
    """
    check(gateway, question)
    account = gateway.account_of(question.patient)
    return gateway.states.of_anybody(account, lambda state: _decide_on(gateway, question, state))


def deliberate(gateway: Gateway, question: Question, state: PatientState | None) -> Deliberated:
    """What the decision on `state` is, for whoever sequences its entry; None is somebody not enrolled.

    Raises:
        PatientChanged: the chain showed a stop that the log did not; decide on the new state.
        Undecidable: see `decide_and_log`.
        Conflict: the emergency that it rests on is over (``emergency_over``).
    """
    head, stale = _head(gateway, question)
    if state is not None and take_over_stops(gateway, head, state):
        raise PatientChanged("a stop has reached the chain and is in the log now")
    consents = counting(gateway, question.subject, state, head)
    return deliberate_at(gateway, question, state, head, consents, stale=stale)


def counting(
    gateway: Gateway, subject: Did, state: PatientState | None, head: HeadFacts
) -> tuple[CompiledConsent, ...]:
    """What counts of a patient's consents at `head` when `subject` asks."""
    if state is None:
        return ()
    return eligible(state.consents, gateway.follower.index, head, parse_did(subject)[1])


def deliberate_at(
    gateway: Gateway,
    question: Question,
    state: PatientState | None,
    head: HeadFacts,
    consents: tuple[CompiledConsent, ...],
    *,
    stale: bool = False,
) -> Deliberated:
    """`deliberate` at `head`, where these consents count and every stop on chain is in the log.

    `stale`: it is the last final head, since the chain is not heard of.
    """
    at = max(gateway.now_ms(), gateway.journal.time)  # a clock set back must not date a decision back
    _require_lasting(question, at)
    decision = decide(
        consents,
        _request(question, at),
        _NO_RECORDS if state is None else _wanted(question, state),
    )
    unsealed = False
    if question.declared is not None:
        decision, unsealed = _as_sealed(gateway, question, state, decision)
    outcome = decision.outcome
    if question.declared is None and not question.records and outcome is Outcome.DENY:
        outcome = Outcome.NO_CONSENT  # DENY would tell that there are such records, or such a patient
    evaluation = "ev_" + gateway.randomness(26).translate(_NAMES).decode()
    account = gateway.account_of(question.patient)
    draft = gateway.draft(
        EntryKind.DECISION,
        head=head,
        tag=gateway.made_up_tag(account) if state is None else state.tag,
        patient=question.patient,
        expect=None if state is None else state.version,
        **_entry(
            question,
            decision,
            outcome,
            evaluation=evaluation,
            at=at,
            level="final" if stale else gateway.settings.level,
        ),
        **_in_emergency(question, stale=stale, unsealed=unsealed),
    )
    return Deliberated(
        evaluation=evaluation,
        question=question,
        decision=decision,
        outcome=outcome,
        head=head,
        stale=stale,
        at=at,
        state=state,
        draft=draft,
    )


def stops_to_log(gateway: Gateway, state: PatientState) -> list[ConsentId]:
    """The consents whose stop the chain shows and the log does not."""
    index = gateway.follower.index
    return [
        consent.id
        for consent in state.consents
        if consent.row.stopped is None and index.ended_number(consent.id) is not None
    ]


def take_over_stops(gateway: Gateway, head: HeadFacts, state: PatientState) -> bool:
    """Log those stops, which a replay must find before the next decision; whether there were any."""
    found = stops_to_log(gateway, state)
    return sum(take_over_one(gateway, head, each, state.tag) for each in found) > 0


def could_permit(gateway: Gateway, question: Question) -> bool:
    """Whether some consent in force, taken by itself, permits what is asked. Nothing is logged.

    So it says no more than that consent does, which whoever asks may read: other consents of the patient,
    which might refuse, do not show.

    Raises:
        UnknownCode, InvalidInput, Undecidable: see `decide_and_log`.
    """
    check(gateway, question)
    head = gateway.head()
    state = gateway.states.find(gateway.account_of(question.patient))
    if state is None:
        return False
    request, records = _request(question, gateway.now_ms()), _wanted(question, state)
    found = counting(gateway, question.subject, state, head)
    return any(decide((one,), request, records).outcome is Outcome.PERMIT for one in found)


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


def _head(gateway: Gateway, question: Question) -> tuple[HeadFacts, bool]:
    """The head to decide on, and whether it is the last final one, since the chain is not heard of."""
    try:
        return gateway.head(), False
    except Undecidable:
        final = None if question.declared is None else gateway.last_final_head()
        if final is None:
            raise
        return final, True


def _require_lasting(question: Question, at: int) -> None:
    if question.declared is not None and question.declared.until <= at:
        raise Conflict(
            "the emergency that was declared is over",
            reason="emergency_over",
            fix="If there still is one, declare it again.",
        )


def _as_sealed(
    gateway: Gateway, question: Question, state: PatientState | None, decision: Decision
) -> tuple[Decision, bool]:
    """What a decision is worth in an emergency, and whether it fell for want of capsules alone.

    Records whose keys the patient has sealed to the subject open; if none of them is, everything is closed.
    """
    if state is not None and decision.outcome is Outcome.PERMIT:
        allowed = set(decision.permitted)
        wanted = {one.place for one in state.records if one.row.root in allowed}
        if wanted & sealed_places(gateway, state.tag, decision.basis, question.subject):
            return decision, False
    closed = replace(decision, outcome=Outcome.DENY, basis=(), obligations=(), verdicts=())
    return closed, decision.outcome is Outcome.PERMIT


def _in_emergency(question: Question, *, stale: bool, unsealed: bool) -> dict[str, Any]:
    """What the entry of a decision has beside, if it rests on a declaration."""
    if question.declared is None:
        return {}
    said = {"stale": stale, "unsealed": unsealed}
    return {"declared": question.declared.entry, **{name: True for name, holds in said.items() if holds}}


def _decide_on(gateway: Gateway, question: Question, state: PatientState | None) -> Decided:
    made = deliberate(gateway, question, state)
    return made.sequenced(gateway.journal.append_many([made.draft])[0])


def _wanted(question: Question, state: PatientState) -> RecordIndex:
    if question.proposed is not None:
        return _not_there(question.proposed, state)
    if question.records:
        return state.index.among(question.records)
    return state.index.of_classes(question.classes) if question.classes else state.index


def _not_there(proposed: Proposed, state: PatientState) -> RecordIndex:
    """The record, unless the patient has it: nobody adds it twice, nor learns so whose it is."""
    if any(record.row.root == proposed.root for record in state.records):
        return _NO_RECORDS
    return RecordIndex.of([proposed.header.facts(proposed.root)])


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


def _request(question: Question, at: int) -> Request:
    return Request(
        subject=question.subject,
        patient=question.patient,
        purposes=question.purpose,
        action=question.action,
        emergency=question.declared is not None,
        at=datetime.fromtimestamp(at / 1000, UTC),
    )


def _entry(
    question: Question, decision: Decision, outcome: Outcome, *, evaluation: str, at: int, level: str
) -> dict[str, Any]:
    basis = decision.basis if outcome is decision.outcome else ()
    return {
        "evaluation": evaluation,
        "at": at,
        "subject": question.subject,
        "purpose": list(question.purpose),
        "action": question.action,
        "emergency": question.declared is not None,
        "resource": question.resource,
        "outcome": str(outcome),
        "permitted": sorted(decision.permitted),
        "basis": sorted(basis),
        "obligations": sorted({obligation.id for obligation in decision.obligations}),
        "policy": decision.policy,
        "level": level,
    }

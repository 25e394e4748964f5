"""Decisions: read the patient's state and the head, decide, sequence; again when the patient moved meanwhile.

Which consents count is said in `ledger.service.counting`, what a declared emergency changes in
`ledger.service.urgency`.
"""

from typing import Any

import msgspec

from ledger.ids import CROCKFORD
from ledger.log.entry import EntryKind, TypedEntry
from ledger.log.journal import Appended, Draft, PatientChanged
from ledger.policy.compiler import CompiledConsent
from ledger.policy.engine import decide, part_of
from ledger.policy.model import Decision, Outcome
from ledger.randomness import Pool
from ledger.service.counting import counting, take_over_stops
from ledger.service.gateway import ENTRY_FORMAT, Gateway, HeadFacts
from ledger.service.questions import Declared, Proposed, Question, check, request_of, wanted
from ledger.service.states import PatientState, PublishedRecord
from ledger.service.urgency import as_sealed, head_for, require_lasting

__all__ = [
    "Decided",
    "Declared",
    "Deliberated",
    "Proposed",
    "Question",
    "check",
    "could_permit",
    "decide_and_log",
    "deliberate",
    "deliberate_at",
    "share",
]

_random = Pool()
_NAMES = bytes(ord(CROCKFORD[byte & 31]) for byte in range(256))


class Deliberated(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that is not in the log yet, so nothing may rest on it, with the entry that it would be.

    ``stale``: in an emergency, on the last final head, since the chain was not heard of.
    """

    evaluation: str
    question: Question
    decision: Decision
    outcome: Outcome
    head: HeadFacts
    stale: bool
    at: int
    state: PatientState | None
    draft: Draft

    __repr__ = object.__repr__

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
            state=self.state,
            draft=self.draft,
            appended=appended,
        )


class Decided(Deliberated, frozen=True, kw_only=True):
    """A sequenced decision: its entry, and the state and head that it was made on."""

    appended: Appended

    @property
    def tag(self) -> bytes:
        """The tag of its entry."""
        return self.draft.tag

    @property
    def version(self) -> int | None:
        """The patient's version that it was made on; None of somebody who is not enrolled."""
        return None if self.state is None else self.state.version

    @property
    def permitted(self) -> tuple[PublishedRecord, ...]:
        """The published records that may be had."""
        allowed = set(self.decision.permitted)
        published = () if self.state is None else self.state.records
        return tuple(record for record in published if record.row.root in allowed)


class _Entry(TypedEntry, kw_only=True):
    """The entry of a decision; FORMATS.md says what its members are."""

    format: str = ENTRY_FORMAT
    kind: str = str(EntryKind.DECISION)
    head: dict[str, Any]
    patient: str
    evaluation: str
    at: int
    subject: str
    purpose: tuple[str, ...]
    action: str
    emergency: bool
    resource: dict[str, Any]
    outcome: str
    permitted: list[str]
    basis: list[str]
    obligations: list[str]
    policy: str
    level: str
    denied: list[str] | msgspec.UnsetType = msgspec.UNSET
    declared: int | msgspec.UnsetType = msgspec.UNSET
    stale: bool | msgspec.UnsetType = msgspec.UNSET
    unsealed: bool | msgspec.UnsetType = msgspec.UNSET


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
    head, stale = head_for(gateway, question)
    if state is not None and take_over_stops(gateway, head, state):
        raise PatientChanged("a stop has reached the chain and is in the log now")
    consents = counting(gateway, question.subject, state, head)
    return deliberate_at(gateway, question, state, head, consents, stale=stale)


def deliberate_at(
    gateway: Gateway,
    question: Question,
    state: PatientState | None,
    head: HeadFacts,
    consents: tuple[CompiledConsent, ...],
    *,
    stale: bool = False,
    now: int | None = None,
) -> Deliberated:
    """`deliberate` at `head`, where these consents count and every stop on chain is in the log.

    `stale`: it is the last final head, since the chain is not heard of. `now`: the clock, if it was read.
    """
    now = gateway.now_ms() if now is None else now
    at = max(now, gateway.journal.time)  # a clock set back must not date a decision back
    require_lasting(question, at)
    decision, unsealed = decide(consents, request_of(question, at), wanted(question, state)), False
    if question.declared is not None:
        decision, unsealed = as_sealed(gateway, question, state, decision)
    outcome = decision.outcome
    if question.declared is None and not question.records and outcome is Outcome.DENY:
        outcome = Outcome.NO_CONSENT  # DENY would tell that there are such records, or such a patient
    evaluation = "ev_" + _random(26).translate(_NAMES).decode()
    entry = _Entry(
        head=head.as_json(),
        patient=question.patient,
        evaluation=evaluation,
        at=at,
        subject=question.subject,
        purpose=question.purpose,
        action=question.action,
        emergency=question.declared is not None,
        resource=question.resource,
        outcome=outcome.value,
        permitted=sorted(decision.permitted),
        basis=_basis(question, decision, outcome),
        obligations=sorted({obligation.id for obligation in decision.obligations}),
        policy=decision.policy,
        level="final" if stale else gateway.settings.level,
    )
    if question.several:
        entry.denied = sorted(decision.denied)
    if question.declared is not None:
        entry.declared = question.declared.entry
        entry.stale = stale or msgspec.UNSET
        entry.unsealed = unsealed or msgspec.UNSET
    return Deliberated(
        evaluation=evaluation,
        question=question,
        decision=decision,
        outcome=outcome,
        head=head,
        stale=stale,
        at=at,
        state=state,
        draft=_draft(gateway, question, state, entry),
    )


def share(made: Deliberated, question: Question) -> Deliberated:
    """The answer to one of the questions that a decision was made on together; they have one entry."""
    part = part_of(made.decision, wanted(question, made.state))
    return msgspec.structs.replace(made, question=question, decision=part, outcome=part.outcome)


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
    request, records = request_of(question, gateway.now_ms()), wanted(question, state)
    found = counting(gateway, question.subject, state, head)
    return any(decide((one,), request, records).outcome is Outcome.PERMIT for one in found)


def _basis(question: Question, decision: Decision, outcome: Outcome) -> list[str]:
    """The consents that an entry rests on: those of its outcome, or of each of several answers."""
    if question.several:
        return sorted(decision.bases)
    return list(decision.basis) if outcome is decision.outcome else []


def _draft(gateway: Gateway, question: Question, state: PatientState | None, entry: _Entry) -> Draft:
    if state is None:
        return Draft(tag=gateway.made_up_tag(gateway.account_of(question.patient)), entry=entry)
    return Draft(tag=state.tag, entry=entry, expect={state.tag: state.version})


def _decide_on(gateway: Gateway, question: Question, state: PatientState | None) -> Decided:
    made = deliberate(gateway, question, state)
    return made.sequenced(gateway.journal.append_many([made.draft])[0])

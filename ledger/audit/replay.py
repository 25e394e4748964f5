"""REPLAY: every decision is made again, from the log and the chain alone, and must come out the same.

Asked for a patient's records, or to add one, the gateway must not tell by a DENY that there are any, or that
there is such a patient: it says NO_CONSENT. In an emergency whatever is not permitted is DENY, for the same
reason; and what the patient has sealed is not in the log, so it may be DENY where the rules permit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from ledger.audit.eligibility import eligible
from ledger.audit.emergencies import Emergencies
from ledger.audit.ground import Ground
from ledger.audit.patients import Patients, PatientState
from ledger.audit.report import Step
from ledger.audit.shapes import Decision, Head
from ledger.errors import InvalidInput, LedgerError
from ledger.ids import Did
from ledger.policy.engine import decide
from ledger.policy.index import Chosen, RecordIndex
from ledger.policy.model import POLICY, Outcome, Request
from ledger.records.cid import parse_cid
from ledger.records.header import RecordHeader

_STEP = Step.REPLAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a decision says, with every list sorted; `denied` is None unless records were asked for singly."""

    outcome: str
    permitted: tuple[str, ...]
    basis: tuple[str, ...]
    obligations: tuple[str, ...]
    denied: tuple[str, ...] | None = None

    def __str__(self) -> str:
        parts = [self.outcome, f"{len(self.permitted)} records"]
        parts += [] if self.denied is None else [f"{len(self.denied)} denied"]
        parts += [f"on {', '.join(self.basis)}"] if self.basis else []
        parts += [f"with {', '.join(self.obligations)}"] if self.obligations else []
        return ", ".join(parts)


class Replay:
    """The step, decision by decision."""

    def __init__(self, ground: Ground, patients: Patients, emergencies: Emergencies) -> None:
        self._ground = ground
        self._tally = ground.tally
        self._patients = patients
        self._emergencies = emergencies

    def check(self, index: int, decision: Decision, blocks: tuple[int, ...], *, complete: bool) -> None:
        """Make a decision again; one answer must be what the entry says.

        Args:
            index: of the entry.
            decision: the entry.
            blocks: see `HeadView`.
            complete: whether all entries of the patient up to here could be read.
        """
        if decision.head is UNSET or not blocks:
            self._tally.could_not(_STEP, "the chain was not read up to the head")
            return
        logged = Answer(
            outcome=decision.outcome,
            permitted=tuple(decision.permitted),
            basis=tuple(decision.basis),
            obligations=tuple(decision.obligations),
            denied=None if decision.denied is UNSET else tuple(decision.denied),
        )
        found = self._emergencies.missing(index, decision)
        found = f"nothing: {found}" if found else ""
        for answer in () if found else self._answers(decision, decision.head, blocks):
            if answer == logged:
                self._tally.checked(_STEP)
                self._tally.could_not(_STEP, "what was sealed is not in the log", int(decision.unsealed))
                return
            found = found or str(answer)
        if not complete:
            self._tally.could_not(_STEP, "entries before it could not be read")
            return
        self._tally.checked(_STEP)
        self._tally.find(
            _STEP,
            index,
            expected=found,
            found=str(logged),
            meaning="By the patient's consents of that moment, the gateway had to answer otherwise.",
        )

    def permitted(self, decision: Decision, blocks: tuple[int, ...]) -> set[str]:
        """What the decision's question would open now, with all that the log says up to here."""
        if decision.head is UNSET:
            return set()
        found: set[str] = set()
        for answer in self._answers(decision, decision.head, blocks):
            found.update(getattr(answer, "permitted", ()))
        return found

    def _answers(self, decision: Decision, head: Head, blocks: tuple[int, ...]) -> Iterator[Answer | str]:
        for later in blocks:
            try:
                yield self._answer(decision, head, blocks[0], later)
            except LedgerError as exc:
                yield f"nothing: {exc.message} ({exc.reason})"

    def _answer(self, decision: Decision, head: Head, block: int, later: int) -> Answer | str:
        if decision.policy != POLICY:
            return f"a decision by {POLICY}"
        if decision.denied is not UNSET and (decision.emergency or decision.resource.type != "record"):
            return "an outcome for each record only of records by name, and in no emergency"
        state = self._patients.state(decision.patient)
        records = _candidates(decision, state)
        if isinstance(records, str):
            return records
        consents = eligible(self._ground.chain, state, Did(decision.subject), head, block=block, later=later)
        again = decide(consents, _request(decision), records)
        if decision.emergency and (again.outcome is not Outcome.PERMIT or decision.unsealed):
            return Answer(outcome=str(Outcome.DENY), permitted=(), basis=(), obligations=())
        outcome, basis, denied = again.outcome, again.basis, None
        if decision.denied is not UNSET:
            basis, denied = tuple(again.bases), tuple(sorted(again.denied))
        if decision.resource.type != "record" and outcome is Outcome.DENY:
            outcome, basis = Outcome.NO_CONSENT, ()
        return Answer(
            outcome=str(outcome),
            permitted=tuple(sorted(again.permitted)),
            basis=tuple(sorted(basis)),
            obligations=tuple(sorted({obligation.id for obligation in again.obligations})),
            denied=denied,
        )


def _candidates(decision: Decision, state: PatientState) -> Chosen | str:
    """The records that a decision is about, or what its resource should have been."""
    resource = decision.resource
    if resource.type == "record" and resource.ids is not UNSET and resource.classes is UNSET:
        return state.records.among(resource.ids)
    if resource.type == "patient" and resource.classes is not UNSET and resource.ids is UNSET:
        return state.records.of_classes(resource.classes) if resource.classes else state.records.all
    if resource.type == "publication" and resource.root is not UNSET and resource.header is not UNSET:
        return _proposed(decision, resource.root, resource.header, state)
    return "records by name, a patient's records by class, or one to be added"


def _proposed(decision: Decision, root: str, text: str, state: PatientState) -> Chosen | str:
    """The record that somebody would add, unless it is there: nobody is let add one twice."""
    if decision.action != "collect":
        return "to collect, of a record to be added"
    header = RecordHeader.from_bytes(text.encode())
    if header.patient != decision.patient:
        return "a header of this patient"
    return RecordIndex.of(() if state.has(root) else (header.facts(parse_cid(root)),)).all


def _request(decision: Decision) -> Request:
    return Request(
        subject=Did(decision.subject),
        patient=Did(decision.patient),
        purposes=tuple(decision.purpose),
        action=decision.action,
        emergency=decision.emergency,
        at=_moment(decision.at),
    )


def _moment(milliseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as exc:
        raise InvalidInput("no such time", reason="bad_time") from exc

"""The decision, policy ``deny-overrides/1`` (DESIGN §5): pure, from compiled consents and facts alone.

Each rule is asked once, for all records together; sets of records are integers, see `bits`.
"""

from collections.abc import Iterable, Iterator, Sequence

from ledger.ids import ConsentId
from ledger.policy.bits import union
from ledger.policy.compiler import CompiledConsent, Rule
from ledger.policy.conditions import OnRequest
from ledger.policy.index import Chosen, RecordIndex
from ledger.policy.model import Decision, Outcome, RecordFacts, Request, Verdict
from ledger.policy.obligations import obligations

_KEPT = 4096

Spoken = Sequence[tuple[ConsentId, int]]
"""Consents that say the same, each with the records of which it does."""


def decide(
    consents: Iterable[CompiledConsent],
    request: Request,
    records: Chosen | RecordIndex | Sequence[RecordFacts],
) -> Decision:
    """Who may do what with which of `records`, under the consents that are in force.

    The caller passes the patient's consents that are active; consents of anybody else match nothing. The
    answer does not depend on the order of `consents`. `records` are answered in their order.
    """
    index, chosen = _chosen(records)
    permits, denies = _spoken(consents, Asked(request, index), chosen)
    refused = chosen & ~index.judgeable
    denied = union(found for _, found in denies)
    permitted = union(found for _, found in permits) & ~denied
    outcome = Outcome.NO_CONSENT
    if permitted:
        outcome = Outcome.PERMIT
    elif denied | refused:
        outcome = Outcome.DENY
    verdicts = (
        Verdict(chosen & ~(refused | denied | permitted), Outcome.NO_CONSENT),
        *(Verdict(found & refused, Outcome.DENY, (), why) for why, found in index.unjudgeable.items()),
        *(Verdict(found, Outcome.DENY, basis) for basis, found in _by_basis(denied, denies)),
        *(Verdict(found, Outcome.PERMIT, basis) for basis, found in _by_basis(permitted, permits)),
    )
    return Decision(
        outcome=outcome,
        basis=_basis(verdicts, outcome),
        obligations=obligations(index, permitted),
        verdicts=tuple(item for item in verdicts if item.records),
        ids=index.ids,
    )


def part_of(decision: Decision, records: Chosen) -> Decision:
    """What a decision about more records than these says of these, as if they had been decided on alone."""
    index, chosen = records
    verdicts = tuple(
        [
            Verdict(item.records & chosen, item.outcome, item.basis, item.reason)
            for item in decision.verdicts
            if item.records & chosen
        ]
    )
    if len(verdicts) == 1:
        outcome, basis = verdicts[0].outcome, verdicts[0].basis
    else:
        said = {item.outcome for item in verdicts}
        outcome = next((one for one in (Outcome.PERMIT, Outcome.DENY) if one in said), Outcome.NO_CONSENT)
        basis = _basis(verdicts, outcome)
    permitted = union(item.records for item in verdicts if item.outcome is Outcome.PERMIT)
    return Decision(
        outcome=outcome,
        basis=basis,
        obligations=obligations(index, permitted) if decision.obligations else (),
        verdicts=verdicts,
        ids=index.ids,
    )


class Asked:
    """A request for records, and what is known of it: many rules ask the same."""

    __slots__ = ("_answers", "_met", "records", "request")

    def __init__(self, request: Request, records: RecordIndex) -> None:
        self.request = request
        self.records = records
        self._met: dict[OnRequest, bool] = {}
        self._answers = records.answers
        if len(self._answers) > _KEPT:
            self._answers.clear()

    def meets(self, conditions: OnRequest) -> bool:
        """Whether the request meets all that a rule asks of it."""
        met = self._met.get(conditions)
        if met is None:
            met = self._met[conditions] = conditions.hold(self.request)
        return met

    def speak(self, rule: Rule) -> tuple[int, int]:
        """The records that a rule and its exceptions permit, and those that they deny, chosen or not.

        Exceptions speak first; where they disagree, deny wins; where none matches, the rule itself speaks.
        """
        if rule.period is not None and self.request.instant not in rule.period:
            return 0, 0
        permits = denies = 0
        for exception in rule.exceptions:
            more_permits, more_denies = self.speak(exception)
            permits |= more_permits
            denies |= more_denies
        permits &= ~denies
        if not self.meets(rule.on_request):
            return permits, denies
        found = self._answers.get(rule.on_record)
        if found is None:
            found = self._answers[rule.on_record] = rule.on_record.matching(self.records)
        found &= ~(permits | denies)
        return (permits | found, denies) if rule.permit else (permits, denies | found)


def _chosen(records: Chosen | RecordIndex | Sequence[RecordFacts]) -> Chosen:
    if isinstance(records, Chosen):
        return records
    return records.all if isinstance(records, RecordIndex) else RecordIndex.of(records).all


def _spoken(consents: Iterable[CompiledConsent], asked: Asked, chosen: int) -> tuple[Spoken, Spoken]:
    """The consents that permit any chosen record, and those that deny any, both by id."""
    permits, denies = [], []
    patient = asked.request.patient
    for consent in consents:
        if consent.patient == patient and any(map(asked.meets, consent.gates)):
            permitted, denied = asked.speak(consent.root)
            if consent.permits and permitted & chosen:
                permits.append((consent.id, permitted & chosen))
            if denied & chosen:
                denies.append((consent.id, denied & chosen))
    return sorted(permits), sorted(denies)


def _basis(verdicts: Iterable[Verdict], outcome: Outcome) -> tuple[ConsentId, ...]:
    """What the records with this outcome rest on."""
    return tuple(sorted({name for item in verdicts if item.outcome is outcome for name in item.basis}))


def _by_basis(records: int, spoken: Spoken) -> Iterator[tuple[tuple[ConsentId, ...], int]]:
    """`records`, each of which somebody spoke of, in groups of the same basis."""
    groups: list[tuple[tuple[ConsentId, ...], int]] = [((), records)] if records else []
    for consent, found in spoken:
        divided = []
        for entry in groups:
            basis, group = entry
            inside = group & found
            if not inside:
                divided.append(entry)
                continue
            divided.append(((*basis, consent), inside))
            if inside != group:
                divided.append((basis, group ^ inside))
        groups = divided
    return iter(groups)

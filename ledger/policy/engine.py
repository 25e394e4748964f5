"""The decision, policy ``deny-overrides/1`` (DESIGN §5): pure, from compiled consents and facts alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.consent import codes
from ledger.ids import ConsentId
from ledger.policy.compiler import CompiledConsent, Rule
from ledger.policy.model import Decision, Outcome, RecordDecision, RecordFacts, Request
from ledger.policy.obligations import obligations


def decide(consents: Sequence[CompiledConsent], request: Request, records: Sequence[RecordFacts]) -> Decision:
    """Who may do what with which of `records`, under the consents that are in force.

    The caller passes the patient's consents that are active; consents of anybody else match nothing. The
    answer does not depend on the order of `consents`. `records` are answered in their order.
    """
    bound = [(consent.id, rules) for consent in consents if (rules := bind(consent, request)) is not None]
    decisions = tuple(_record(bound, record) for record in records)
    outcome = aggregate(decision.outcome for decision in decisions)
    deciding = {consent for found in decisions if found.outcome is outcome for consent in found.basis}
    permitted = [
        record for record, found in zip(records, decisions, strict=True) if found.outcome is Outcome.PERMIT
    ]
    return Decision(
        outcome=outcome,
        basis=tuple(sorted(deciding)),
        obligations=obligations(permitted),
        records=decisions,
    )


def aggregate(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome for a set of records: something to open, else a deny, else nothing said."""
    found = set(outcomes)
    for outcome in (Outcome.PERMIT, Outcome.DENY):
        if outcome in found:
            return outcome
    return Outcome.NO_CONSENT


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bound:
    """A rule for one request: whether the request meets it, and those of its exceptions that may speak."""

    rule: Rule
    asked: bool
    exceptions: tuple["Bound", ...]


def bind(consent: CompiledConsent, request: Request) -> Bound | None:
    """The rules of a consent that are about this patient and request, None if there are none."""
    return _bind(consent.root, request) if consent.patient == request.patient else None


def verdict(bound: Bound | None, record: RecordFacts) -> Outcome | None:
    """What a rule and its exceptions say of a record, None if nothing in it matches.

    Exceptions speak first; where they disagree, deny wins; where none matches, the rule itself speaks.
    """
    if bound is None:
        return None
    found = {verdict(inner, record) for inner in bound.exceptions}
    for outcome in (Outcome.DENY, Outcome.PERMIT):
        if outcome in found:
            return outcome
    if bound.asked and all(condition.holds(record) for condition in bound.rule.on_record):
        return Outcome.PERMIT if bound.rule.permit else Outcome.DENY
    return None


def unjudgeable(record: RecordFacts) -> str:
    """Why a record cannot be judged and is refused; empty if it can."""
    if record.confidentiality is None:
        return "no_confidentiality"
    if record.confidentiality not in codes.CONFIDENTIALITIES:
        return "unknown_confidentiality"
    if record.record_class not in codes.CLASSES:
        return "unknown_class"
    if any(label not in codes.SENSITIVITIES for label in record.labels):
        return "unknown_label"
    return ""


def _bind(rule: Rule, request: Request) -> Bound | None:
    asked = all(condition.holds(request) for condition in rule.on_request)
    inner = (_bind(exception, request) for exception in rule.exceptions)
    exceptions = tuple(bound for bound in inner if bound is not None)
    return Bound(rule=rule, asked=asked, exceptions=exceptions) if asked or exceptions else None


def _record(consents: Sequence[tuple[ConsentId, Bound]], record: RecordFacts) -> RecordDecision:
    reason = unjudgeable(record)
    if reason:
        return RecordDecision(id=record.id, outcome=Outcome.DENY, reason=reason)
    spoken: dict[Outcome, set[ConsentId]] = {Outcome.DENY: set(), Outcome.PERMIT: set()}
    for consent, bound in consents:
        found = verdict(bound, record)
        if found is not None:
            spoken[found].add(consent)
    for outcome, ids in spoken.items():
        if ids:
            return RecordDecision(id=record.id, outcome=outcome, basis=tuple(sorted(ids)))
    return RecordDecision(id=record.id, outcome=Outcome.NO_CONSENT)

"""Why a decision is what it is: each consent, each provision, each attribute that matched or failed.

A trace is computed from the same conditions as the decision, on demand; it is never stored or logged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.ids import ConsentId
from ledger.policy.compiler import CompiledConsent, Rule
from ledger.policy.engine import bind, decide, verdict
from ledger.policy.model import Outcome, RecordFacts, Request

_SPOKEN = {Outcome.PERMIT: "permits", Outcome.DENY: "denies", None: "says nothing"}
_REASONS = {
    "no_confidentiality": "the record carries no confidentiality",
    "unknown_confidentiality": "the record carries an unknown confidentiality",
    "unknown_class": "the record is of an unknown class",
    "unknown_label": "the record carries an unknown sensitivity label",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeTrace:
    """One condition of a rule, by the FHIR element that states it."""

    attribute: str
    matched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One provision, by its path in the document: whether it matched, and why not."""

    path: str
    permit: bool
    matched: bool
    attributes: tuple[AttributeTrace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTrace:
    """What one consent says of the record; None if nothing in it matches. `rules` in document order."""

    consent: ConsentId
    outcome: Outcome | None
    rules: tuple[RuleTrace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTrace:
    """How the outcome for one record came about, over every consent looked at."""

    record: str
    outcome: Outcome
    reason: str
    consents: tuple[ConsentTrace, ...]

    def words(self) -> list[str]:
        """The trace as sentences for people."""
        lines = [f"{self.outcome}: {_REASONS.get(self.reason) or _summary(self)}."]
        for consent in self.consents:
            lines.append(f"Consent {consent.consent[:10]} {_SPOKEN[consent.outcome]}.")
            lines.extend(f"  {_rule_words(rule)}" for rule in consent.rules)
        return lines


def explain(consents: Sequence[CompiledConsent], request: Request, record: RecordFacts) -> RecordTrace:
    """The trace of the decision that `decide` makes for this record."""
    found = decide(consents, request, [record]).records[0]
    return RecordTrace(
        record=record.id,
        outcome=found.outcome,
        reason=found.reason,
        consents=tuple(_consent(consent, request, record) for consent in consents)
        if not found.reason
        else (),
    )


def _consent(consent: CompiledConsent, request: Request, record: RecordFacts) -> ConsentTrace:
    if consent.patient != request.patient:
        return ConsentTrace(consent=consent.id, outcome=None, rules=())
    return ConsentTrace(
        consent=consent.id,
        outcome=verdict(bind(consent, request), record),
        rules=tuple(_rule(rule, request, record) for rule in _walk(consent.root)),
    )


def _rule(rule: Rule, request: Request, record: RecordFacts) -> RuleTrace:
    by_request = [
        AttributeTrace(attribute=item.attribute, matched=item.holds(request)) for item in rule.on_request
    ]
    by_record = [
        AttributeTrace(attribute=item.attribute, matched=item.holds(record)) for item in rule.on_record
    ]
    attributes = (*by_request, *by_record)
    return RuleTrace(
        path=rule.path,
        permit=rule.permit,
        matched=all(item.matched for item in attributes),
        attributes=attributes,
    )


def _walk(rule: Rule) -> Iterator[Rule]:
    yield rule
    for inner in rule.exceptions:
        yield from _walk(inner)


def _summary(trace: RecordTrace) -> str:
    if trace.outcome is Outcome.NO_CONSENT:
        return "no consent covers this record for this request"
    verb = _SPOKEN[trace.outcome]
    count = sum(consent.outcome is trace.outcome for consent in trace.consents)
    return f"{count} consent{'' if count == 1 else 's'} {verb if count == 1 else verb.rstrip('s')} it"


def _rule_words(rule: RuleTrace) -> str:
    effect = "permit" if rule.permit else "deny"
    if rule.matched:
        matched = ", ".join(item.attribute for item in rule.attributes) or "everything"
        return f"{rule.path} ({effect}) matches by {matched}"
    failed = ", ".join(item.attribute for item in rule.attributes if not item.matched)
    return f"{rule.path} ({effect}) does not match: {failed}"

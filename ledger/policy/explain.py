"""Why a decision is what it is: each consent, each provision, each attribute that matched or failed.

A trace is computed from the same conditions as the decision, on demand; it is never stored or logged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.consent.codes import ACTIONS, CLASSES, CONFIDENTIALITIES, PURPOSES, SENSITIVITIES
from ledger.consent.moments import ALWAYS, Span, interval
from ledger.ids import ConsentId
from ledger.policy.compiler import CompiledConsent, Rule
from ledger.policy.conditions import RecordCondition, RequestCondition
from ledger.policy.engine import Asked, decide
from ledger.policy.index import RecordIndex
from ledger.policy.model import Outcome, RecordFacts, Request

_SPOKEN = {Outcome.PERMIT: "permits", Outcome.DENY: "denies", None: "says nothing"}
_REASONS = {
    "no_confidentiality": "the record carries no confidentiality",
    "unknown_confidentiality": "the record carries an unknown confidentiality",
    "unknown_class": "the record is of an unknown class",
    "unknown_label": "the record carries an unknown sensitivity label",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "purpose": {code: PURPOSES.words(code) for code in PURPOSES},
    "action": ACTIONS,
    "class": {code: entry.words for code, entry in CLASSES.items()},
    "securityLabel": {**CONFIDENTIALITIES, **{code: SENSITIVITIES.words(code) for code in SENSITIVITIES}},
}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AttributeTrace:
    """One condition of a rule, by the FHIR element that states it: what it wants, and what there was.

    Both are codes, references, accounts, dates or ISO 8601 intervals (``start/end``, the end excluded).
    """

    attribute: str
    matched: bool
    wanted: tuple[str, ...]
    found: tuple[str, ...]

    def words(self, names: Mapping[str, str], *, permit: bool) -> str:
        """The attribute, and what does not fit if it failed; `names` gives people and things their names.

        A permit needs all that there is to fit, and of a security label both kinds.
        """
        if self.matched:
            return self.attribute
        labelled = self.attribute == "securityLabel"
        levels = tuple(value for value in self.wanted if labelled and value in CONFIDENTIALITIES)
        marks = self.wanted[len(levels) :]
        if permit and levels and marks:
            wanted = f"both {self._listed(levels, names, 'or')}, and {self._listed(marks, names, 'or')}"
        else:
            partly = permit and not set(self.found).isdisjoint(self.wanted)
            wanted = f"{'only ' if partly else ''}{self._listed(self.wanted, names, 'or')}"
        return f"{self.attribute} is {self._listed(self.found, names, 'and') or 'missing'}, not {wanted}"

    def _listed(self, values: Sequence[str], names: Mapping[str, str], last: str) -> str:
        words = _WORDS.get(self.attribute, {})
        return f" {last} ".join(
            f"{value} ({words[value]})" if value in words else names.get(value, value) for value in values
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One provision, by its path in the document: whether it matched, and why not."""

    path: str
    permit: bool
    matched: bool
    attributes: tuple[AttributeTrace, ...]

    def words(self, names: Mapping[str, str]) -> str:
        """One line: what matched, or what did not."""
        effect = "permit" if self.permit else "deny"
        told = [
            item.words(names, permit=self.permit) for item in self.attributes if item.matched == self.matched
        ]
        if self.matched:
            return f"{self.path} ({effect}) matches: {', '.join(told) or 'everything'}"
        return f"{self.path} ({effect}) does not match: {'; '.join(told)}"


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

    def words(self, names: Mapping[str, str] | None = None) -> list[str]:
        """The trace as lines for people; `names` gives consents, people and things their names."""
        named = names or {}
        lines = [f"{self.outcome}: {_REASONS.get(self.reason) or _summary(self)}."]
        for consent in self.consents:
            name = named.get(consent.consent, consent.consent[:10])
            lines.append(f"Consent {name} {_SPOKEN[consent.outcome]}.")
            lines.extend(f"  {rule.words(named)}" for rule in consent.rules)
        return lines


def explain(consents: Sequence[CompiledConsent], request: Request, record: RecordFacts) -> RecordTrace:
    """The trace of the decision that `decide` makes for this record."""
    index = RecordIndex.of([record])
    found = decide(consents, request, index).records[0]
    return RecordTrace(
        record=record.id,
        outcome=found.outcome,
        reason=found.reason,
        consents=tuple(_consent(consent, Asked(request, index)) for consent in consents)
        if not found.reason
        else (),
    )


def _consent(consent: CompiledConsent, asked: Asked) -> ConsentTrace:
    if consent.patient != asked.request.patient:
        return ConsentTrace(consent=consent.id, outcome=None, rules=())
    permits, denies = asked.speak(consent.root)
    said = Outcome.DENY if denies else Outcome.PERMIT if permits and consent.permits else None
    rules = tuple(_rules(consent.root, ALWAYS, asked))
    return ConsentTrace(consent=consent.id, outcome=said, rules=rules)


def _rules(rule: Rule, enclosing: Span, asked: Asked) -> Iterator[RuleTrace]:
    """The traces of a rule and its exceptions; `enclosing` is the time that the rules around it leave."""
    period = enclosing if rule.period is None else rule.period.within(enclosing)
    attributes = (
        *([_in_force(period, asked.request)] if period != ALWAYS else []),
        *(_of_request(condition, asked.request) for condition in rule.on_request.conditions),
        *(_of_record(condition, asked.records) for condition in rule.on_record.conditions),
    )
    matched = all(item.matched for item in attributes)
    yield RuleTrace(path=rule.path, permit=rule.permit, matched=matched, attributes=attributes)
    for exception in rule.exceptions:
        yield from _rules(exception, period, asked)


def _in_force(period: Span, request: Request) -> AttributeTrace:
    return AttributeTrace(
        attribute="period",
        matched=request.instant in period,
        wanted=(interval(period),),
        found=(request.at.isoformat(),),
    )


def _of_request(condition: RequestCondition, request: Request) -> AttributeTrace:
    found = {
        "actor": tuple(filter(None, (request.subject, request.organisation))),
        "purpose": request.purposes,
        "action": (request.action,),
    }
    return AttributeTrace(
        attribute=condition.attribute,
        matched=condition.holds(request),
        wanted=condition.wanted,
        found=found[condition.attribute],
    )


def _of_record(condition: RecordCondition, records: RecordIndex) -> AttributeTrace:
    return AttributeTrace(
        attribute=condition.attribute,
        matched=bool(condition.matching(records)),
        wanted=condition.wanted,
        found=_RECORD[condition.attribute](records.facts[0]),
    )


def _names(members: frozenset[str]) -> tuple[str, ...]:
    """The names of all members."""
    return tuple(sorted({name for member in members for name in member.split("\n") if name}))


def _relations(record: RecordFacts) -> tuple[str, ...]:
    """All that ``data`` may be about: the record's members, encounter, authors and references."""
    named = {*_names(record.resources), *record.authors, *record.references}
    return tuple(sorted(named | {record.encounter} if record.encounter else named))


_RECORD = {
    "class": lambda record: (record.record_class,),
    "securityLabel": lambda record: (record.confidentiality, *sorted(record.labels)),
    "code": lambda record: _names(record.codes),
    "dataPeriod": lambda record: (record.date,) if record.date else (),
    "data": _relations,
}


def _summary(trace: RecordTrace) -> str:
    if trace.outcome is Outcome.NO_CONSENT:
        return "no consent covers this record for this request"
    verb = _SPOKEN[trace.outcome]
    count = sum(consent.outcome is trace.outcome for consent in trace.consents)
    return f"{count} consent{'' if count == 1 else 's'} {verb if count == 1 else verb.rstrip('s')} it"

"""The engine on files alone: a decision with its traces, and what a draft would change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.evidence import ConsentFile, facts_part, naming, read_consents, read_document, read_records
from cli.inputs import read_source
from cli.shapes.policy import (
    AttributePart,
    ConsentPreviewed,
    DutyPart,
    JudgedPart,
    PolicyEvaluated,
    RulePart,
    TracePart,
)
from cli.views.policy import previewed_text
from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from ledger.policy.explain import ConsentTrace, RecordTrace, RuleTrace
    from ledger.policy.model import Decision, RecordFacts


def evaluate(
    consents: Sequence[Path], request: Path, records: Path | None, *, at: datetime | None, now: datetime
) -> PolicyEvaluated:
    """The decision on a request in a file, under consents in files.

    Args:
        consents: FHIR documents; they count, whatever their chain would say.
        request: a request file.
        records: a bundle or a file of facts, instead of the records in the request file.
        at: the time of the request, before the one in the file.
        now: the time of a request that has none.

    Raises:
        DocumentRejected, BundleRejected, InvalidInput, UnknownCode, NotFound, TooLarge: a file is not
            understood or cannot be read; records are in both files or in none.
    """
    from ledger.policy.engine import decide
    from ledger.policy.explain import explain
    from ledger.policy.files import LIMIT, read_question

    raw = read_source(request, limit=LIMIT)
    with naming(request):
        question = read_question(raw, at=at, now=now)
    if bool(question.records) == (records is not None):
        raise InvalidInput(
            "the records stand either in the request file or in one of their own",
            reason="records_once",
            fix="Give --records, or list them in the request file under 'records'.",
        )
    judged = question.records if records is None else read_records(records)
    files = read_consents(consents, question.identities)
    compiled = [one.standing.compiled for one in files]
    decision = decide(compiled, question.request, judged)
    traces = [explain(compiled, question.request, record) for record in judged]
    asked = question.request
    return PolicyEvaluated(
        outcome=decision.outcome,
        policy=decision.policy,
        subject=asked.subject,
        purposes=list(asked.purposes),
        action=asked.action,
        at=asked.at.isoformat(),
        consents=[one.name for one in files],
        basis=[_names(files)[one] for one in decision.basis],
        records=_judged(decision, judged, traces, files),
        obligations=[
            DutyPart(
                id=duty.id,
                type=duty.type,
                code=duty.code,
                text=duty.text,
                records=list(duty.records),
                labels=list(duty.labels),
            )
            for duty in decision.obligations
        ],
    )


def preview(
    draft: Path, today: Sequence[Path], records: Path, *, at: datetime
) -> tuple[ConsentPreviewed, str]:
    """What a draft would change beside the consents of today, over records in a file; and the text of it.

    Raises:
        InvalidInput: a consent of today is another patient's.
        DocumentRejected, BundleRejected, NotFound, TooLarge: a file is not understood or cannot be read.
    """
    from cli.views.consents import effect_part, excepted_marks
    from ledger.consent.statement import adds_only, statement
    from ledger.policy.index import RecordIndex
    from ledger.policy.preview import effects, is_over

    document = read_document(draft)
    standing = [one.standing for one in read_consents(today)]
    if any(one.document.patient != document.patient for one in standing):
        raise InvalidInput(
            "a consent of today is about another patient than the draft",
            reason="other_patient",
            fix="Name consents of the patient of the draft.",
        )
    facts = read_records(records)
    index = RecordIndex.of(facts)
    named = {**_displays([one.document.actor_names for one in standing]), **document.actor_names}
    shape = ConsentPreviewed(
        at=at.isoformat(),
        over=is_over(document, at),
        statement=statement(document),
        today=[str(path) for path in today],
        records=[facts_part(one) for one in facts],
        effects=[effect_part(effect, named) for effect in effects(document, standing, index, at)],
    )
    text = previewed_text(
        shape,
        people=document.actors,
        permits=document.permits,
        adds=adds_only(document),
        excepted=excepted_marks(document),
    )
    return shape, text


def _names(files: Sequence[ConsentFile]) -> dict[str, str]:
    return {one.id: one.name for one in files}


def _displays(names: Sequence[Mapping[str, str | None]]) -> dict[str, str | None]:
    return {actor: display for one in names for actor, display in one.items()}


def _judged(
    decision: "Decision",
    records: "Sequence[RecordFacts]",
    traces: "Sequence[RecordTrace]",
    files: Sequence[ConsentFile],
) -> list[JudgedPart]:
    names = _names(files)
    displays = _displays([one.standing.document.actor_names for one in files])
    people = {did: display for did, display in displays.items() if display is not None}
    return [
        JudgedPart(
            record=facts_part(facts),
            outcome=found.outcome,
            basis=[names[consent] for consent in found.basis],
            reason=found.reason or None,
            trace=[_trace(consent, names) for consent in trace.consents],
            words=trace.words({**names, **people}),
        )
        for facts, found, trace in zip(records, decision.records, traces, strict=True)
    ]


def _trace(trace: "ConsentTrace", names: Mapping[str, str]) -> TracePart:
    return TracePart(
        consent=names[trace.consent], outcome=trace.outcome, rules=[_rule(rule) for rule in trace.rules]
    )


def _rule(rule: "RuleTrace") -> RulePart:
    return RulePart(
        path=rule.path,
        permit=rule.permit,
        matched=rule.matched,
        attributes=[
            AttributePart(
                attribute=item.attribute,
                matched=item.matched,
                wanted=list(item.wanted),
                found=list(item.found),
            )
            for item in rule.attributes
        ],
    )

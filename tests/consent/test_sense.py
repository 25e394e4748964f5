"""Contradictions are refused where they stand; what is only odd is named and enforced."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.consent import codes
from ledger.consent.document import parse_document
from ledger.consent.moments import ALWAYS, span
from ledger.consent.sense import doubts
from ledger.errors import DocumentRejected
from ledger.ids import consent_id
from ledger.policy.compiler import compile_consent
from ledger.policy.engine import decide
from ledger.policy.model import Outcome, RecordFacts, Request
from tests.consent.documents import (
    ACTORS,
    CLASSES,
    CODES,
    DATES,
    ELEMENTS,
    ORGANISATION,
    PATIENT,
    PURPOSES,
    TARGETS,
    A,
    B,
    actor,
    coding,
    concept,
    document,
    examples,
    label,
    record_class,
    reference,
)

ID = consent_id(bytes(32))
ROOT = "Consent.provision"
LABS, NOTES = record_class("30954-2"), record_class("34109-9")


def purpose(*named: str) -> list[dict[str, str]]:
    return [coding(codes.PURPOSE_SYSTEM, code) for code in named]


def permit(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    return _provision("permit", more)


def deny(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    return _provision("deny", more)


def _provision(kind: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, **{name.rstrip("_"): value for name, value in more.items()}}


YEAR = {"start": "2026", "end": "2026"}
CONTRADICTIONS = {
    "an exception after its consent": (
        permit(period=YEAR, provision=[deny(period={"start": "2027"})]),
        f"{ROOT}.provision[0].period",
        "never_in_force",
    ),
    "an exception that ends as its consent starts": (
        permit(period={"start": "2026-06"}, provision=[deny(period={"end": "2026-05"})]),
        f"{ROOT}.provision[0].period",
        "never_in_force",
    ),
    "an exception outside the one that it stands under": (
        permit(
            period=YEAR,
            provision=[
                deny(class_=[LABS], period={"end": "2026-03"}),
                deny(
                    class_=[NOTES], period={"end": "2026-03"}, provision=[permit(period={"start": "2026-04"})]
                ),
            ],
        ),
        f"{ROOT}.provision[1].provision[0].period",
        "never_in_force",
    ),
    "yes to somebody, but no to them": (
        permit(actor=[actor(A)], provision=[deny(actor=[actor(A)])]),
        f"{ROOT}.provision[0]",
        "exception_covers_all",
    ),
    "no to somebody, but yes to them and others": (
        deny(actor=[actor(A)], provision=[permit(actor=[actor(A), actor(B)])]),
        f"{ROOT}.provision[0]",
        "exception_covers_all",
    ),
    "a no to a wider purpose": (
        permit(purpose=purpose("COC", "TREAT"), provision=[deny(purpose=purpose("TREAT"))]),
        f"{ROOT}.provision[0]",
        "exception_covers_all",
    ),
    "a no to all classes that are named": (
        permit(class_=[LABS], securityLabel=[label("N")], provision=[deny(class_=[LABS, NOTES])]),
        f"{ROOT}.provision[0]",
        "exception_covers_all",
    ),
    "a no for the whole time": (
        permit(period={"end": "2026"}, provision=[deny(period={"end": "2027"})]),
        f"{ROOT}.provision[0]",
        "exception_covers_all",
    ),
    "a no to the marks of the yes": (
        permit(securityLabel=[label("PSY")], provision=[deny(securityLabel=[label("PSY")])]),
        f"{ROOT}.provision[0]",
        "exception_covers_all",
    ),
    "the same point twice": (
        permit(provision=[deny(class_=[LABS]), deny(actor=[actor(A)]), deny(class_=[LABS])]),
        f"{ROOT}.provision[2]",
        "said_twice",
    ),
    "a no to the marks of the yes in another order": (
        permit(
            securityLabel=[label("PSY"), label("HIV")],
            provision=[deny(securityLabel=[label("HIV"), label("PSY")])],
        ),
        f"{ROOT}.provision[0]",
        "exception_covers_all",
    ),
    "the same point twice in another order": (
        permit(provision=[deny(actor=[actor(A), actor(B)]), deny(actor=[actor(B), actor(A)])]),
        f"{ROOT}.provision[1]",
        "said_twice",
    ),
    "a point and its opposite in another order": (
        permit(provision=[deny(actor=[actor(A), actor(B)]), permit(actor=[actor(B), actor(A)])]),
        f"{ROOT}.provision[1]",
        "said_both_ways",
    ),
    "a point and its opposite": (
        permit(provision=[deny(class_=[LABS]), permit(class_=[LABS])]),
        f"{ROOT}.provision[1]",
        "said_both_ways",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_contradiction_is_refused_where_it_stands(case: str) -> None:
    provision, path, reason = CONTRADICTIONS[case]
    with pytest.raises(DocumentRejected) as refused:
        parse_document(document(provision))
    assert (refused.value.path, refused.value.reason) == (path, reason)


NO_CONTRADICTIONS = {
    "periods that touch for an instant": permit(
        period={"end": "2026"}, provision=[deny(period={"start": "2026-12-31T23:59:59.999999+01:00"})]
    ),
    "a no to some of them": permit(actor=[actor(A), actor(B)], provision=[deny(actor=[actor(A)])]),
    "a no to one class": permit(actor=[actor(A)], provision=[deny(class_=[LABS])]),
    "a no to a narrower purpose": permit(purpose=purpose("TREAT"), provision=[deny(purpose=purpose("COC"))]),
    "a no for some of the time": permit(period=YEAR, provision=[deny(period={"end": "2026-03"})]),
    "a no with a yes below it": permit(
        actor=[actor(A)], provision=[deny(actor=[actor(A)], provision=[permit(class_=[LABS])])]
    ),
    "a no to what is as private, or more": permit(
        securityLabel=[label("N")], provision=[deny(securityLabel=[label("N")])]
    ),
    "a no to what is more private": permit(
        securityLabel=[label("N")], provision=[deny(securityLabel=[label("R")])]
    ),
    # A mixed record matches a deny and not the permit below it.
    "a yes under a no about labels": deny(
        actor=[actor(A)], securityLabel=[label("PSY")], provision=[permit(actor=[actor(A)])]
    ),
    "points that differ in what is below them": permit(
        provision=[
            deny(class_=[LABS], provision=[permit(actor=[actor(A)])]),
            deny(class_=[LABS], provision=[permit(actor=[actor(B)])]),
        ]
    ),
}


@pytest.mark.parametrize("case", NO_CONTRADICTIONS)
def test_what_leaves_a_difference_is_accepted(case: str) -> None:
    parse_document(document(NO_CONTRADICTIONS[case]))


DOUBTS = {
    "over when it was written": (permit(period={"end": "2025"}), f"{ROOT}.period", "over_when_written"),
    "a purpose within another": (
        permit(purpose=purpose("TREAT", "COC")),
        f"{ROOT}.purpose",
        "redundant_code",
    ),
    "a mark within another": (
        permit(provision=[deny(securityLabel=[label("SPI"), label("PSY")])]),
        f"{ROOT}.provision[0].securityLabel",
        "redundant_code",
    ),
    "two levels of privacy": (
        permit(securityLabel=[label("N"), label("R")]),
        f"{ROOT}.securityLabel",
        "redundant_code",
    ),
    "marked, but not private": (
        permit(securityLabel=[label("PSY"), label("N")]),
        f"{ROOT}.securityLabel",
        "no_such_record",
    ),
    "a yes within a yes": (
        permit(actor=[actor(A)], provision=[permit(class_=[LABS])]),
        f"{ROOT}.provision[0]",
        "changes_nothing",
    ),
    "a no within a no": (
        deny(actor=[actor(A)], provision=[deny(purpose=purpose("COC"))]),
        f"{ROOT}.provision[0]",
        "changes_nothing",
    ),
    "a yes to somebody else": (
        permit(actor=[actor(A)], provision=[permit(actor=[actor(B)], securityLabel=[label("PSY")])]),
        f"{ROOT}.provision[0]",
        "reaches_further",
    ),
}


def found(provision: dict[str, Any]) -> list[tuple[str, str]]:
    parsed = parse_document(document(provision))
    return [(doubt.path, doubt.reason) for doubt in doubts(parsed.root, span(parsed.written, parsed.zone))]


@pytest.mark.parametrize("case", DOUBTS)
def test_what_may_not_be_meant_is_named(case: str) -> None:
    provision, path, reason = DOUBTS[case]
    assert found(provision) == [(path, reason)]


@pytest.mark.parametrize(
    "provision",
    [
        permit(actor=[actor(A)], purpose=purpose("TREAT", "HRESCH"), provision=[deny(class_=[LABS])]),
        # The inner no keeps the yes beside it away from notes.
        deny(provision=[permit(actor=[actor(ORGANISATION)]), deny(class_=[NOTES])]),
        permit(securityLabel=[label("PSY"), label("R")]),
        permit(
            code=[concept(codes.LOINC_SYSTEM, "2345-7")],
            data=[{"meaning": "related", "reference": reference("Encounter/1")}],
        ),
    ],
)
def test_what_says_something_is_not_doubted(provision: dict[str, Any]) -> None:
    assert found(provision) == []


def facts() -> st.SearchStrategy[RecordFacts]:
    return st.builds(
        RecordFacts,
        id=st.just("r"),
        record_class=st.sampled_from(CLASSES),
        confidentiality=st.sampled_from(("L", "N", "R")),
        labels=st.frozensets(st.sampled_from(("PSY", "ETHUD", "HIV")), max_size=2),
        codes=st.frozensets(st.sampled_from(("", *CODES)), max_size=2),
        date=st.none() | st.sampled_from(DATES),
        encounter=st.none() | st.just("Encounter/1"),
        references=st.frozensets(st.sampled_from(TARGETS), max_size=1),
        authors=st.frozensets(st.sampled_from((B, "Practitioner/x")), max_size=1),
        resources=st.frozensets(st.just("Observation/1"), max_size=1),
    )


def requests() -> st.SearchStrategy[Request]:
    return st.builds(
        Request,
        subject=st.sampled_from(ACTORS),
        patient=st.just(PATIENT),
        purposes=st.lists(st.sampled_from(PURPOSES), min_size=1, max_size=2).map(tuple),
        action=st.sampled_from(tuple(codes.ACTIONS)),
        emergency=st.just(True),
        at=st.sampled_from([datetime(year, 6, 1, tzinfo=UTC) for year in (2024, 2025, 2026)]),
    )


WIDE: dict[str, Any] = {
    "actor": [actor(who) for who in ACTORS],
    "purpose": purpose("TREAT", "HRESCH"),
    "action": [concept(codes.ACTION_SYSTEM, code) for code in codes.ACTIONS],
    "class": [record_class(code) for code in CLASSES],
}


@st.composite
def idle(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A rule, and a point below it that says no more than the rule."""
    names = draw(st.lists(st.sampled_from(sorted(WIDE)), min_size=1, max_size=2, unique=True))
    facts = draw(
        st.lists(st.sampled_from(("securityLabel", "code", "dataPeriod", "data")), max_size=2, unique=True)
    )
    kind = {"type": draw(st.sampled_from(("permit", "deny")))}
    rule = kind | {name: draw(ELEMENTS[name]) for name in facts}
    rule |= {name: WIDE[name] for name in names if draw(st.booleans())}
    return rule, kind | {name: draw(ELEMENTS[name]) for name in names}


@examples(200)
@given(idle(), requests(), facts())
def test_what_changes_nothing_can_be_left_out(
    found: tuple[dict[str, Any], dict[str, Any]], request: Request, record: RecordFacts
) -> None:
    rule, point = found
    both = parse_document(document(rule | {"provision": [point]}))
    assert ("changes_nothing", f"{ROOT}.provision[0]") in {
        (doubt.reason, doubt.path) for doubt in doubts(both.root, ALWAYS)
    }
    alone = parse_document(document(rule))
    with_point, without = (
        decide([compile_consent(ID, one)], request, [record]).outcome for one in (both, alone)
    )
    assert with_point == without


@st.composite
def covered(draw: st.DrawFn) -> dict[str, Any]:
    """A rule, and an exception that names as much as the rule or more."""
    names = draw(st.lists(st.sampled_from(sorted(WIDE)), min_size=1, max_size=2, unique=True))
    facts = ("securityLabel", "code", "dataPeriod", "data")
    kind, other = draw(st.permutations(("permit", "deny")))
    found = draw(st.lists(st.sampled_from(facts), max_size=2, unique=True)) if kind == "permit" else []
    rule = {"type": kind} | {name: draw(ELEMENTS[name]) for name in (*names, *found)}
    return rule | {"provision": [{"type": other} | {name: WIDE[name] for name in names}]}


@examples(200)
@given(covered(), requests(), facts())
def test_an_exception_that_is_said_to_cover_all_leaves_nothing(
    rule: dict[str, Any], request: Request, record: RecordFacts
) -> None:
    with pytest.raises(DocumentRejected, match="leaves nothing"):
        parse_document(document(rule))
    with patch("ledger.consent.document.require_consistent"):
        consent = compile_consent(ID, parse_document(document(rule)))
    own = Outcome.PERMIT if rule["type"] == "permit" else Outcome.DENY
    assert decide([consent], request, [record]).outcome is not own

"""Contradictions are refused where they stand; what is only odd is named and enforced."""

from typing import Any

import pytest

from ledger.consent import codes
from ledger.consent.document import parse_document
from ledger.consent.moments import span
from ledger.consent.sense import doubts
from ledger.errors import DocumentRejected
from tests.consent.documents import (
    ORGANISATION,
    A,
    B,
    actor,
    coding,
    concept,
    document,
    label,
    record_class,
    reference,
)

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
    "the same point twice": (
        permit(provision=[deny(class_=[LABS]), deny(actor=[actor(A)]), deny(class_=[LABS])]),
        f"{ROOT}.provision[2]",
        "said_twice",
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

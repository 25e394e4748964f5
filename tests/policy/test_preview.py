"""Previews: what somebody can read, for what, and when, before and after one more consent."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.consent import codes
from ledger.consent.document import parse_document
from ledger.consent.moments import instant
from ledger.ids import Cid, Did, consent_id
from ledger.policy.engine import decide
from ledger.policy.index import RecordIndex
from ledger.policy.model import RecordFacts, Request
from ledger.policy.preview import (
    ANY_OTHER,
    ANYONE_ELSE,
    READING,
    Effect,
    Standing,
    effects,
    in_force_from,
    is_over,
    reachable,
)
from tests.consent.documents import (
    PATIENT,
    A,
    B,
    actor,
    coding,
    concept,
    document,
    documents,
    examples,
    label,
    record_class,
)

AT = datetime(2026, 2, 1, tzinfo=UTC)
LAB = RecordFacts(id="lab", record_class="30954-2", confidentiality="N", date="2024-03-05")
NOTE = RecordFacts(id="note", record_class="34109-9", confidentiality="R", labels=frozenset({"PSY"}))
RECORDS = RecordIndex.of((LAB, NOTE))
ONE, OTHER = Cid("lab"), Cid("note")
NONE: frozenset[Cid] = frozenset()
BOTH = NONE | {ONE, OTHER}


def rule(kind: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": kind, **{name.rstrip("_"): value for name, value in more.items()}}


def to(*who: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return rule("permit", actor=[actor(one) for one in who], **more)


def purposes(*named: str) -> list[dict[str, str]]:
    return [coding(codes.PURPOSE_SYSTEM, code) for code in named]


def actions(*named: str) -> list[dict[str, Any]]:
    return [concept(codes.ACTION_SYSTEM, code) for code in named]


def standing(*provisions: dict[str, Any]) -> list[Standing]:
    return [
        Standing.of(parse_document(document(one)), consent_id(bytes([index]) * 32))
        for index, one in enumerate(provisions)
    ]


def preview(draft: dict[str, Any], *today: dict[str, Any], at: datetime = AT) -> dict[str, Effect]:
    found = effects(parse_document(document(draft)), standing(*today), RECORDS, at)
    return {effect.participant: effect for effect in found}


def seen(*provisions: dict[str, Any], who: Did = A) -> frozenset[Cid]:
    return reachable(standing(*provisions), who, RECORDS, AT)


def test_a_draft_opens_records_and_a_no_closes_them() -> None:
    effect = preview(to(A))[A]
    assert (effect.now, effect.then, effect.gained) == (NONE, BOTH, BOTH)
    effect = preview(rule("deny", class_=[record_class("34109-9")]), to(A))[A]
    assert (effect.now, effect.then, effect.lost) == (BOTH, NONE | {ONE}, NONE | {OTHER})


def test_everybody_is_shown_whom_the_draft_or_a_consent_of_today_names() -> None:
    assert list(preview(to(A), to(B))) == [A, B]
    assert preview(to(A), to(B))[B].gained == NONE


@pytest.mark.parametrize("action", READING)
def test_whoever_may_do_something_that_needs_reading_can_read(action: str) -> None:
    assert seen(to(A, action=actions(action))) == BOTH


def test_who_may_only_collect_reads_nothing() -> None:
    assert seen(to(A, action=actions("collect"))) == NONE
    assert seen(to(A), rule("deny", action=actions("collect"))) == BOTH


def test_an_action_that_only_an_exception_names_hides_none_of_the_others() -> None:
    assert seen(to(A, provision=[rule("deny", action=actions("access"))])) == BOTH
    assert seen(to(A, provision=[rule("deny", action=actions(*READING))])) == NONE


def test_a_purpose_that_only_an_exception_names_hides_none_of_the_others() -> None:
    draft = to(A, provision=[rule("deny", purpose=purposes("TREAT"))])
    assert preview(draft)[A].purposes == {"TREAT": NONE, ANY_OTHER: BOTH}


def test_purposes_are_told_apart() -> None:
    narrow = rule("deny", purpose=purposes("HRESCH"), class_=[record_class("34109-9")])
    effect = preview(to(A, purpose=purposes("TREAT", "HRESCH"), provision=[narrow]))[A]
    assert effect.purposes == {"TREAT": BOTH, "HRESCH": {ONE}}
    assert effect.then == BOTH


def test_what_opens_in_an_emergency_alone_is_told_apart() -> None:
    effect = preview(
        to(A, purpose=purposes("BTG")), to(A, purpose=purposes("TREAT"), class_=[record_class("30954-2")])
    )
    assert effect[A].purposes == {"TREAT": {ONE}, "BTG": BOTH}


def test_a_draft_that_starts_later_is_looked_at_from_its_start_and_today_as_of_today() -> None:
    draft = to(B, period={"start": "2026-06"})
    ending = to(A, period={"end": "2026-03"})
    found = preview(draft, ending)
    assert (found[A].now, found[A].then) == (BOTH, NONE)
    assert (found[B].now, found[B].then) == (NONE, BOTH)
    assert str(found[B].starts) == "2026-06-01 00:00:00+01:00"
    assert in_force_from(parse_document(document(draft)), AT) == datetime(2026, 5, 31, 23, tzinfo=UTC)


def test_a_draft_that_is_over_changes_nothing() -> None:
    draft = parse_document(document(to(A, period={"start": "2025", "end": "2025"})))
    assert is_over(draft, AT)
    assert in_force_from(draft, AT) == AT
    (effect,) = effects(draft, [], RECORDS, AT)
    assert effect.now == effect.then == NONE


def test_parts_that_start_and_end_by_themselves_are_told_with_their_moments() -> None:
    notes = record_class("34109-9")
    draft = to(
        A,
        period={"start": "2026", "end": "2026"},
        class_=[record_class("30954-2")],
        provision=[
            rule("permit", class_=[notes], period={"start": "2026-06", "end": "2026-07"}),
            rule("deny", class_=[notes], securityLabel=[label("R")], period={"start": "2026-07-15"}),
        ],
    )
    effect = preview(draft)[A]
    assert effect.then == {ONE}
    assert [(later.at.date().isoformat(), later.records) for later in effect.later] == [
        ("2026-06-01", BOTH),
        ("2026-07-15", {ONE}),
    ]
    assert preview(draft, at=datetime(2026, 8, 1, tzinfo=UTC))[A].later == ()


@pytest.mark.parametrize("end", ["start", "end"])
def test_periods_at_the_end_of_the_calendar_break_nothing(end: str) -> None:
    effect = preview(to(A, provision=[rule("deny", period={end: "9999-12-31T23:59:59-14:00"})]))[A]
    assert effect.then == (BOTH if end == "start" else set())
    assert preview(to(A, period={"start": "9999-12-31T23:59:59-14:00"}))[A].then == NONE


def test_a_draft_that_names_nobody_lets_anyone_else() -> None:
    assert preview(rule("permit"))[ANYONE_ELSE].then == BOTH
    assert list(preview(rule("deny"))) == []
    nested = rule("deny", provision=[rule("permit", class_=[record_class("30954-2")])])
    assert preview(nested)[ANYONE_ELSE].then == {ONE}


def every_request(who: Did) -> list[Request]:
    return [
        Request(subject=who, patient=PATIENT, purposes=(purpose,), action=action, emergency=True, at=AT)
        for purpose in codes.PURPOSES
        for action in READING
    ]


@examples(40)
@given(st.lists(documents(), min_size=1, max_size=2), st.sampled_from((A, B)))
def test_the_few_questions_that_are_asked_answer_for_all(found: Sequence[dict[str, Any]], who: Did) -> None:
    consents = [Standing.of(parse_document(one)) for one in found]
    compiled = [one.compiled for one in consents]
    asked = (decide(compiled, request, RECORDS).permitted for request in every_request(who))
    everything = frozenset().union(*map(frozenset, asked))
    assert reachable(consents, who, RECORDS, AT) == everything


def test_the_moment_of_a_period_is_exact() -> None:
    draft = parse_document(document(to(A, period={"start": "2027-01-01T00:00:00.000001Z"})))
    assert instant(in_force_from(draft, AT)) == instant(datetime(2027, 1, 1, 0, 0, 0, 1, tzinfo=UTC))

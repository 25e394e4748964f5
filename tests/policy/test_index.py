"""The index of records: what it says of many at once is what is so of each."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ledger.consent.document import parse_document
from ledger.consent.moments import ALWAYS, Span, span
from ledger.ids import consent_id
from ledger.policy.bits import places, union
from ledger.policy.compiler import compile_consent
from ledger.policy.engine import decide
from ledger.policy.index import Members, RecordIndex
from ledger.policy.model import Outcome, RecordFacts, Request
from tests.consent.documents import DATES, PATIENT, A, actor, document, examples

NAMES = ("a", "b", "c", "")
GROUPS = st.lists(st.frozensets(st.sampled_from(NAMES), min_size=1).map("\n".join), max_size=3).map(frozenset)
ZONES = st.sampled_from((-300, 0, 840))


def facts(number: int, **more: object) -> RecordFacts:
    return RecordFacts(
        **{"id": f"r{number}", "record_class": "30954-2", "confidentiality": "N", **more}  # type: ignore[arg-type]
    )


def members_of(groups: list[frozenset[str]]) -> Members:
    return RecordIndex.of(facts(number, codes=group) for number, group in enumerate(groups)).codings


@given(st.sets(st.integers(0, 300)))
def test_a_set_gives_back_its_places(chosen: set[int]) -> None:
    assert list(places(union(1 << place for place in chosen))) == sorted(chosen)


@examples(200)
@given(st.lists(GROUPS, max_size=12), st.frozensets(st.sampled_from("abc"), min_size=1))
def test_members_are_found_by_any_and_by_each(groups: list[frozenset[str]], names: frozenset[str]) -> None:
    found = members_of(groups)
    named = [[bool(names & set(member.split("\n"))) for member in group] for group in groups]
    whole = [bool(group) and "" not in group for group in groups]
    assert list(places(found.any(names))) == [at for at, member in enumerate(named) if any(member)]
    each = [at for at, member in enumerate(named) if whole[at] and all(member)]
    assert list(places(found.each(names))) == each


@examples(200)
@given(st.lists(st.sampled_from((*DATES, None, "nonsense")), max_size=12), ZONES, st.data())
def test_a_timeline_finds_what_lies_in_a_period_and_what_meets_it(
    dates: list[str | None], zone: int, data: st.DataObject
) -> None:
    index = RecordIndex.of(facts(number, date=text) for number, text in enumerate(dates))
    bounds = [0, *(bound for text in DATES for bound in (span(text, zone).start, span(text, zone).end))]
    start, end = sorted(data.draw(st.lists(st.sampled_from(bounds), min_size=2, max_size=2, unique=True)))
    period = data.draw(
        st.sampled_from((Span(start=start, end=end), Span(start=start, end=ALWAYS.end), ALWAYS))
    )
    covered = {at: span(text, zone) for at, text in enumerate(dates) if text in DATES}
    timeline = index.timeline(zone)
    assert list(places(timeline.within(period))) == [at for at, one in covered.items() if period.covers(one)]
    assert list(places(timeline.meeting(period))) == [at for at, one in covered.items() if period.meets(one)]
    assert list(places(index.undated)) == [at for at, text in enumerate(dates) if text not in DATES]


def test_only_what_is_chosen_is_decided() -> None:
    consent = compile_consent(
        consent_id(bytes(32)), parse_document(document({"type": "permit", "actor": [actor(A)]}))
    )
    asked = Request(subject=A, patient=PATIENT, purposes=("TREAT",), at=datetime(2026, 2, 1, tzinfo=UTC))
    index = RecordIndex.of(
        [facts(0), facts(1, confidentiality=None), facts(2, record_class="34109-9"), facts(3)]
    )
    named = decide([consent], asked, index.among(["r3", "r1", "r3", "elsewhere"]))
    assert [(item.id, item.outcome) for item in named.records] == [
        ("r1", Outcome.DENY),
        ("r3", Outcome.PERMIT),
    ]
    assert named.permitted == ("r3",)
    by_class = decide([consent], asked, index.of_classes(["34109-9", "other"]))
    assert [item.id for item in by_class.records] == ["r2"]
    assert decide([consent], asked, index.among(["r1"])).outcome is Outcome.DENY
    assert decide([consent], asked, index.among([])).outcome is Outcome.NO_CONSENT
    assert decide([consent], asked, index).permitted == ("r0", "r2", "r3")

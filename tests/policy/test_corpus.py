"""Every case of tests/vectors/consents, by the engine and by the second evaluator."""

import pytest

from ledger.errors import InvalidInput
from ledger.policy.engine import decide
from ledger.policy.explain import explain
from tests.policy import naive
from tests.policy.corpus import Case, cases, compiled, facts, id_of, request, stale, traced

ALL = [pytest.param(case, id=case.name) for case in cases()]
DECIDED = [pytest.param(case, id=case.name) for case in cases() if case.decided]


def test_the_corpus_is_there() -> None:
    assert len(ALL) >= 290
    assert len({case.name for case in cases()}) == len(ALL)


def test_the_vectors_are_as_they_would_be_written() -> None:
    assert stale() == []


@pytest.mark.parametrize("case", ALL)
def test_case(case: Case) -> None:
    if not case.decided:
        with pytest.raises(InvalidInput) as refused:
            request(case.request)
        assert refused.value.reason == case.expect["refused"]
        return
    decision = decide(compiled(case.documents), request(case.request), [facts(item) for item in case.records])
    assert decision.outcome == case.expect["outcome"]
    assert {record.id: str(record.outcome) for record in decision.records} == {
        record["id"]: case.outcome_of(record["id"]) for record in case.records
    }
    if "basis" in case.expect:
        assert list(decision.basis) == [id_of(index) for index in case.expect["basis"]]
    if "obligations" in case.expect:
        assert [item.id for item in decision.obligations] == case.expect["obligations"]
    assert all(record.reason == case.reason_of(record.id) for record in decision.records)


@pytest.mark.parametrize("case", DECIDED)
def test_case_has_the_trace_of_the_vector(case: Case) -> None:
    consents = compiled(case.documents)
    traces = {
        item["id"]: traced(explain(consents, request(case.request), facts(item))) for item in case.records
    }
    assert traces == case.expect["trace"]


@pytest.mark.parametrize("case", DECIDED)
def test_case_does_not_depend_on_the_order_of_consents(case: Case) -> None:
    records = [facts(item) for item in case.records]
    consents = compiled(case.documents)
    forwards = decide(consents, request(case.request), records)
    assert decide(consents[::-1], request(case.request), records) == forwards


@pytest.mark.parametrize("case", DECIDED)
def test_case_is_explained_as_it_is_decided(case: Case) -> None:
    consents = compiled(case.documents)
    asked = request(case.request)
    for record in map(facts, case.records):
        found = decide(consents, asked, [record]).records[0]
        trace = explain(consents, asked, record)
        assert (trace.outcome, trace.reason) == (found.outcome, found.reason)
        speaking = tuple(item.consent for item in trace.consents if item.outcome is found.outcome)
        assert speaking == found.basis
        for consent in trace.consents:
            for rule in consent.rules:
                assert rule.matched == all(item.matched for item in rule.attributes)
        assert trace.words()[0].startswith(f"{found.outcome}: ")


@pytest.mark.parametrize("case", ALL)
def test_case_by_the_second_evaluator(case: Case) -> None:
    assert naive.refusal(case.request) == case.expect.get("refused", "")
    if not case.decided:
        return
    said = {item["id"]: naive.decide(case.documents, case.request, item) for item in case.records}
    assert {name: found.outcome for name, found in said.items()} == {
        name: case.outcome_of(name) for name in said
    }
    outcome, basis = naive.together(list(said.values()))
    assert outcome == case.expect["outcome"]
    assert basis == case.expect.get("basis", basis)
    assert all(found.reason == case.reason_of(name) for name, found in said.items())
    owed = naive.owed([item for item in case.records if said[item["id"]].outcome == "PERMIT"])
    assert list(owed) == case.expect.get("obligations", list(owed))

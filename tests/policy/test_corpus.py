"""Every case of tests/vectors/consents, by the engine and by the naive evaluator."""

import pytest

from ledger.errors import InvalidInput
from ledger.policy.engine import decide
from ledger.policy.explain import explain
from tests.policy import naive
from tests.policy.corpus import Case, cases, compiled, facts, id_of, request

ALL = [pytest.param(case, id=case.name) for case in cases()]
DECIDED = [pytest.param(case, id=case.name) for case in cases() if "refused" not in case.expect]

# The naive evaluator knows no code tables, so it is not asked about records that carry unknown codes.
JUDGED = [
    pytest.param(case, id=case.name) for case in cases() if not {"refused", "reason"} & set(case.expect)
]


def test_the_corpus_is_there() -> None:
    assert len(ALL) >= 100
    assert len({case.name for case in cases()}) == len(ALL)


@pytest.mark.parametrize("case", ALL)
def test_case(case: Case) -> None:
    if "refused" in case.expect:
        with pytest.raises(InvalidInput) as refused:
            request(case.request)
        assert refused.value.reason == case.expect["refused"]
        return
    decision = decide(compiled(case.documents), request(case.request), [facts(item) for item in case.records])
    assert decision.outcome == case.expect["outcome"]
    by_record = {record.id: str(record.outcome) for record in decision.records}
    assert by_record == case.expect.get("records", dict.fromkeys(by_record, case.expect["outcome"]))
    if "basis" in case.expect:
        assert list(decision.basis) == [id_of(index) for index in case.expect["basis"]]
    if "obligations" in case.expect:
        assert [item.id for item in decision.obligations] == case.expect["obligations"]
    assert {record.reason for record in decision.records} <= {case.expect.get("reason", "")}


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


@pytest.mark.parametrize("case", JUDGED)
def test_case_by_the_naive_evaluator(case: Case) -> None:
    for item in case.records:
        expected = case.expect.get("records", {}).get(item["id"], case.expect["outcome"])
        assert naive.decide(case.documents, case.request, item) == expected

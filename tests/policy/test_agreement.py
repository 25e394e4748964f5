"""Random documents, requests and records: what the engine answers, the second evaluator answers too.

``CONSENT_AGREEMENT_CASES`` says how many, ``CONSENT_AGREEMENT_SEED`` which.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.policy.engine import decide
from ledger.policy.explain import RecordTrace
from ledger.policy.model import Outcome
from tests.consent.documents import ACTORS, DATES, PATIENT, PURPOSES, chosen, documents, examples
from tests.policy import naive
from tests.policy.agreement import as_json, by_engine, by_naive, differs, shown, smallest
from tests.policy.corpus import compiled, facts, laid_out, request
from tests.policy.hierarchy import PURPOSE_PARENT, SENSITIVITIES, SENSITIVITY_PARENT
from tests.policy.naive import INHERITED
from tests.policy.randoms import DEEPEST, world

CASES = int(os.environ.get("CONSENT_AGREEMENT_CASES", "15000"))
SEED = os.environ.get("CONSENT_AGREEMENT_SEED", "1")
CODES = Path(__file__).parents[3] / "shared" / "data" / "codes"
needs_shared = pytest.mark.skipif(not CODES.is_dir(), reason="HL7 code lists are not beside the repository")

OUTCOMES = ("PERMIT", "DENY", "NO_CONSENT")
REFUSALS = (
    "purpose_required",
    "unknown_purpose",
    "unknown_action",
    "time_without_offset",
    "emergency_required",
)
REASONS = ("no_confidentiality", "unknown_confidentiality", "unknown_class", "unknown_label")
TO_BE_MET = {
    *(("request", name) for name in (*OUTCOMES, *REFUSALS)),
    *(("record", name) for name in (*OUTCOMES, *REASONS)),
    *(("basis of", count) for count in range(4)),
    *(("owed", name) for name in ("keep-labels", "no-redisclosure", "part2-notice")),
    *(("depth", depth) for depth in range(DEEPEST + 1)),
    *(
        (name, effect, matched)
        for name in ("period", *INHERITED)
        for effect in ("permit", "deny")
        for matched in (True, False)
    ),
}


def met(answer: dict[str, Any], traces: list[RecordTrace]) -> Iterator[tuple[Any, ...]]:
    """What a case is about: outcomes, reasons, the depths and elements that matched and failed."""
    yield "request", answer.get("refused") or answer["outcome"]
    yield from (("owed", name) for name in answer.get("obligations", ()))
    for record in answer.get("records", {}).values():
        yield "record", record["reason"] or record["outcome"]
        yield "basis of", len(record["basis"])
    for rule in (rule for trace in traces for consent in trace.consents for rule in consent.rules):
        if rule.matched:
            yield "depth", rule.path.count(".provision[")
        for item in rule.attributes:
            yield item.attribute, "permit" if rule.permit else "deny", item.matched


def test_engine_and_second_evaluator_agree() -> None:
    seen: Counter[tuple[Any, ...]] = Counter()
    for index in range(CASES):
        case = world(f"{SEED}/{index}")
        try:
            answer, traces = by_engine(case)
        except Exception as fault:
            fault.add_note(f"CONSENT_AGREEMENT_SEED={SEED}, case {index}:\n{laid_out(as_json(case))}")
            raise
        if answer != by_naive(case):
            pytest.fail(f"CONSENT_AGREEMENT_SEED={SEED}, case {index}; the smallest like it:\n{shown(case)}")
        seen.update(met(answer, traces))
    assert {name: seen[name] for name in TO_BE_MET if seen[name] < CASES // 2000} == {}


def test_the_same_seed_gives_the_same_cases() -> None:
    assert [world(f"7/{index}") for index in range(20)] == [world(f"7/{index}") for index in range(20)]
    assert world("7/0") != world("8/0")


def test_a_disagreement_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_labels(rule: naive.Rule, record: dict[str, Any]) -> bool:
        return True

    monkeypatch.setattr(naive, "labelled", without_labels)
    case = smallest(next(found for found in map(world, map(str, range(1000))) if differs(found)))
    (found,), (record,) = case.documents, case.records
    assert set(record) <= {"id", "class", "confidentiality"}
    assert set(found["provision"]) in ({"type", "securityLabel"}, {"type", "provision"})
    assert "securityLabel" in shown(case)


def hl7(concepts: list[dict[str, Any]]) -> dict[str, str]:
    """Child and parent of every code that is not retired."""
    path: list[str] = []
    found = {}
    for concept in concepts:
        path = [*path[: concept["level"]], concept["code"]]
        if concept["level"] and concept["status"] == "active":
            found[concept["code"]] = path[-2]
    return found


@needs_shared
def test_the_second_evaluator_knows_the_codes_of_hl7() -> None:
    lists = json.loads((CODES / "codelists.json").read_text())
    sensitivities = lists["v3-ActCode:InformationSensitivityPolicy"]["concepts"]
    assert hl7(json.loads((CODES / "purposeofuse.json").read_text())) == PURPOSE_PARENT
    assert hl7(sensitivities) == SENSITIVITY_PARENT
    concrete = {item["code"] for item in sensitivities if not item["abstract"] and item["status"] == "active"}
    assert set(SENSITIVITIES) == concrete


def test_no_code_stands_in_both_trees() -> None:
    assert not PURPOSE_PARENT.keys() & SENSITIVITY_PARENT.keys()


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "subject": draw(st.sampled_from(ACTORS)),
        "patient": PATIENT,
        "purposes": draw(chosen(PURPOSES)),
        "emergency": True,
        "at": draw(st.sampled_from(("2024-03-31T22:30:00+00:00", "2025-01-01T04:30:00+00:00"))),
    }


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "id": "r",
        "class": draw(st.sampled_from(("30954-2", "34109-9"))),
        "confidentiality": draw(st.sampled_from("LNRV")),
        "labels": draw(st.lists(st.sampled_from(("PSY", "ETHUD", "HIV")), max_size=2, unique=True)),
        "date": draw(st.sampled_from(DATES)),
        "encounter": draw(st.sampled_from((None, "Encounter/1", "Encounter/2"))),
    }


@examples(60)
@given(st.lists(documents(), max_size=3), documents(), requests(), records())
def test_one_more_consent_never_ends_a_deny(
    found: list[dict[str, Any]], more: dict[str, Any], asked: dict[str, Any], record: dict[str, Any]
) -> None:
    before = decide(compiled(found), request(asked), [facts(record)]).outcome
    after = decide(compiled([*found, more]), request(asked), [facts(record)]).outcome
    assert before is not Outcome.DENY or after is Outcome.DENY
    assert before is Outcome.NO_CONSENT or after is not Outcome.NO_CONSENT


@examples(60)
@given(documents(), requests(), records(), records())
def test_a_record_is_decided_alone(
    found: dict[str, Any], asked: dict[str, Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    consents = compiled([found])
    together = decide(consents, request(asked), [facts(one), facts({**other, "id": "s"})])
    alone = decide(consents, request(asked), [facts(one)])
    assert together.records[0] == alone.records[0]

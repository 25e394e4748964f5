"""Random documents, requests and records: what the engine answers, the naive evaluator answers too."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.policy.engine import decide
from ledger.policy.explain import explain
from ledger.policy.model import Outcome
from tests.consent.documents import (
    ACTORS,
    CLASSES,
    CODES,
    DATES,
    PATIENT,
    PURPOSES,
    TARGETS,
    chosen,
    documents,
    examples,
)
from tests.policy import naive
from tests.policy.corpus import compiled, facts, request

GROUPS = st.lists(st.lists(st.sampled_from((*CODES, "x|y")), max_size=2, unique=True), max_size=2)
MEMBERS = st.lists(
    st.lists(st.sampled_from((*TARGETS, "urn:uuid:9")), max_size=2, unique=True),
    max_size=2,
    unique_by=frozenset,
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    found = {
        "subject": draw(st.sampled_from(ACTORS)),
        "patient": PATIENT,
        "purposes": draw(chosen(PURPOSES)),
        "action": draw(st.sampled_from(("access", "collect"))),
        "emergency": True,
        "at": draw(
            st.sampled_from(
                ("2024-03-31T22:30:00+00:00", "2025-01-01T04:30:00+00:00", "2026-02-01T00:00:00Z")
            )
        ),
    }
    organisation = draw(st.sampled_from((None, *ACTORS)))
    return found if organisation is None else found | {"organisation": organisation}


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    found = {
        "id": "r",
        "class": draw(st.sampled_from(CLASSES)),
        "confidentiality": draw(st.sampled_from("LNRV")),
        "labels": draw(st.lists(st.sampled_from(("SPI", "PSY", "ETHUD", "HIV")), max_size=2, unique=True)),
        "codes": draw(GROUPS),
        "resources": draw(MEMBERS),
        "references": draw(st.lists(st.sampled_from(TARGETS), max_size=2, unique=True)),
        "authors": draw(
            st.lists(st.sampled_from(("Practitioner/x", "Practitioner/y")), max_size=2, unique=True)
        ),
        "encounter": draw(st.sampled_from((None, "Encounter/1", "Encounter/2"))),
        "date": draw(st.sampled_from((None, *DATES))),
    }
    return {name: value for name, value in found.items() if value is not None}


@examples(300)
@given(st.lists(documents(), min_size=1, max_size=3), requests(), records())
def test_engine_and_naive_evaluator_agree(
    found: list[dict[str, Any]], asked: dict[str, Any], record: dict[str, Any]
) -> None:
    consents = compiled(found)
    decision = decide(consents, request(asked), [facts(record)])
    assert decision.outcome == naive.decide(found, asked, record)
    assert explain(consents, request(asked), facts(record)).outcome == decision.outcome


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

"""What surrounds a decision: organisations, references, obligations, explanations in words."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from ledger.consent import codes
from ledger.consent.document import parse_document
from ledger.errors import InvalidInput
from ledger.ids import Did, consent_id
from ledger.policy.compiler import compile_consent, refusals_of
from ledger.policy.engine import decide, part_of
from ledger.policy.explain import explain
from ledger.policy.index import RecordIndex
from ledger.policy.model import POLICY, Decision, Outcome, RecordFacts, Request
from tests.consent.documents import ORGANISATION, PATIENT, A, B, actor, coding, document, label, record_class
from tests.policy.corpus import compiled, facts, request
from tests.policy.randoms import world

ID = consent_id(bytes(32))
ASKED = Request(subject=A, patient=PATIENT, purposes=("TREAT",), at=datetime(2026, 2, 1, tzinfo=UTC))
LAB = RecordFacts(id="lab", record_class="30954-2", confidentiality="N")


def permit(*who: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return document({"type": "permit", "actor": [actor(item) for item in who], **more})


def test_references_of_actors_can_be_translated_to_dids() -> None:
    found = parse_document(permit("Practitioner/7"))
    plain = compile_consent(ID, found)
    mapped = compile_consent(ID, found, identities={"Practitioner/7": A})
    assert decide([plain], ASKED, [LAB]).outcome is Outcome.NO_CONSENT
    assert decide([mapped], ASKED, [LAB]).outcome is Outcome.PERMIT


def test_a_deny_for_an_organisation_holds_for_its_members() -> None:
    closed = document({"type": "deny", "actor": [actor(ORGANISATION)]})
    consents = [compile_consent(ID, parse_document(found)) for found in (permit(A), closed)]
    assert decide(consents, ASKED, [LAB]).outcome is Outcome.PERMIT
    assert decide(consents, replace(ASKED, organisation=ORGANISATION), [LAB]).outcome is Outcome.DENY


def test_of_the_refusals_of_a_consent_only_its_no_counts() -> None:
    excepting = document(
        {
            "type": "deny",
            "class": [record_class("30954-2")],
            "provision": [{"type": "permit", "actor": [actor(A)]}],
        }
    )
    consent = compile_consent(ID, parse_document(excepting))
    for who, whole, alone in (
        (A, Outcome.PERMIT, Outcome.NO_CONSENT),
        (B, Outcome.DENY, Outcome.DENY),
    ):
        asked = replace(ASKED, subject=Did(who))
        for given, outcome in ((consent, whole), (refusals_of(consent), alone)):
            assert decide([given], asked, [LAB]).outcome is outcome
            assert explain([given], asked, LAB).outcome is outcome
            told = explain([given], asked, LAB).consents[0].outcome or Outcome.NO_CONSENT
            assert told is outcome


def test_an_explanation_says_what_only_partly_fits() -> None:
    def told(record: RecordFacts, *purposes: str, **named: Any) -> str:  # noqa: ANN401
        consent = compile_consent(ID, parse_document(document({"type": "permit", **named})))
        asked = replace(ASKED, purposes=purposes or ("TREAT",))
        return explain([consent], asked, record).words()[-1].partition("match: ")[2]

    marked = replace(LAB, confidentiality="R", labels=frozenset({"HIV", "PSY"}))
    assert told(marked, securityLabel=[label("HIV")]) == (
        "securityLabel is R (private) and HIV (HIV or AIDS) and PSY (psychiatric illness),"
        " not only HIV (HIV or AIDS)"
    )
    assert told(LAB, securityLabel=[label("L"), label("HIV")]) == (
        "securityLabel is N (normal), not both U (open) or L (low), and HIV (HIV or AIDS)"
    )
    assert told(LAB, "TREAT", "HRESCH", purpose=[coding(codes.PURPOSE_SYSTEM, "TREAT")]) == (
        "purpose is TREAT (treating you) and HRESCH (health research), not only TREAT (treating you)"
    )


def test_a_decision_names_its_policy() -> None:
    assert decide([], ASKED, []).policy == POLICY == "deny-overrides/1"


def test_obligations_name_the_permitted_records_and_their_labels_only() -> None:
    consent = compile_consent(
        ID, parse_document(permit(A, provision=[{"type": "deny", "securityLabel": [label("HIV")]}]))
    )
    records = [
        replace(LAB, id="plain"),
        replace(LAB, id="pregnant", labels=frozenset({"PREGNANT"})),
        replace(LAB, id="opioid", labels=frozenset({"OPIOIDUD", "PREGNANT"})),
        replace(LAB, id="denied", labels=frozenset({"ETH", "HIV"})),
    ]
    decision = decide([consent], ASKED, records)
    found = {item.id: (item.type, item.code, item.records, item.labels) for item in decision.obligations}
    assert found == {
        "keep-labels": ("label", "PERSISTLABEL", ("pregnant", "opioid"), ("OPIOIDUD", "PREGNANT")),
        "no-redisclosure": ("refrain", "NORDSCLCD", ("opioid",), ("OPIOIDUD", "PREGNANT")),
        "part2-notice": ("notice", "42CFRPart2", ("opioid",), ("OPIOIDUD", "PREGNANT")),
    }
    assert decision.permitted == ("plain", "pregnant", "opioid")


def test_nothing_is_owed_for_what_is_not_opened() -> None:
    consent = compile_consent(ID, parse_document(permit(B)))
    decision = decide([consent], ASKED, [replace(LAB, labels=frozenset({"ETH"}))])
    assert decision.obligations == ()


def test_a_request_needs_an_offset_in_its_time() -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(ASKED, at=datetime(2026, 2, 1))  # noqa: DTZ001
    assert refused.value.reason == "time_without_offset"


def test_an_explanation_in_words() -> None:
    consent = compile_consent(
        ID, parse_document(permit(A, provision=[{"type": "deny", "securityLabel": [label("PSY")]}]))
    )
    other = compile_consent(consent_id(bytes([255]) * 32), parse_document(permit(B)))
    noted = replace(LAB, labels=frozenset({"PSY"}))
    assert explain([consent, other], ASKED, noted).words() == [
        "DENY: 1 consent denies it.",
        "Consent 0x00000000 denies.",
        "  Consent.provision (permit) matches: actor",
        "  Consent.provision.provision[0] (deny) matches: actor, securityLabel",
        "Consent 0xffffffff says nothing.",
        f"  Consent.provision (permit) does not match: actor is {A}, not {B}",
    ]
    assert (
        explain([other], ASKED, LAB).words()[0]
        == "NO_CONSENT: no consent covers this record for this request."
    )
    unlabelled = replace(LAB, confidentiality=None)
    assert explain([consent], ASKED, unlabelled).words() == ["DENY: the record carries no confidentiality."]


def test_an_explanation_says_nothing_of_another_patients_consent() -> None:
    consent = compile_consent(ID, parse_document(permit(A)))
    trace = explain([consent], replace(ASKED, patient=Did(B)), LAB)
    assert [(item.outcome, item.rules) for item in trace.consents] == [(None, ())]


def test_facts_and_requests_keep_out_of_reprs() -> None:
    shown = repr(LAB) + repr(ASKED)
    assert "30954-2" not in shown
    assert A not in shown


def test_a_part_of_a_decision_is_what_its_records_get_alone() -> None:
    compared = 0
    for number in range(300):
        case = world(f"part {number}")
        consents, index = compiled(case.documents), RecordIndex.of(map(facts, case.records))
        try:
            asked = request(case.request)
        except InvalidInput:
            continue
        whole = decide(consents, asked, index)
        for count in range(1, len(index.ids)):
            for some in combinations(index.ids, count):
                alone = decide(consents, asked, index.among(some))
                assert said(part_of(whole, index.among(some))) == said(alone)
                compared += alone.outcome is not whole.outcome
    assert compared > 20


def said(decision: Decision) -> tuple[object, ...]:
    return decision.outcome, decision.basis, decision.obligations, decision.permitted, decision.records

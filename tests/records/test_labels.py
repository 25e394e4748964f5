"""Which labels and confidentiality a resource gets, and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.records.bundle import read_bundle
from ledger.records.classes import class_of
from ledger.records.labels import Explanation, Labelling, explain_bundle, label_bundle
from ledger.records.resources import Bundle

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def bundle_of(*resources: dict[str, Any]) -> Bundle:
    patient = {"resource": {"resourceType": "Patient", "id": "p"}}
    rest = [{"resource": {"id": f"r{n}", **resource}} for n, resource in enumerate(resources)]
    raw = {"resourceType": "Bundle", "type": "collection", "entry": [patient, *rest]}
    return read_bundle(json.dumps(raw).encode())


def labelled(*resources: dict[str, Any]) -> list[Labelling]:
    bundle = bundle_of(*resources)
    classes = {one.full_url: class_of(one) for one in bundle.resources}
    found = label_bundle(bundle, classes)
    return [found[one.full_url] for one in bundle.resources[1:]]


def condition(system: str, code: str, **members: object) -> dict[str, Any]:
    return {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}, **members}


def secured(*labels: tuple[str, str], **members: object) -> dict[str, Any]:
    security = [{"system": system, "code": code} for system, code in labels]
    return {"resourceType": "Condition", "meta": {"security": security}, **members}


def test_a_sensitive_code_anywhere_in_a_resource_labels_it() -> None:
    deep = {
        "resourceType": "Encounter",
        "reasonCode": [{"coding": [{"system": ICD, "code": "F33.1"}]}],
        "contained": [condition(SNOMED, "86406008")],
    }
    assert labelled(deep) == [Labelling(labels=("BH", "HIV", "MH", "PSY"), confidentiality="R")]


def test_an_ordinary_resource_is_normal_and_without_label() -> None:
    assert labelled(condition(SNOMED, "38341003")) == [Labelling(labels=(), confidentiality="N")]


def test_labels_of_the_source_are_kept_and_add_up() -> None:
    own = secured((ACT_CODE, "GDIS"), (CONFIDENTIALITY, "V"), **{"code": condition(ICD, "B20")["code"]})
    assert labelled(own) == [Labelling(labels=("GDIS", "HIV"), confidentiality="V")]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([(CONFIDENTIALITY, "L")], "L"),
        ([(CONFIDENTIALITY, "L"), (CONFIDENTIALITY, "N")], "N"),
        ([(CONFIDENTIALITY, "L"), (ACT_CODE, "HIV")], "R"),
        ([(CONFIDENTIALITY, "nonsense")], "R"),
        ([("http://hl7.org/fhir/v3/Confidentiality", "V")], "V"),
        ([("urn:oid:2.16.840.1.113883.5.25", " v ")], "V"),
        ([("http://hl7.org/fhir/v3/ActCode", "PSY")], "R"),
        ([(f"{ACT_CODE}|9.0.0", "psy")], "R"),
        ([(ACT_CODE, "NORDSCLCD")], "N"),
        ([("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST")], "N"),
        ([("urn:hospital:labels", "VIP")], "R"),
        ([("", "R")], "R"),
    ],
    ids=str,
)
def test_confidentiality(labels: list[tuple[str, str]], expected: str) -> None:
    assert labelled(secured(*labels))[0].confidentiality == expected


def test_an_unknown_type_is_restricted_unless_its_source_says_otherwise() -> None:
    assert labelled({"resourceType": "Basic"})[0].confidentiality == "R"
    assert labelled({**secured((CONFIDENTIALITY, "N")), "resourceType": "Basic"})[0].confidentiality == "N"


def test_what_was_done_because_of_something_sensitive_is_as_sensitive() -> None:
    diagnosis = condition(ICD, "F33.1")
    prescription = {"resourceType": "MedicationRequest", "reasonReference": [{"reference": "Condition/r0"}]}
    claim = {"resourceType": "Claim", "prescription": {"reference": "MedicationRequest/r1"}}
    visit = {
        "resourceType": "Encounter",
        "diagnosis": [{"condition": {"reference": "Condition/r0/_history/2"}}],
    }
    report = {"resourceType": "DiagnosticReport", "result": [{"reference": "Observation/none"}]}
    found = labelled(diagnosis, prescription, claim, visit, report)
    assert [one.labels for one in found] == [("BH", "MH", "PSY")] * 4 + [()]


@pytest.mark.parametrize("label", ["ETH", "HIV", "PSY", "SDV"])
def test_a_label_that_once_was_a_confidentiality_is_understood(label: str) -> None:
    assert labelled(secured((CONFIDENTIALITY, label)))[0] == Labelling(labels=(label,), confidentiality="R")


def test_an_unknown_type_is_restricted_whatever_its_source_says() -> None:
    invented = {**secured((CONFIDENTIALITY, "L")), "resourceType": "SpecialVisit"}
    assert labelled(invented)[0].confidentiality == "R"


@pytest.mark.parametrize(
    "resource",
    [
        {
            "resourceType": "DocumentReference",
            "securityLabel": [{"coding": [{"system": CONFIDENTIALITY, "code": "V"}]}],
        },
        {"resourceType": "Composition", "confidentiality": "V"},
        {"resourceType": "Encounter", "contained": [{"resourceType": "Composition", "confidentiality": "V"}]},
    ],
    ids=lambda resource: resource["resourceType"],
)
def test_a_label_of_the_source_counts_wherever_fhir_has_one(resource: dict[str, Any]) -> None:
    assert labelled(resource)[0].confidentiality == "V"


@pytest.mark.parametrize(
    "members",
    [
        {"extension": [{"url": "x", "valueCoding": {"system": ICD, "code": "B20"}}]},
        {"extension": [{"url": "x", "extension": [{"url": "y", "valueCodeableConcept": {"text": "HIV"}}]}]},
        {"_onsetString": {"extension": [{"url": "x", "valueString": "since his HIV infection"}]}},
        {"note": [{"text": "HIV positive"}]},
        {"onsetString": "since his HIV infection"},
        {"payload": [{"contentString": "Your HIV test is back"}]},
        {"detail": "interacts with medicine for HIV"},
        {"mitigation": "treat HIV first"},
        {"note": [{"text": "A1c < 7, HIV load > 50"}]},
        {"text": {"status": "generated", "div": "<div>Problem: <b>HIV</b></div>"}},
        {"code": {"text": "HIV"}},
        {"code": {"coding": [{"system": "urn:oid:1.2.3", "code": "17", "display": "HIV disease"}]}},
        {"code": {"coding": [{"system": 7, "code": "B20"}]}},
        {"meta": {"tag": [{"system": ICD, "code": "B20"}]}},
        {"recorder": {"display": "HIV outpatient service"}},
        {"extension": [{"url": "x", "valueCode": "86406008"}]},
        {"text": {"status": "generated", "div": "<div>Infection:&#160;<b>H&#73;V</b></div>"}},
        {"content": [{"attachment": {"contentType": "text/plain", "data": "SElWIHBvc2l0aXZl"}}]},
        {"content": [{"attachment": {"contentType": "Text/HTML", "data": "not base64, but HIV"}}]},
    ],
    ids=str,
)
def test_nothing_sensitive_hides_in_an_odd_place(members: dict[str, Any]) -> None:
    plain = {"resourceType": "Condition", "code": condition(SNOMED, "38341003")["code"]}
    assert labelled({**plain, **members})[0] == Labelling(labels=("HIV",), confidentiality="R")


def test_who_somebody_is_tells_nothing() -> None:
    person = {
        "resourceType": "Practitioner",
        "name": [{"text": "Dr. Heroin Rape", "family": "Heroin"}],
        "address": [{"text": "Methadone Street 1"}],
        "identifier": [{"type": {"text": "HIV"}, "value": "HIV"}],
    }
    assert labelled(person)[0].labels == ()


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Condition/r0"},
        {"reference": "Condition/r0/_history/3"},
        {"reference": "https://ehr.example/fhir/Condition/r0"},
        {"reference": "https://ehr.example/fhir/Condition/r0/_history/3"},
        {"reference": "Condition?identifier=urn:problems|17"},
        {"identifier": {"system": "urn:problems", "value": "17"}},
    ],
    ids=str,
)
def test_a_reason_is_known_by_each_of_its_names(reference: dict[str, Any]) -> None:
    cause = condition(ICD, "B20", identifier=[{"system": "urn:problems", "value": "17"}])
    request = {"resourceType": "MedicationRequest", "reasonReference": [reference]}
    assert labelled(cause, request)[1].labels == ("HIV",)


@pytest.mark.parametrize(
    "element",
    [
        "addresses",
        "basedOn",
        "derivedFrom",
        "evidence",
        "focus",
        "hasMember",
        "partOf",
        "request",
        "supportingInfo",
    ],
)
def test_every_element_that_refers_to_something_sensitive_is_a_reason(element: str) -> None:
    other = {"resourceType": "Observation", element: [{"reference": "Condition/r0"}]}
    hidden = {
        "resourceType": "Observation",
        "extension": [{"url": element, "valueReference": {"reference": "Condition/r0"}}],
    }
    assert {one.labels for one in labelled(condition(ICD, "B20"), other, hidden)} == {("HIV",)}


def test_what_else_happened_at_a_sensitive_visit_stays_ordinary() -> None:
    diagnosis = condition(ICD, "B20", encounter={"reference": "Encounter/r1"})
    visit = {"resourceType": "Encounter", "diagnosis": [{"condition": {"reference": "Condition/r0"}}]}
    pressure = {"resourceType": "Observation", "encounter": {"reference": "Encounter/r1"}}
    letter = {"resourceType": "DocumentReference", "context": {"encounter": [{"reference": "Encounter/r1"}]}}
    found = labelled(diagnosis, visit, pressure, letter)
    assert [one.labels for one in found] == [("HIV",), ("HIV",), (), ()]


def test_a_visit_that_only_a_diagnosis_names_is_not_sensitive_for_that() -> None:
    diagnosis = condition(ICD, "B20", encounter={"reference": "Encounter/r1"})
    assert labelled(diagnosis, {"resourceType": "Encounter"})[1].labels == ()


def test_a_visit_is_as_sensitive_as_where_it_was_and_others_there_are_not() -> None:
    clinic = {"resourceType": "Organization", "name": "Methadone clinic"}
    visit = {"resourceType": "Encounter", "serviceProvider": {"reference": "Organization/r0"}}
    count = {"resourceType": "Observation", "performer": [{"reference": "Organization/r0"}]}
    found = labelled(clinic, visit, count)
    assert [one.labels for one in found] == [("ETH", "OPIOIDUD"), ("ETH", "OPIOIDUD"), ()]


def test_parts_of_a_sensitive_panel_are_sensitive_and_neighbours_of_a_sensitive_result_are_not() -> None:
    part = {"resourceType": "Observation", "code": {"text": "Band p24"}}
    panel = {
        "resourceType": "DiagnosticReport",
        "code": {"coding": [{"system": LOINC, "code": "75622-1"}]},
        "result": [{"reference": "Observation/r0"}],
    }
    assert [one.labels for one in labelled(part, panel)] == [("HIV",), ("HIV",)]
    virus = {"resourceType": "Observation", "code": {"text": "HIV"}}
    mixed = {
        "resourceType": "DiagnosticReport",
        "code": {"text": "Admission tests"},
        "result": [{"reference": "Observation/r0"}, {"reference": "Observation/r1"}],
    }
    assert [one.labels for one in labelled(part, virus, mixed)] == [(), ("HIV",), ("HIV",)]


def test_every_label_has_a_reason() -> None:
    first = condition(ICD, "F33.1", **{"meta": secured((ACT_CODE, "VIP"))["meta"], "note": [{"text": "HIV"}]})
    second = {"resourceType": "Claim", "diagnosis": [{"diagnosisReference": {"reference": "Condition/r0"}}]}
    bundle = bundle_of(first, second)
    found = explain_bundle(bundle, {one.full_url: class_of(one) for one in bundle.resources})
    reasons = {
        full_url: {(one.kind, one.path, one.found, *sorted(one.labels)) for one in explained.reasons}
        for full_url, explained in found.items()
    }
    assert reasons["Condition/r0"] == {
        ("said", "meta.security", "VIP", "VIP"),
        ("code", "code", "F33.1", "BH", "MH", "PSY"),
        ("word", "note.text", "hiv", "HIV"),
    }
    assert reasons["Claim/r1"] == {
        ("because", "diagnosis.diagnosisReference", "", "BH", "HIV", "MH", "PSY", "VIP")
    }
    assert reasons["Patient/p"] == set()
    assert all(covered(explained) for explained in found.values())


def covered(explained: Explanation) -> bool:
    return set(explained.labelling.labels) == {label for one in explained.reasons for label in one.labels}


def test_a_long_chain_of_reasons_is_followed_to_its_end() -> None:
    links = [
        {"resourceType": "Observation", "derivedFrom": [{"reference": f"Observation/r{n + 1}"}]}
        for n in range(2000)
    ]
    last = {"resourceType": "Observation", "code": {"text": "HIV"}}
    assert {one.labels for one in labelled(*links, last)} == {("HIV",)}


def test_resources_that_are_each_other_s_reason_come_to_an_end() -> None:
    first = condition(ICD, "B20", derivedFrom=[{"reference": "Condition/r1"}])
    second = condition(ICD, "F10", derivedFrom=[{"reference": "Condition/r0"}])
    assert {one.labels for one in labelled(first, second)} == {("ETH", "ETHUD", "HIV")}


def test_patients_of_the_shared_data_have_nothing_sensitive(synthea: list[Path]) -> None:
    for path in synthea:
        bundle = read_bundle(path)
        found = label_bundle(bundle, {one.full_url: class_of(one) for one in bundle.resources})
        assert set(found.values()) == {Labelling(labels=(), confidentiality="N")}

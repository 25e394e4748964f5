"""Which class, labels and confidentiality a resource gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.consent.codes import CLASSES, SENSITIVITIES, class_code
from ledger.records.bundle import read_bundle
from ledger.records.classes import CATEGORIES, TYPES, class_of
from ledger.records.labels import Labelling, label_bundle, labels_of_code, value_sets
from ledger.records.resources import Bundle

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


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


@pytest.mark.parametrize(
    ("system", "code", "labels"),
    [
        (ICD, "F33.1", {"PSY", "MH"}),
        (ICD, "F331", {"PSY", "MH"}),
        (ICD, "f33.1", {"PSY", "MH"}),
        ("http://hl7.org/fhir/sid/icd-10", "F20", {"PSY", "MH"}),
        ("urn:oid:2.16.840.1.113883.6.90", "F10.20", {"ETH", "ETHUD"}),
        (ICD, "F52.0", {"PSY", "MH", "SEX"}),
        (ICD, "B20", {"HIV"}),
        (ICD, "A54.01", {"STD", "SEX"}),
        (ICD, "Y07.01", {"SDV", "VIO"}),
        (ICD, "O80", {"PREGNANT", "SEX"}),
        (SNOMED, "86406008", {"HIV"}),
        (SNOMED, "75544000", {"ETH", "OPIOIDUD"}),
        (SNOMED, "370143000", {"PSY", "MH"}),
        (LOINC, "20447-9", {"HIV"}),
        (LOINC, "44261-6", {"MH"}),
        (RXNORM, "36437", {"PSY", "MH"}),
        (ICD, "F17.210", set()),
        (ICD, "I10", set()),
        (ICD, "", set()),
        (SNOMED, "38341003", set()),
        (LOINC, "86406008", set()),
        ("", "86406008", set()),
    ],
)
def test_value_sets_know_sensitive_codes(system: str, code: str, labels: set[str]) -> None:
    assert labels_of_code(system, code) == labels


def test_every_row_of_the_value_sets_is_whole() -> None:
    shipped = value_sets()
    assert shipped.format == "consent-ledger/valuesets/1"
    assert len({(row.system, row.code) for row in shipped.rows}) == len(shipped.rows)
    for row in shipped.rows:
        assert row.system in shipped.systems
        assert row.match == ("prefix" if row.system == ICD else "exact")
        assert row.labels == tuple(sorted(set(row.labels)))
        assert all(label in SENSITIVITIES for label in row.labels)
        assert row.meaning
        assert row.source


def test_every_kind_of_sensitive_data_that_is_promised_has_codes() -> None:
    given = {label for row in value_sets().rows for label in row.labels}
    assert {"ETH", "SUD", "PSY", "MH", "HIV", "SEX", "STD", "SDV", "VIO"} <= given


def test_a_sensitive_code_anywhere_in_a_resource_labels_it() -> None:
    deep = {
        "resourceType": "Encounter",
        "reasonCode": [{"coding": [{"system": ICD, "code": "F33.1"}]}],
        "contained": [condition(SNOMED, "86406008")],
    }
    assert labelled(deep) == [Labelling(labels=("HIV", "MH", "PSY"), confidentiality="R")]


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
        ([(CONFIDENTIALITY, "nonsense")], "N"),
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
    assert [one.labels for one in found] == [("MH", "PSY")] * 4 + [()]


def test_resources_that_are_each_other_s_reason_come_to_an_end() -> None:
    first = condition(ICD, "B20", derivedFrom=[{"reference": "Condition/r1"}])
    second = condition(ICD, "F10", derivedFrom=[{"reference": "Condition/r0"}])
    assert {one.labels for one in labelled(first, second)} == {("ETH", "ETHUD", "HIV")}


def test_a_subject_is_no_reason() -> None:
    note = {"resourceType": "Observation", "focus": [{"reference": "Condition/r0"}]}
    assert labelled(condition(ICD, "B20"), note)[1].labels == ()


@pytest.mark.parametrize(
    ("resource", "word"),
    [
        ({"resourceType": "Patient"}, "demographics"),
        ({"resourceType": "Practitioner"}, "directory"),
        ({"resourceType": "Claim"}, "billing"),
        ({"resourceType": "ExplanationOfBenefit"}, "billing"),
        ({"resourceType": "Goal"}, "goals"),
        ({"resourceType": "Basic"}, "other"),
        ({"resourceType": "Observation"}, "other"),
        ({"resourceType": "Observation", "category": [{"coding": [{"code": "exotic"}]}]}, "other"),
        ({"resourceType": "Observation", "category": [{"text": "laboratory"}]}, "other"),
        ({"resourceType": "Observation", "category": [{"coding": [{"code": "vital-signs"}]}]}, "vitals"),
        ({"resourceType": "Observation", "category": [{"coding": [{"code": "survey"}]}]}, "social"),
        (
            {
                "resourceType": "Observation",
                "category": [
                    {"coding": [{"code": "exotic"}, {"code": "laboratory"}]},
                    {"coding": [{"code": "exam"}]},
                ],
            },
            "labs",
        ),
        ({"resourceType": "DiagnosticReport", "category": [{"coding": [{"code": "LAB"}]}]}, "labs"),
        ({"resourceType": "DiagnosticReport", "category": [{"coding": [{"code": "RAD"}]}]}, "imaging"),
        ({"resourceType": "Condition", "category": [{"coding": [{"code": "laboratory"}]}]}, "problems"),
    ],
    ids=str,
)
def test_class(resource: dict[str, Any], word: str) -> None:
    entry = {"resource": {"id": "x", **resource}}
    others = (
        []
        if resource["resourceType"] == "Patient"
        else [{"resource": {"resourceType": "Patient", "id": "p"}}]
    )
    raw = {"resourceType": "Bundle", "type": "collection", "entry": [entry, *others]}
    assert class_of(read_bundle(json.dumps(raw).encode()).resources[0]) == class_code(word)


def test_every_class_but_other_has_resources() -> None:
    assert set(TYPES.values()) | set(CATEGORIES.values()) | {class_code("other")} == set(CLASSES)


def test_patients_of_the_shared_data_have_nothing_sensitive(synthea: list[Path]) -> None:
    for path in synthea:
        bundle = read_bundle(path)
        found = label_bundle(bundle, {one.full_url: class_of(one) for one in bundle.resources})
        assert set(found.values()) == {Labelling(labels=(), confidentiality="N")}

"""Which class a resource gets: each type of FHIR R4 and each category has one, or is on the list of none."""

import json
import pkgutil
from typing import Any

import pytest
from fhir.resources import R4B

from ledger.consent.codes import CLASSES, LOINC_SYSTEM, class_code
from ledger.records.bundle import read_bundle
from ledger.records.classes import (
    CATEGORIES,
    CATEGORIZED,
    OTHER_CATEGORIES,
    OTHER_TYPES,
    TYPES,
    class_of,
    is_known,
)
from tests.records.checkdigits import is_loinc


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


# The codes of observation-category, of v2-0074 and of the categories of US Core.
OBSERVATION = "activity exam imaging laboratory procedure social-history survey therapy vital-signs"
SECTIONS = (
    "AU BG BLB CG CH CP CT CTH CUS EC EN GE HM ICU IMM LAB MB MCB MYC NMR NMS NRS OSL OT OTH OUS PAR PAT PF "
    "PHR PHY PT RAD RC RT RUS RX SP SR TX URN VR VUS XRC"
)
US_CORE = (
    "care-experience-preference clinical-note clinical-test cognitive-status disability-status "
    "functional-status observation-adi-documentation sdoh "
    "treatment-intervention-preference LP29684-5 LP29708-2 LP7839-6"
)


def test_every_category_is_in_a_class_or_on_the_list_of_none() -> None:
    codes = {*OBSERVATION.split(), *SECTIONS.split(), *US_CORE.split()}
    assert codes == set(CATEGORIES) | OTHER_CATEGORIES
    assert not set(CATEGORIES) & OTHER_CATEGORIES


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("sdoh", "social"),
        ("functional-status", "other"),
        ("disability-status", "other"),
        ("cognitive-status", "other"),
        ("clinical-test", "procedures"),
        ("clinical-note", "notes"),
        ("LP29684-5", "imaging"),
        ("LP29708-2", "procedures"),
        ("LP7839-6", "labs"),
        ("URN", "labs"),
        ("PHR", "medications"),
        ("OTH", "other"),
    ],
)
def test_a_category_decides(code: str, word: str) -> None:
    for name in CATEGORIZED:
        test_class({"resourceType": name, "category": [{"coding": [{"code": code}]}]}, word)


def test_every_type_of_fhir_r4_is_in_a_class_or_on_the_list_of_none() -> None:
    known = set(TYPES) | OTHER_TYPES | set(CATEGORIZED)
    assert len(known) == len(TYPES) + len(OTHER_TYPES) + len(CATEGORIZED) == 146
    modules = {module.name for module in pkgutil.iter_modules(R4B.__path__)}
    gone_after_r4 = {name for name in known if name.lower() not in modules}
    assert all(name in OTHER_TYPES for name in gone_after_r4)
    assert all(map(is_known, known))
    assert not any(map(is_known, ("Citation", "Ingredient", "SpecialVisit", "patient", "", "DomainResource")))


def test_the_classes_are_those_of_the_conventions() -> None:
    shown = {entry.word: entry.code for entry in CLASSES.values() if entry.system == LOINC_SYSTEM}
    assert shown == {
        "labs": "30954-2",
        "vitals": "8716-3",
        "problems": "11450-4",
        "medications": "10160-0",
        "immunizations": "11369-6",
        "procedures": "47519-4",
        "encounters": "46240-8",
        "allergies": "48765-2",
        "imaging": "18748-4",
        "plan": "18776-5",
        "goals": "61146-7",
        "social": "29762-2",
        "notes": "34109-9",
        "billing": "48768-6",
    }
    assert all(map(is_loinc, shown.values()))
    assert set(CLASSES) - set(shown.values()) == {"demographics", "directory", "devices", "other"}


def test_every_class_but_other_has_resources() -> None:
    assert set(TYPES.values()) | set(CATEGORIES.values()) | {class_code("other")} == set(CLASSES)

"""`consent record labels`: what resources would be marked as, and why, without a profile or a gateway."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.shapes.labels import LabelsMeasured, LabelsShown
from ledger.data import read
from ledger.records.valuesets import GROUPS
from tests.cli.support import Consent

SHARED = Path(__file__).parents[3] / "shared" / "data" / "synthea-r4"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"

DIAGNOSIS = {
    "resourceType": "Condition",
    "id": "c",
    "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VIP"}]},
    "code": {"coding": [{"system": ICD, "code": "B20", "display": "Some name"}]},
    "note": [{"text": "reports domestic violence"}],
}
VISIT = {"resourceType": "Encounter", "diagnosis": [{"condition": {"reference": "Condition/c"}}]}
PULSE = {
    "resourceType": "Observation",
    "category": [{"coding": [{"code": "vital-signs"}]}],
    "code": {"text": "Pulse"},
}


def saved(place: Path, *resources: dict[str, Any]) -> Path:
    path = place / "records.json"
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": one} for one in resources],
    }
    path.write_text(json.dumps(resources[0] if len(resources) == 1 else bundle))
    return path


def test_every_resource_is_shown_with_its_marks_and_their_reasons(consent: Consent, tmp_path: Path) -> None:
    ran = consent("record", "labels", saved(tmp_path, DIAGNOSIS, VISIT, PULSE), "--json")
    assert ran.code == 0, ran.err
    (file,) = ran.shape(LabelsShown).files
    diagnosis, visit, pulse = file.resources
    assert file.sensitive == 2
    assert (diagnosis.name, diagnosis.title, diagnosis.record_class) == (
        "Condition/c",
        "Some name",
        "problems",
    )
    assert (diagnosis.confidentiality, diagnosis.labels) == ("R", ["HIV", "SDV", "VIO", "VIP"])
    said, code, word = diagnosis.reasons
    assert (said.kind, said.found, said.labels) == ("said", "VIP", ["VIP"])
    assert (code.kind, code.found, code.system, code.meaning) == ("code", "B20", ICD, "HIV disease")
    assert code.source.startswith("ICD-10-CM, FY 2026")
    assert (word.kind, word.found, word.path) == ("word", "domestic violence", "note.text")
    assert (visit.name, visit.labels) == ("Encounter 2", diagnosis.labels)
    assert [(one.kind, one.cause, one.path) for one in visit.reasons] == [
        ("because", "Condition/c", "diagnosis.condition")
    ]
    assert (pulse.record_class, pulse.confidentiality, pulse.labels) == ("vitals", "N", [])


def test_people_read_what_is_marked_and_why_and_what_the_marks_mean(consent: Consent, tmp_path: Path) -> None:
    path = saved(tmp_path, DIAGNOSIS, VISIT, PULSE)
    ran = consent("record", "labels", path)
    assert ran.out.splitlines() == [
        f"{path}: 3 resources, 2 marked sensitive",
        "",
        "  Some name (Condition/c)",
        "    problems, R HIV SDV VIO VIP: labelled sensitive",
        "      VIP: said by the source, in meta.security",
        "      HIV: B20 in code: HIV disease (ICD-10-CM, FY 2026, chapter 1)",
        "      SDV VIO: the word 'domestic violence' in note.text: violence at home",
        "",
        "  Encounter 2",
        "    encounters, R HIV SDV VIO VIP: labelled sensitive",
        "      HIV SDV VIO VIP: because of Condition/c, in diagnosis.condition",
        "",
        "  Ordinary, N: 1 vitals",
        "",
        "Marks",
        "  R    private",
        "  HIV  HIV or AIDS",
        "  SDV  sexual assault, abuse or violence at home",
        "  VIO  harm by violence",
        "  VIP  being a very important person",
    ]


def test_a_part_of_a_panel_and_a_type_that_is_unknown_say_so(consent: Consent, tmp_path: Path) -> None:
    part = {"resourceType": "Observation", "id": "o", "code": {"text": "Band"}}
    panel = {
        "resourceType": "DiagnosticReport",
        "code": {"text": "HIV"},
        "result": [{"reference": "Observation/o"}],
    }
    strange = {"resourceType": "SpecialVisit"}
    out = consent("record", "labels", saved(tmp_path, part, panel, strange)).out
    assert "      HIV: part of DiagnosticReport 2\n" in out
    assert "    other, R: of no common class\n" in out


def test_text_of_a_file_cannot_mislead_the_terminal(consent: Consent, tmp_path: Path) -> None:
    hostile = {**DIAGNOSIS, "id": "\u202ec", "code": {"text": "HIV\x1b[2J\n  Ordinary, N: 1 problems"}}
    out = consent("record", "labels", saved(tmp_path, hostile)).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "  HIV\\u{1b}[2J\\u{a}  Ordinary" in out


def test_a_single_resource_and_several_files_are_taken(consent: Consent, tmp_path: Path) -> None:
    one = saved(tmp_path, DIAGNOSIS)
    other = tmp_path / "supplement.json"
    other.write_bytes(read("supplement.json"))
    files = consent("record", "labels", one, other, "--json").shape(LabelsShown).files
    assert [(file.file, len(file.resources), file.sensitive) for file in files] == [
        (str(one), 1, 1),
        (str(other), 5, 4),
    ]


def test_the_measure_finds_no_miss_and_no_false_mark(consent: Consent) -> None:
    report = consent("record", "labels", "--measure", "--json").shape(LabelsMeasured)
    assert [one.group for one in report.measures if one.label is None] == list(GROUPS)
    for one in report.measures:
        assert (one.found, one.wrongly_marked, one.wrong) == (one.positives, 0, [])
    table = consent("record", "labels", "--measure").out
    assert table.startswith("GROUP ")
    assert f"\nMeasured on {report.resources} resources" in table


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nonsense", "not_json"),
        (b'{"a":1,"a":2}', "not_json"),
        (b"[]", "not_fhir"),
        (b"{}", "not_fhir"),
        (b'{"resourceType":"Bundle","entry":[{"resource":{"id":"x"}}]}', "not_fhir"),
        (b'{"resourceType":"Bundle","entry":[7]}', "not_fhir"),
    ],
)
def test_what_is_no_fhir_is_refused_by_name(
    consent: Consent, tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "records.json"
    path.write_bytes(content)
    ran = consent("record", "labels", path, "--json")
    assert ran.code == 2
    assert ran.answer["error"]["reason"] == reason
    assert "file records.json" in ran.answer["error"]["where"]


@pytest.mark.parametrize("given", [[], ["records.json", "--measure"]])
def test_it_wants_files_or_the_measure(consent: Consent, given: list[str]) -> None:
    ran = consent("record", "labels", *given, "--json")
    assert ran.code == 2
    assert ran.answer["error"]["reason"] == "file_or_measure"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared bundles are not beside the repository")
def test_the_shared_patients_have_nothing_sensitive(consent: Consent) -> None:
    ran = consent("record", "labels", *sorted(SHARED.glob("*.json")), "--json")
    for file in ran.shape(LabelsShown).files:
        assert file.sensitive == 0, file.file
        assert {one.confidentiality for one in file.resources} == {"N"}

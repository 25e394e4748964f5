"""Which bundles are read, and for which reason any other is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import BundleRejected, InvalidInput, NotFound, TooLarge
from ledger.records import bundle as module
from ledger.records.bundle import extract_resources, read_bundle, write_entries
from ledger.records.patient import patient_fingerprint

Entry = dict[str, Any]

PATIENT: Entry = {
    "fullUrl": "urn:uuid:p",
    "resource": {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "urn:mrn", "value": "1"}, {"system": "urn:card", "value": "2"}],
    },
}


def about(**members: object) -> Entry:
    return {"fullUrl": "urn:uuid:o", "resource": {"resourceType": "Observation", "id": "o", **members}}


def text(*entries: object, kind: object = "collection") -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()


def reason(raw: bytes) -> tuple[str, object]:
    with pytest.raises(BundleRejected) as caught:
        read_bundle(raw)
    return caught.value.reason, caught.value.fields.get("entry")


@pytest.mark.parametrize("kind", ["batch", "collection", "document", "searchset", "transaction"])
def test_bundles_that_hold_resources_are_read(kind: str) -> None:
    found = read_bundle(text(PATIENT, about(subject={"reference": "urn:uuid:p"}), kind=kind))
    assert [one.name for one in found.resources] == ["Patient/p", "Observation/o"]
    assert found.patient is found.resources[0]
    assert found.type == kind


@pytest.mark.parametrize("kind", ["history", "batch-response", "message", "", None])
def test_a_bundle_of_another_type_is_rejected(kind: object) -> None:
    assert reason(text(PATIENT, kind=kind)) == ("bundle_type", None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"<Bundle/>",
        b'{"resourceType":"Bundle",',
        text(PATIENT) + b"{}",
        text(PATIENT).replace(b'"type"', b'"type":"batch","type"'),
        text(PATIENT, about(valueQuantity={"value": float("nan")})),
        text(PATIENT).replace(b'"2"', b'"\\ud800"'),
        b"[" * 100 + b"]" * 100,
    ],
)
def test_what_is_not_json_is_rejected(raw: bytes) -> None:
    assert reason(raw) == ("not_json", None)


def test_the_same_resource_twice_in_one_entry_is_rejected() -> None:
    raw = text(PATIENT).replace(b'"resource":', b'"resource":{"resourceType":"Basic"},"resource":')
    assert reason(raw) == ("not_json", None)


@pytest.mark.parametrize("raw", [b"[]", b"1", b"{}", b'{"resourceType":"Patient","id":"p"}'])
def test_json_that_is_no_bundle_is_rejected(raw: bytes) -> None:
    assert reason(raw) == ("not_a_bundle", None)


@pytest.mark.parametrize("entries", [[], [about()]])
def test_a_bundle_without_patient_is_rejected(entries: list[Entry]) -> None:
    assert reason(text(*entries)) == ("no_patient", None)


def test_a_bundle_with_two_patients_is_rejected() -> None:
    second = {"fullUrl": "urn:uuid:q", "resource": {"resourceType": "Patient", "id": "q"}}
    assert reason(text(PATIENT, second)) == ("several_patients", None)


def test_a_patient_without_id_and_identifier_is_rejected() -> None:
    nobody = {"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient", "gender": "female"}}
    assert reason(text(nobody)) == ("unidentified_patient", 0)


@pytest.mark.parametrize(
    "entry",
    [
        7,
        {},
        {"fullUrl": "urn:uuid:o"},
        {"request": {"method": "DELETE", "url": "Observation/o"}},
        {"resource": []},
        {"resource": {"id": "o"}},
        {"resource": {"resourceType": "observation", "id": "o"}},
        {"resource": {"resourceType": "Observation", "id": 5}},
        {"resource": {"resourceType": "Observation", "id": "a\nb"}},
        {"resource": {"resourceType": "Observation"}},
        {"fullUrl": "", "resource": {"resourceType": "Observation", "id": "o"}},
        {"resource": {"resourceType": "Bundle", "id": "o", "type": "collection"}},
        {"resource": {"resourceType": "Parameters", "id": "o"}},
    ],
    ids=str,
)
def test_an_entry_that_is_no_resource_is_rejected(entry: object) -> None:
    assert reason(text(PATIENT, entry)) == ("bad_entry", 1)


def test_a_full_url_that_is_no_text_is_rejected() -> None:
    assert reason(text(PATIENT, {**about(), "fullUrl": 5}))[0] == "bad_entry"


def test_a_full_url_that_comes_twice_is_rejected() -> None:
    assert reason(text(PATIENT, about(), about())) == ("duplicate_full_url", 2)
    unnamed = {"resource": {"resourceType": "Observation", "id": "o"}}
    assert reason(text(PATIENT, unnamed, unnamed)) == ("duplicate_full_url", 2)


def test_a_resource_without_full_url_goes_by_type_and_id() -> None:
    found = read_bundle(text(PATIENT, {"resource": {"resourceType": "Observation", "id": "o"}}))
    assert found.resources[1].full_url == "Observation/o"
    assert found.resources[1].names == ("Observation/o",)


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "urn:uuid:p"},
        {"reference": "Patient/p"},
        {"reference": "Patient/p/_history/3"},
        {"reference": "https://a.example/Patient/p"},
        {"reference": "Patient?identifier=urn:mrn|1"},
        {"identifier": {"system": "urn:card", "value": "2"}},
        {"display": "the patient"},
        {"reference": "Group/1"},
        {"reference": "urn:uuid:elsewhere", "type": "Device"},
    ],
    ids=str,
)
def test_resources_about_the_patient_or_about_no_patient_are_read(subject: Entry) -> None:
    assert len(read_bundle(text(PATIENT, about(subject=subject))).resources) == 2


@pytest.mark.parametrize("element", ["subject", "patient", "beneficiary", "for"])
@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "urn:uuid:q"},
        {"reference": "Patient/q"},
        {"reference": "https://a.example/Patient/q"},
        {"reference": "Patient?identifier=urn:mrn|9"},
        {"reference": "#contained"},
        {"identifier": {"system": "urn:mrn", "value": "9"}},
        {"reference": "Patient/p", "identifier": {"system": "urn:mrn", "value": "9"}},
        {"reference": "Patient/q", "type": "Patient"},
    ],
    ids=str,
)
def test_a_resource_about_another_patient_is_rejected(element: str, subject: Entry) -> None:
    assert reason(text(PATIENT, about(**{element: subject}))) == ("other_patient", 1)
    assert reason(text(PATIENT, about(**{element: [subject]}))) == ("other_patient", 1)


def test_a_patient_contained_in_a_resource_is_another_patient() -> None:
    contained = [{"resourceType": "Patient", "id": "c"}]
    assert reason(text(PATIENT, about(contained=contained))) == ("other_patient", 1)


def test_a_contained_resource_about_another_patient_is_rejected() -> None:
    contained = [{"resourceType": "ServiceRequest", "id": "c", "subject": {"reference": "Patient/q"}}]
    assert reason(text(PATIENT, about(contained=contained))) == ("other_patient", 1)


def test_the_patient_of_one_server_is_not_that_of_another() -> None:
    here = {**PATIENT, "fullUrl": "https://a.example/Patient/p"}
    read_bundle(text(here, about(subject={"reference": "https://a.example/Patient/p/_history/2"})))
    there = about(subject={"reference": "https://b.example/Patient/p"})
    assert reason(text(here, there)) == ("other_patient", 1)


def test_an_error_tells_nothing_about_the_patient() -> None:
    with pytest.raises(BundleRejected) as caught:
        read_bundle(text(PATIENT, about(subject={"reference": "Patient/secret-name"})))
    assert "secret" not in str(caught.value.as_dict())
    assert repr(read_bundle(text(PATIENT))).count("urn:mrn") == 0


def test_a_file_is_read_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(text(PATIENT))
    assert read_bundle(path) == read_bundle(text(PATIENT))


def test_a_file_that_is_not_there_or_no_file_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_bundle(tmp_path / "missing.json")
    with pytest.raises(InvalidInput) as caught:
        read_bundle(tmp_path)
    assert caught.value.reason == "not_a_file"
    assert caught.value.message == f"the path {tmp_path} is a directory"


def test_a_bundle_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BUNDLE", 1000)
    path = tmp_path / "bundle.json"
    path.write_bytes(text(PATIENT) + b" " * 1000)
    with pytest.raises(TooLarge):
        read_bundle(path)


def fingerprint(change: Callable[[Entry], None]) -> bytes:
    entry = json.loads(json.dumps(PATIENT))
    change(entry["resource"])
    return patient_fingerprint(read_bundle(text(entry)))


def test_the_fingerprint_tells_persons_apart_and_nothing_else() -> None:
    same = fingerprint(lambda _: None)
    assert same == fingerprint(lambda patient: patient["identifier"].reverse())
    assert same == fingerprint(lambda patient: patient.update(gender="female", name=[{"family": "New"}]))
    others = {
        fingerprint(lambda patient: patient.update(id="q")),
        fingerprint(lambda patient: patient["identifier"].pop()),
        fingerprint(lambda patient: patient["identifier"][0].update(value="3")),
        fingerprint(lambda patient: patient["identifier"][0].update(system="urn:other")),
    }
    assert len(others | {same}) == 5


def test_exact_bytes_go_through_writing_and_extracting() -> None:
    entries = [
        ("urn:uuid:1", b'{"a": 170.0,  "b":1.50e+2 }'),
        ('https://x.example/\u00e9"\\', b'{\n"c": "\\u00e9\xc3\xa9" }'),
    ]
    written = write_entries(entries)
    assert extract_resources(written) == entries
    assert json.loads(written)["type"] == "collection"


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b'{"entry":[{}]}', b'{"entry":[{"fullUrl":"a"}]}', b'{"entry":[{"resource":{}}]}']
)
def test_nothing_is_extracted_from_anything_else(raw: bytes) -> None:
    with pytest.raises(BundleRejected):
        extract_resources(raw)

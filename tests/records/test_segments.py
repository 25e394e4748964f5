"""Bundles become segments: every resource once, byte for byte, among its like."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.consent.codes import class_code
from ledger.errors import InvalidInput
from ledger.ids import Did
from ledger.records import segments
from ledger.records.bundle import extract_resources, read_bundle
from ledger.records.resources import Bundle
from ledger.records.samples import sample_bundle
from ledger.records.segments import Segment, segment


def observations(*members: dict[str, Any]) -> Bundle:
    patient = {"resource": {"resourceType": "Patient", "id": "p"}}
    base = {
        "resourceType": "Observation",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "encounter": {"reference": "Encounter/1"},
        "performer": [{"reference": "Practitioner/1"}],
        "effectiveDateTime": "2024-01-01T10:00:00Z",
    }
    rest = [{"resource": {**base, "id": f"o{n}", **own}} for n, own in enumerate(members)]
    raw = {"resourceType": "Bundle", "type": "collection", "entry": [patient, *rest]}
    return read_bundle(json.dumps(raw).encode())


def contents(found: list[Segment]) -> list[tuple[str, bytes]]:
    return [pair for one in found for pair in extract_resources(one.plaintext)]


def require_all_bytes(bundle: Bundle, source: bytes, found: list[Segment]) -> None:
    got = contents(found)
    assert sorted(got) == sorted((one.full_url, one.raw) for one in bundle.resources)
    assert all(source.count(raw) == 1 for _, raw in got)


def test_every_resource_of_the_sample_is_in_one_segment_byte_for_byte(bundle: Bundle, patient: Did) -> None:
    found = segment(bundle, patient)
    require_all_bytes(bundle, sample_bundle(), found)
    together = b"".join(one.plaintext for one in found)
    for number in (b"170.0", b"72.50", b"5.80e1", b"0.90", b"1.870E2", b"129.60", b"Zo\\u00eb", "ß".encode()):
        assert number in together


def test_every_resource_of_the_shared_data_is_in_one_segment_byte_for_byte(
    synthea: list[Path], patient: Did
) -> None:
    for path in synthea:
        bundle = read_bundle(path)
        require_all_bytes(bundle, path.read_bytes(), segment(bundle, patient))


def test_the_same_bundle_gives_the_same_segments(bundle: Bundle, patient: Did) -> None:
    again = segment(read_bundle(sample_bundle()), patient)
    assert again == segment(bundle, patient)


def test_resources_that_share_everything_share_a_segment(patient: Did) -> None:
    _, labs = segment(observations({}, {"code": {"coding": [{"code": "x"}]}}, {}), patient)
    assert len(extract_resources(labs.plaintext)) == 3
    assert labs.header.codes == (("|laboratory",), ("|laboratory", "|x"))
    assert labs.header.resources == (("Observation/o0",), ("Observation/o1",), ("Observation/o2",))
    assert labs.header.record_class == class_code("labs")
    assert (labs.header.date, labs.header.encounter) == ("2024-01-01", "Encounter/1")
    assert labs.header.authors == ("Practitioner/1",)
    assert labs.header.references == ("Encounter/1", "Practitioner/1")
    assert labs.header.size == len(labs.plaintext)
    assert (labs.header.kind, labs.header.compression) == ("fhir-segment", "zstd")


@pytest.mark.parametrize(
    "own",
    [
        {"category": [{"coding": [{"code": "vital-signs"}]}]},
        {"encounter": {"reference": "Encounter/2"}},
        {"performer": [{"reference": "Practitioner/2"}]},
        {"performer": [{"reference": "Practitioner/1"}, {"reference": "Practitioner/2"}]},
        {"effectiveDateTime": "2024-01-02T10:00:00Z"},
        {"effectiveDateTime": "2024-01"},
        {
            "meta": {
                "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]
            }
        },
        {
            "meta": {
                "security": [
                    {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}
                ]
            }
        },
    ],
    ids=str,
)
def test_a_difference_that_the_policy_may_see_parts_segments(patient: Did, own: dict[str, Any]) -> None:
    assert len(segment(observations({}, own), patient)) == 3


def test_segments_come_in_the_order_of_their_first_member(patient: Did) -> None:
    later = {"effectiveDateTime": "2030-01-01"}
    found = segment(observations(later, {}, later), patient)
    assert [one.header.date for one in found] == [None, "2030-01-01", "2024-01-01"]
    assert [name for name, _ in extract_resources(found[1].plaintext)] == ["Observation/o0", "Observation/o2"]


def test_a_very_large_group_is_cut(patient: Did, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MAX_MEMBERS", 2)
    sizes = [len(extract_resources(one.plaintext)) for one in segment(observations(*[{}] * 5), patient)]
    assert sizes == [1, 2, 2, 1]


def test_a_segment_is_a_fhir_collection(bundle: Bundle, patient: Did) -> None:
    for one in segment(bundle, patient):
        value = json.loads(one.plaintext)
        assert (value["resourceType"], value["type"]) == ("Bundle", "collection")
        assert all(entry.keys() == {"fullUrl", "resource"} for entry in value["entry"])


def test_a_segment_shows_nothing_in_its_repr(bundle: Bundle, patient: Did) -> None:
    assert all("Sampleton" not in repr(one) for one in segment(bundle, patient))


def test_a_patient_without_account_is_refused(bundle: Bundle) -> None:
    with pytest.raises(InvalidInput):
        segment(bundle, Did("did:example:1"))

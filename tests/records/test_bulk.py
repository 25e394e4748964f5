"""Resources one a line are a bundle together, byte for byte."""

import pytest

from ledger.records.bulk import bundle_of_lines, is_fhir_lines
from ledger.records.bundle import read_bundle

PATIENT = b'{"resourceType":"Patient","id":"p"}'
PULSE = b'{"resourceType":"Observation", "id":"o","subject":{"reference":"Patient/p"},"value":170.0}'


@pytest.mark.parametrize(
    ("head", "suffix", "is_one"),
    [
        (PATIENT + b"\n" + PULSE + b"\n", ".txt", True),
        (b"\xef\xbb\xbf\r\n" + PATIENT + b"\r\n", ".NDJSON", True),
        (PATIENT, ".json", False),
        (b'{"resourceType":"Bundle"}\n', ".ndjson", False),
        (b'{"time":1}\n{"time":2}\n', ".ndjson", False),
        (PATIENT + b'\n{"cut', ".txt", False),
        (b"", ".ndjson", False),
    ],
)
def test_lines_are_known_by_what_they_hold(head: bytes, suffix: str, is_one: bool) -> None:
    assert is_fhir_lines(head, suffix) is is_one


def test_lines_of_several_files_are_one_bundle_and_stay_as_they_are() -> None:
    bundle = read_bundle(bundle_of_lines([b"\xef\xbb\xbf" + PATIENT, PULSE + b"\r\n\n"]))
    assert [one.raw for one in bundle.resources] == [PATIENT, PULSE]
    assert bundle.patient.id == "p"

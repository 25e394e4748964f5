"""DICOM files are known by what they hold; their header gives what the policy may know, and nobody's name."""

import zlib
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import InvalidInput, NotFound
from ledger.records.dicom import DCM, DicomFile, read_dicom
from tests.records.dicomfiles import DISC, SHIPPED, SR, coded, write_dicom

MARKED = [
    path for path in sorted(SHIPPED.rglob("*")) if path.is_file() and path.read_bytes()[128:132] == b"DICM"
]
UNMARKED = ["ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "rtstruct.dcm"]


def read(path: Path) -> DicomFile:
    found = read_dicom(path)
    assert found is not None
    return found


def fault_of(path: Path) -> str | None:
    try:
        read_dicom(path)
    except InvalidInput as exc:
        return exc.reason
    return None


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.name)
def test_every_shipped_file_with_the_preamble_is_one(path: Path) -> None:
    found = read(path)
    assert found.is_directory == path.name.startswith("DICOMDIR")
    assert found.size == path.stat().st_size


@pytest.mark.parametrize("name", UNMARKED)
def test_a_file_without_preamble_is_known_by_its_storage_class(name: str) -> None:
    assert read(SHIPPED / name).instance is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"DICM",
        b"\x08\x00",
        b"\x08\x00\x16\x00UI\x04\x001.2\x00",
        b"\x08\x00\x05\x00\xff\xff\xff\x7f",
        b"\x02\x00" + bytes(500),
        b"%PDF-1.7",
        b'{"resourceType":"Bundle"}',
    ],
)
def test_nothing_else_is_one_whatever_its_name(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "scan.dcm").write_bytes(raw)
    assert read_dicom(tmp_path / "scan.dcm") is None


def test_a_real_ct_is_imaging_of_its_day_with_its_modality() -> None:
    found = read(SHIPPED / "CT_small.dcm")
    assert (found.record_class, found.date, found.modality) == ("18748-4", "2004-01-19", "CT")
    assert found.codes == (f"{DCM}|CT",)
    assert found.study == "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"
    assert found.series == "1.3.6.1.4.1.5962.1.3.1.1.20040119072730.12322"
    assert found.instance == "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
    assert found.authors == ()


@pytest.mark.parametrize(
    ("name", "record_class"),
    [
        ("test-SR.dcm", "34109-9"),
        ("reportsi.dcm", "34109-9"),
        ("rtplan.dcm", "18748-4"),
        ("waveform_ecg.dcm", "18748-4"),
    ],
)
def test_reports_are_notes_and_all_else_is_imaging(name: str, record_class: str) -> None:
    assert read(SHIPPED / name).record_class == record_class


@pytest.mark.parametrize(
    ("kind", "record_class"),
    [
        ("1.2.840.10008.5.1.4.1.1.104.1", "34109-9"),
        ("1.2.840.10008.5.1.4.1.1.104.2", "34109-9"),
        ("1.2.840.10008.5.1.4.1.1.104.3", "18748-4"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "18748-4"),
        ("1.2.840.10008.5.1.4.1.1.88.67", "18748-4"),
        ("1.2.840.10008.5.1.4.1.1.88.11", "34109-9"),
    ],
)
def test_documents_in_dicom_are_notes(tmp_path: Path, kind: str, record_class: str) -> None:
    assert read(write_dicom(tmp_path / "a", kind=kind)).record_class == record_class


@pytest.mark.parametrize(
    ("elements", "date"),
    [
        ({"StudyDate": "20260503", "SeriesDate": "20260504"}, "2026-05-03"),
        ({"StudyDate": None, "SeriesDate": "20260504", "ContentDate": "20260506"}, "2026-05-04"),
        ({"StudyDate": "", "AcquisitionDate": "20260505"}, "2026-05-05"),
        ({"StudyDate": None, "ContentDate": "20260506"}, "2026-05-06"),
        ({"StudyDate": None}, None),
    ],
)
def test_the_date_is_the_first_that_is_there(tmp_path: Path, elements: dict[str, Any], date: str) -> None:
    assert read(write_dicom(tmp_path / "a", **elements)).date == date


def test_codes_have_the_names_that_fhir_has_for_their_systems(tmp_path: Path) -> None:
    scheme = coded("99HOUSE", "")
    del scheme.CodeValue
    scheme.CodingSchemeUID = "1.2.9"
    path = write_dicom(
        tmp_path / "a",
        ProcedureCodeSequence=[coded("SCT", "241541005"), coded("99HOUSE", "X1"), coded("99OTHER", "Y2")],
        AnatomicRegionSequence=[coded("SCT", "51185008")],
        CodingSchemeIdentificationSequence=[scheme],
    )
    assert read(path).codes == (
        f"{DCM}|CT",
        "http://snomed.info/sct|241541005",
        "http://snomed.info/sct|51185008",
        "urn:oid:1.2.9|X1",
        "|Y2",
    )


def test_authors_are_taken_only_if_they_are_coded_in_a_known_system(tmp_path: Path) -> None:
    scheme = coded("99STAFF", "")
    del scheme.CodeValue
    scheme.CodingSchemeUID = "1.2.8"
    physician, stranger = coded("", ""), coded("", "")
    physician.PersonIdentificationCodeSequence = [coded("99STAFF", "77")]
    stranger.PersonIdentificationCodeSequence = [coded("L", "78")]
    path = write_dicom(
        tmp_path / "a",
        PerformingPhysicianName="Who^Doctor",
        InstitutionName="City Hospital",
        PerformingPhysicianIdentificationSequence=[physician, stranger],
        CodingSchemeIdentificationSequence=[scheme],
    )
    assert read(path).authors == ("urn:oid:1.2.8|77",)


@pytest.mark.parametrize(
    ("elements", "label"),
    [
        ({"StudyDescription": "MRI^alcoholic_neuropathy"}, "ETH"),
        ({"ReasonForTheRequestedProcedure": "HIV-associated encephalopathy"}, "HIV"),
        ({"AdmittingDiagnosesCodeSequence": [coded("I10C", "F20.0", "")]}, "PSY"),
        ({"AdditionalPatientHistory": "schizophrenia"}, "PSY"),
    ],
)
def test_what_the_header_tells_is_labelled_by_the_same_rules(
    tmp_path: Path, elements: dict[str, Any], label: str
) -> None:
    found = read(write_dicom(tmp_path / "a", **elements)).labelling
    assert label in found.labels
    assert found.confidentiality == "R"


def test_the_text_of_a_report_is_looked_at_too(tmp_path: Path) -> None:
    inner, outer = coded("DCM", "121071", "Finding"), coded("DCM", "121070", "Findings")
    inner.TextValue = "Signs of alcohol dependence."
    outer.ContentSequence = [inner]
    found = read(write_dicom(tmp_path / "a", kind=SR, ContentSequence=[outer]))
    assert "ETH" in found.labelling.labels


def test_a_constraint_by_the_source_restricts(tmp_path: Path) -> None:
    plain = write_dicom(tmp_path / "a")
    bound = write_dicom(tmp_path / "b", ConfidentialityConstraintOnPatientDataDescription="VIP")
    assert (read(plain).labelling.confidentiality, read(bound).labelling.confidentiality) == ("N", "R")


def test_pixels_are_not_read(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a")
    small = read(path)
    with path.open("ab") as file:
        file.write(b"\xe0\x7f\x10\x00OW\x00\x00" + (1 << 31).to_bytes(4, "little"))
        file.truncate(file.tell() + (1 << 31))
    assert read(path).codes == small.codes
    assert read(path).size > 1 << 31


def test_zeros_behind_the_end_are_not_read_as_elements(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a")
    small = read(path)
    with path.open("ab") as file:
        file.truncate(1 << 33)
    assert read(path).codes == small.codes


def test_a_deflated_file_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    raw = (SHIPPED / "image_dfl.dcm").read_bytes()
    start = 144 + int.from_bytes(raw[140:144], "little")
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = deflater.compress(bytes(65 << 20)) + deflater.flush()
    (tmp_path / "bomb").write_bytes(raw[:start] + bomb)
    with pytest.raises(InvalidInput) as caught:
        read_dicom(tmp_path / "bomb")
    assert caught.value.reason == "dicom_too_large"
    assert read(SHIPPED / "image_dfl.dcm").modality == "OT"


def test_a_cut_file_is_refused_or_read_as_far_as_it_goes_and_never_fails_otherwise(tmp_path: Path) -> None:
    raw = (DISC / "77654033" / "CT2" / "17106").read_bytes()
    reasons = set()
    for length in range(132, 1500, 7):
        (tmp_path / "cut").write_bytes(raw[:length])
        reasons.add(fault_of(tmp_path / "cut"))
    assert None in reasons
    assert reasons <= {None, "bad_dicom"}


def test_nobody_is_named_in_words_about_it(tmp_path: Path) -> None:
    found = read(write_dicom(tmp_path / "a"))
    assert (found.patient_id, found.patient_name) == ("HOSPITAL-4711", "Alice Maria Miller")
    assert "Alice" not in repr(found)
    assert "4711" not in repr(found)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_dicom(tmp_path / "nope.dcm")

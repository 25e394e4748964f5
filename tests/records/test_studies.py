"""DICOM files as records: a series in one, known by its study, with nothing of whom it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import InvalidInput, UnknownCode
from ledger.ids import Did
from ledger.policy.conditions import About
from ledger.policy.index import RecordIndex
from ledger.records.cid import Codec, cid_of
from ledger.records.dicom import DicomFile, read_dicom
from ledger.records.fileset import MAX_MEMBERS, unpack
from ledger.records.studies import study_records
from tests.records.dicomfiles import DISC, write_dicom


def read(*paths: Path) -> list[DicomFile]:
    return [found for path in paths if (found := read_dicom(path)) is not None and not found.is_directory]


@pytest.fixture
def disc() -> list[DicomFile]:
    """Two studies of one patient as a disc holds them."""
    return read(*(path for path in sorted((DISC / "77654033").rglob("*")) if path.is_file()))


def test_a_series_is_one_record_and_all_know_their_study(disc: list[DicomFile], patient: Did) -> None:
    records = study_records(reversed(disc), patient)
    assert [(one.header.kind, one.header.name, len(one.sources)) for one in records] == [
        ("file", "CR 2001-01-01 series 1.dcm", 1),
        ("file", "CR 2001-01-01 series 2.dcm", 1),
        ("file", "CR 2001-01-01 series 3.dcm", 1),
        ("file-set", "CT 1995-09-03 series 2", 4),
    ]
    for one in records:
        studies = {file.study for file in disc if file.path in one.sources}
        assert {f"urn:oid:{study}" for study in studies} < set(one.header.references)
        assert {f"urn:dicom:uid|urn:oid:{study}" for study in studies} < set(one.header.references)
        assert len(one.header.resources) == len(one.sources)
        assert (one.header.media_type, one.header.compression) == (
            ("application/x-tar" if one.header.kind == "file-set" else "application/dicom"),
            "none",
        )


@pytest.mark.parametrize("meaning", ["instance", "related"])
@pytest.mark.parametrize(
    "name", ["urn:oid:1.2.3.1", "urn:oid:1.2.3.1.1", "urn:dicom:uid|urn:oid:1.2.3.1", "urn:oid:1.2.3.9.1"]
)
def test_a_consent_that_names_a_study_is_about_its_files_and_no_others(
    tmp_path: Path, patient: Did, meaning: str, name: str
) -> None:
    files = read(
        *(write_dicom(tmp_path / str(number), number=number) for number in (1, 2)),
        write_dicom(tmp_path / "3", number=3, StudyInstanceUID="1.2.3.2", SeriesInstanceUID="1.2.3.2.1"),
    )
    records = study_records(files, patient)
    index = RecordIndex.of(one.header.facts(cid_of(Codec.DAG_CBOR, one.header.digest)) for one in records)
    wanted, nothing = frozenset({name}), frozenset[str]()
    one_image = name == "urn:oid:1.2.3.9.1"
    for permit in (True, False):
        about = About(
            instances=wanted if meaning == "instance" else nothing,
            related=wanted if meaning == "related" else nothing,
            authors=nothing,
            permit=permit,
        )
        # What may name an Encounter denies what belongs to none, so both records are denied by it.
        both = meaning == "related" and not permit
        assert about.matching(index) == (0 if one_image and permit else 0b11 if both else 0b01)


def test_the_files_come_back_byte_for_byte(disc: list[DicomFile], patient: Did, tmp_path: Path) -> None:
    (series,) = (one for one in study_records(disc, patient) if one.header.kind == "file-set")
    assert sum(map(len, series.plaintext())) == series.header.size
    unpack(series.plaintext(), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in series.sources
    }


def test_nothing_of_the_patient_is_in_the_header(tmp_path: Path, patient: Did) -> None:
    paths = [
        write_dicom(
            tmp_path / "MILLER_ALICE" / f"4711-{number}.dcm",
            number=number,
            PatientBirthDate="19700102",
            AccessionNumber="ACC-1",
            StudyDescription="Knee of Alice",
        )
        for number in (1, 2)
    ]
    for files in (read(*paths), read(paths[0])):
        (record,) = study_records(files, patient)
        text = record.header.to_bytes().decode().casefold()
        assert not [word for word in ("miller", "alice", "4711", "19700102", "acc-1", "knee") if word in text]


def test_a_file_that_is_more_sensitive_is_a_record_of_its_own(tmp_path: Path, patient: Did) -> None:
    files = read(
        *(write_dicom(tmp_path / str(number), number=number) for number in (1, 2)),
        write_dicom(tmp_path / "3", number=3, ImageComments="HIV-associated"),
    )
    assert [(len(one.sources), one.header.labels) for one in study_records(files, patient)] == [
        (2, ()),
        (1, ("HIV",)),
    ]


def test_marks_are_added_and_a_date_is_given_where_there_is_none(tmp_path: Path, patient: Did) -> None:
    dated, undated = (
        write_dicom(tmp_path / "1", number=1, SeriesInstanceUID="1.2.3.1.1"),
        write_dicom(tmp_path / "2", number=2, SeriesInstanceUID="1.2.3.1.2", StudyDate=None),
    )
    records = study_records(read(dated, undated), patient, labels=["PSY"], date="2026-01")
    assert [(one.header.date, one.header.labels, one.header.confidentiality) for one in records] == [
        ("2026-05-03", ("PSY",), "R"),
        ("2026-01", ("PSY",), "R"),
    ]
    with pytest.raises(UnknownCode):
        study_records(read(dated), patient, labels=["SECRET"])


def test_a_study_with_files_of_two_patients_is_refused(tmp_path: Path, patient: Did) -> None:
    files = read(
        write_dicom(tmp_path / "1", number=1),
        write_dicom(tmp_path / "2", number=2, PatientID="SOMEBODY-ELSE", SeriesInstanceUID="1.2.3.1.2"),
    )
    with pytest.raises(InvalidInput) as caught:
        study_records(files, patient)
    assert caught.value.reason == "study_of_several"
    assert "SOMEBODY" not in f"{caught.value} {caught.value.fields}"


def test_a_long_series_is_cut_into_records_of_a_thousand_files(tmp_path: Path, patient: Did) -> None:
    (one,) = read(write_dicom(tmp_path / "0"))
    count = MAX_MEMBERS + 1
    files = [replace(one, path=tmp_path / f"{index:04}", instance=f"1.2.{index}") for index in range(count)]
    records = study_records(files, patient)
    assert [len(record.sources) for record in records] == [MAX_MEMBERS, 1]
    assert len({record.header.compartment for record in records}) == 1

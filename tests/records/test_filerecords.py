"""Plain files as records."""

from pathlib import Path

import pytest

from ledger.errors import InvalidInput, NotFound, StoreUnavailable, UnknownCode
from ledger.ids import Did
from ledger.records.filerecords import file_pieces, file_record, is_textual


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "blood pressure.csv"
    found.write_bytes(b"day,systolic\n1,120.0\n")
    return found


def test_a_file_is_described_by_itself_and_its_owner(path: Path, patient: Did) -> None:
    header = file_record(
        path,
        patient=patient,
        record_class="vitals",
        media_type="text/csv",
        date="2024-05",
        labels=["SEX", "HIV", "SEX"],
    )
    assert (header.kind, header.name, header.size) == ("file", "blood pressure.csv", 21)
    assert (header.record_class, header.date, header.labels) == ("8716-3", "2024-05", ("HIV", "SEX"))
    assert (header.media_type, header.compression) == ("text/csv", "zstd")
    assert (header.codes, header.resources, header.references, header.authors) == ((), (), (), ())


@pytest.mark.parametrize(
    ("labels", "given", "confidentiality"),
    [
        ([], None, "N"),
        ([], "L", "L"),
        ([], "V", "V"),
        (["HIV"], None, "R"),
        (["HIV"], "N", "R"),
        (["HIV"], "V", "V"),
    ],
)
def test_a_label_makes_a_file_restricted_at_least(
    path: Path, patient: Did, labels: list[str], given: str | None, confidentiality: str
) -> None:
    header = file_record(
        path,
        patient=patient,
        record_class="notes",
        media_type="text/csv",
        labels=labels,
        confidentiality=given,
    )
    assert header.confidentiality == confidentiality


@pytest.mark.parametrize(
    "wrong", [{"record_class": "secrets"}, {"labels": ["NONE"]}, {"confidentiality": "X"}], ids=str
)
def test_a_code_that_no_table_has_is_refused(path: Path, patient: Did, wrong: dict[str, str]) -> None:
    right = {"record_class": "notes", "media_type": "text/csv"}
    with pytest.raises(UnknownCode):
        file_record(path, patient=patient, **{**right, **wrong})


@pytest.mark.parametrize("wrong", [{"date": "yesterday"}, {"media_type": "csv"}], ids=str)
def test_a_value_out_of_its_form_is_refused(path: Path, patient: Did, wrong: dict[str, str]) -> None:
    right = {"record_class": "notes", "media_type": "text/csv"}
    with pytest.raises(InvalidInput):
        file_record(path, patient=patient, **{**right, **wrong})


def test_a_file_that_is_not_there_or_no_file_is_named_so(tmp_path: Path, patient: Did) -> None:
    with pytest.raises(NotFound):
        file_record(tmp_path / "missing", patient=patient, record_class="notes", media_type="text/csv")
    with pytest.raises(NotFound):
        list(file_pieces(tmp_path / "missing"))
    with pytest.raises(StoreUnavailable):
        list(file_pieces(tmp_path))


def test_a_directory_is_no_file(tmp_path: Path, patient: Did) -> None:
    with pytest.raises(InvalidInput):
        file_record(tmp_path, patient=patient, record_class="notes", media_type="text/csv")


@pytest.mark.parametrize(
    ("media_type", "textual"),
    [
        ("text/plain", True),
        ("application/json", True),
        ("application/fhir+json", True),
        ("image/svg+xml", True),
        ("application/dicom", False),
        ("application/pdf", False),
        ("image/png", False),
        ("application/octet-stream", False),
    ],
)
def test_text_is_compressed_and_the_rest_is_not(media_type: str, textual: bool) -> None:
    assert is_textual(media_type) is textual


def test_pieces_of_a_file_are_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 10_000)
    pieces = list(file_pieces(path))
    assert b"".join(pieces) == path.read_bytes()
    assert max(map(len, pieces)) == 1 << 20

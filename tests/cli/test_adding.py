"""Adding directories, images and measurements, through the commands, and reading them back."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.records.samples import sample_bundle
from tests.cli.support import Town
from tests.records.dicomfiles import DISC, SHIPPED, write_dicom

ROWS = [f"2026-05-0{day}T08:0{minute}:00Z,{60 + minute}\n" for day in (3, 4) for minute in range(3)]


@pytest.fixture(scope="module")
def ines(town: Town) -> str:
    """A patient who shares everything with the clinic for treatment."""
    town.newcomer("ines")
    town.introduced("ines", "clinic")
    return "ines"


def add(town: Town, who: str, *arguments: str | Path) -> list[dict[str, Any]]:
    found = town.ok("-p", who, "record", "add", *arguments)["records"]
    assert isinstance(found, list)
    return found


def reason(town: Town, who: str, *arguments: str | Path) -> str:
    return str(town.failed(2, "-p", who, "record", "add", *arguments)["reason"])


def _lines(bundle: bytes) -> list[str]:
    """The resources of a bundle one a line, each named by its type and id."""
    text, entries = bundle.decode(), json.loads(bundle)["entry"]
    for one in (one for one in entries if "fullUrl" in one):
        resource = one["resource"]
        text = text.replace(one["fullUrl"], f"{resource['resourceType']}/{resource['id']}")
    return [json.dumps(one["resource"]) for one in json.loads(text)["entry"]]


def listed(town: Town, who: str) -> list[dict[str, Any]]:
    found = town.ok("-p", who, "record", "list")["records"]
    assert isinstance(found, list)
    return found


def test_a_disc_becomes_a_record_for_each_series_and_is_read_back_byte_for_byte(
    town: Town, ines: str, tmp_path: Path
) -> None:
    disc = tmp_path / "disc"
    shutil.copytree(DISC / "77654033", disc / "77654033")
    shutil.copy(DISC / "DICOMDIR", disc / "DICOMDIR")
    (disc / ".DS_Store").write_text("x")
    foreseen = town.ok("-p", ines, "record", "add", disc, "--dry-run")
    assert [(one["kind"], one["name"], one["date"], one["files"]) for one in foreseen["records"]] == [
        ("file", "CR 2001-01-01 series 1.dcm", "2001-01-01", 1),
        ("file", "CR 2001-01-01 series 2.dcm", "2001-01-01", 1),
        ("file", "CR 2001-01-01 series 3.dcm", "2001-01-01", 1),
        ("file-set", "CT 1995-09-03 series 2", "1995-09-03", 4),
    ]
    assert {Path(one["path"]).name: one["why"] for one in foreseen["skipped"]} == {
        ".DS_Store": "hidden",
        "DICOMDIR": "only a list of DICOM files",
    }
    assert listed(town, ines) == []
    assert len(add(town, ines, disc)) == 4
    granted = ("grant", "--to", "City Hospital", "--purpose", "TREAT", "--yes", "--wait", "seen")
    town.ok("-p", ines, *granted)
    reading = ("-p", "clinic", "read", "ines", "--purpose", "TREAT", "--to", tmp_path / "out")
    read = town.ok(*reading)
    originals = {sha256(path.read_bytes()).hexdigest() for path in (disc / "77654033").rglob("*/*")}
    assert {one["sha256"] for one in read["files"]} == originals
    assert {sha256(Path(one["path"]).read_bytes()).hexdigest() for one in read["files"]} == originals
    series = tmp_path / "out" / "CT 1995-09-03 series 2"
    assert sorted(path.name for path in series.iterdir()) == ["17106", "17136", "17166", "17196"]
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    again = town.run(*reading)
    assert "(4 files)" in again.out
    assert {path: path.read_bytes() for path in before} == before
    assert len([path for path in (tmp_path / "out").rglob("*") if path.is_file()]) == 2 * len(before)


def test_a_consent_can_be_about_one_study(town: Town, tmp_path: Path) -> None:
    town.newcomer("finn")
    ours, other = (
        write_dicom(tmp_path / "1", StudyInstanceUID="1.2.3.1"),
        write_dicom(tmp_path / "2", number=2, StudyInstanceUID="1.2.3.2", SeriesInstanceUID="1.2.3.2.1"),
    )
    add(town, "finn", ours, other)
    choice = ("--to", "City Hospital", "--purpose", "TREAT", "--record", "urn:oid:1.2.3.1")
    town.introduced("finn", "clinic")
    town.ok("-p", "finn", "grant", *choice, "--yes", "--wait", "seen")
    read = town.ok("-p", "clinic", "read", "finn", "--purpose", "TREAT", "--to", tmp_path / "out")
    assert [one["sha256"] for one in read["files"]] == [sha256(ours.read_bytes()).hexdigest()]


def test_a_device_has_a_record_for_each_day(town: Town, ines: str, tmp_path: Path) -> None:
    path = tmp_path / "heart.csv"
    path.write_text("time,bpm\n" + "".join(ROWS))
    made = add(town, ines, path, "--by-day")
    assert [(one["name"], one["date"], one["record_class"]) for one in made] == [
        ("heart.2026-05-03.csv", "2026-05-03", "vitals"),
        ("heart.2026-05-04.csv", "2026-05-04", "vitals"),
    ]
    given = ("--purpose", "TREAT", "--class", "vitals", "--to", tmp_path / "out")
    read = town.ok("-p", "clinic", "read", "ines", *given)
    texts = {one["name"]: Path(one["path"]).read_text() for one in read["files"]}
    assert texts == {
        "heart.2026-05-03.csv": "time,bpm\n" + "".join(ROWS[:3]),
        "heart.2026-05-04.csv": "time,bpm\n" + "".join(ROWS[3:]),
    }


def test_a_bad_row_is_named_by_its_line_and_no_day_is_published(
    town: Town, ines: str, tmp_path: Path
) -> None:
    path = tmp_path / "heart.csv"
    path.write_text("time,bpm\n" + "".join(ROWS) + "05/05/2026,61\n")
    before = listed(town, ines)
    error = town.failed(2, "-p", ines, "record", "add", path, "--by-day")
    assert error["reason"] == "bad_row"
    assert "line 8" in error["message"]
    assert "heart.csv" in error["where"]
    assert listed(town, ines) == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--by-day", "--date", "2026-05-03"], "by_day_options"),
        (["--zone", "Atlantis/Harbour"], "unknown_zone"),
        (["--time-field", "when"], "no_time_field"),
        ([], "class_required"),
    ],
)
def test_what_makes_no_sense_for_measurements_is_refused(
    town: Town, ines: str, tmp_path: Path, options: list[str], expected: str
) -> None:
    path = tmp_path / "heart.csv"
    path.write_text("time,bpm\n" + "".join(ROWS))
    assert reason(town, ines, path, *options) == expected


def test_a_directory_may_have_bundles_images_and_other_files(town: Town, tmp_path: Path) -> None:
    town.newcomer("jack")
    (tmp_path / "all" / "deep").mkdir(parents=True)
    (tmp_path / "all" / "bundle.json").write_bytes(sample_bundle())
    (tmp_path / "all" / "deep" / "letter.pdf").write_text("%PDF")
    shutil.copy(SHIPPED / "test-SR.dcm", tmp_path / "all" / "deep" / "report")
    assert reason(town, "jack", tmp_path / "all") == "class_required"
    assert listed(town, "jack") == []
    made = add(town, "jack", tmp_path / "all", "--class", "notes", "--mark", "PSY")
    plain = [(one["kind"], one["name"], one["record_class"], one["labels"]) for one in made[-2:]]
    assert plain == [
        ("file", "SR 2001-02-13 series 1.dcm", "notes", ["PSY"]),
        ("file", "letter.pdf", "notes", ["PSY"]),
    ]
    assert {one["kind"] for one in made[:-2]} == {"fhir-segment"}
    assert not any("PSY" in one["labels"] for one in made[:-2])


def test_lines_of_fhir_in_several_files_are_one_bundle(town: Town, tmp_path: Path) -> None:
    town.newcomer("hal")
    entries = _lines(sample_bundle())
    (tmp_path / "rest.ndjson").write_text("\n".join(entries[1:]) + "\n")
    assert reason(town, "hal", tmp_path / "rest.ndjson") == "no_patient"
    (tmp_path / "Patient.ndjson").write_text(entries[0] + "\n")
    made = add(town, "hal", tmp_path)
    assert sum(one["resources"] for one in made) == len(entries)


def test_images_of_two_patients_need_the_name_that_both_have(town: Town, tmp_path: Path) -> None:
    town.newcomer("ivy")
    one = write_dicom(tmp_path / "1")
    two = write_dicom(
        tmp_path / "2",
        number=2,
        PatientID="OTHER-1",
        StudyInstanceUID="1.2.3.2",
        SeriesInstanceUID="1.2.3.2.1",
    )
    assert reason(town, "ivy", one, two) == "other_person"
    assert reason(town, "ivy", one, two, "--same-person", "Alice Miller") == "other_name"
    assert len(add(town, "ivy", one, two, "--same-person", "alice maria miller")) == 2
    mixed = write_dicom(tmp_path / "3", number=3, PatientID="OTHER-2")
    assert reason(town, "ivy", one, mixed, "--same-person", "alice maria miller") == "study_of_several"


def test_two_bundles_of_two_persons_in_one_command_are_refused_before_either(
    town: Town, tmp_path: Path
) -> None:
    town.newcomer("jon")
    value = json.loads(sample_bundle())
    (tmp_path / "a.json").write_text(json.dumps(value))
    patient = next(one["resource"] for one in value["entry"] if one["resource"]["resourceType"] == "Patient")
    patient["identifier"] = [{"system": "https://hospital.example/patients", "value": "somebody else"}]
    (tmp_path / "b.json").write_text(json.dumps(value))
    error = town.failed(2, "-p", "jon", "record", "add", tmp_path)
    assert (error["reason"], "b.json" in error["where"]) == ("other_person", True)
    assert listed(town, "jon") == []


def test_what_is_said_of_an_image_must_fit_its_header(town: Town, ines: str) -> None:
    scan = SHIPPED / "CT_small.dcm"
    assert reason(town, ines, scan, "--class", "labs") == "dicom_options"
    assert reason(town, ines, scan, "--media-type", "image/png") == "dicom_options"
    foreseen = town.ok("-p", ines, "record", "add", scan, "--class", "imaging", "--dry-run")["records"]
    assert [one["media_type"] for one in foreseen] == ["application/dicom"]


def test_a_file_that_is_named_twice_is_added_once(town: Town, ines: str, tmp_path: Path) -> None:
    scan = write_dicom(tmp_path / "scan")
    foreseen = town.ok("-p", ines, "record", "add", scan, tmp_path, "--dry-run")["records"]
    assert [one["files"] for one in foreseen] == [1]


def test_the_words_of_a_dry_run_say_that_nothing_is_published(town: Town, ines: str, tmp_path: Path) -> None:
    for number in (1, 2):
        write_dicom(tmp_path / "scans" / f"{number}.dcm", number=number)
    (tmp_path / "scans" / ".x\u202egpj").touch()
    out = town.run("-p", ines, "record", "add", tmp_path / "scans", "--dry-run").out
    assert "CT 2026-05-03 series 1 (2 files)" in out
    assert "1.dcm and 1 more" in out
    assert "1 record. Nothing is published yet." in out
    assert "Skipped" in out
    assert "\u202e" not in out

"""Records through the commands: what is refused, what is kept, what is found to be broken."""

import hashlib
import json
from pathlib import Path

import pytest

from ledger.records.samples import sample_bundle
from tests.cli.support import Ran, Town


@pytest.fixture(scope="module")
def dora(town: Town) -> str:
    """Another patient, with one small record; its CID."""
    town.newcomer("dora")
    scan = town.home / "scan.txt"
    scan.write_text("a picture of a knee\n" * 50)
    added = town.ok("-p", "dora", "record", "add", scan, "--class", "imaging", "--date", "2026-05-03")
    return str(added["records"][0]["root"])


def blocks_of(town: Town, root: str) -> list[Path]:
    """The file of the root block, and of the block below that is its own."""
    return sorted((town.home / "stack" / "blocks").glob(f"??/{root}"))


def test_a_plain_file_is_published_and_read_by_whom_it_is_shared_with(
    town: Town, dora: str, tmp_path: Path
) -> None:
    listed = town.ok("-p", "dora", "record", "list")["records"]
    assert [(one["root"], one["record_class"], one["name"]) for one in listed] == [
        (dora, "imaging", "scan.txt")
    ]
    town.introduced("dora", "clinic")
    town.ok("-p", "dora", "grant", "--to", "City Hospital", "--purpose", "TREAT", "--yes", "--wait", "seen")
    read = town.ok("-p", "clinic", "read", "dora", "--purpose", "TREAT", "--to", tmp_path)
    original = (town.home / "scan.txt").read_bytes()
    assert Path(read["files"][0]["path"]).read_bytes() == original
    assert read["files"][0]["sha256"] == hashlib.sha256(original).hexdigest()
    by_cid = town.ok("-p", "clinic", "read", "dora", "--purpose", "TREAT", "--record", dora)
    assert by_cid["decision"]["permitted"] == [dora]


@pytest.mark.parametrize("name", ["nope.json", "nope.pdf"])
def test_a_file_that_is_not_there_is_named(town: Town, dora: str, tmp_path: Path, name: str) -> None:
    options = [] if name.endswith(".json") else ["--class", "labs"]
    error = town.failed(2, "-p", "dora", "record", "add", tmp_path / name, *options)
    assert error["message"] == f"there is no file {tmp_path / name}"
    assert error["fix"]


@pytest.mark.parametrize("options", [[], ["--class", "labs"]])
def test_a_directory_without_files_is_said_to_be_one(
    town: Town, dora: str, tmp_path: Path, options: list[str]
) -> None:
    place = tmp_path / "x.json"
    place.mkdir()
    (place / ".hidden").write_text("x")
    error = town.failed(2, "-p", "dora", "record", "add", place, *options)
    assert (error["reason"], error["message"]) == ("nothing_to_add", f"there is nothing to add in {place}")


def test_of_several_files_the_one_at_fault_is_named(town: Town, dora: str, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("not json")
    error = town.failed(2, "-p", "dora", "record", "add", tmp_path / "broken.json")
    assert "file broken.json" in error["where"]


def test_a_day_that_is_none_names_its_option_and_form(town: Town, dora: str, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_text("%PDF")
    given = ["--class", "notes", "--date", "2026-13-40"]
    error = town.failed(2, "-p", "dora", "record", "add", tmp_path / "x.pdf", *given)
    assert (error["reason"], error["message"]) == ("bad_date", "'2026-13-40' is no day")
    assert "--date" in error["fix"]
    assert "2026-05-03" in error["fix"]


@pytest.mark.parametrize(
    ("name", "text", "options", "code", "reason"),
    [
        ("x.json", "not json", [], 2, "not_json"),
        ("x.json", '{"resourceType":"Patient"}', [], 2, "not_a_bundle"),
        ("x.json", '{"resourceType":"Bundle","type":"collection","entry":[]}', [], 2, "no_patient"),
        ("x.pdf", "%PDF", [], 2, "class_required"),
        ("x.pdf", "%PDF", ["--class", "gossip"], 2, "unknown_class"),
        ("x.pdf", "%PDF", ["--class", "notes", "--mark", "SECRET"], 2, "unknown_label"),
        ("x.json", '{"resourceType":"Bundle"}', ["--class", "notes"], 2, "bundle_options"),
        ("x.json", '{"resourceType":"Bundle"}', ["--mark", "PSY"], 2, "bundle_options"),
        ("x.json", '{"resourceType":"Bundle"}', ["--date", "2026-05-03"], 2, "bundle_options"),
        ("x.json", '{"resourceType":"Bundle"}', ["--media-type", "text/plain"], 2, "bundle_options"),
        ("x.txt", '{"resourceType":"Bundle"}', ["--class", "notes"], 2, "bundle_options"),
        ("x.txt", '{"resourceType":"Bundle"}', [], 2, "bundle_type"),
    ],
)
def test_what_cannot_be_published_is_not(
    town: Town, dora: str, tmp_path: Path, name: str, text: str, options: list[str], code: int, reason: str
) -> None:
    (tmp_path / name).write_text(text)
    error = town.failed(code, "-p", "dora", "record", "add", tmp_path / name, *options)
    assert error["reason"] == reason
    assert len(town.ok("-p", "dora", "record", "list")["records"]) == 1


def test_a_missing_file_is_said(town: Town, dora: str, tmp_path: Path) -> None:
    assert town.failed(2, "-p", "dora", "record", "add", tmp_path / "no.json")["reason"] == "file_missing"


def test_a_bundle_of_another_person_is_refused(town: Town, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(_with_other_identifier(sample_bundle()))
    before = town.ok("-p", "alice", "record", "list")
    assert town.failed(2, "-p", "alice", "record", "add", other)["reason"] == "other_person"
    add = ("-p", "alice", "record", "add", other)
    for name in ("", "same person", "Zoë", "y"):
        assert town.failed(2, *add, "--same-person", name, "--yes")["reason"] == "other_name"
    assert town.ok("-p", "alice", "record", "list") == before


def test_a_bundle_of_another_patient_who_is_the_same_person_needs_the_name(
    town: Town, tmp_path: Path
) -> None:
    town.newcomer("zoe")
    town.ok("-p", "zoe", "record", "add", town.home / "bundle.json")
    other = tmp_path / "other.json"
    other.write_bytes(_with_other_identifier(sample_bundle()))
    error = town.failed(2, "-p", "zoe", "record", "add", other, "--yes")
    assert error["reason"] == "other_person"
    assert "--same-person NAME" in error["fix"]
    assert town.ok("-p", "zoe", "record", "add", other, "--same-person", "zoë ida sampleton")["records"]


def test_nothing_of_several_files_is_published_if_one_is_refused(
    town: Town, dora: str, tmp_path: Path
) -> None:
    (tmp_path / "scan.txt").write_text("a picture of an elbow")
    (tmp_path / "bundle.json").write_bytes(sample_bundle())
    add = ("-p", "dora", "record", "add", tmp_path / "scan.txt", tmp_path / "bundle.json")
    error = town.failed(2, *add, "--class", "imaging")
    assert error["reason"] == "bundle_options"
    assert "bundle.json" in error["message"]
    assert [one["root"] for one in town.ok("-p", "dora", "record", "list")["records"]] == [dora]


def test_nothing_of_several_bundles_is_published_if_one_has_no_patient(
    town: Town, dora: str, tmp_path: Path
) -> None:
    (tmp_path / "whole.json").write_bytes(sample_bundle())
    (tmp_path / "none.json").write_text('{"resourceType":"Bundle","type":"collection","entry":[]}')
    error = town.failed(2, "-p", "dora", "record", "add", tmp_path / "whole.json", tmp_path / "none.json")
    assert error["reason"] == "no_patient"
    assert "none.json" in error["where"]
    assert [one["root"] for one in town.ok("-p", "dora", "record", "list")["records"]] == [dora]


def test_a_cid_that_is_cut_is_refused_before_anything_is_asked(town: Town, dora: str) -> None:
    before = town.ok("-p", "dora", "patient", "history")["disclosures"]
    for cid in (dora[:12], dora[:-1], dora.upper(), ""):
        error = town.failed(2, "-p", "clinic", "read", "dora", "--purpose", "TREAT", "--record", cid)
        assert error["reason"] == "bad_cid"
    assert town.ok("-p", "dora", "patient", "history")["disclosures"] == before


def test_what_was_read_is_not_written_over_what_was_read_before(town: Town, tmp_path: Path) -> None:
    filed = town.ok(
        "-p", "alice", "grant", "--to", "City Hospital", "--purpose", "TREAT", "--yes", "--wait", "seen"
    )
    read = ("-p", "clinic", "read", "alice", "--purpose", "TREAT", "--class", "labs", "--to", tmp_path)
    first = town.ok(*read)
    (tmp_path / "records.json").write_text("mine")
    second = town.ok(*read)
    assert first["saved"] != second["saved"]
    assert (tmp_path / "records.json").read_text() == "mine"
    assert Path(second["saved"]).stat().st_size > 0
    town.ok("-p", "alice", "revoke", filed["consent"], "--yes")


def fault_of(ran: Ran, code: int) -> tuple[str, str]:
    """The one record that did not open in a reading that ends so."""
    assert (ran.code, ran.answer["records"]) == (code, 0)
    (fault,) = ran.answer["faults"]
    return fault["root"], fault["code"]


def test_a_block_that_does_not_match_its_cid_is_found_and_nobody_is_given_it(
    town: Town, dora: str, tmp_path: Path
) -> None:
    assert town.ok("-p", "dora", "record", "verify")["ok"]
    (block,) = blocks_of(town, dora)
    reading = ("-p", "clinic", "read", "dora", "--purpose", "TREAT", "--to", tmp_path / "out")
    whole = block.read_bytes()
    block.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        ran = town.run("-p", "dora", "record", "verify", "--json")
        assert ran.code == 10
        assert ran.answer["records"][0]["code"] == "block_corrupt"
        assert fault_of(town.run(*reading, "--json"), 10) == (dora, "block_corrupt")
        assert list((tmp_path / "out").iterdir()) == []
        block.unlink()
        assert fault_of(town.run(*reading, "--json"), 12) == (dora, "block_missing")
    finally:
        block.write_bytes(whole)
    assert town.ok("-p", "dora", "record", "verify", dora)["ok"]


def _with_other_identifier(bundle: bytes) -> bytes:
    """The same bundle with the Patient's identifiers changed."""
    value = json.loads(bundle)
    patient = next(one["resource"] for one in value["entry"] if one["resource"]["resourceType"] == "Patient")
    patient["identifier"] = [{"system": "https://hospital.example/patients", "value": "somebody else"}]
    return json.dumps(value).encode()

"""Records through the commands: what is refused, what is kept, what is found to be broken."""

import hashlib
import json
from pathlib import Path

import pytest

from ledger.records.samples import sample_bundle
from tests.cli.support import Town


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


@pytest.mark.parametrize(
    ("name", "text", "options", "code", "reason"),
    [
        ("x.json", "not json", [], 2, "not_json"),
        ("x.json", '{"resourceType":"Patient"}', [], 2, "not_a_bundle"),
        ("x.json", '{"resourceType":"Bundle","type":"collection","entry":[]}', [], 2, "no_patient"),
        ("x.pdf", "%PDF", [], 2, "class_required"),
        ("x.pdf", "%PDF", ["--class", "gossip"], 2, "unknown_class"),
        ("x.pdf", "%PDF", ["--class", "notes", "--mark", "SECRET"], 2, "unknown_label"),
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
    assert town.run("-p", "alice", "record", "add", other, "--same-person").code == 5
    assert town.ok("-p", "alice", "record", "list") == before


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
        error = town.failed(10, *reading)
        assert error["code"] == "block_corrupt"
        assert list((tmp_path / "out").iterdir()) == []
        block.unlink()
        assert town.failed(12, *reading)["code"] == "block_missing"
    finally:
        block.write_bytes(whole)
    assert town.ok("-p", "dora", "record", "verify", dora)["ok"]


def _with_other_identifier(bundle: bytes) -> bytes:
    """The same bundle with the Patient's identifiers changed."""
    value = json.loads(bundle)
    patient = next(one["resource"] for one in value["entry"] if one["resource"]["resourceType"] == "Patient")
    patient["identifier"] = [{"system": "https://hospital.example/patients", "value": "somebody else"}]
    return json.dumps(value).encode()

"""Reading where not every record opens: the good ones, what to do about the others, and the exit code."""

from pathlib import Path

from ledger.records.blocks import LocalBlockStore
from ledger.records.cid import Codec, codec_of
from ledger.records.manifest import walk
from tests.cli.support import Town


def test_a_bad_record_is_named_and_the_others_are_read(town: Town, tmp_path: Path) -> None:
    town.newcomer("yvonne")
    town.introduced("yvonne", "clinic")
    roots = []
    for name in ("good.txt", "bad.txt"):
        (tmp_path / name).write_text(name)
        (made,) = town.ok("-p", "yvonne", "record", "add", tmp_path / name, "--class", "notes")["records"]
        roots.append(made["root"])
    town.ok("-p", "yvonne", "grant", "--to", "City Hospital", "--for", "care", "--yes", "--wait", "seen")
    good, bad = roots
    places = town.home / "stack" / "blocks"
    (leaf,) = (cid for cid, _ in walk(bad, LocalBlockStore(places)) if codec_of(cid) is Codec.RAW)
    (path,) = places.rglob(leaf)
    asked = ("-p", "clinic", "read", "yvonne", "--purpose", "TREAT", "--to", tmp_path / "read")

    path.chmod(0o600)
    path.write_bytes(b"something else")
    ran = town.run(*asked)
    assert ran.code == 10
    assert "Allowed: 1 record with 1 file." in ran.out
    assert f"NOT OPENED: {bad}: a block does not hash to its CID" in ran.out
    assert "Nothing of it was saved. Tell the patient" in ran.out
    assert [one.name for one in (tmp_path / "read").iterdir()] == ["good.txt"]

    path.unlink()
    ran = town.run("--json", *asked)
    assert ran.code == 12
    answer = ran.answer
    assert [one["root"] for one in answer["files"]] == [good]
    (fault,) = answer["faults"]
    assert (fault["root"], fault["corrupt"], fault["code"]) == (bad, False, "block_missing")
    assert "record verify --repair" in fault["fix"]

"""`consent record add`, killed or stopped at each moment: what a second run makes of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from ledger.canonical import canonical
from ledger.ids import Cid
from ledger.records.blocks import LocalBlockStore
from ledger.records.manifest import walk
from tests.cli.halting import MOMENTS
from tests.cli.support import VARIABLES, Town
from tests.network import small_bundle

pytestmark = pytest.mark.chain

PATIENCE = 60
REMOTE = {"uploading"}
"""Moments of a client that keeps blocks through the gateway."""


@contextmanager
def halted(town: Town, moment: str, *arguments: str | Path) -> "Iterator[subprocess.Popen[str]]":
    """The command, standing still; it is gone afterwards."""
    given = ["--home", str(town.home), "--passphrase-file", str(town.home / "passphrase"), "--json"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "tests.cli.halting", moment, *given, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name not in VARIABLES},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "halted\n", (line, process.communicate()[1])
        yield process
    finally:
        with process:
            process.kill()


def newcomer(town: Town, moment: str, why: str) -> str:
    """A new patient, who for remote moments knows no place of blocks."""
    name = f"{why}-{moment}"
    if moment not in REMOTE:
        town.newcomer(name)
        return name
    network = json.loads((town.home / "stack" / "network.json").read_bytes())
    del network["blocks"]
    path = town.home / f"{name}.network.json"
    path.write_bytes(canonical(network))
    words = town.home / f"{name}.words"
    town.ok(
        *("-p", name, "identity", "create", "--work-factor", "14", "--words-to", words, "--network", path)
    )
    return name


def staged(town: Town, name: str) -> list[str]:
    """The names of everything in a profile's staging."""
    place = town.home / "profiles" / name / "staged"
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


def blocks(town: Town) -> LocalBlockStore:
    return LocalBlockStore(town.home / "stack" / "blocks")


def listed(town: Town, name: str) -> list[dict[str, Any]]:
    found = town.ok("-p", name, "record", "list")["records"]
    assert isinstance(found, list)
    return found


def described(record: dict[str, Any]) -> str:
    """A record without what differs each time."""
    return json.dumps({key: value for key, value in record.items() if key not in {"root", "source", "files"}})


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.json"
    path.write_bytes(small_bundle("Condition", "Immunization", "Observation"))
    return path


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_the_same_command_publishes_each_record_once(
    town: Town, bundle: Path, moment: str
) -> None:
    who = newcomer(town, moment, "killed")
    before = set(blocks(town).cids())
    with halted(town, moment, "-p", who, "record", "add", bundle) as process:
        process.kill()
        assert process.wait(PATIENCE) == -signal.SIGKILL
    assert staged(town, who) != []
    town.ok("-p", who, "record", "add", bundle)
    records = listed(town, who)
    foreseen = town.ok("-p", who, "record", "add", bundle, "--dry-run")["records"]
    assert sorted(map(described, records)) == sorted(map(described, foreseen))
    assert staged(town, who) == []
    kept = {cid for one in records for cid, _ in walk(Cid(one["root"]), blocks(town))}
    assert set(blocks(town).cids()) - before == kept
    again = town.ok("-p", who, "record", "add", bundle)
    assert (again["records"], again["already"]) == ([], len(records))


def test_what_was_staged_is_not_encrypted_again(town: Town, tmp_path: Path) -> None:
    who = newcomer(town, "uploading", "resumed")
    scan = tmp_path / "scan.bin"
    scan.write_bytes(os.urandom(5 << 20))
    before = set(blocks(town).cids())
    add = ("-p", who, "record", "add", scan, "--class", "imaging")
    with halted(town, "uploading", *add) as process:
        process.kill()
        process.wait(PATIENCE)
    sent = set(blocks(town).cids()) - before
    assert len(sent) == 2
    (record,) = town.ok(*add)["records"]
    assert sent < {cid for cid, _ in walk(Cid(record["root"]), blocks(town))}


@pytest.mark.parametrize("moment", ["encrypting", "noted", "storing", "uploading"])
def test_ctrl_c_before_anything_is_published_leaves_nothing(town: Town, bundle: Path, moment: str) -> None:
    who = newcomer(town, moment, "stopped")
    before = set(blocks(town).cids())
    with halted(town, moment, "-p", who, "record", "add", bundle) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == Exit.INTERRUPTED, (out, err)
    assert staged(town, who) == []
    assert set(blocks(town).cids()) == before
    assert listed(town, who) == []


@pytest.mark.parametrize("moment", ["stored", "sent", "cleaning"])
def test_ctrl_c_while_the_gateway_is_asked_waits_for_its_answer(
    town: Town, bundle: Path, moment: str
) -> None:
    who = newcomer(town, moment, "stopped")
    before = set(blocks(town).cids())
    with halted(town, moment, "-p", who, "record", "add", bundle) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == Exit.INTERRUPTED, (out, err)
    assert staged(town, who) == []
    records = listed(town, who)
    assert records
    kept = {cid for one in records for cid, _ in walk(Cid(one["root"]), blocks(town))}
    assert set(blocks(town).cids()) - before == kept

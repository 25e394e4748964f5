"""An acknowledged append survives SIGKILL, entry and caller's rows together."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from ledger.log.checkpoint import LogKey, open_note
from ledger.log.entry import decode
from ledger.log.journal import Journal
from ledger.log.merkle import root_of
from ledger.log.receipt import Receipt, verify
from ledger.store.database import Database
from ledger.store.tables import patients
from ledger.store.vault import FileDataKeys, Vault

ALICE = b"\xa1" * 20
KILLS = list(islice(cycle((7, 41, 1, 23, 2)), int(os.environ.get("CONSENT_KILLS", "5"))))
"""After how many lines of each child it is killed."""

CHILD = """
import sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests_log_kill import ALICE, open_journal

_, journal = open_journal(Path(sys.argv[1]), sys.argv[3])
out = threading.Lock()

def work():
    number = 0
    while True:
        done = journal.append(ALICE, {"number": number}, within=lambda c, _: journal.bump(c, ALICE))
        if number % 5 == 0:
            journal.receipt(done.index)
        with out:
            print(done.index, done.leaf.hex(), flush=True)
        number += 1

for _ in range(3):
    threading.Thread(target=work).start()
"""


def open_journal(directory: Path, url: str) -> tuple[Database, Journal]:
    database = Database(url)
    vault = Vault(FileDataKeys(directory / "keys", b"w" * 32), b"l" * 32)
    key = LogKey("consent-ledger/1/0xA/0xB", b"s" * 32)
    return database, Journal(database, vault, key, clock=lambda: datetime.now(UTC))


def append_until_killed(directory: Path, url: str, lines: int) -> dict[int, str]:
    """Run a child that appends from three threads; kill it after some lines; index → leaf of what it said."""
    command = [sys.executable, "-c", CHILD.replace("tests_log_kill", Path(__file__).stem), str(directory)]
    command += [str(Path(__file__).parent), url]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - the command line is ours
    assert child.stdout is not None
    with child:
        said = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    whole = [line.split() for line in said if line.endswith("\n")]
    return {int(index): leaf for index, leaf in whole}


def version(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(patients.c.version)).scalar_one())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_an_acknowledged_append_survives_kill_9(tmp_path: Path, url: str) -> None:
    database, _ = open_journal(tmp_path, url)
    FileDataKeys(tmp_path / "keys", b"w" * 32).create(ALICE)
    with database.write() as connection:
        connection.execute(insert(patients).values(tag=ALICE, lookup=bytes(32), version=0, sealed=b""))
    database.close()
    acknowledged: dict[int, str] = {}
    for lines in KILLS:
        said = append_until_killed(tmp_path, url, lines)
        assert len(said) >= lines
        acknowledged |= said
        database, journal = open_journal(tmp_path, url)
        assert journal.damage is None
        entries = journal.entries()
        assert [each.index for each in entries] == list(range(journal.size))
        stored = {each.index: each.leaf.hex() for each in entries}
        assert acknowledged.items() <= stored.items()
        assert version(database) == len(entries), "the caller's rows are there exactly when the entry is"
        assert journal.root() == root_of(each.leaf for each in entries)
        note = journal.last_checkpoint()
        assert note is not None
        assert journal.root(open_note(note, journal.verifier).size) == open_note(note, journal.verifier).root
        require_working(journal)
        database.close()


def require_working(journal: Journal) -> None:
    last = journal.append(ALICE, {"number": -1}, within=lambda c, _: journal.bump(c, ALICE))
    receipt = Receipt.from_json(journal.receipt(last.index).to_json())
    assert verify(receipt, journal.verifier) == decode(last.entry)

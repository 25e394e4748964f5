"""A journal over a real database, with a clock that the test moves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from ledger.log.checkpoint import LogKey
from ledger.log.journal import Journal
from ledger.store.database import Database
from ledger.store.tables import patients
from ledger.store.vault import FileDataKeys, Vault
from tests.databases import Databases

ORIGIN = "consent-ledger/31337/0x5FbDB2315678afecb367f032d93F642f64180aa3/log"
ALICE = b"\xa1" * 20
BOB = b"\xb0" * 20


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default=datetime(2026, 3, 1, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.made()


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def data_keys(tmp_path: Path) -> FileDataKeys:
    return FileDataKeys(tmp_path / "keys", b"w" * 32)


@pytest.fixture
def enrolled(db: Database, data_keys: FileDataKeys) -> None:
    for tag in (ALICE, BOB):
        data_keys.create(tag)
        with db.write() as connection:
            connection.execute(
                insert(patients).values(tag=tag, lookup=tag + bytes(12), version=0, sealed=b"")
            )


@pytest.fixture
def open_journal(
    db: Database,
    data_keys: FileDataKeys,
    clock: Clock,
    enrolled: None,
) -> Callable[[], Journal]:
    """Opens the journal; again gives what a restart would find."""
    vault = Vault(data_keys, b"l" * 32)
    return lambda: Journal(db, vault, LogKey(ORIGIN, b"s" * 32), clock=clock)


@pytest.fixture
def journal(open_journal: Callable[[], Journal]) -> Journal:
    return open_journal()

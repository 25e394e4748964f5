"""A database of PostgreSQL is copied as one transaction sees it, and put back where there is nothing."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ledger.errors import Conflict, StoreUnavailable
from ledger.log.checkpoint import LogKey
from ledger.log.entry import NO_PATIENT
from ledger.log.journal import Journal
from ledger.store import copies
from ledger.store.backlog import backlog
from ledger.store.database import Database
from ledger.store.tables import log_entries
from ledger.store.vault import MemoryDataKeys, Vault
from tests.nodes.postgres import Postgres

pytestmark = pytest.mark.nodes


def journal(database: Database) -> Journal:
    vault = Vault(MemoryDataKeys(), bytes(32))
    return Journal(database, vault, LogKey("log.example/1", bytes(32)), clock=lambda: datetime.now(UTC))


def test_a_copy_is_what_one_transaction_saw_and_comes_back_whole(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    url, other = postgres_server.create(), postgres_server.create_empty()
    database = Database(url)
    log = journal(database)
    log.append(NO_PATIENT, {"kind": "log.opened"})
    with copies.copied(url, tmp_path / "copy") as connection:
        log.append(NO_PATIENT, {"kind": "log.opened"})
        seen = connection.execute(select(func.count()).select_from(log_entries)).scalar_one()
    database.close()
    assert seen == 1
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    copies.put_back(tmp_path / "copy", other)
    restored = Database(other)
    found = journal(restored)
    assert (found.size, found.damage) == (1, None)
    assert found.root(1) == log.root(1)
    restored.close()
    with pytest.raises(Conflict) as caught:
        copies.put_back(tmp_path / "copy", other)
    assert caught.value.reason == "not_empty"


def test_what_is_no_copy_leaves_the_database_empty(postgres_server: Postgres, tmp_path: Path) -> None:
    empty = postgres_server.create_empty()
    (tmp_path / "copy").write_bytes(b"PGDMP and then nothing")
    with pytest.raises(StoreUnavailable):
        copies.put_back(tmp_path / "copy", empty)
    copies.require_empty(empty)


def test_a_relayers_backlog_is_counted_on_postgresql(postgres_server: Postgres) -> None:
    with closing(Database(postgres_server.create())) as database:
        assert backlog(database, 1).oldest is None

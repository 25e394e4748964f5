"""SQLite: a file of its owner's alone, with settings that survive a power loss."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.errors import InvalidInput, StoreUnavailable
from ledger.store.database import Database, upgrade
from ledger.store.sqlite import journal_mode
from ledger.store.tables import patients


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def test_both_kinds_of_connection_have_the_durable_settings(db: Database) -> None:
    expected = journal_mode(sqlite3.sqlite_version_info).lower()
    for transaction in (db.write, db.read):
        with transaction() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == expected
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
            assert connection.exec_driver_sql("PRAGMA secure_delete").scalar_one() == 1


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "TRUNCATE"),
        ((3, 51, 2), "TRUNCATE"),
        ((3, 51, 3), "WAL"),
        ((3, 53, 0), "WAL"),
    ],
)
def test_the_write_ahead_log_is_used_only_where_it_is_sound(version: tuple[int, int, int], mode: str) -> None:
    assert journal_mode(version) == mode


def test_the_file_is_for_its_owner_alone(db: Database, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(StoreUnavailable) as caught:
        Database(f"sqlite:///{path}")
    assert caught.value.reason == "database_exposed"


def test_the_mode_of_a_new_file_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Database(f"sqlite:///{tmp_path / 'open.db'}").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "open.db").stat().st_mode) == 0o600


def test_a_damaged_file_is_an_environment_fault(path: Path) -> None:
    path.write_bytes(b"this is not a database, whatever else it is" * 100)
    path.chmod(0o600)
    with pytest.raises(StoreUnavailable), Database(f"sqlite:///{path}").read() as connection:
        connection.execute(select(patients))


def test_a_missing_directory_is_an_environment_fault(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        Database(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}")
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:///x",
    ],
)
def test_what_is_no_file_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        Database(url)

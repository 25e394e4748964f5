"""The database: durable settings, one writer, read-only readers, and errors that say what to do."""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from ledger.errors import Bug, Conflict, InvalidInput, StoreUnavailable
from ledger.store.database import Database, journal_mode, upgrade
from ledger.store.tables import access_nonces, patients, records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def nonce(number: int) -> dict[str, object]:
    return {"nonce": number.to_bytes(32, "big"), "expires": number}


def count(db: Database) -> int:
    with db.read() as connection:
        return len(connection.execute(select(access_nonces)).all())


def test_a_block_commits_when_it_ends_and_rolls_back_when_it_raises(db: Database) -> None:
    with db.write() as connection:
        connection.execute(insert(access_nonces).values(nonce(1)))

    def fail() -> None:
        with db.write() as connection:
            connection.execute(insert(access_nonces).values(nonce(2)))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert count(db) == 1


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


def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises(StoreUnavailable), db.read() as connection:
        connection.execute(insert(access_nonces).values(nonce(1)))
    assert count(db) == 0


def test_a_reader_sees_one_state_while_another_thread_writes(db: Database) -> None:
    with db.write() as connection:
        connection.execute(insert(access_nonces).values(nonce(1)))

    def write() -> None:
        with db.write() as connection:
            connection.execute(insert(access_nonces).values(nonce(2)))

    thread = threading.Thread(target=write)
    with db.read() as connection:
        assert len(connection.execute(select(access_nonces)).all()) == 1
        thread.start()
        assert len(connection.execute(select(access_nonces)).all()) == 1
    thread.join()
    assert count(db) == 2


def test_what_a_writer_has_read_cannot_change_under_it(db: Database, path: Path) -> None:
    with db.write() as connection:
        connection.execute(insert(access_nonces).values({"nonce": bytes(32), "expires": 0}))

    def increment(database: Database) -> None:
        for _ in range(25):
            with database.write() as connection:
                seen = connection.execute(select(access_nonces.c.expires)).scalar_one()
                connection.execute(update(access_nonces).values(expires=seen + 1))

    other = Database(f"sqlite:///{path}")  # as another process would have it
    threads = [threading.Thread(target=increment, args=(each,)) for each in (db, db, other, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    with db.read() as connection:
        assert connection.execute(select(access_nonces.c.expires)).scalar_one() == 100


def test_a_transaction_inside_another_is_a_bug_and_not_a_deadlock(db: Database) -> None:
    for outer in (db.read, db.write):
        for inner in (db.read, db.write):
            with outer(), pytest.raises(Bug), inner():
                pass
    assert count(db) == 0


def test_what_contradicts_a_constraint_is_a_conflict_without_its_values(db: Database) -> None:
    with db.write() as connection:
        connection.execute(insert(access_nonces).values(nonce(1)))
    with pytest.raises(Conflict), db.write() as connection:
        connection.execute(insert(access_nonces).values(nonce(1)))
    with pytest.raises(Conflict) as caught, db.write() as connection:
        connection.execute(insert(records).values(root="needle", tag=b"?" * 20, entry=0, sealed=b""))
    assert "needle" not in f"{caught.value} {caught.value.__cause__}"


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
        "postgresql+psycopg://localhost/x",
        "sqlite+aiosqlite:///x",
    ],
)
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        Database(url)

"""The database, of each kind: one writer, read-only readers, and errors without values."""

import threading
import traceback
from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ledger.errors import Bug, Conflict, StoreUnavailable
from ledger.store.database import Database
from ledger.store.tables import access_nonces, records
from tests.databases import Databases

NEEDLE = "a value of a row"


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.made()


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    database = Database(url)
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


def test_what_a_writer_has_read_cannot_change_under_it(db: Database, url: str) -> None:
    with db.write() as connection:
        connection.execute(insert(access_nonces).values({"nonce": bytes(32), "expires": 0}))

    def increment(database: Database) -> None:
        for _ in range(25):
            with database.write() as connection:
                seen = connection.execute(select(access_nonces.c.expires)).scalar_one()
                connection.execute(update(access_nonces).values(expires=seen + 1))

    other = Database(url)  # as another process would have it
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
    for sealed in (b"", None):
        with pytest.raises(Conflict) as caught, db.write() as connection:
            connection.execute(insert(records).values(root=NEEDLE, tag=b"?" * 20, entry=0, sealed=sealed))
        assert NEEDLE not in "".join(traceback.format_exception(caught.value))


def test_a_savepoint_takes_back_what_failed_and_nothing_else(db: Database) -> None:
    with db.write() as connection:
        connection.execute(insert(access_nonces).values(nonce(1)))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(insert(access_nonces).values(nonce(1)))
        connection.execute(insert(access_nonces).values(nonce(2)))
    assert count(db) == 2

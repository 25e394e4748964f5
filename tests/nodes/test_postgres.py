"""PostgreSQL as the database: what is refused of a server, and what is there after it went and came back."""

import threading
import traceback
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from ledger.errors import LedgerError, StoreUnavailable
from ledger.log.checkpoint import LogKey
from ledger.log.journal import Journal
from ledger.store import postgres
from ledger.store.database import Database, upgrade
from ledger.store.tables import access_nonces
from ledger.store.vault import MemoryDataKeys, Vault
from tests.network import eventually
from tests.nodes.postgres import Postgres

ALICE = b"\xa1" * 20


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One that may be stopped and killed, and is there for each test."""
    with Postgres() as own:
        yield own


@pytest.fixture
def url(server: Postgres) -> str:
    return server.create()


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        yield database


@pytest.fixture
def journal(db: Database) -> Journal:
    keys = MemoryDataKeys()
    keys.create(ALICE)
    key = LogKey("consent-ledger/1/0xA/0xB", b"s" * 32)
    return Journal(db, Vault(keys, b"l" * 32), key, clock=lambda: datetime.now(UTC))


def spend(connection: Connection, number: int) -> None:
    connection.execute(insert(access_nonces).values(nonce=number.to_bytes(32, "big"), expires=number))


def spent(db: Database) -> list[int]:
    with db.read() as connection:
        return sorted(connection.execute(select(access_nonces.c.expires)).scalars())


def setting(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())


class TestRefusal:
    @pytest.mark.parametrize("lax", ["fsync", "full_page_writes"])
    def test_a_server_that_may_lose_a_commit_is_refused(self, lax: str) -> None:
        with Postgres(**{lax: "off"}) as own:
            url = own.create_empty()
            with pytest.raises(StoreUnavailable) as caught:
                upgrade(url)
            assert caught.value.reason == "database_not_durable"
            assert own.sessions(url) == []

    def test_a_database_that_keeps_text_otherwise_is_refused(self, server: Postgres) -> None:
        with pytest.raises(StoreUnavailable) as caught:
            upgrade(server.create_empty("SQL_ASCII"))
        assert caught.value.reason == "database_encoding"

    def test_a_password_that_does_not_hold_is_refused_and_not_repeated(
        self, server: Postgres, tmp_path: Path
    ) -> None:
        wrong = tmp_path / "pgpass"
        wrong.write_text("*:*:*:*:not the one\n")
        wrong.chmod(0o600)
        url = server.create_empty().replace(str(server.password_file), str(wrong))
        with pytest.raises(StoreUnavailable) as caught:
            upgrade(url)
        said = "".join(traceback.format_exception(caught.value))
        assert "OperationalError" in said
        assert "not the one" not in said
        assert str(server.directory) not in str(caught.value.as_dict())

    def test_a_password_file_that_others_may_read_is_not_used(self, server: Postgres, tmp_path: Path) -> None:
        exposed = tmp_path / "pgpass"
        exposed.write_bytes(server.password_file.read_bytes())
        exposed.chmod(0o644)
        url = server.create_empty().replace(str(server.password_file), str(exposed))
        with pytest.raises(StoreUnavailable):
            upgrade(url)
        exposed.chmod(0o600)
        upgrade(url)


class TestSessions:
    @pytest.mark.parametrize(
        ("given", "found"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")]
    )
    def test_a_commit_waits_for_the_disk_whatever_the_database_was_told(
        self, server: Postgres, given: str, found: str
    ) -> None:
        url = server.create()
        name = url.partition("?")[0].rpartition("/")[2]
        with closing(Database(url)) as first, first.write() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = {given}")
        with closing(Database(url)) as second, second.write() as connection:
            assert setting(connection, "synchronous_commit") == found

    def test_writers_see_what_is_committed_and_readers_see_one_state(self, db: Database) -> None:
        with db.write() as connection:
            assert setting(connection, "transaction_isolation") == "read committed"
            assert setting(connection, "transaction_read_only") == "off"
        with db.read() as connection:
            assert setting(connection, "transaction_isolation") == "repeatable read"
            assert setting(connection, "transaction_read_only") == "on"

    def test_nothing_waits_for_ever(self, db: Database) -> None:
        for transaction in (db.write, db.read):
            with transaction() as connection:
                for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                    assert setting(connection, name) not in ("", "0")

    def test_a_writer_that_does_not_end_is_not_waited_for(
        self, db: Database, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(postgres.SETTINGS, "lock_timeout", "50ms")
        with closing(Database(url)) as other, db.write() as connection:
            spend(connection, 1)
            with pytest.raises(StoreUnavailable), other.write():
                pass
        assert spent(db) == [1]


class TestServerGoes:
    def test_a_server_that_was_restarted_is_found_without_a_failure(
        self, server: Postgres, db: Database
    ) -> None:
        with db.write() as connection:
            spend(connection, 1)
        assert spent(db) == [1]
        server.stop()
        server.start()
        assert spent(db) == [1]
        with db.write() as connection:
            spend(connection, 2)
        assert spent(db) == [1, 2]

    def test_without_its_server_nothing_is_read_or_written(self, server: Postgres, db: Database) -> None:
        server.stop()
        try:
            for transaction in (db.read, db.write):
                with pytest.raises(StoreUnavailable), transaction():
                    pass
        finally:
            server.start()
        assert spent(db) == []

    def test_a_transaction_whose_server_is_killed_leaves_nothing(
        self, server: Postgres, db: Database
    ) -> None:
        def write_and_lose() -> None:
            with db.write() as connection:
                spend(connection, 1)
                server.kill()
                spend(connection, 2)

        with pytest.raises(StoreUnavailable):
            write_and_lose()
        server.start()
        assert spent(db) == []

    def test_acknowledged_entries_are_there_after_the_server_was_killed_under_load(
        self, server: Postgres, db: Database, journal: Journal
    ) -> None:
        acknowledged: dict[int, bytes] = {}
        for _ in range(3):
            enough = len(acknowledged) + 40
            loads = [Load(journal, acknowledged) for _ in range(4)]
            eventually(partial(lambda count: len(acknowledged) > count, enough))
            server.kill()
            for load in loads:
                load.wait()
            server.start()
            assert {type(load.failed) for load in loads} == {StoreUnavailable}
            entries = {each.index: each.leaf for each in journal.entries()}
            assert list(entries) == list(range(len(entries)))
            assert acknowledged.items() <= entries.items()
            assert len(entries) <= len(acknowledged) + len(loads), "more than what was on its way"
            after = journal.append(ALICE, {"number": -1})
            acknowledged[after.index] = after.leaf
            journal.checkpoint()
        assert journal.damage is None


class Load(threading.Thread):
    """Appends until it fails."""

    def __init__(self, journal: Journal, acknowledged: dict[int, bytes]) -> None:
        super().__init__()
        self.failed: LedgerError | None = None
        self._journal, self._acknowledged = journal, acknowledged
        self.start()

    def run(self) -> None:
        try:
            while True:
                appended = self._journal.append(ALICE, {"number": 1})
                self._acknowledged[appended.index] = appended.leaf
        except LedgerError as exc:
            self.failed = exc

    def wait(self) -> None:
        self.join(60)
        assert not self.is_alive()

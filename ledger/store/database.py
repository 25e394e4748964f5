"""The database: short transactions, one writer, nothing acknowledged that a power loss could take back.

SQLite is the embedded default. Writers begin with ``BEGIN IMMEDIATE``, so what a transaction has read cannot
change under it; readers are read-only connections. SQLite 3.7.0 to 3.51.2 can corrupt a WAL that two
connections reset at once: there we keep the rollback journal. Its mode is TRUNCATE and not DELETE: under
``synchronous=FULL`` SQLite syncs the truncated journal but not the directory a journal was deleted from, so
that after a power loss a resurrected journal could roll an acknowledged commit back.
"""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from ledger.durable import sync_directory
from ledger.errors import Bug, Conflict, InvalidInput, StoreUnavailable

BUSY_SECONDS = 10
READERS = 64
WAL_IS_SOUND = (3, 51, 3)


class Database:
    """One SQLite file. Safe to share between threads; a thread holds at most one transaction at a time."""

    def __init__(self, url: str) -> None:
        """Open the file, creating it (mode 0600) when absent; `upgrade` makes the tables.

        Raises:
            InvalidInput: not a ``sqlite:///<file>`` URL.
            StoreUnavailable: no such directory, or a file that others may read.
        """
        address = _parse(url)
        _prepare_file(Path(str(address.database)))
        self._writer = _engine(address, begin="BEGIN IMMEDIATE", pragmas=(), pool=1)  # writers queue for it
        self._reader = _engine(address, begin="BEGIN", pragmas=("query_only = ON",), pool=READERS)
        self._thread = threading.local()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        When this returns, the commit is on disk.

        Raises:
            Conflict: a row contradicts a constraint (it is there already, or what it refers to is not).
            StoreUnavailable: the database is busy, full, damaged or gone.
            Bug: this thread is inside a transaction already.
        """
        with self._alone(), _faults(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only transaction over one state of the database. Keep it short: a commit waits for its end.

        Raises:
            StoreUnavailable: the database is busy, damaged or gone.
            Bug: this thread is inside a transaction already.
        """
        with self._alone(), _faults(), self._reader.connect() as connection:
            yield connection

    def purge(self) -> None:
        """Leave no deleted row behind in a write-ahead log, unless somebody still reads what was before.

        In the file itself, ``secure_delete`` has overwritten it.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        with self._alone(), _faults(), closing(self._writer.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()
        self._reader.dispose()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A second transaction in one thread would wait for the first for ever, or miss what it wrote."""
        if getattr(self._thread, "busy", False):
            raise Bug("a database transaction was begun inside another one", reason="nested_transaction")
        self._thread.busy = True
        try:
            yield
        finally:
            self._thread.busy = False


def upgrade(url: str) -> None:
    """Bring the tables of the database at `url` to this version, in one transaction.

    Raises:
        InvalidInput: not a ``sqlite:///<file>`` URL.
        StoreUnavailable: the database does not answer, or was written by a newer version.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", "ledger.store:migrations")
    database = Database(url)
    try:
        with database.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as exc:
        raise StoreUnavailable(
            "the database was written by a newer version of this program",
            reason="database_newer",
            fix="install that version, or use the database of this one",
        ) from exc
    finally:
        database.close()


def journal_mode(version: tuple[int, int, int]) -> str:
    """The journal mode that is sound on this version of SQLite."""
    return "WAL" if version >= WAL_IS_SOUND else "TRUNCATE"


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as exc:
        raise InvalidInput("not a database URL", reason="bad_database_url") from exc
    if address.drivername not in ("sqlite", "sqlite+pysqlite") or address.database in (None, "", ":memory:"):
        raise InvalidInput(
            "only SQLite files are supported", reason="bad_database_url", fix="use sqlite:///<path of a file>"
        )
    return address


def _prepare_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        mode = stat.S_IMODE(path.stat().st_mode)
        sync_directory(path.parent)
    except OSError as exc:
        raise StoreUnavailable(
            "the database file cannot be opened",
            reason="database_missing",
            fix="check its directory and owner",
        ) from exc
    if os.name == "posix" and mode & 0o077:
        raise StoreUnavailable(
            "the database file can be read by others", reason="database_exposed", fix="chmod 600 on that file"
        )


def _engine(address: URL, *, begin: str, pragmas: tuple[str, ...], pool: int) -> Engine:
    engine = create_engine(
        address.set(drivername="sqlite+pysqlite"),
        hide_parameters=True,
        pool_size=pool,
        max_overflow=0,
        connect_args={"timeout": BUSY_SECONDS},
    )
    settings = (
        f"journal_mode = {journal_mode(sqlite3.sqlite_version_info)}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        *pragmas,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401
        connection.isolation_level = None  # the driver begins nothing by itself; `_begin` does
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except IntegrityError as exc:
        raise Conflict("a row contradicts what the database holds", reason="integrity") from exc
    except SQLAlchemyError as exc:
        raise StoreUnavailable(
            "the database does not answer", reason="database", fix="check the disk, then try again"
        ) from exc

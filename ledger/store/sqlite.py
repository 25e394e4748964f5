"""SQLite: one file, for the gateway that runs alone.

Writers begin with ``BEGIN IMMEDIATE``, so what a transaction has read cannot change under it; readers are
read-only connections. SQLite 3.7.0 to 3.51.2 can corrupt a WAL that two connections reset at once: there we
keep the rollback journal. Its mode is TRUNCATE and not DELETE: under ``synchronous=FULL`` SQLite syncs the
truncated journal but not the directory a journal was deleted from, so that after a power loss a resurrected
journal could roll an acknowledged commit back.
"""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from ledger.durable import sync_directory
from ledger.errors import InvalidInput, StoreUnavailable

DRIVERS = ("sqlite", "sqlite+pysqlite")
BUSY_SECONDS = 10
READERS = 64
WAL_IS_SOUND = (3, 51, 3)
_THERE = {"uri": "true", "mode": "rw"}
"""A file that is gone is not made anew, empty."""


class SqliteFile:
    """A file, made with mode 0600 when absent, and how its connections begin."""

    def __init__(self, address: URL) -> None:
        """Open the file.

        Raises:
            InvalidInput: the URL names no file.
            StoreUnavailable: no such directory, or a file that others may read.
        """
        if address.database in (None, "", ":memory:"):
            raise InvalidInput(
                "the database must be a file", reason="bad_database_url", fix="use sqlite:///<path of a file>"
            )
        path = Path(str(address.database))
        _prepare_file(path)
        existing = address.set(
            database=f"file:{quote(str(path.absolute()))}", query={**address.query, **_THERE}
        )
        self.writer = _engine(existing, begin="BEGIN IMMEDIATE", pragmas=(), pool=1)  # writers queue for it
        self.reader = _engine(existing, begin="BEGIN", pragmas=("query_only = ON",), pool=READERS)
        _watch(path, self.writer, self.reader)

    def leads(self) -> bool:
        """A file is one gateway's."""
        return True

    def close(self) -> None:
        """Close every connection."""
        self.writer.dispose()
        self.reader.dispose()

    def purge(self) -> None:
        """Leave no deleted row in a write-ahead log; in the file, ``secure_delete`` has overwritten it."""
        with closing(self.writer.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def journal_mode(version: tuple[int, int, int]) -> str:
    """The journal mode that is sound on this version of SQLite."""
    return "WAL" if version >= WAL_IS_SOUND else "TRUNCATE"


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


def _watch(path: Path, *engines: Engine) -> None:
    """Begin nothing once another file, or none, has the name: what is written would go with the old one."""
    opened = path.stat()

    def require_same(_connection: Connection) -> None:
        try:
            same = os.path.samestat(path.stat(), opened)
        except OSError:
            same = False
        if not same:
            raise StoreUnavailable(
                "the database file was moved or replaced",
                reason="database",
                fix="put it back, or restart the gateway",
            )

    for engine in engines:
        event.listen(engine, "begin", require_same, insert=True)


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

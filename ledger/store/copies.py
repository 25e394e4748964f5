"""Copies of a whole database, made while it is in use, and put back where there is none.

SQLite's own backup copies the file in one go; where the rollback journal is used, commits wait for it as they
wait for any reader. Of PostgreSQL, ``pg_dump`` copies the state that one transaction sees.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url

from ledger.errors import Conflict, StoreUnavailable, ToolMissing
from ledger.store import postgres, sqlite
from ledger.store.database import Database

SQLITE, POSTGRESQL = "sqlite", "postgresql"


def kind_of(url: str) -> str:
    """``sqlite`` or ``postgresql``: copies of one cannot be put into the other."""
    return SQLITE if make_url(url).drivername in sqlite.DRIVERS else POSTGRESQL


@contextmanager
def copied(url: str, target: Path) -> Iterator[Connection]:
    """Copy the database at `url` into the new file `target`; inside, a view of exactly what was copied.

    When the block has ended the file is durable.

    Raises:
        StoreUnavailable: the database does not answer, is damaged, or `target` cannot be written.
        ToolMissing: there is no ``pg_dump`` here.
    """
    make = _sqlite_copy if kind_of(url) == SQLITE else _postgres_copy
    with make(url, target) as connection:
        yield connection
    with target.open("rb") as file:
        os.fsync(file.fileno())


def put_back(source: Path, url: str) -> None:
    """Fill the empty database at `url` with what a copy of the same kind holds.

    Raises:
        Conflict: there is something in it already.
        StoreUnavailable: it does not answer, or the copy is not of this kind.
        ToolMissing: there is no ``pg_restore`` here.
    """
    require_empty(url)
    if kind_of(url) == SQLITE:
        with source.open("rb") as read, _new(file_of(url)) as write:
            shutil.copyfileobj(read, write, 1 << 20)
    else:
        whole = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        _run("pg_restore", *whole, f"--dbname={postgres.libpq(make_url(url))}", str(source))


def require_empty(url: str) -> None:
    """Nothing, if there is no database at `url`, or one without tables; else Conflict (``not_empty``)."""
    if kind_of(url) == SQLITE:
        full = file_of(url).exists()
    else:
        database = Database(url)
        try:
            with database.read() as connection:
                full = bool(inspect(connection).get_table_names())
        finally:
            database.close()
    if full:
        raise Conflict(
            "there is a database already, and it is never overwritten",
            reason="not_empty",
            fix="Move it away, or name another place.",
        )


@contextmanager
def _sqlite_copy(url: str, target: Path) -> Iterator[Connection]:
    try:
        with _new(target):
            pass
        with closing(sqlite3.connect(file_of(url))) as source, closing(sqlite3.connect(target)) as into:
            source.execute(f"PRAGMA busy_timeout = {sqlite.BUSY_SECONDS * 1000}")
            source.execute("PRAGMA query_only = ON")
            source.backup(into)
            sound = into.execute("PRAGMA quick_check").fetchone() == ("ok",)
    except (OSError, sqlite3.Error) as exc:
        raise StoreUnavailable("the database cannot be copied", reason="not_copied") from exc
    if not sound:
        raise StoreUnavailable("the database is damaged", reason="database_damaged")
    copy = Database(f"sqlite:///{target}")
    try:
        with copy.read() as connection:
            yield connection
    finally:
        copy.close()
    with closing(sqlite3.connect(target)) as into:
        into.execute("PRAGMA journal_mode = DELETE")  # so that the file is the whole of it


@contextmanager
def _postgres_copy(url: str, target: Path) -> Iterator[Connection]:
    with _new(target):
        pass
    database = Database(url)
    try:
        with database.read() as connection:
            snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            where = f"--dbname={postgres.libpq(make_url(url))}"
            whole = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
            _run("pg_dump", *whole, f"--file={target}", where)
            yield connection
    finally:
        database.close()


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; what it prints could quote rows, so it is not told."""
    found = shutil.which(program)
    if found is None:
        raise ToolMissing(
            f"{program} is not installed", reason="no_pg_tools", fix="Install PostgreSQL's client programs."
        )
    done = subprocess.run([found, *arguments], capture_output=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        raise StoreUnavailable(
            f"{program} failed ({done.returncode})",
            reason="not_copied",
            fix="Its version must be that of the server or newer; run it by hand to see what it says.",
        )


def file_of(url: str) -> Path:
    """The file of a database of SQLite."""
    return Path(str(make_url(url).database))


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """A new file of mode 0600."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())

"""The database: short transactions, one writer, nothing acknowledged that a power loss could take back.

SQLite is the embedded default; on PostgreSQL several gateways share a database. Both keep the same promises:
what a writing transaction has read cannot change under it, a reader sees one state, and a commit that has
returned is on disk.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from ledger.errors import Bug, Conflict, InvalidInput, StoreUnavailable
from ledger.store import postgres, sqlite


class Engines(Protocol):
    """One kind of database. A transaction of ``writer`` excludes every other one, whosever it is."""

    writer: Engine
    reader: Engine

    def leads(self) -> bool:
        """See `Database.leads`."""
        ...

    def purge(self) -> None:
        """See `Database.purge`."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class Database:
    """One database. Safe to share between threads; a thread holds at most one transaction at a time."""

    def __init__(self, url: str) -> None:
        """Open it; of SQLite, create the file (mode 0600) when absent. `upgrade` makes the tables.

        Args:
            url: ``sqlite:///<file>`` or ``postgresql+psycopg://<user>@<host>/<database>``.

        Raises:
            InvalidInput: another kind of URL, or one with a password in it.
            StoreUnavailable: no such directory, or a file that others may read.
        """
        self._engines = _engines(url)
        self._thread = threading.local()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        When this returns, the commit is on disk.

        Raises:
            Conflict: a row contradicts a constraint (it is there already, or what it refers to is not).
            StoreUnavailable: the database is busy, full, damaged or gone. If a server went while it
                committed, what was written may turn out to be there.
            Bug: this thread is inside a transaction already.
        """
        with self._alone(), _faults(), self._engines.writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only transaction over one state of the database. Keep it short: a commit may wait for it.

        Raises:
            StoreUnavailable: the database is busy, damaged or gone.
            Bug: this thread is inside a transaction already.
        """
        with self._alone(), _faults(), self._engines.reader.connect() as connection:
            yield connection

    def leads(self) -> bool:
        """Whether this is the one among the gateways on this database that acts for all of them.

        The first to ask is, for as long as it lives and its connection holds; then another one is. It may
        learn of that a moment late, so what it does in that office must do no harm if done twice.

        Raises:
            StoreUnavailable: the database does not answer; whoever led leads no more.
        """
        with _faults():
            return self._engines.leads()

    def purge(self) -> None:
        """Leave as little of deleted rows behind as this kind of database can, unless somebody still reads.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        with self._alone(), _faults():
            self._engines.purge()

    def close(self) -> None:
        """Close every connection."""
        self._engines.close()

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
        InvalidInput: see `Database`.
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


def _engines(url: str) -> Engines:
    try:
        address = make_url(url)
    except ArgumentError as exc:
        raise InvalidInput("not a database URL", reason="bad_database_url") from exc
    if address.drivername in sqlite.DRIVERS:
        return sqlite.SqliteFile(address)
    if address.drivername in postgres.DRIVERS:
        return postgres.PostgresServer(address)
    raise InvalidInput(
        "only SQLite and PostgreSQL are supported",
        reason="bad_database_url",
        fix="use sqlite:///<path of a file> or postgresql+psycopg://<user>@<host>/<database>",
    )


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except IntegrityError as exc:
        raise Conflict("a row contradicts what the database holds", reason="integrity") from exc
    except SQLAlchemyError as exc:
        raise StoreUnavailable(
            "the database does not answer", reason="database", fix="check its disk or server, then try again"
        ) from exc

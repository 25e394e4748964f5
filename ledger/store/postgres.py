"""PostgreSQL: a server, for several gateways that keep one log together.

Every writing transaction first takes one advisory lock of the database, whichever gateway it is of, and
reads committed rows from then on: what it has read cannot change under it, as on SQLite. The server lets go
of the lock at the end of the transaction, also when the gateway that had it has died. Readers are read-only
and see one state of the database.

A server that may lose a commit it has confirmed is refused. The password comes from a file that libpq reads:
``PGPASSFILE``, or ``passfile`` in the URL.
"""

import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import SQLAlchemyError

from ledger.errors import InvalidInput, StoreUnavailable

if TYPE_CHECKING:
    import psycopg

DRIVERS = ("postgresql", "postgresql+psycopg")
WRITING = 0x636F6E73656E7401
"""The advisory lock of whoever writes."""
LEADING = 0x636F6E73656E7402
"""The advisory lock of the gateway that acts for all."""
READERS = 16
"""Of the hundred connections that a server usually takes, so that several gateways have theirs."""
SETTINGS = {
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""After how long a server that has gone silent is given up; seconds, the last in milliseconds."""
_DURABLE = ("on", "remote_apply")
_LOCAL = ("localhost", "127.0.0.1", "::1")


class PostgresServer:
    """A database of a server, and how its connections begin. It connects when it is first used."""

    def __init__(self, address: URL) -> None:
        """Look at the URL.

        Raises:
            InvalidInput: it names no database, or carries a password.
        """
        if not address.database:
            raise InvalidInput(
                "the URL names no database",
                reason="bad_database_url",
                fix="use postgresql+psycopg://<user>@<host>/<database>",
            )
        if address.password is not None or "password" in address.query:
            raise InvalidInput(
                "a password must not stand in the database's URL",
                reason="password_in_url",
                fix="put it into a file of mode 0600 and name that file in PGPASSFILE",
            )
        address = _verified(address.set(drivername="postgresql+psycopg"))
        self.writer = _engine(address, {"default_transaction_isolation": "read committed"}, pool=1)
        self.reader = _engine(
            address,
            {
                "default_transaction_isolation": "repeatable read",
                "default_transaction_read_only": "on",
            },
            pool=READERS,
        )

        self._office = Office(_engine(address, {}, pool=1))

        @event.listens_for(self.writer, "begin")
        def _alone(connection: Connection) -> None:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITING})")

    def leads(self) -> bool:
        """Whether the lock of the one that acts for all is ours."""
        return self._office.held()

    def close(self) -> None:
        """Close every connection; the lock goes with its own."""
        self._office.leave()
        self.writer.dispose()
        self.reader.dispose()

    def purge(self) -> None:
        """Nothing can be done at once: the server frees the space of deleted rows in its own time.

        Until that space is used again, its files, its write-ahead log and copies of them hold those rows as
        they were: sealed under a key that is destroyed, but for tags and keyed look-ups.
        """


class Office:
    """An advisory lock that is held by a connection, for as long as that lasts. Any thread may ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None
        self._holds = False
        self._asking = threading.Lock()

    def held(self) -> bool:
        """Whether the lock is ours now; it is taken if nobody has it.

        Raises:
            SQLAlchemyError: the connection is lost, and the lock with it.
        """
        with self._asking:
            try:
                if self._connection is None:
                    self._connection = self._engine.connect()
                asked = "true" if self._holds else f"pg_try_advisory_lock({LEADING})"
                self._holds = bool(self._connection.exec_driver_sql(f"SELECT {asked}").scalar_one())
            except SQLAlchemyError:
                self._leave()
                raise
            return self._holds

    def leave(self) -> None:
        """Let go of the lock."""
        with self._asking:
            self._leave()

    def _leave(self) -> None:
        connection, self._connection, self._holds = self._connection, None, False
        if connection is not None:
            connection.invalidate()  # so that the session ends, and is not used again with its lock
            connection.close()
        self._engine.dispose()


def libpq(address: URL) -> str:
    """The same address as PostgreSQL's own programs take it."""
    return _verified(address.set(drivername="postgresql")).render_as_string()


def _verified(address: URL) -> URL:
    """Over a network, only a server whose certificate holds, unless the URL says otherwise."""
    hosts = address.query.get("host") or address.host or ""
    local = isinstance(hosts, str) and (hosts.startswith("/") or hosts in ("", *_LOCAL))
    if local or "sslmode" in address.query:
        return address
    return address.update_query_dict({"sslmode": "verify-full"})


def _engine(address: URL, settings: dict[str, str], *, pool: int) -> Engine:
    engine = create_engine(
        address,
        hide_parameters=True,
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,  # so that a server that was restarted is found without a failure
        connect_args={**PATIENCE, "client_encoding": "UTF8"},
    )

    @event.listens_for(engine, "connect", insert=True)  # before SQLAlchemy asks anything
    def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401
        try:
            _require_durable(connection)
            for name, value in {**SETTINGS, **settings}.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            connection.commit()
        except BaseException:
            connection.close()
            raise

    @event.listens_for(engine, "handle_error")
    def _keep_values_back(context: ExceptionContext) -> None:
        """The server quotes rows in what it says: leave of it what kind of fault it was."""
        fault = context.original_exception
        said = f"{type(fault).__name__} {getattr(fault, 'sqlstate', None) or ''}".rstrip()
        for each in (fault, context.sqlalchemy_exception):
            if each is not None:
                each.args = (said,)

    return engine


def _require_durable(connection: "psycopg.Connection[Any]") -> None:
    """Refuse a server that does not write through, or that keeps text in another way than it was given."""
    found = connection.execute(
        "SELECT current_setting('fsync'), current_setting('full_page_writes'), "
        "current_setting('server_encoding'), current_setting('synchronous_commit')"
    ).fetchone()
    fsync, whole_pages, encoding, commit = found or ("", "", "", "")
    if (fsync, whole_pages) != ("on", "on"):
        raise StoreUnavailable(
            "the database's server may lose what it has confirmed",
            reason="database_not_durable",
            fix="set fsync and full_page_writes to on",
        )
    if encoding != "UTF8":
        raise StoreUnavailable(
            "the database is not encoded in UTF-8",
            reason="database_encoding",
            fix="create it with ENCODING 'UTF8'",
        )
    if commit not in _DURABLE:
        connection.execute("SELECT set_config('synchronous_commit', 'on', false)")

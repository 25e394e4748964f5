"""PostgreSQL as a server of one's own: on a Unix socket, with a password, for as long as the tests last."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self

import psycopg
from psycopg import sql

from ledger.store.database import upgrade
from tests.network import eventually
from tests.nodes.programs import postgres_folder

_USER, _PASSWORD = "ledger", "what only the password file knows"
_TEMPLATE = "made"


class Postgres:
    """``with Postgres() as server: server.create()``; it can be stopped, killed and started again."""

    def __init__(self, **settings: str) -> None:
        """Make its files: durable as ever, over that `settings` such as ``fsync="off"``."""
        self._programs = postgres_folder()
        self.directory = Path(tempfile.mkdtemp())  # not in a test's own: above it, other users may not pass
        self.password_file = self.directory / "pgpass"
        self._data, self._log = self.directory / "data", self.directory / "log"
        self._settings = {"listen_addresses": "", "unix_socket_directories": str(self.directory), **settings}
        self._owner = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._prepare()

    def url(self, database: str) -> str:
        """The URL of a database, with which its password is found."""
        where = f"host={self.directory}&passfile={self.password_file}"
        return f"postgresql+psycopg://{_USER}@/{database}?{where}"

    def create(self) -> str:
        """A new database with all tables; its URL."""
        if not self._rows("SELECT 1 FROM pg_database WHERE datname = %s", _TEMPLATE):
            self._create(_TEMPLATE, template="template0")
            upgrade(self.url(_TEMPLATE))
        return self._next(_TEMPLATE)

    def create_empty(self, encoding: str = "UTF8") -> str:
        """A new database without any table; its URL."""
        return self._next("template0", encoding)

    def content(self, url: str) -> bytes:
        """All that the files of a database hold."""
        self._rows("CHECKPOINT")
        ((number,),) = self._rows("SELECT oid FROM pg_database WHERE datname = %s", _name(url))
        files = sorted((self._data / "base" / str(number)).iterdir())
        return b"".join(file.read_bytes() for file in files)

    def sessions(self, url: str) -> list[int]:
        """The processes that serve a database's connections."""
        found = self._rows("SELECT pid FROM pg_stat_activity WHERE datname = %s", _name(url))
        return [int(str(number)) for (number,) in found]

    def start(self) -> Self:
        """Run it until it answers."""
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command line is ours
                [str(self._programs / "postgres"), "-D", str(self._data), *settings],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                user=self._owner,
                group=self._owner and pwd.getpwnam(self._owner).pw_gid,
                extra_groups=None if self._owner is None else [],
            )
        eventually(self._answers)
        return self

    def stop(self) -> None:
        """End it as an operator does who does not wait for anybody."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """End all its processes as a power cut would."""
        if self._process is not None:
            number = self._process.pid
            children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
            self._process.kill()
            self._process.wait(60)
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
            eventually(lambda: not any(map(_runs, children)))
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def _prepare(self) -> None:
        self.password_file.write_text(f"*:*:*:*:{_PASSWORD}\n")
        self.password_file.chmod(0o600)
        given = self.directory / "given"
        given.write_text(_PASSWORD)
        if self._owner is not None:
            for path in (self.directory, given):
                shutil.chown(path, self._owner)
        words = ["-D", self._data, "-U", _USER, "-E", "UTF8", "--locale", "C", "-A", "scram-sha-256"]
        subprocess.run(  # noqa: S603 - the command line is ours
            [str(each) for each in (self._programs / "initdb", *words, "--pwfile", given)],
            cwd=self.directory,
            user=self._owner,
            group=self._owner and pwd.getpwnam(self._owner).pw_gid,
            extra_groups=None if self._owner is None else [],
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def _next(self, template: str, encoding: str = "UTF8") -> str:
        self._made += 1
        name = f"test{self._made}"
        self._create(name, template=template, encoding=encoding)
        return self.url(name)

    def _create(self, name: str, *, template: str, encoding: str = "UTF8") -> None:
        parts = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {}")
        with closing(self._connect()) as connection:
            connection.execute(
                parts.format(sql.Identifier(name), sql.Identifier(template), sql.Literal(encoding))
            )

    def _rows(self, statement: LiteralString, *values: str) -> list[tuple[object, ...]]:
        with closing(self._connect()) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.directory),
            user=_USER,
            dbname="postgres",
            passfile=str(self.password_file),
            autocommit=True,
        )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text("utf-8", "replace")
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


def _unprivileged() -> str | None:
    """Whom the server runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _runs(process: str) -> bool:
    """Whether a process is there that has not ended."""
    try:
        said = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return said.rpartition(")")[2].split()[0] != "Z"

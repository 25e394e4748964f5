"""The kinds of database under test: each makes as many as a test wants."""

import tempfile
from functools import cache
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from ledger.store.database import upgrade
from tests.nodes.postgres import Postgres


@cache
def _with_all_tables() -> bytes:
    """The file of a database that was migrated from nothing and closed."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "made.db"
        upgrade(f"sqlite:///{path}")
        return path.read_bytes()


def made_at(path: Path) -> str:
    """A new SQLite database with all tables; its URL."""
    path.touch(mode=0o600)
    path.write_bytes(_with_all_tables())
    return f"sqlite:///{path}"


class Databases(Protocol):
    """Makes databases of one kind, and looks into them from outside."""

    def made(self) -> str:
        """A new one with all tables; its URL."""
        ...

    def empty(self) -> str:
        """A new one without tables; its URL."""
        ...

    def content(self, url: str) -> bytes:
        """All that it holds on disk."""
        ...


class SqliteFiles:
    """Files in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = count()

    def made(self) -> str:
        return made_at(self.path(self.empty()))

    def empty(self) -> str:
        return f"sqlite:///{self._directory / f'ledger{next(self._numbers)}.db'}"

    def content(self, url: str) -> bytes:
        return self.path(url).read_bytes()

    def path(self, url: str) -> Path:
        """The file."""
        return Path(url.removeprefix("sqlite:///"))


class PostgresDatabases:
    """Databases of one server."""

    def __init__(self, server: Postgres) -> None:
        self.server = server

    def made(self) -> str:
        return self.server.create()

    def empty(self) -> str:
        return self.server.create_empty()

    def content(self, url: str) -> bytes:
        return self.server.content(url)


def sqlite(request: pytest.FixtureRequest) -> Databases:
    return SqliteFiles(request.getfixturevalue("tmp_path_factory").mktemp("sqlite"))


def postgres(request: pytest.FixtureRequest) -> Databases:
    return PostgresDatabases(request.getfixturevalue("postgres_server"))


SQLITE = pytest.param(sqlite, id="sqlite")
POSTGRES = pytest.param(postgres, id="postgres", marks=pytest.mark.nodes)
ONLY_SQLITE = pytest.mark.parametrize("databases", [SQLITE], indirect=True)
ONLY_POSTGRES = pytest.mark.parametrize("databases", [POSTGRES], indirect=True)

"""The migrations lead to exactly the tables that the code declares."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from ledger.errors import StoreUnavailable
from ledger.store.database import Database, upgrade
from ledger.store.tables import metadata
from tests.databases import Databases


def schema(path: Path) -> dict[str, str]:
    """Name → SQL, white space folded, of everything but Alembic's own table."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'migrated.db'}")
    engine = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(engine)
    engine.dispose()
    assert schema(tmp_path / "migrated.db") == schema(tmp_path / "declared.db")


def test_alembic_finds_nothing_to_migrate(databases: Databases) -> None:
    with closing(Database(databases.made())) as database, database.read() as connection:
        compared = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=compared)
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_changes_nothing(databases: Databases) -> None:
    url = databases.made()
    before = tables(url)
    upgrade(url)
    assert tables(url) == before


def test_a_database_of_a_newer_version_is_refused_and_left_alone(databases: Databases) -> None:
    url = databases.made()
    execute(url, "UPDATE alembic_version SET version_num = '9999'")
    before = tables(url)
    with pytest.raises(StoreUnavailable) as caught:
        upgrade(url)
    assert caught.value.reason == "database_newer"
    assert tables(url) == before


def test_a_migration_that_fails_leaves_nothing_half_made(databases: Databases) -> None:
    url = databases.empty()
    execute(url, "CREATE TABLE transactions (other TEXT)")
    with pytest.raises(StoreUnavailable):
        upgrade(url)
    assert set(tables(url)) == {"transactions"}


def execute(url: str, statement: str) -> None:
    with closing(Database(url)) as database, database.write() as connection:
        connection.exec_driver_sql(statement)


def tables(url: str) -> dict[str, list[str]]:
    """The tables with their columns, and the version."""
    with closing(Database(url)) as database, database.read() as connection:
        seen = inspect(connection)
        found = {
            name: [str(sorted(map(str, column.items()))) for column in seen.get_columns(name)]
            for name in seen.get_table_names()
        }
        if "alembic_version" in found:
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
            found["alembic_version"] += version.scalars()
    return found

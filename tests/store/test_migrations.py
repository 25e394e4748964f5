"""The migrations lead to exactly the tables that the code declares."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from ledger.errors import StoreUnavailable
from ledger.store.database import Database, upgrade
from ledger.store.tables import metadata


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


def test_alembic_finds_nothing_to_migrate(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    database = Database(url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    before = (tmp_path / "ledger.db").read_bytes()
    upgrade(url)
    assert (tmp_path / "ledger.db").read_bytes() == before


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    upgrade(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable) as caught:
        upgrade(f"sqlite:///{path}")
    assert caught.value.reason == "database_newer"
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_nothing_half_made(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE transactions (other TEXT)")
    connection.commit()
    connection.close()
    path.chmod(0o600)
    with pytest.raises(StoreUnavailable):
        upgrade(f"sqlite:///{path}")
    assert set(schema(path)) == {"transactions"}

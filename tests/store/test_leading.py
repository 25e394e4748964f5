"""Of several gateways on one database one acts for all: the first, until it goes."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from sqlalchemy import text

from ledger.errors import StoreUnavailable
from ledger.store.database import Database
from ledger.store.postgres import LEADING
from tests.databases import ONLY_POSTGRES, Databases


@pytest.fixture
def several(databases: Databases) -> Iterator[list[Database]]:
    """Three, as three processes would have them."""
    url = databases.made()
    with ExitStack() as opened:
        yield [opened.enter_context(closing(Database(url))) for _ in range(3)]


def leaders(several: list[Database]) -> list[bool]:
    return [each.leads() for each in several]


def cut_off_leader(database: Database) -> None:
    """End the session that holds the lock, as if its network were gone."""
    holder = text(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE objid = :lock AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with database.write() as connection:
        assert connection.execute(holder, {"lock": LEADING & 0xFFFFFFFF}).scalars().all() == [True]


def test_a_gateway_that_is_alone_leads(databases: Databases) -> None:
    with closing(Database(databases.made())) as alone:
        assert [alone.leads(), alone.leads()] == [True, True]


@ONLY_POSTGRES
def test_the_first_to_ask_leads_as_often_as_it_is_asked(several: list[Database]) -> None:
    assert [leaders(several) for _ in range(3)] == [[True, False, False]] * 3


@ONLY_POSTGRES
def test_another_leads_when_the_leader_has_gone(several: list[Database]) -> None:
    assert leaders(several) == [True, False, False]
    several[0].close()
    assert leaders(several[1:]) == [True, False]


@ONLY_POSTGRES
def test_a_leader_that_was_cut_off_leads_no_more_and_says_so(several: list[Database]) -> None:
    assert leaders(several) == [True, False, False]
    cut_off_leader(several[1])
    assert several[1].leads()
    with pytest.raises(StoreUnavailable):
        several[0].leads()
    assert leaders(several) == [False, True, False]

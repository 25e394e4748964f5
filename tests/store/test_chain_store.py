"""The stored chain: what several followers write into it is always one chain."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from ledger.chain.facts import BlockHeader
from ledger.ids import Digest, digest
from ledger.store.chain import ChainStore
from ledger.store.database import Database
from tests.databases import Databases


@pytest.fixture
def store(databases: Databases) -> Iterator[ChainStore]:
    with closing(Database(databases.made())) as database:
        yield ChainStore(database)


def chain(start: int, end: int, fork: int = 0, *, on: int = 0) -> list[BlockHeader]:
    """Blocks of a fork from `start` up to, not including, `end`; the first one has a parent on fork `on`."""
    return [
        BlockHeader(
            number=number,
            hash=named(number, fork),
            parent=named(number - 1, on if number == start else fork),
            timestamp=number,
        )
        for number in range(start, end)
    ]


def named(number: int, fork: int) -> Digest:
    return digest(bytes([fork]) * 16 + number.to_bytes(16, "big"))


def test_blocks_that_another_follower_stored_are_stored_again(store: ChainStore) -> None:
    store.apply(keep=-1, headers=chain(5, 9), logs=[])
    store.apply(keep=6, headers=chain(7, 10), logs=[])
    assert store.load()[0] == chain(5, 10)


def test_a_reorg_replaces_what_comes_after_the_last_block_in_common(store: ChainStore) -> None:
    store.apply(keep=-1, headers=chain(5, 9), logs=[])
    store.apply(keep=6, headers=chain(7, 9, 1), logs=[])
    assert store.load()[0] == [*chain(5, 7), *chain(7, 9, 1)]


def test_what_does_not_go_on_from_the_stored_chain_is_left_out(store: ChainStore) -> None:
    store.apply(keep=-1, headers=chain(5, 9), logs=[])
    store.apply(keep=10, headers=chain(11, 12), logs=[])
    store.apply(keep=8, headers=chain(9, 12, 1, on=1), logs=[])
    assert store.load()[0] == chain(5, 9)


def test_a_follower_that_begins_anew_replaces_everything(store: ChainStore) -> None:
    store.apply(keep=-1, headers=chain(5, 9), logs=[])
    store.apply(keep=-1, headers=chain(7, 8), logs=[])
    assert store.load()[0] == chain(7, 8)

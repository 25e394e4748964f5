"""How late blocks become the head here is measured as it happens."""

from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.facts import BlockHeader
from ledger.chain.follower import Follower
from ledger.chain.lags import KEPT, Lags
from ledger.ids import Digest
from ledger.store.chain import ChainStore
from ledger.store.database import Database
from tests.chain.conftest import Chain, Clock


def block(number: int, time: int, fork: int = 0) -> BlockHeader:
    return BlockHeader(
        number=number,
        hash=Digest(f"0x{fork:032x}{number:032x}"),
        parent=Digest(f"0x{number - 1:064x}"),
        timestamp=time,
    )


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_the_first_head_tells_nothing_for_nobody_followed_when_it_was_made() -> None:
    lags = Lags()
    assert lags.median is None
    lags.note(block(1, 100), at(9000))
    assert lags.median is None


def test_a_head_counts_once_however_often_it_is_confirmed() -> None:
    lags = Lags()
    for number, time in ((1, 100), (2, 112), (3, 124)):
        for later in (0.5, 5, 11):
            lags.note(block(number, time), at(time + later))
    assert lags.median == 500


def test_a_block_that_takes_the_place_of_another_counts_too() -> None:
    lags = Lags()
    for fork in range(3):
        lags.note(block(1, 100, fork), at(100 + 2 * fork))
    assert lags.median == 3000


def test_a_block_ahead_of_this_clock_is_not_late() -> None:
    lags = Lags()
    lags.note(block(1, 100), at(100))
    lags.note(block(2, 101), at(100.2))
    assert lags.median == 0


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=2 * KEPT))
def test_the_median_is_that_of_the_last_ones(late: list[int]) -> None:
    lags = Lags()
    lags.note(block(0, 0), at(0))
    for number, one in enumerate(late, start=1):
        lags.note(block(number, 10 * number), at(10 * number + one / 1000))
    assert lags.median is not None
    kept = sorted(late[-KEPT:])
    assert kept[(len(kept) - 1) // 2] <= lags.median <= kept[len(kept) // 2]


def test_the_follower_measures_each_head_that_it_takes(
    chain: Chain, clock: Clock, database: Callable[[], Database]
) -> None:
    follower = Follower(chain.rpc, chain.deployment, ChainStore(database()), clock)
    follower.catch_up()
    assert follower.lags.median is None
    head = chain.rpc.block("latest")
    assert head is not None
    chain.rpc.request("evm_setNextBlockTimestamp", head.timestamp + 100)
    chain.mine()
    clock.now = at(head.timestamp + 107)
    follower.catch_up()
    clock.forward(30)
    follower.catch_up()
    assert follower.lags.median == 7000

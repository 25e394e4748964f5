"""What is signed is counted on as far as the nonces below it lead there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.nonces import MOST_MISSING, Reach, reach


@pytest.mark.parametrize(
    ("start", "used", "found"),
    [
        (5, [], Reach(hole=5, last=4)),
        (5, [1, 2], Reach(hole=5, last=4)),
        (5, [5, 6, 7], Reach(hole=8, last=7)),
        (5, [6, 6, 7], Reach(hole=5, last=7)),
        (5, [5, 5 + MOST_MISSING + 1], Reach(hole=6, last=5 + MOST_MISSING + 1)),
        (5, [5, 5 + MOST_MISSING + 2], Reach(hole=6, last=5)),
        (0, [2**62], Reach(hole=0, last=-1)),
    ],
)
def test_the_hole_is_the_lowest_and_the_last_waits_for_few(start: int, used: list[int], found: Reach) -> None:
    assert reach(start, used) == found


@given(st.integers(0, 50), st.sets(st.integers(0, 400)))
def test_what_is_counted_on_misses_few_below_and_a_stop_none(start: int, used: set[int]) -> None:
    far = reach(start, used)
    for nonce in (one for one in used if one >= start):
        missing = len(set(range(start, nonce)) - used)
        assert far.counts_on(nonce, urgent=True) == (missing == 0)
        assert far.counts_on(nonce, urgent=False) == (missing <= MOST_MISSING)

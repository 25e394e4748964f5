"""How soon a stop on chain counts is stated from the settings and from the chain as it goes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.follower import Head
from ledger.ids import Digest
from ledger.service.bound import RevocationBound, _seconds_apart, revocation_bound
from tests.network import Network, eventually


@pytest.mark.parametrize(
    ("blocks", "apart"),
    [
        ([], None),
        ([(7, 1000)], None),
        ([(7, 1000), (8, 1012)], 12),
        ([(7, 1000), (8, 1012), (9, 1036)], 18),
        ([(1, 0), (101, 1200)], 12),
        ([(number, 1000 if number < 50 else 1000 + number) for number in range(100)], 1),
    ],
    ids=["none", "one", "two", "three", "some are not held", "the last ones"],
)
def test_blocks_are_as_far_apart_as_they_were_of_late(
    blocks: list[tuple[int, int]], apart: float | None
) -> None:
    assert _seconds_apart(blocks) == apart


def test_what_is_not_known_is_not_said() -> None:
    assert RevocationBound(usual=None, measured=None, most=60_000).as_json() == {"most_ms": 60_000}
    assert RevocationBound(usual=1100, measured=0, most=60_000).as_json() == {
        "usual_ms": 1100,
        "measured_ms": 0,
        "most_ms": 60_000,
    }


@pytest.mark.chain
def test_the_bound_is_that_of_the_oldest_head_on_which_anything_is_permitted(network: Network) -> None:
    gateway = network.stack.server.gateway
    network.send_blocks()
    eventually(lambda: gateway.follower.lags.median is not None)
    soon, late = (revocation_bound(gateway, look=look) for look in (0.5, 2.5))
    assert soon.most == gateway.settings.max_head_age * 1000
    assert soon.measured is not None
    assert soon.usual is not None
    assert late.usual is not None
    assert late.usual - soon.usual == pytest.approx(2000, abs=1500)


@given(
    stop=st.integers(2**30, 2**31),
    before=st.integers(0, 10_000),
    confirmed=st.integers(-10_000_000, 10_000_000),
    most=st.integers(2_000, 86_400_000),
)
def test_a_head_without_the_stop_is_too_old_when_the_bound_has_passed(
    stop: int, before: int, confirmed: int, most: int
) -> None:
    """However often a node goes on confirming a block that is older than the one with the stop."""
    head = Head(
        number=1, hash=Digest("0x" + "0" * 64), timestamp=stop - before, seen_at=stop * 1000 + confirmed
    )
    after = datetime.fromtimestamp(stop + (most + 2) / 1000, UTC)
    assert head.age(after) > most

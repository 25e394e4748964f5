"""The range of blocks whose events are asked for at once is found, kept, and found anew when it changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.ranges import Window
from ledger.errors import ChainUnreachable

LARGEST = 10_000
TOO_MANY = ChainUnreachable("no", reason="rpc_error", rpc_code=-32005)


def read(window: Window, blocks: int, limit: int, why: ChainUnreachable = TOO_MANY) -> int:
    """Calls that it takes to read so many blocks from a node that gives at most `limit` at once."""
    calls, left = 0, blocks
    while left:
        size = min(left, window.blocks)
        calls += 1
        if size > limit:
            assert window.refused(size, why)
        else:
            window.given(size)
            left -= size
    return calls


@given(st.integers(1, 20_000))
def test_few_calls_more_are_made_than_by_one_who_knows_the_limit(limit: int) -> None:
    blocks = 200 * min(limit, LARGEST)
    assert read(Window(LARGEST), blocks, limit) <= 1.5 * 200


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_limit_that_changes_is_found_again(first: int, second: int) -> None:
    window = Window(LARGEST)
    read(window, 100 * min(first, LARGEST), first)
    read(window, 300 * min(second, LARGEST), second)
    assert 2 * window.blocks >= min(second, LARGEST)


def test_a_node_without_a_limit_is_asked_for_the_most_there_is() -> None:
    assert read(Window(LARGEST), 1_000_000, LARGEST) == 100


def test_the_range_that_works_is_remembered() -> None:
    window = Window(LARGEST)
    read(window, 100_000, 500)
    kept = window.blocks
    window.given(1)
    assert window.blocks == kept
    assert 400 <= kept <= 500


@pytest.mark.parametrize("reason", ["timeout", "cut_short", "too_large"])
def test_silence_at_a_wide_range_may_be_the_range(reason: str) -> None:
    window = Window(LARGEST)
    assert window.refused(LARGEST, ChainUnreachable("no", reason=reason))
    assert window.blocks < LARGEST


@pytest.mark.parametrize("code", [-32005, -32602, -32000, -32600, -32603, -32614])
def test_codes_that_nodes_use_for_a_range_narrow_it(code: int) -> None:
    assert Window(LARGEST).refused(10, ChainUnreachable("no", reason="rpc_error", rpc_code=code))


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("rpc_error", -32601),
        ("rpc_error", -32700),
        ("rpc_error", 429),
        ("no_answer", None),
        ("rate_limited", None),
        ("bad_answer", None),
        ("logs_missing", None),
    ],
)
def test_what_is_not_about_the_range_leaves_it(reason: str, code: int | None) -> None:
    window = Window(LARGEST)
    assert not window.refused(LARGEST, ChainUnreachable("no", reason=reason, rpc_code=code))
    assert window.blocks == LARGEST


def test_one_block_cannot_be_narrowed() -> None:
    assert not Window(LARGEST).refused(1, TOO_MANY)

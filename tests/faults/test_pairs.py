"""Everything that a gateway depends on, failing alone and in pairs: nobody is let in without fresh evidence,
a stop is taken all the same, and when the faults end all is well without anybody's help.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import combinations, product

import pytest

from ledger.chain.index import ChainState
from ledger.errors import StoreUnavailable
from ledger.store.keptstops import HEADER
from tests.faults.ground import Ground, Shared, ground
from tests.network import eventually

WAYS = {
    "chain": ("chain_silent", "chain_stuck", "chain_slow"),
    "database": ("database_gone", "disk_full", "database_locked"),
    "clock": ("clock_behind", "clock_ahead"),
    "blocks": ("blocks_gone",),
}
"""How each part fails: methods of `Ground`."""
SOME = (
    ("database_gone",),
    ("disk_full",),
    ("clock_behind",),
    ("chain_silent", "database_gone"),
    ("chain_stuck", "clock_behind"),
    ("chain_slow", "blocks_gone"),
    ("disk_full", "clock_ahead"),
    ("database_locked", "blocks_gone"),
    ("clock_ahead", "blocks_gone"),
)
"""Every part with every other, in every way."""


def every() -> Iterator[tuple[str, ...]]:
    """Each way alone, and with every way of every other part."""
    yield from ((way,) for ways in WAYS.values() for way in ways)
    for first, second in combinations(WAYS, 2):
        yield from product(WAYS[first], WAYS[second])


CASES: Sequence[tuple[str, ...]] = list(every()) if os.environ.get("CONSENT_FAULT_PAIRS") == "all" else SOME


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("field")) as found:
        yield found


@pytest.fixture(scope="module")
def stays(field: Ground) -> Shared:
    """Who never stops."""
    return field.share()


@pytest.mark.parametrize("faults", CASES, ids=" and ".join)
def test_nobody_is_let_in_and_every_stop_is_taken_and_it_mends_by_itself(
    field: Ground, stays: Shared, faults: tuple[str, ...]
) -> None:
    goes = field.share()
    with ExitStack() as failing:
        for fault in faults:
            failing.enter_context(getattr(field, fault)())
        if not {*faults} <= {*WAYS["blocks"]}:  # without blocks only reading fails, after a decision
            eventually(lambda: not field.permits(stays))
            assert not field.permits(stays)
        field.stop(goes)
        assert not field.permits(goes)
    eventually(field.is_ready)
    field.sign_in()
    assert not field.permits(goes)
    assert field.is_logged(goes)
    eventually(lambda: field.permits(stays))


def test_a_kept_stop_counts_after_kill_9_before_anything_is_answered(field: Ground, stays: Shared) -> None:
    goes = field.share()
    with field.database_gone():
        assert field.stop(goes) is None
        refused = field.ask("GET", "/v1/gateway")
        assert refused is not None
        assert (refused.status_code, refused.json()["reason"]) == (503, "stops_waiting")
        assert int(refused.headers["Retry-After"]) > 0
        unready = field.ask("GET", "/readyz")
        assert unready is not None
        assert unready.json()["reason"] == "stops_waiting"
        field.kill()
    field.start()
    assert not field.permits(goes)
    assert field.is_logged(goes)
    assert field.permits(stays)
    again = field.stop(goes)
    assert again is not None
    assert again.receipt["index"] == again.index


def test_a_stop_that_cannot_even_be_kept_comes_back_in_the_form_that_the_chain_takes(field: Ground) -> None:
    goes = field.share()
    with field.disk_full(beyond=len(HEADER)), pytest.raises(StoreUnavailable) as caught:
        field.stop(goes)
    assert caught.value.reason == "stop_not_kept"
    field.send(str(caught.value.fields["to"]), str(caught.value.fields["data"]))
    assert field.town.directory().state(goes.consent) is ChainState.ENDED
    eventually(lambda: not field.permits(goes))

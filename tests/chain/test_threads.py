"""One `Rpc` for several threads: their requests do not get into one another's way."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chain.conftest import Chain

pytestmark = pytest.mark.chain


@pytest.fixture(autouse=True)
def _eager_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_batches_of_many_threads_are_answered_each(chain: Chain) -> None:
    def ask(_: int) -> int:
        return len({answer.value() for answer in chain.rpc.batch([("eth_chainId", ())] * 100)})

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(60))) == {1}

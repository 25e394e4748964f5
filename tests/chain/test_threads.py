"""One `Rpc` for several threads: their requests do not get into one another's way."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chain.conftest import Chain

pytestmark = pytest.mark.chain


def test_batches_of_many_threads_are_answered_each(chain: Chain) -> None:
    def ask(_: int) -> int:
        answers = chain.rpc.batch([("eth_chainId", ()), ("eth_blockNumber", ()), ("eth_chainId", ())])
        return len({answer.value() for answer in answers[::2]})

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(400))) == {1}

"""What a node says of the relayer's transactions that is not so costs no act, once it is taken back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.chain.relayer import Relayer
from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable
from ledger.store.database import Database
from ledger.store.relay import RelayStore
from tests.chain.conftest import ETHER, Chain, Clock, account
from tests.databases import made_at
from tests.faults.acts import Acts
from tests.faults.conftest import SEED
from tests.faults.lies import Place, about
from tests.faults.proxy import Call, FaultProxy

KEY = account("relayer")
ACTS, STEPS = 12, 10
RECEIPT = ("eth_getTransactionReceipt",)


def not_there(call: Call, found: Any) -> Any:  # noqa: ANN401
    return None


class OfAnother:
    """The receipt that was asked for before."""

    def __init__(self) -> None:
        self._last: Any = None

    def __call__(self, call: Call, found: Any) -> Any:  # noqa: ANN401
        before, self._last = self._last, found or self._last
        return before if found else found


def in_another_block(call: Call, found: Any) -> Any:  # noqa: ANN401
    return found and {**found, "blockHash": "0x" + "ab" * 32}


def in_a_block_to_come(call: Call, found: Any) -> Any:  # noqa: ANN401
    return found and {**found, "blockNumber": "0xffffff"}


LIES: Mapping[str, Callable[[], Callable[[Call, Any], Any]]] = {
    "no receipt": lambda: not_there,
    "the receipt of another transaction": OfAnother,
    "a receipt of another block": lambda: in_another_block,
    "a receipt of a block to come": lambda: in_a_block_to_come,
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """One for each chain: a relayer goes on only where it began."""
    url = made_at(tmp_path / "gateway.db")
    found = Database(url)
    yield found
    found.close()


@pytest.mark.parametrize("name", LIES)
def test_no_receipt_that_is_not_true_costs_an_act(
    chain: Chain, clock: Clock, database: Database, name: str
) -> None:
    dice = Random(f"{SEED} {name}")  # noqa: S311 - a repeatable run
    chain.devnet.fund(KEY.address, ETHER)
    store = RelayStore(database)
    with FaultProxy(chain.devnet.url) as proxy:
        rpc = Rpc(proxy.url, timeout=2.0)
        relayer = Relayer(rpc, store, KEY, chain.deployment.chain_id, clock)
        acts = Acts(chain, relayer, dice, name=name)
        for _ in range(ACTS):
            acts.submit()
        place = Place(dice=dice, block=0, neighbour=0, head=0)

        def live(steps: int) -> None:
            for _ in range(steps):
                with suppress(ChainUnreachable):
                    relayer.step()
                chain.mine()
                clock.forward(3)

        with proxy.telling(about(RECEIPT, place, LIES[name]())):
            live(STEPS)
        assert place.told > 0
        live(4 * STEPS)
        rpc.close()
    assert acts.outstanding() == []
    assert acts.effects() == dict.fromkeys((act.effect for act in acts.done), 1)

"""A stop waits for nothing that somebody else does: a reorg, a stranger with the key, a node that is odd."""

from collections.abc import Callable, Sequence

import pytest

from ledger.chain.answers import Answer, Call
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.store.database import Database
from ledger.store.marks import Mark
from ledger.store.relay import State
from tests.chain.conftest import ETHER, Chain, Clock
from tests.chain.test_traffic import KEY, Traffic


class Odd(Rpc):
    """A node without finality that may err about what it does not find, or speak of a stranger's nonces."""

    refused = ""
    pending = ""

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        return [
            self._changed(method, parameters, answer)
            for (method, parameters), answer in zip(calls_, super().batch(calls_), strict=True)
        ]

    def _changed(self, method: str, parameters: Sequence[object], answer: Answer) -> Answer:
        if method == self.refused and answer.result is None:
            return Answer(error=-32000)
        if self.pending and (method, *parameters[1:]) == ("eth_getTransactionCount", "pending"):
            return Answer(result=self.pending)
        if (method, *parameters[:1]) == ("eth_getBlockByNumber", "finalized"):
            return Answer(result=None)
        return answer


@pytest.fixture
def node(chain: Chain) -> Odd:
    return Odd(chain.devnet.url)


@pytest.fixture
def traffic(chain: Chain, clock: Clock, database: Callable[[], Database], node: Odd) -> Traffic:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    return Traffic(chain, clock, database(), "final", node)


def kinds(traffic: Traffic) -> list[str]:
    return [kind for kind, _, _ in traffic.events()]


def settle(traffic: Traffic, steps: int) -> None:
    """Steps that are half a minute apart."""
    for _ in range(steps):
        traffic.step(blocks=1)
        traffic.clock.forward(30)


def test_a_stop_that_lost_its_nonce_to_the_recording_in_a_reorg_goes_at_once(traffic: Traffic) -> None:
    consent = traffic.record("1", "a")
    traffic.step()
    raw = traffic.store.work(0).attempts[0].raw
    snapshot = traffic.chain.rpc.request("evm_snapshot")
    traffic.stop("1", "a")
    traffic.settle(4)
    assert traffic.status(consent, "recording").state is State.SUPERSEDED
    traffic.chain.rpc.request("evm_revert", snapshot)
    traffic.chain.rpc.batch([("eth_sendRawTransaction", ("0x" + raw.hex(),))])
    traffic.chain.mine(3)
    traffic.settle(3)
    assert kinds(traffic) == ["Recorded", "Revoked"]
    assert traffic.status(consent, "recording").state is State.SUPERSEDED
    assert Mark.FOREIGN_NONCE not in traffic.store.marks.all()


def test_what_was_given_up_does_not_come_back_with_a_reorg(traffic: Traffic) -> None:
    consent = traffic.record("1", "a")
    traffic.step()
    snapshot = traffic.chain.rpc.request("evm_snapshot")
    traffic.stop("2", "b")
    traffic.store.marks.put(Mark.DRAINED, since=0)
    traffic.settle(4)
    assert traffic.relayer.withdraw(None, kind="recording", subject=consent) == 1
    traffic.store.marks.take([Mark.DRAINED])
    traffic.chain.rpc.request("evm_revert", snapshot)
    traffic.settle(6)
    assert kinds(traffic) == ["Revoked"]
    assert traffic.status(consent).state is State.SUPERSEDED


def test_a_stop_whose_nonce_a_stranger_took_is_late_by_a_minute(traffic: Traffic) -> None:
    traffic.stop("1", "a")
    traffic.step()
    traffic.chain.rpc.request("anvil_dropAllTransactions")
    foreign = Transaction(
        chain_id=traffic.chain.deployment.chain_id,
        nonce=0,
        fees=Fees.at(traffic.chain.rpc.fees(), urgent=True),
        gas=30_000,
        to=b"\x01" * 20,
        data=b"",
    )
    traffic.chain.rpc.send_raw(sign_transaction(foreign, KEY).raw)
    traffic.chain.mine()
    settle(traffic, 4)
    assert kinds(traffic) == ["Revoked"]


def test_a_stop_gets_past_what_a_stranger_left_in_the_pool_for_ever(traffic: Traffic, node: Odd) -> None:
    node.pending = "0x2"
    traffic.stop("1", "a")
    settle(traffic, 7)
    assert kinds(traffic) == ["Revoked"]


def test_a_pool_that_cannot_be_keeps_nothing_back(traffic: Traffic, node: Odd) -> None:
    node.pending = hex(10**12)
    traffic.stop("1", "a")
    traffic.settle(2)
    assert kinds(traffic) == ["Revoked"]


@pytest.mark.parametrize("refused", ["eth_getTransactionReceipt", "eth_getTransactionByHash"])
def test_a_node_that_errs_about_what_it_does_not_find_gets_stops_and_lost_bytes(
    traffic: Traffic, node: Odd, refused: str
) -> None:
    recorded = traffic.record("1", "a")
    traffic.step()
    node.refused = refused
    traffic.chain.rpc.request("anvil_dropAllTransactions")
    traffic.stop("2", "b")
    traffic.settle(4)
    assert "Revoked" in kinds(traffic)
    assert traffic.status(recorded).state is not State.FINAL
    node.refused = ""
    traffic.settle(6)
    assert sorted(kinds(traffic)) == ["Recorded", "Revoked"]

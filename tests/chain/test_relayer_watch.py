"""What the relayer notices of its account and its chain, and what it lets its operator know."""

from collections.abc import Callable, Sequence

import pytest

from ledger.chain import account, calls
from ledger.chain.answers import Answer, Call
from ledger.chain.networks import network_named
from ledger.chain.relayer import Relayer
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.errors import ChainUnreachable
from ledger.store.acts import State
from ledger.store.database import Database
from ledger.store.marks import Mark
from ledger.store.relay import RelayStore
from tests.chain.conftest import ETHER, Chain, Clock
from tests.chain.test_traffic import KEY, Traffic

pytestmark = pytest.mark.chain


class Elsewhere(Rpc):
    """A node of another chain with the same number."""

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        answers = super().batch(calls_)
        for place, (method, parameters) in enumerate(calls_):
            if method == "eth_getBlockByNumber" and parameters[0] == "0x0":
                answers[place] = Answer(result={**answers[place].result, "hash": "0x" + "11" * 32})
        return answers


class Endless(Rpc):
    """A node that calls no block final."""

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        answers = super().batch(calls_)
        return [
            Answer(error=-32000) if "finalized" in map(str, parameters) else answer
            for (_, parameters), answer in zip(calls_, answers, strict=True)
        ]


@pytest.fixture
def traffic(chain: Chain, clock: Clock, database: Callable[[], Database]) -> Traffic:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    return Traffic(chain, clock, database(), "final")


def again(traffic: Traffic, rpc: Rpc | None = None, *, gas_per_day: int | None = None) -> Relayer:
    """The relayer as after a restart."""
    traffic.store = RelayStore(traffic.database)
    traffic.relayer = Relayer(
        rpc or traffic.chain.rpc,
        traffic.store,
        KEY,
        traffic.chain.deployment.chain_id,
        traffic.clock,
        gas_per_day=gas_per_day,
    )
    return traffic.relayer


def by_a_stranger(traffic: Traffic) -> None:
    """Somebody else sends a transaction with the relayer's key."""
    traffic.chain.send(KEY, traffic.chain.deployment.registry, calls.revoke_all())


def foreign(traffic: Traffic) -> str | None:
    """The nonce that the operator is told of."""
    found = traffic.store.marks.all().get(Mark.FOREIGN_NONCE)
    return None if found is None else found.detail


def test_a_quiet_account_has_nothing_to_tell(traffic: Traffic) -> None:
    traffic.record("1", "a")
    traffic.settle(6)
    assert set(traffic.store.marks.all()) == {Mark.ACCOUNTED}


def test_what_was_sent_with_the_key_before_is_nobodys_fault(traffic: Traffic) -> None:
    by_a_stranger(traffic)
    traffic.record("1", "a")
    traffic.settle(6)
    assert foreign(traffic) is None


def test_a_stranger_who_sends_between_our_transactions_is_noticed(traffic: Traffic) -> None:
    traffic.record("1", "a")
    traffic.settle(6)
    by_a_stranger(traffic)
    traffic.record("2", "b")
    traffic.settle(6)
    assert foreign(traffic) == "1"
    assert {traffic.status(one).state for one in traffic.lane_of} == {State.FINAL}


def test_a_stranger_who_sends_while_we_are_away_is_noticed_at_the_start(traffic: Traffic) -> None:
    traffic.record("1", "a")
    traffic.settle(6)
    by_a_stranger(traffic)
    again(traffic).step()
    assert foreign(traffic) == "1"


def test_a_stranger_who_takes_the_nonce_of_an_act_is_noticed_and_the_act_signed_again(
    traffic: Traffic,
) -> None:
    consent = traffic.record("1", "a")
    traffic.step()
    traffic.chain.rpc.request("anvil_dropTransaction", traffic.status(consent).transaction)
    by_a_stranger(traffic)
    traffic.settle(8)
    assert foreign(traffic) == "0"
    assert traffic.status(consent).state is State.FINAL
    assert traffic.chain.rpc.nonce(KEY.address) == 2


def test_that_holds_where_no_block_is_final(traffic: Traffic) -> None:
    rpc = Endless(traffic.chain.devnet.url)
    again(traffic, rpc)
    consent = traffic.record("1", "a")
    traffic.step()
    traffic.chain.rpc.request("anvil_dropTransaction", traffic.status(consent).transaction)
    by_a_stranger(traffic)
    traffic.chain.mine(66)
    traffic.settle(4)
    rpc.close()
    assert foreign(traffic) == "0"
    assert traffic.status(consent).state is State.SEEN


def test_what_an_operator_has_acknowledged_is_not_told_again(traffic: Traffic) -> None:
    traffic.record("1", "a")
    traffic.settle(6)
    by_a_stranger(traffic)
    traffic.step()
    assert traffic.store.marks.take([Mark.FOREIGN_NONCE]) == [Mark.FOREIGN_NONCE]
    again(traffic)
    traffic.record("2", "b")
    traffic.settle(6)
    assert foreign(traffic) is None


def test_a_chain_that_lost_our_transactions_gets_the_same_bytes_again(traffic: Traffic) -> None:
    snapshot = traffic.chain.rpc.request("evm_snapshot")
    consents = [traffic.record(f"{n}", f"lane {n}") for n in range(2)]
    traffic.settle(6)
    signed = {traffic.status(one).transaction for one in consents}
    traffic.chain.rpc.request("evm_revert", snapshot)
    again(traffic)
    traffic.settle(6)
    assert {traffic.status(one).transaction for one in consents} == signed
    assert {traffic.status(one).state for one in consents} == {State.FINAL}
    assert foreign(traffic) is None


def test_an_act_that_gave_way_to_a_stop_is_no_strangers_doing_after_a_reorg(traffic: Traffic) -> None:
    recorded = traffic.record("1", "a")
    traffic.step()
    traffic.stop("2", "b")
    traffic.step(blocks=1)
    traffic.step()
    snapshot = traffic.chain.rpc.request("evm_snapshot")
    traffic.settle(6)
    assert traffic.status(recorded).state is State.FINAL
    traffic.chain.rpc.request("evm_revert", snapshot)
    traffic.chain.rpc.request("anvil_dropAllTransactions")
    traffic.chain.mine(4)
    traffic.settle(6)
    assert foreign(traffic) is None
    assert traffic.status(recorded).state is State.FINAL
    assert traffic.chain.rpc.nonce(KEY.address) == 2


def test_a_gap_that_a_stranger_left_in_the_pool_is_filled(traffic: Traffic) -> None:
    foreign_one = sign_transaction(
        Transaction(
            chain_id=traffic.chain.deployment.chain_id,
            nonce=0,
            fees=Fees.at(traffic.chain.rpc.fees(), urgent=False),
            gas=100_000,
            to=bytes.fromhex(traffic.chain.deployment.registry[2:]),
            data=calls.revoke_all(),
        ),
        KEY,
    )
    traffic.chain.rpc.send_raw(foreign_one.raw)
    consents = [traffic.record(f"{n}", f"lane {n}") for n in range(3)]
    traffic.step()
    traffic.chain.rpc.request("anvil_dropTransaction", foreign_one.hash)
    traffic.settle(6)
    assert {traffic.status(one).state for one in consents} == {State.FINAL}
    assert traffic.chain.rpc.nonce(KEY.address) == 2


def test_a_devnet_that_has_made_its_first_block_anew_is_the_same_chain(traffic: Traffic) -> None:
    traffic.step()
    consent = traffic.record("1", "a")
    rpc = Elsewhere(traffic.chain.devnet.url)
    again(traffic, rpc).step()
    rpc.close()
    assert traffic.status(consent).state is State.SENT


def test_another_public_chain_of_the_same_number_gets_nothing(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "network_of", lambda chain_id: network_named("sepolia"))
    traffic.step()
    consent = traffic.record("1", "a")
    rpc = Elsewhere(traffic.chain.devnet.url)
    with pytest.raises(ChainUnreachable) as refused:
        again(traffic, rpc).step()
    assert refused.value.reason == "other_chain"
    assert "--new-chain" in refused.value.fix
    assert traffic.status(consent).state is State.INTENDED
    traffic.store.marks.take([Mark.CHAIN])
    again(traffic, rpc).step()
    rpc.close()
    assert traffic.status(consent).state is State.SENT


def test_once_the_gas_of_a_day_is_spent_only_stops_go_out(traffic: Traffic) -> None:
    again(traffic, gas_per_day=60_000)
    first = traffic.record("1", "a")
    traffic.settle(3)
    second = traffic.record("2", "b")
    traffic.settle(3)
    third, stopped = traffic.record("3", "c"), traffic.stop("4", "d")
    traffic.settle(5)
    assert Mark.OVER_QUOTA in traffic.relayer.marks
    assert traffic.status(second).state is traffic.status(stopped).state is State.FINAL
    assert traffic.status(first).state is State.FINAL
    assert traffic.status(third).state is State.INTENDED
    traffic.clock.forward(86_401)
    traffic.settle(5)
    assert traffic.status(third).state is State.FINAL
    assert Mark.OVER_QUOTA not in traffic.store.marks.all()


def test_a_drained_relayer_sends_stops_and_finishes_what_it_began(traffic: Traffic) -> None:
    begun = traffic.record("1", "a")
    traffic.step()
    traffic.store.marks.put(Mark.DRAINED, since=0)
    waiting, stops = traffic.record("2", "b"), [traffic.stop("3", "c"), traffic.stop("4", "d", spread=0)]
    again(traffic)
    traffic.settle(8)
    assert {traffic.status(stop).state for stop in stops} == {State.FINAL}
    assert traffic.status(waiting).state is State.INTENDED
    traffic.store.marks.take([Mark.DRAINED])
    traffic.settle(8)
    assert {traffic.status(one).state for one in (begun, waiting)} == {State.FINAL}

"""Recordings of different patients share transactions, and each has its own fate all the same."""

import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import pytest

from ledger.chain import calls
from ledger.chain.answers import Answer, Call
from ledger.chain.batching import ITEM_GAS, MOST_GAS, grouped, most_items
from ledger.chain.relayer import Relayer
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import read_transaction
from ledger.ids import ConsentId
from ledger.store.acts import Batch, State, Submission
from ledger.store.database import Database
from ledger.store.relay import RelayStore
from tests.chain.conftest import ETHER, Chain, Clock
from tests.chain.test_traffic import KEY, Traffic

SELECTOR = calls.recorded_together([])[:4]
RECORDING = calls.record_signed(
    controller=KEY.address, epoch=0, terms_hash=bytes(32), until=1, signature=b"\x01" * 65
)


class Capricious(Rpc):
    """A node that may leave events out of receipts, or tell of other transactions and blocks."""

    forgetful = False
    lie: Mapping[str, str] = MappingProxyType({})

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        return [
            self._changed(method, answer)
            for (method, _), answer in zip(calls_, super().batch(calls_), strict=True)
        ]

    def _changed(self, method: str, answer: Answer) -> Answer:
        if self.forgetful and method == "eth_getTransactionReceipt" and answer.result:
            return Answer(result={**answer.result, "logs": answer.result["logs"][1:]})
        if self.lie and method == "eth_getTransactionReceipt" and answer.result:
            return Answer(result={**answer.result, **self.lie})
        return answer


@pytest.fixture
def traffic(chain: Chain, clock: Clock, database: Callable[[], Database]) -> Traffic:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    return Traffic(chain, clock, database(), "final", Capricious(chain.devnet.url))


def recorded(traffic: Traffic) -> list[ConsentId]:
    """In no order: what shares a transaction keeps to none of ours."""
    return sorted(consent for kind, consent, _ in traffic.events() if kind == "Recorded")


def many(traffic: Traffic, count: int, prefix: str = "") -> list[ConsentId]:
    return [traffic.record(f"{prefix}{n}", lane=f"lane {prefix}{n}") for n in range(count)]


def sizes(traffic: Traffic) -> list[int]:
    """How many acts each transaction of ours carries, in the order of nonces."""
    return [len(attempt.submissions) for attempt in traffic.store.work(0).attempts]


def restarted(traffic: Traffic, *, batch: int) -> None:
    rpc = Capricious(traffic.chain.devnet.url)
    traffic.relayer = Relayer(
        rpc, traffic.store, KEY, traffic.chain.deployment.chain_id, traffic.clock, batch=batch
    )


def act(
    number: int, *, lane: bytes | None = b"", urgent: bool = False, data: bytes = RECORDING
) -> Submission:
    return Submission(
        id=number,
        kind="recording",
        subject="",
        to=bytes(20),
        data=data,
        urgent=urgent,
        state=State.INTENDED,
        not_before=0,
        created=0,
        lane=None if lane is None else lane or number.to_bytes(32, "big"),
    )


def ids(batches: Sequence[Batch]) -> list[list[int]]:
    return [[one.id for one in batch] for batch in batches]


def test_a_batch_is_what_the_abi_says() -> None:
    consents = [
        calls.SignedConsent(
            controller=KEY.address,
            epoch=n,
            terms_hash=bytes([n]) * 32,
            until=n + 1,
            signature=b"\x07" * (65 + n),
        )
        for n in range(5)
    ]
    singles = [
        calls.record_signed(
            controller=one.controller,
            epoch=one.epoch,
            terms_hash=one.terms_hash,
            until=one.until,
            signature=one.signature,
        )
        for one in consents
    ]
    assert calls.recorded_together(singles) == calls.record_batch(consents)
    assert calls.recorded_together([]) == calls.record_batch([])


def test_acts_keep_their_order_and_what_may_not_share_goes_alone() -> None:
    acts = [act(1), act(2, lane=None), act(3), act(4, data=b"anchor"), act(5), act(6, urgent=True), act(7)]
    assert ids(grouped(acts, {}, 3)) == [[1, 3, 5], [2], [4], [6], [7]]


def test_the_order_within_a_batch_says_nothing_of_which_act_waited_longer() -> None:
    acts = [act(number, data=RECORDING + bytes([number * 7 % 5])) for number in range(1, 5)]
    (batch,) = grouped(acts, {}, 10)
    (backwards,) = grouped(list(reversed(acts)), {}, 10)
    assert ids([batch]) == ids([backwards]) == [[3, 1, 4, 2]]


def test_what_fell_with_a_batch_travels_in_smaller_ones() -> None:
    acts = [act(number) for number in range(1, 8)]
    assert ids(grouped(acts, {1: 2, 2: 2, 3: 2, 4: 1}, 100)) == [[1, 2], [3], [4], [5, 6, 7]]


def test_a_batch_takes_at_most_half_a_block_and_what_a_transaction_may_have() -> None:
    assert most_items(100, 30_000_000) == 100
    assert most_items(100, 2_000_000) == 1_000_000 // ITEM_GAS
    assert most_items(10_000, 10**9) == MOST_GAS // ITEM_GAS
    assert most_items(100, 1) == 1


@pytest.mark.chain
def test_recordings_of_different_patients_share_a_transaction(traffic: Traffic) -> None:
    consents = many(traffic, 8)
    traffic.settle(5)
    assert recorded(traffic) == sorted(consents)
    assert {traffic.status(consent).state for consent in consents} == {State.FINAL}
    assert len({traffic.status(consent).transaction for consent in consents}) == 1
    assert traffic.chain.rpc.nonce(KEY.address) == 1
    assert traffic.lanes() == 0


@pytest.mark.chain
def test_two_acts_of_one_patient_never_share_a_transaction(traffic: Traffic) -> None:
    first, second = traffic.record("first", "a"), traffic.record("second", "a")
    others = many(traffic, 3)
    traffic.settle()
    assert recorded(traffic) == sorted([first, second, *others])
    assert traffic.crowded() == []
    assert traffic.chain.rpc.nonce(KEY.address) == 2


@pytest.mark.chain
def test_a_transaction_carries_no_more_than_it_may(traffic: Traffic) -> None:
    restarted(traffic, batch=3)
    many(traffic, 7)
    traffic.step()
    assert sizes(traffic) == [3, 3, 1]


@pytest.mark.chain
def test_what_the_registry_passes_over_fails_alone(traffic: Traffic) -> None:
    stopped = traffic.stop("bad", "b")
    traffic.settle(4)
    bad = traffic.record("bad", "c")
    others = many(traffic, 3)
    traffic.settle(6)
    assert bad == stopped
    assert traffic.status(bad, "recording").state is State.FAILED
    assert traffic.status(bad, "recording").succeeded is False
    assert recorded(traffic) == sorted(others)
    assert {traffic.status(consent).succeeded for consent in others} == {True}
    assert {traffic.status(consent).state for consent in others} == {State.FINAL}


@pytest.mark.chain
def test_what_was_recorded_already_counts_as_done(traffic: Traffic) -> None:
    consents = many(traffic, 2)
    work = traffic.store.work(0)
    traffic.chain.send(KEY, traffic.chain.deployment.registry, next(iter(work.submissions.values())).data)
    traffic.settle(6)
    assert recorded(traffic) == sorted(consents)
    assert {traffic.status(consent).state for consent in consents} == {State.FINAL}
    assert {traffic.status(consent).succeeded for consent in consents} == {True}


@pytest.mark.chain
def test_a_batch_that_is_reverted_is_split_until_each_act_has_its_effect(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.chain.account.ITEM_GAS", 8_000)
    monkeypatch.setattr("ledger.chain.account.WALLET_GAS", 60_000)
    for question in ("_trial", "_estimate"):
        monkeypatch.setattr(f"ledger.chain.account.{question}", lambda *_: ("eth_chainId", ()))
    consents = many(traffic, 4)
    traffic.step(blocks=1)
    traffic.step()
    assert {traffic.status(consent).state for consent in consents} <= {State.INTENDED, State.SENT}
    assert sizes(traffic) == [4, 2, 2]
    assert recorded(traffic) == []
    monkeypatch.undo()
    traffic.settle(8)
    assert recorded(traffic) == sorted(consents)
    assert {traffic.status(consent).state for consent in consents} == {State.FINAL}
    assert {traffic.status(consent).succeeded for consent in consents} == {True}


@pytest.mark.chain
def test_a_batch_that_would_not_fit_is_sent_in_parts(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.chain.account.most_gas", lambda _: 200_000)
    consents = many(traffic, 8)
    traffic.settle(12)
    assert recorded(traffic) == sorted(consents)
    assert {attempt.succeeded for attempt in traffic.store.work(0).attempts} == {True}
    assert 1 < traffic.chain.rpc.nonce(KEY.address) < 8


@pytest.mark.chain
def test_a_stop_takes_the_place_of_a_batch_and_all_but_its_own_recording_come_after(traffic: Traffic) -> None:
    consents = many(traffic, 4)
    traffic.step()
    assert traffic.stop("2", "lane 2") == consents[2]
    traffic.step(blocks=1)
    assert [kind for kind, *_ in traffic.events()] == ["Revoked"]
    traffic.settle(8)
    assert recorded(traffic) == sorted(one for one in consents if one != consents[2])
    assert traffic.status(consents[2], "recording").state is State.SUPERSEDED
    assert traffic.chain.rpc.nonce(KEY.address) == 2
    assert traffic.lanes() == 0


@pytest.mark.chain
def test_a_batch_in_which_something_was_withdrawn_while_it_was_signed_is_not_sent(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    consents = many(traffic, 3)
    sign = traffic.store.sign

    def withdrawing(attempts: Sequence[object]) -> object:
        traffic.relayer.withdraw(None, kind="recording", subject=consents[1])
        return sign(attempts)  # type: ignore[arg-type]

    monkeypatch.setattr(traffic.store, "sign", withdrawing)
    traffic.step()
    assert sizes(traffic) == []
    monkeypatch.undo()
    traffic.settle(6)
    assert recorded(traffic) == sorted([consents[0], consents[2]])


@pytest.mark.chain
def test_a_batch_that_a_reorg_took_out_is_broadcast_again_as_it_was(traffic: Traffic) -> None:
    snapshot = traffic.chain.rpc.request("evm_snapshot")
    consents = many(traffic, 3)
    traffic.step(blocks=1)
    traffic.step()
    signed = traffic.status(consents[0]).transaction
    assert traffic.status(consents[2]).state is State.SEEN
    traffic.chain.rpc.request("evm_revert", snapshot)
    traffic.step()
    assert {traffic.status(consent).state for consent in consents} == {State.SENT}
    traffic.settle(6)
    assert recorded(traffic) == sorted(consents)
    assert {traffic.status(consent).transaction for consent in consents} == {signed}


@pytest.mark.chain
def test_a_batch_is_replaced_whole_when_it_offers_too_little(traffic: Traffic) -> None:
    consents = many(traffic, 3)
    traffic.step()
    traffic.chain.rpc.request("anvil_setNextBlockBaseFeePerGas", hex(50 * traffic.chain.rpc.fees().base_fee))
    traffic.chain.mine()
    traffic.settle(6)
    assert recorded(traffic) == sorted(consents)
    old, new = (read_transaction(attempt.raw) for attempt in traffic.store.find(consents[0])[0][1])
    assert new.with_fees(old.fees) == old
    assert traffic.chain.rpc.nonce(KEY.address) == 1


@pytest.mark.chain
def test_a_stranger_at_the_nonce_of_a_batch_costs_no_act(traffic: Traffic) -> None:
    consents = many(traffic, 3)
    traffic.step()
    traffic.chain.rpc.request("anvil_dropTransaction", traffic.status(consents[0]).transaction)
    traffic.chain.send(KEY, traffic.chain.deployment.registry, calls.revoke_all())
    traffic.settle(8)
    assert recorded(traffic) == sorted(consents)
    assert {traffic.status(consent).state for consent in consents} == {State.FINAL}
    assert traffic.chain.rpc.nonce(KEY.address) == 2


@pytest.mark.chain
@pytest.mark.parametrize(
    ("forgetful", "lie"),
    [
        (True, {}),
        (False, {"transactionHash": "0x" + "12" * 32}),
        (False, {"blockHash": "0x" + "34" * 32}),
        (False, {"blockNumber": "0xffff"}),
    ],
    ids=["an act without a word", "another transaction", "another block", "a block that is not there yet"],
)
def test_a_receipt_that_cannot_be_of_this_transaction_and_chain_is_not_believed(
    traffic: Traffic, forgetful: bool, lie: dict[str, str]
) -> None:
    consents = many(traffic, 3)
    rpc = Capricious(traffic.chain.devnet.url)
    traffic.relayer = Relayer(rpc, traffic.store, KEY, traffic.chain.deployment.chain_id, traffic.clock)
    rpc.forgetful, rpc.lie = forgetful, lie
    traffic.step(blocks=1)
    traffic.step()
    assert {traffic.status(consent).state for consent in consents} == {State.SENT}
    rpc.forgetful, rpc.lie = False, {}
    traffic.settle(6)
    assert {traffic.status(consent).state for consent in consents} == {State.FINAL}
    assert recorded(traffic) == sorted(consents)
    assert traffic.chain.rpc.nonce(KEY.address) == 1


@pytest.mark.chain
@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_every_act_of_a_batch_has_its_effect_once(
    traffic: Traffic, database: Callable[[], Database], seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a repeatable walk
    names = iter(range(1000))
    filed: list[str] = []
    stopped: set[ConsentId] = set()
    snapshots: list[str] = []

    def record() -> None:
        for name in [str(next(names)) for _ in range(dice.randrange(1, 6))]:
            filed.append(name)
            traffic.record(name, f"lane {dice.randrange(12)}")

    def stop() -> None:
        if filed:
            name = dice.choice(filed)
            consent = traffic.stop(name, f"stop {name}") if name not in seen else None
            seen.add(name)
            stopped.update({consent} if consent else set())

    def reorg() -> None:
        if snapshots:
            del snapshots[dice.randrange(len(snapshots)) + 1 :]
            traffic.chain.rpc.request("evm_revert", snapshots.pop())

    def again() -> None:
        traffic.store = RelayStore(database())
        restarted(traffic, batch=4)

    seen: set[str] = set()
    mine, step = traffic.chain.mine, traffic.relayer.step
    acts: list[Callable[[], object]] = [
        *[record, record, lambda: traffic.relayer.step(), mine, lambda: traffic.relayer.step(), mine],
        *[stop, reorg, again, lambda: traffic.clock.forward(70)],
        lambda: snapshots.append(traffic.chain.rpc.request("evm_snapshot")),
    ]
    step()
    for _ in range(50):
        dice.choice(acts)()
    traffic.settle(60)
    events = [(kind, consent) for kind, consent, _ in traffic.events()]
    assert len(events) == len(set(events))
    assert {consent for kind, consent in events if kind == "Revoked"} == stopped
    assert {consent for _, consent in events} == set(traffic.lane_of)

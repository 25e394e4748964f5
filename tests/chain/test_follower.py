"""The follower shows one consistent chain: over reorgs, restarts and kills, on the right network only."""

import os
import random
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import calls, guard
from ledger.chain.answers import Answer, Call
from ledger.chain.deploying import deploy
from ledger.chain.devnet import Devnet
from ledger.chain.follower import Follower
from ledger.chain.index import ChainState
from ledger.chain.networks import network_of
from ledger.chain.reader import read_chain
from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable, StoreUnavailable, Undecidable
from ledger.store.chain import ChainStore
from ledger.store.database import Database
from tests.chain.conftest import Chain, Clock, account
from tests.chain.liars import Liar

PATIENT, OTHER = account("controller"), account("other controller")
TERMS = bytes([7]) * 32


@pytest.fixture
def follow(chain: Chain, clock: Clock, database: Callable[[], Database]) -> Callable[[], Follower]:
    """A follower over the one database of the test, as after a restart."""
    return lambda: Follower(chain.rpc, chain.deployment, ChainStore(database()), clock)


def record(chain: Chain, terms: bytes = TERMS) -> None:
    item = chain.consent(PATIENT, terms)
    chain.send(chain.owner, chain.deployment.registry, calls.record_batch([item]))


def revoke(chain: Chain, terms: bytes = TERMS) -> None:
    data = calls.revoke_with_preimage(
        controller=PATIENT.address,
        epoch=0,
        terms_hash=terms,
        until=2**40 - 1,
        signature=chain.revocation(PATIENT, chain.id(PATIENT, terms)),
    )
    chain.send(chain.owner, chain.deployment.registry, data)


def same(chain: Chain, follower: Follower) -> bool:
    """Whether the follower holds what a reader finds that reads everything anew."""
    fresh = read_chain(chain.rpc, chain.deployment)
    index = follower.index
    return (index.events(), index.tip, index.head("safe"), index.head("final")) == (
        fresh.events(),
        fresh.tip,
        fresh.head("safe"),
        fresh.head("final"),
    )


def test_a_consent_is_seen_then_safe_then_final_then_ended(
    chain: Chain, follow: Callable[[], Follower]
) -> None:
    follower, consent = follow(), chain.id(PATIENT, TERMS)
    record(chain)
    states = []
    for _ in range(3):
        follower.catch_up()
        states.append([follower.index.state(consent, level) for level in ("seen", "safe", "final")])
        chain.mine()
    none, active = ChainState.NONE, ChainState.ACTIVE
    assert states == [[active, none, none], [active, active, none], [active, active, active]]
    revoke(chain)
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.ENDED
    assert follower.index.state(consent, "final") is ChainState.ACTIVE
    assert same(chain, follower)


def test_a_reorg_takes_back_what_it_took_out(chain: Chain, follow: Callable[[], Follower]) -> None:
    follower, consent = follow(), chain.id(PATIENT, TERMS)
    chain.mine(3)
    record(chain)
    chain.mine()
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.ACTIVE
    chain.rpc.request("anvil_reorg", 3, [])
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.NONE
    assert follower.reorgs == 1
    assert same(chain, follower)
    assert follow().index.events() == follower.index.events()


def test_a_stop_and_a_consent_on_two_branches_are_never_mixed(
    chain: Chain, follow: Callable[[], Follower]
) -> None:
    follower, first, second = follow(), chain.id(PATIENT, TERMS), chain.id(PATIENT, bytes(32))
    record(chain)
    snapshot = chain.rpc.request("evm_snapshot")
    revoke(chain)
    chain.mine(2)
    follower.catch_up()
    assert follower.index.state(first) is ChainState.ENDED
    chain.rpc.request("evm_revert", snapshot)
    record(chain, bytes(32))
    chain.mine(5)
    follower.catch_up()
    assert follower.index.state(first) is ChainState.ACTIVE
    assert follower.index.state(second) is ChainState.ACTIVE
    assert same(chain, follower)
    resumed = follow()
    assert resumed.index.events() == follower.index.events()
    assert resumed.index.headers() == follower.index.headers()


class MovingRpc(Rpc):
    """A node whose chain moves right before one of the questions."""

    def __init__(self, url: str, countdown: int, move: Callable[[], None]) -> None:
        super().__init__(url)
        self.countdown, self.move = countdown, move

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        self.countdown -= 1
        if self.countdown == 0:
            self.move()
        return super().batch(calls_)


@pytest.mark.parametrize(
    ("known", "question"), [(False, 5), (False, 6), (False, 7), *((True, n) for n in range(2, 6))]
)
@pytest.mark.parametrize("blocks", [2, 400])
def test_a_chain_that_moves_between_two_questions_is_never_shown_in_a_mixture(
    chain: Chain,
    clock: Clock,
    database: Callable[[], Database],
    follow: Callable[[], Follower],
    known: bool,
    question: int,
    blocks: int,
) -> None:
    consent = chain.id(PATIENT, TERMS)
    if known:
        follow().catch_up()
    snapshot = chain.rpc.request("evm_snapshot")
    record(chain)
    recorded = chain.rpc.block("latest")
    chain.rpc.request("anvil_mine", hex(blocks))
    assert recorded is not None

    def move() -> None:
        chain.rpc.request("evm_revert", snapshot)
        chain.rpc.request("evm_increaseTime", 100)
        chain.mine(blocks + 3)

    moving = MovingRpc(chain.devnet.url, question, move)
    follower = Follower(moving, chain.deployment, ChainStore(database()), clock)
    for _ in range(3):
        follower.step()
        index = follower.index
        held = index.header(recorded.number)
        if held is not None:
            assert (index.state(consent) is ChainState.ACTIVE) == (held == recorded)
        for level in ("safe", "final"):
            mark = index.head(level)
            assert mark is None or index.header(mark.number) in (None, mark)
    moving.close()
    follower.catch_up()
    assert same(chain, follower)


def test_a_shorter_chain_is_a_reorg(chain: Chain, follow: Callable[[], Follower]) -> None:
    follower = follow()
    snapshot = chain.rpc.request("evm_snapshot")
    record(chain)
    chain.mine(40)
    follower.catch_up()
    chain.rpc.request("evm_revert", snapshot)
    follower.catch_up()
    assert follower.index.state(chain.id(PATIENT, TERMS)) is ChainState.NONE
    assert follower.head().number == int(chain.rpc.request("eth_blockNumber"), 16)
    assert same(chain, follower)


@pytest.mark.parametrize("seed", range(6))
def test_after_any_history_the_index_is_what_a_fresh_one_would_be(
    chain: Chain, clock: Clock, follow: Callable[[], Follower], seed: int
) -> None:
    """Records, stops, quiet, reorganisations, shorter chains and restarts, in any order."""
    chance, follower = random.Random(seed), follow()  # noqa: S311 - no secret
    snapshots = [chain.rpc.request("evm_snapshot")]
    for step in range(14):
        match chance.choice(["record", "record", "revoke", "mine", "gap", "reorg", "revert", "restart"]):
            case "record":
                record(chain, bytes([step]) * 32)
            case "revoke":
                revoke(chain, bytes([chance.randrange(step + 1)]) * 32)
            case "mine":
                chain.mine(chance.randrange(1, 4))
                snapshots.append(chain.rpc.request("evm_snapshot"))
            case "gap":
                chain.rpc.request("anvil_mine", hex(chance.choice([70, 300])))
            case "reorg":
                tip = int(chain.rpc.request("eth_blockNumber"), 16)
                chain.rpc.request("anvil_reorg", min(chance.randrange(1, 65), tip - 5), [])
            case "revert":
                del snapshots[chance.randrange(len(snapshots)) + 1 :]
                chain.rpc.request("evm_revert", snapshots.pop())
                chain.rpc.request("evm_increaseTime", 1 + step)
                chain.mine()
                snapshots.append(chain.rpc.request("evm_snapshot"))
            case "restart":
                follower = follow()
        if chance.random() < 0.6:
            follower.catch_up()
            assert same(chain, follower)
    follower.catch_up()
    assert same(chain, follower)
    resumed = follow()
    assert resumed.index.events() == follower.index.events()


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain counts as one on which nobody here decides what is mined."""
    network = replace(network_of(31337), public=True)
    monkeypatch.setattr("ledger.chain.follower.network_of", lambda _: network)


@pytest.mark.usefixtures("public")
def test_on_a_public_network_a_node_that_lags_takes_nothing_back(
    chain: Chain, clock: Clock, follow: Callable[[], Follower]
) -> None:
    follower, consent = follow(), chain.id(PATIENT, TERMS)
    snapshot = chain.rpc.request("evm_snapshot")
    record(chain)
    follower.catch_up()
    seen = follower.head()
    chain.rpc.request("evm_revert", snapshot)
    clock.forward(30)
    assert not follower.step()
    assert follower.index.state(consent) is ChainState.ACTIVE
    assert follower.head() == seen
    chain.rpc.request("evm_increaseTime", 9)
    chain.mine(2)
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.NONE
    assert follower.head().seen_at > seen.seen_at
    assert same(chain, follower)


@pytest.mark.usefixtures("public")
def test_on_a_public_network_what_was_final_is_not_taken_back(
    chain: Chain, follow: Callable[[], Follower]
) -> None:
    follower, consent = follow(), chain.id(PATIENT, TERMS)
    snapshot = chain.rpc.request("evm_snapshot")
    record(chain)
    chain.mine(4)
    follower.catch_up()
    assert follower.index.state(consent, "final") is ChainState.ACTIVE
    chain.rpc.request("evm_revert", snapshot)
    chain.rpc.request("evm_increaseTime", 9)
    chain.mine(9)
    for _ in range(2):
        with pytest.raises(ChainUnreachable) as refused:
            follower.step()
        assert refused.value.reason == "final_reverted"
    assert follower.index.state(consent, "final") is ChainState.ACTIVE


def test_a_restart_resumes_from_the_store_without_asking_the_node(
    chain: Chain, follow: Callable[[], Follower]
) -> None:
    record(chain)
    before = follow()
    before.catch_up()
    resumed = follow()
    assert resumed.index.events() == before.index.events()
    assert resumed.index.tip == before.index.tip
    assert resumed.index.state(chain.id(PATIENT, TERMS), "final") is ChainState.NONE
    with pytest.raises(Undecidable):
        resumed.head()
    resumed.catch_up()
    assert resumed.head() == before.head()
    assert same(chain, resumed)


def test_a_reorg_while_the_gateway_was_down_is_found_at_the_next_start(
    chain: Chain, follow: Callable[[], Follower]
) -> None:
    snapshot = chain.rpc.request("evm_snapshot")
    record(chain)
    follow().catch_up()
    chain.rpc.request("evm_revert", snapshot)
    chain.mine(9)
    resumed = follow()
    assert resumed.index.state(chain.id(PATIENT, TERMS)) is ChainState.ACTIVE
    resumed.catch_up()
    assert resumed.index.state(chain.id(PATIENT, TERMS)) is ChainState.NONE
    assert same(chain, resumed)


def test_a_long_gap_is_read_by_range_and_gives_the_same_answers(
    chain: Chain, follow: Callable[[], Follower]
) -> None:
    record(chain)
    chain.rpc.request("anvil_mine", hex(700))
    revoke(chain)
    chain.mine(3)
    follower = follow()
    assert follower.step()
    with pytest.raises(Undecidable):
        follower.head()
    follower.catch_up()
    assert follower.head().number == int(chain.rpc.request("eth_blockNumber"), 16)
    assert same(chain, follower)
    assert len(follower.index.headers()) < 300
    resumed = follow()
    resumed.catch_up()
    assert same(chain, resumed)


@pytest.mark.parametrize("names_final", [True, False])
def test_old_headers_are_forgotten_whether_or_not_the_node_names_a_final_block(
    chain: Chain,
    clock: Clock,
    database: Callable[[], Database],
    monkeypatch: pytest.MonkeyPatch,
    names_final: bool,
) -> None:
    def twist(call: Call, value: Any) -> Any:  # noqa: ANN401
        return value if names_final or call[1][:1] != ("finalized",) else None

    monkeypatch.setattr("ledger.chain.follower.KEEP_HEADERS", 8)
    rpc = Liar(chain.devnet.url, twist)
    store = ChainStore(database())
    follower = Follower(rpc, chain.deployment, store, clock)
    record(chain)
    for _ in range(10):
        chain.mine(5)
        follower.catch_up()
    assert len(follower.index.headers()) < 40
    assert len(store.load()[0]) < 40
    assert follower.index.events() == read_chain(chain.rpc, chain.deployment).events()
    rpc.close()


def test_the_head_ages_while_the_node_is_silent(
    chain: Chain, clock: Clock, follow: Callable[[], Follower]
) -> None:
    follower = follow()
    follower.catch_up()
    seen = follower.head().seen_at
    chain.devnet.stop()
    clock.forward(90)
    with pytest.raises(ChainUnreachable):
        follower.step()
    assert follower.head().seen_at == seen
    assert follower.head().age(clock.now) >= 90_000


def test_a_node_of_another_chain_is_refused(
    chain: Chain, clock: Clock, database: Callable[[], Database]
) -> None:
    elsewhere = replace(chain.deployment, chain_id=1)
    follower = Follower(chain.rpc, elsewhere, ChainStore(database()), clock)
    with pytest.raises(ChainUnreachable) as refused:
        follower.step()
    assert refused.value.reason == "wrong_chain"
    assert follower.index.tip is None


def test_a_chain_without_the_contracts_is_refused(
    chain: Chain, clock: Clock, database: Callable[[], Database]
) -> None:
    nowhere = replace(chain.deployment, anchor=account("nobody").address)
    with pytest.raises(ChainUnreachable) as refused:
        Follower(chain.rpc, nowhere, ChainStore(database()), clock).step()
    assert refused.value.reason == "no_contract"


def test_a_step_that_is_not_kept_is_not_shown(
    chain: Chain, clock: Clock, database: Callable[[], Database]
) -> None:
    class FullDisk(ChainStore):
        def apply(self, **_: object) -> None:
            raise StoreUnavailable("no space")

    follower = Follower(chain.rpc, chain.deployment, FullDisk(database()), clock)
    with pytest.raises(StoreUnavailable):
        follower.step()
    assert follower.index.tip is None


def test_a_store_of_another_deployment_is_not_believed(
    chain: Chain, clock: Clock, database: Callable[[], Database], follow: Callable[[], Follower]
) -> None:
    record(chain)
    follow().catch_up()
    chain.automine(True)
    other = deploy(chain.devnet.url, chain.owner, salt=bytes(32))
    follower = Follower(chain.rpc, other, ChainStore(database()), clock)
    assert follower.index.events() == []
    follower.catch_up()
    assert follower.index.consent(chain.id(PATIENT, TERMS)) is None
    assert follower.head().number == int(chain.rpc.request("eth_blockNumber"), 16)


def test_blocks_lost_in_a_kill_of_anvil_are_rolled_back(
    tmp_path: Path, clock: Clock, database: Callable[[], Database]
) -> None:
    owner = account("owner")
    with Devnet(tmp_path / "killed", mining=False) as devnet:
        found = Chain(devnet=devnet, rpc=Rpc(devnet.url), owner=owner)
        devnet.fund(owner.address, 10**20)
        found.automine(True)
        found.deployment = deploy(devnet.url, owner)
        devnet.stop()
        state = tmp_path / "killed" / guard.STATE
        on_disk = state.read_bytes()
        devnet.start()
        follower = Follower(found.rpc, found.deployment, ChainStore(database()), clock)
        found.automine(False)
        record(found)
        found.mine(4)
        follower.catch_up()
        assert follower.index.state(found.id(PATIENT, TERMS), "final") is ChainState.ACTIVE
        os.kill(devnet.pid, signal.SIGKILL)
        devnet.stop()
        state.write_bytes(on_disk)
        devnet.start()
        follower.catch_up()
        assert same(found, follower)
        found.rpc.close()


def test_readers_in_other_threads_never_see_half_a_step(chain: Chain, follow: Callable[[], Follower]) -> None:
    follower, consent = follow(), chain.id(PATIENT, TERMS)
    follower.catch_up()
    stop, torn = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            with follower.index.lock:
                head = follower.head()
                known = follower.index.consent(consent, head.number)
                if known is not None and follower.index.header(known.recorded_number) is None:
                    torn.append(known)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        snapshot = chain.rpc.request("evm_snapshot")
        record(chain)
        follower.catch_up()
        chain.rpc.request("evm_revert", snapshot)
        chain.mine()
        follower.catch_up()
    stop.set()
    for reader in readers:
        reader.join()
    assert torn == []
    assert follower.reorgs == 5


def test_running_in_a_thread_wakes_who_waits_and_outlives_faults(
    chain: Chain, follow: Callable[[], Follower]
) -> None:
    follower, consent, stop = follow(), chain.id(PATIENT, TERMS), threading.Event()
    thread = threading.Thread(target=follower.run, args=(stop, 0.05))
    thread.start()
    try:
        record(chain)
        assert follower.wait_for(lambda index: index.state(consent) is ChainState.ACTIVE, 30)
        chain.devnet.stop()
        chain.devnet.start()
        revoke(chain)
        assert follower.wait_for(lambda index: index.state(consent) is ChainState.ENDED, 30)
        assert not follower.wait_for(lambda index: index.state(consent) is ChainState.ACTIVE, 0.1)
    finally:
        stop.set()
        thread.join()

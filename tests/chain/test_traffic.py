"""Two acts of one lane never share a block, and a stop waits for nothing."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

import pytest
from sqlalchemy import select

from ledger.chain import calls
from ledger.chain.answers import Answer, Call
from ledger.chain.lanes import DEEP, Depth
from ledger.chain.reader import read_chain
from ledger.chain.relayer import Relayer, SubmissionStatus
from ledger.chain.rpc import Rpc
from ledger.ids import ConsentId
from ledger.store.database import Database
from ledger.store.relay import FILL, RelayStore, State
from ledger.store.tables import lanes
from tests.chain.conftest import ETHER, Chain, Clock, account

KEY = account("relayer")


class WithoutFinality(Rpc):
    """A connection to a node that names no final block, or only the first one."""

    genesis_only = False

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        answers = super().batch(calls_)
        for place, (method, parameters) in enumerate(calls_):
            if method == "eth_getBlockByNumber" and parameters[0] == "finalized":
                genesis = super().request("eth_getBlockByNumber", "0x0", False)
                answers[place] = Answer(result=genesis if self.genesis_only else None)
        return answers


class Traffic:
    """A relayer, and consents that each have a controller of their own."""

    def __init__(
        self, chain: Chain, clock: Clock, database: Database, depth: Depth, rpc: Rpc | None = None
    ) -> None:
        self.chain, self.clock, self.database = chain, clock, database
        self.store = RelayStore(database)
        self.relayer = Relayer(
            rpc or chain.rpc, self.store, KEY, chain.deployment.chain_id, clock, depth=depth
        )
        self.lane_of: dict[ConsentId, str] = {}

    def record(self, name: str, lane: str = "", *, later: float = 0) -> ConsentId:
        controller, terms = account(name), sha256(name.encode()).digest()
        item, consent = self.chain.consent(controller, terms), self.chain.id(controller, terms)
        self._submit(
            "recording",
            consent,
            calls.record_signed(
                controller=item.controller,
                epoch=item.epoch,
                terms_hash=item.terms_hash,
                until=item.until,
                signature=item.signature,
            ),
            lane,
            later=later,
        )
        return consent

    def stop(self, name: str, lane: str = "", *, spread: float | None = None) -> ConsentId:
        controller, terms = account(name), sha256(name.encode()).digest()
        item, consent = self.chain.consent(controller, terms), self.chain.id(controller, terms)
        call = calls.revoke_with_preimage(
            controller=item.controller,
            epoch=item.epoch,
            terms_hash=item.terms_hash,
            until=item.until,
            signature=self.chain.revocation(controller, consent),
        )
        self._submit("revocation", consent, call, lane, urgent=spread is None, later=spread or 0)
        return consent

    def _submit(
        self,
        kind: str,
        consent: ConsentId,
        call: bytes,
        lane: str,
        *,
        urgent: bool = False,
        later: float = 0,
    ) -> None:
        self.lane_of[consent] = lane
        self.relayer.submit(
            None,
            kind=kind,
            subject=consent,
            to=self.chain.deployment.registry,
            data=call,
            urgent=urgent,
            not_before=int((self.clock.now.timestamp() + later) * 1000),
            lane=sha256(lane.encode()).digest() if lane else None,
        )

    def step(self, blocks: int = 0) -> None:
        self.relayer.step()
        self.chain.mine(blocks)

    def settle(self, steps: int = 24) -> None:
        for _ in range(steps):
            self.step(blocks=1)

    def status(self, consent: str, kind: str | None = None) -> SubmissionStatus:
        found = self.relayer.status(consent, kind)
        assert found is not None
        return found

    def block(self, consent: str, kind: str | None = None) -> int | None:
        return self.status(consent, kind).block

    def events(self) -> Iterator[tuple[str, ConsentId, int]]:
        """What happened on chain: kind of event, consent, block."""
        for event in read_chain(self.chain.rpc, self.chain.deployment).events():
            consent = getattr(event, "consent", None)
            if consent is not None:
                yield type(event).__name__, consent, event.number

    def lanes(self) -> int:
        """How many acts are still known to be of a lane."""
        with self.database.read() as connection:
            return len(connection.execute(select(lanes)).all())

    def crowded(self) -> list[tuple[str, int]]:
        """The lanes that have two acts in one block, with that block."""
        count = Counter(
            (self.lane_of[consent], number) for _, consent, number in self.events() if self.lane_of[consent]
        )
        return [place for place, acts in count.items() if acts > 1]


@pytest.fixture
def make(chain: Chain, clock: Clock, database: Callable[[], Database]) -> Callable[[Depth], Traffic]:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    return lambda depth: Traffic(chain, clock, database(), depth)


@pytest.fixture
def traffic(make: Callable[[Depth], Traffic]) -> Traffic:
    return make("final")


def test_recordings_of_different_lanes_share_a_block(traffic: Traffic) -> None:
    consents = [traffic.record(f"{n}", lane=f"lane {n}") for n in range(3)]
    traffic.step(blocks=1)
    traffic.step()
    assert len({traffic.block(consent) for consent in consents}) == 1


def test_the_next_recording_of_a_lane_waits_until_the_one_before_is_final(traffic: Traffic) -> None:
    first, second, other = (traffic.record(*act) for act in (("1", "a"), ("2", "a"), ("3", "b")))
    states = []
    for _ in range(6):
        traffic.step()
        states.append((traffic.status(first).state, traffic.status(second).state))
        traffic.chain.mine()
    assert (State.SEEN, State.INTENDED) in states
    assert {later for before, later in states if before is not State.FINAL} == {State.INTENDED}
    traffic.settle()
    assert traffic.block(other) == traffic.block(first)
    assert traffic.status(second).state is State.FINAL
    assert traffic.crowded() == []


@pytest.mark.parametrize("genesis_only", [False, True])
def test_where_no_block_is_final_the_next_of_a_lane_waits_for_so_many_blocks(
    chain: Chain, clock: Clock, database: Callable[[], Database], genesis_only: bool
) -> None:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    rpc = WithoutFinality(chain.devnet.url)
    rpc.genesis_only = genesis_only
    traffic = Traffic(chain, clock, database(), "final", rpc)
    first, second = traffic.record("1", "a"), traffic.stop("2", "a", spread=0)
    traffic.step(blocks=DEEP)
    traffic.step()
    traffic.step()
    assert traffic.status(second).state is State.INTENDED
    traffic.chain.mine()
    traffic.step(blocks=1)
    traffic.step()
    assert traffic.block(second) == (traffic.block(first) or 0) + DEEP + 1
    assert traffic.status(first).state is State.FINAL, "deep enough, where the node calls nothing final"
    rpc.close()


def test_on_a_local_chain_it_waits_only_until_the_one_before_is_in_a_block(
    make: Callable[[Depth], Traffic],
) -> None:
    traffic = make("seen")
    first, second = traffic.record("1", "a"), traffic.record("2", "a")
    traffic.step()
    traffic.step()
    assert traffic.status(second).transaction is None
    traffic.chain.mine()
    traffic.step(blocks=1)
    traffic.step()
    numbers = traffic.block(first), traffic.block(second)
    assert numbers[1] == (numbers[0] or 0) + 1


def test_what_waited_shortest_goes_first_whatever_was_filed_first(traffic: Traffic) -> None:
    early = traffic.record("filed first", "a", later=20)
    late = traffic.record("filed second", "a", later=10)
    traffic.clock.forward(30)
    traffic.settle()
    assert [consent for _, consent, _ in traffic.events()] == [late, early]


def test_a_stop_is_sent_at_once_however_busy_its_lane_is(traffic: Traffic) -> None:
    traffic.record("1", "a")
    traffic.step(blocks=1)
    traffic.step()
    stops = [traffic.stop(name, "a") for name in ("2", "3")]
    traffic.step()
    assert [traffic.status(stop).state for stop in stops] == [State.SENT] * 2


def test_a_recording_waits_for_a_stop_of_its_lane(traffic: Traffic) -> None:
    recorded = traffic.record("1", "a")
    stopped = traffic.stop("2", "a")
    traffic.step(blocks=1)
    traffic.step()
    assert traffic.status(stopped).state is State.SEEN
    assert traffic.status(recorded).transaction is None
    traffic.settle()
    assert traffic.status(recorded).state is State.FINAL


def test_a_stop_takes_the_nonce_of_its_own_lanes_recording(traffic: Traffic) -> None:
    recorded = traffic.record("1", "a")
    traffic.step()
    stopped = traffic.stop("2", "a")
    traffic.step(blocks=1)
    assert [consent for _, consent, _ in traffic.events()] == [stopped]
    traffic.settle()
    assert traffic.status(recorded).state is State.FINAL
    assert traffic.crowded() == []


def test_what_a_stop_overtakes_takes_the_nonce_of_the_stops_own_lane(traffic: Traffic) -> None:
    other, recorded = traffic.record("1", "b"), traffic.record("2", "a")
    traffic.step()
    stopped = traffic.stop("3", "a")
    traffic.settle(3)
    assert [consent for _, consent, _ in traffic.events()] == [stopped, other]
    traffic.settle()
    assert traffic.status(recorded).state is State.FINAL
    assert traffic.relayer.status("", FILL) is None
    assert traffic.chain.rpc.nonce(KEY.address) == 3
    assert traffic.crowded() == []


def test_what_was_overtaken_has_gas_for_its_whole_effect(traffic: Traffic) -> None:
    other = traffic.record("1", "b")
    traffic.record("2", "a")
    traffic.step()
    traffic.stop("3", "a")  # from here on the node sees the first recording in its pool, at another nonce
    traffic.settle()
    assert traffic.status(other).state is State.FINAL


def test_a_recording_that_a_reorg_brings_back_gives_way_to_the_stop_after_it(traffic: Traffic) -> None:
    snapshot = traffic.chain.rpc.request("evm_snapshot")
    recorded = traffic.record("1", "a")
    traffic.step(blocks=1)
    traffic.step()
    stopped = traffic.stop("2", "a")
    traffic.step()
    traffic.chain.rpc.request("evm_revert", snapshot)
    traffic.settle(3)
    assert [consent for _, consent, _ in traffic.events()] == [stopped]
    traffic.settle()
    assert traffic.status("", FILL).state is State.FINAL
    assert traffic.status(recorded).state is State.FINAL
    assert traffic.crowded() == []


def test_spread_stops_keep_to_their_lane_as_recordings_do(traffic: Traffic) -> None:
    stops = [traffic.stop(f"{n}", "a", spread=n) for n in range(3)]
    traffic.clock.forward(3)
    traffic.settle()
    blocks = [traffic.block(stop) for stop in stops]
    assert len(set(blocks)) == 3
    assert None not in blocks
    assert {kind for kind, _, _ in traffic.events()} == {"Revoked"}


def test_a_recording_that_its_own_stop_overtook_does_not_come_back(traffic: Traffic) -> None:
    recorded = traffic.record("1", "a")
    traffic.step()
    assert traffic.stop("1", "a") == recorded
    traffic.settle()
    assert traffic.status(recorded, "recording").state is State.SUPERSEDED
    assert traffic.status(recorded, "revocation").state is State.FINAL
    assert traffic.chain.rpc.nonce(KEY.address) == 1
    assert traffic.lanes() == 0


def test_a_recording_that_lost_its_nonce_can_still_be_withdrawn(traffic: Traffic) -> None:
    recorded = traffic.record("1", "a")
    traffic.step()
    traffic.stop("2", "a")
    traffic.step(blocks=1)
    traffic.step()
    assert traffic.relayer.withdraw(None, kind="recording", subject=recorded) == 1
    traffic.settle()
    assert traffic.chain.rpc.nonce(KEY.address) == 1


def test_what_stood_in_for_another_and_lost_its_nonce_does_not_come_back(traffic: Traffic) -> None:
    snapshot = traffic.chain.rpc.request("evm_snapshot")
    traffic.record("1", "a")
    traffic.step(blocks=1)
    traffic.step()
    traffic.stop("2", "a")
    traffic.step()
    traffic.chain.rpc.request("evm_revert", snapshot)
    traffic.step()
    assert traffic.status("", FILL).state is State.SENT
    traffic.stop("3", "b")
    traffic.settle()
    assert traffic.status("", FILL).state is State.SUPERSEDED
    assert traffic.chain.rpc.nonce(KEY.address) == len(traffic.lane_of) == 3


@pytest.mark.parametrize("sent", [False, True])
def test_a_spread_stop_that_is_hurried_waits_for_nothing(traffic: Traffic, sent: bool) -> None:
    traffic.record("1", "a")
    traffic.step(blocks=0 if sent else 1)
    stopped = traffic.stop("2", "a", spread=1000)
    other = traffic.stop("3", "b", spread=1000)
    traffic.step()
    assert traffic.relayer.hurry(kind="revocation", subject=stopped) == 1
    traffic.step(blocks=1)
    traffic.step()
    assert traffic.status(stopped).state is State.SEEN
    assert traffic.status(other).transaction is None
    assert traffic.relayer.hurry(kind="revocation", subject=stopped) == 0
    assert traffic.crowded() == []


def test_stops_whose_time_has_come_are_hurried_and_no_others(traffic: Traffic) -> None:
    early, late = traffic.stop("1", spread=10), traffic.stop("2", spread=20)
    due = int(traffic.clock.now.timestamp() + 10) * 1000
    assert traffic.relayer.hurry(kind="recording", due_by=due) == 0
    assert traffic.relayer.hurry(kind="revocation", due_by=due - 1) == 0
    assert traffic.relayer.hurry(kind="revocation", due_by=due) == 1
    urgent = {one.subject: one.urgent for one in traffic.store.work(0).submissions.values()}
    assert urgent == {early: True, late: False}


def test_the_lanes_of_what_failed_can_be_forgotten(traffic: Traffic) -> None:
    traffic.stop("1", "a")
    recorded = traffic.record("1", "a")
    traffic.settle()
    assert traffic.status(recorded, "recording").state is State.FAILED
    assert traffic.lanes() == 1
    traffic.relayer.forget("revocation")
    assert traffic.lanes() == 1
    traffic.relayer.forget("recording")
    assert traffic.lanes() == 0


def test_a_lane_is_forgotten_once_its_acts_are_final_or_withdrawn(traffic: Traffic) -> None:
    traffic.record("1", "a")
    traffic.stop("2", "a")
    withdrawn = traffic.record("3", "b", later=1000)
    assert traffic.lanes() == 3
    assert traffic.relayer.withdraw(None, kind="recording", subject=withdrawn) == 1
    assert traffic.lanes() == 2
    traffic.settle()
    assert traffic.lanes() == 0


def test_a_stop_that_is_sent_again_keeps_its_lane(traffic: Traffic) -> None:
    traffic.stop("1", "a")
    (found,) = traffic.store.work(0).submissions.values()
    again = traffic.relayer.retry(found, not_before=0)
    assert traffic.store.work(0).submissions[again].lane == found.lane
    assert list(traffic.store.work(0).submissions) == [again]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_no_block_has_two_acts_of_a_lane(traffic: Traffic, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a repeatable walk
    names = iter(range(1000))
    snapshots: list[str] = []
    quiet: set[str] = set()  # lanes that have had their one stop: two stops of a lane may meet, by choice
    stopped = []

    def record() -> None:
        traffic.record(f"{next(names)}", dice.choice("abc"), later=dice.randrange(5))

    def stop() -> None:
        lane = dice.choice("abc")
        if lane not in quiet:
            quiet.add(lane)
            stopped.append(traffic.stop(f"{next(names)}", lane))
            traffic.relayer.step()

    def reorg() -> None:
        if snapshots:
            del snapshots[dice.randrange(len(snapshots)) + 1 :]
            traffic.chain.rpc.request("evm_revert", snapshots.pop())
            traffic.relayer.step()

    acts: list[Callable[[], object]] = [
        *[record, traffic.relayer.step, traffic.chain.mine, record, traffic.relayer.step, traffic.chain.mine],
        *[record, stop, reorg, lambda: traffic.clock.forward(3)],
        lambda: snapshots.append(traffic.chain.rpc.request("evm_snapshot")),
    ]
    for _ in range(60):
        dice.choice(acts)()
        assert traffic.crowded() == []
    traffic.clock.forward(10)
    traffic.settle(80)
    assert traffic.crowded() == []
    assert {consent for _, consent, _ in traffic.events()} == set(traffic.lane_of)
    assert {consent for kind, consent, _ in traffic.events() if kind == "Revoked"} == set(stopped)

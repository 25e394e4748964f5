"""No lie of a node is believed: what the follower shows is always what the chain says up to some block.

Each lie is told in many variations of place and time. A step that is refused changes nothing, in the index or
in the store, and names no secret; once the lie ends, the follower catches up. What a single node can say of a
long past, or of finality, without being found out (`tests.faults.lies`) is said by one of two.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from random import Random

import pytest

from ledger.chain.events import decode
from ledger.chain.facts import RawLog
from ledger.chain.follower import Follower
from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable
from ledger.store.chain import ChainStore
from ledger.store.database import Database
from tests.chain.conftest import Chain, Clock
from tests.faults.conftest import SEED, running
from tests.faults.faults import NOISE, REFUSALS, SECRET, SILENCES
from tests.faults.history import Header, Log, Truth, live
from tests.faults.lies import CONTRADICTED, LIES, UNPROVED, Lie, Place, every
from tests.faults.proxy import Fault, FaultProxy, behind, honest
from tests.faults.views import FINAL_DEPTH, SAFE_DEPTH, Memory, as_of

VARIATIONS = int(os.environ.get("CONSENT_FAULT_VARIATIONS", "50"))
AFTER = 8
"""So many blocks at most come after what is lied about."""
SECRETS = SECRET.split()[::2]


@dataclass(frozen=True)
class Shown:
    """All that a follower shows and keeps, and how deep it says that is."""

    headers: list[Header]
    logs: list[Log]
    marks: list[int | None]


class World:
    """A follower of a chain that is seen through a proxy at any of its heads."""

    def __init__(
        self, chain: Chain, truth: Truth, proxies: Sequence[FaultProxy], database: Database, clock: Clock
    ) -> None:
        self.chain, self.truth, self.proxies, self.clock = chain, truth, proxies, clock
        self.store = ChainStore(database)
        self.rpc = Rpc([proxy.url for proxy in proxies], timeout=2.0, pause=lambda _: None)
        self._memory = Memory()
        self.store.apply(keep=-1, headers=[], logs=[])
        for head in range(truth.first, truth.last, 100):
            self.see(head)
            self.follower().catch_up()
        self.see(truth.last)
        self.follower().catch_up()
        self._past = self.store.load()

    def follow(self, known: int | None) -> Follower:
        """A follower that was started when it had the blocks up to `known`."""
        headers, logs = self._past
        last = -1 if known is None else known
        self.store.apply(
            keep=-1,
            headers=[header for header in headers if header.number <= last],
            logs=[log for log in logs if log.number <= last],
        )
        return self.follower()

    def see(self, head: int, lie: Fault = honest) -> None:
        """Show the chain as of a head through all nodes, the first of which may lie."""
        for proxy in self.proxies:
            proxy.fault = behind(as_of(head), self._memory)
        self.proxies[0].fault = behind(lie, as_of(head), self._memory)

    def follower(self, rpc: Rpc | None = None) -> Follower:
        """A follower that was started with what the store holds."""
        return Follower(rpc or self.rpc, self.chain.deployment, self.store, self.clock)

    def shown(self, follower: Follower) -> Shown:
        headers, logs = self.store.load()
        index = follower.index
        marks = [index.head(level) for level in ("seen", "safe", "final")]
        decoded = (decode(log) for log in logs)
        assert index.headers() == headers
        assert index.events() == [event for event in decoded if event is not None]
        return Shown(
            headers=[(one.number, one.hash, one.parent, one.timestamp) for one in headers],
            logs=[plain(log) for log in logs],
            marks=[None if mark is None else mark.number for mark in marks],
        )

    def require_true(self, shown: Shown, head: int) -> None:
        """Fail unless all that is shown is what the chain says, up to some block not above the head."""
        tip, *marks = shown.marks
        assert tip == (shown.headers[-1][0] if shown.headers else None)
        assert tip is None or tip <= head
        assert shown.headers == [self.truth.header(number) for number, *_ in shown.headers]
        assert shown.logs == ([] if tip is None else self.truth.logs_up_to(tip))
        for mark, depth in zip(marks, (SAFE_DEPTH, FINAL_DEPTH), strict=True):
            assert mark is None or mark <= head - depth

    def withstands(self, lie: Lie, seed: str, *, near: bool) -> bool:
        """Tell a lie in one of its variations, near the head if need be; whether it came to be told."""
        dice = Random(seed)  # noqa: S311 - a repeatable lie
        known, place = self._place(dice, near=near)
        follower = self.follow(known)
        before = self.shown(follower)
        self.see(place.head, lie(place))
        for _ in range(2 if place.is_brief else 1):
            refused = refusal_of(follower)
            after = self.shown(follower)
            if refused is not None:
                assert after == before
                assert not any(word in repr(refused) + str(refused.as_dict()) for word in SECRETS)
            self.require_true(after, place.head)
            before = after
        later = dice.randint(place.head, min(place.head + 5, self.truth.last))
        self.see(later)
        follower.catch_up()
        shown = self.shown(follower)
        self.require_true(shown, later)
        assert shown.marks == [later, later - SAFE_DEPTH, later - FINAL_DEPTH]
        return place.told > 0

    def _place(self, dice: Random, *, near: bool) -> tuple[int | None, Place]:
        """What is known already, and what is lied about."""
        pairs = list(pairwise(self.truth.crowded()))
        close = [(low, high) for low, high in pairs if high + AFTER - low < FINAL_DEPTH]
        lowest, highest = dice.choice(close if near else pairs)
        block, neighbour = dice.sample([lowest, highest], 2)
        is_new = dice.random() < 0.2 and not near
        known = None if is_new else dice.randint(max(self.truth.first, lowest - 12), lowest - 1)
        is_brief = dice.random() < 0.4
        place = Place(
            dice=dice,
            block=block,
            neighbour=neighbour,
            head=dice.randint(highest, min(highest + AFTER, self.truth.last)),
            thorough=dice.random() < 0.5,
            is_brief=is_brief,
            after=dice.randrange(3) if is_brief else 0,
        )
        return known, place


def refusal_of(follower: Follower) -> ChainUnreachable | None:
    """The refusal that a step ends in, if it does."""
    try:
        follower.step()
    except ChainUnreachable as exc:
        return exc
    return None


def plain(log: RawLog) -> Log:
    return (
        log.number,
        log.block_hash,
        log.log_index,
        log.address,
        log.topics,
        log.data,
        log.transaction,
    )


@pytest.fixture(scope="module")
def world(old_chain: Chain, truth: Truth, proxy: FaultProxy, database: Database, clock: Clock) -> World:
    return World(old_chain, truth, [proxy], database, clock)


@pytest.fixture(scope="module")
def two_nodes(
    old_chain: Chain, truth: Truth, proxy: FaultProxy, database: Database, clock: Clock
) -> Iterator[World]:
    with FaultProxy(old_chain.devnet.url) as other:
        yield World(old_chain, truth, [proxy, other], database, clock)


def withstand(world: World, name: str, lie: Lie, variations: int = VARIATIONS, *, near: bool = False) -> None:
    """Tell a lie until so many variations of it were told."""
    seeds = (f"{SEED} {name} {number}" for number in range(20 * variations))
    told = (seed for seed in seeds if world.withstands(lie, seed, near=near))
    assert len(list(islice(told, variations))) == variations


@pytest.mark.parametrize("name", LIES)
def test_no_lie_is_believed(world: World, name: str) -> None:
    withstand(world, name, LIES[name])


@pytest.mark.parametrize("name", UNPROVED)
def test_no_lie_about_what_just_happened_is_believed(world: World, name: str) -> None:
    withstand(world, name, UNPROVED[name], near=True)


@pytest.mark.parametrize("name", CONTRADICTED)
def test_no_lie_of_one_node_that_another_contradicts_is_believed(two_nodes: World, name: str) -> None:
    withstand(two_nodes, name, CONTRADICTED[name], VARIATIONS // 2)


@pytest.mark.parametrize("name", LIES)
def test_a_second_node_makes_no_lie_credible(two_nodes: World, name: str) -> None:
    withstand(two_nodes, name, LIES[name], VARIATIONS // 10)


@pytest.mark.parametrize("name", NOISE)
def test_no_noise_is_taken_for_an_answer(world: World, name: str) -> None:
    withstand(world, name, every(NOISE[name]), VARIATIONS // 10)


@pytest.mark.parametrize("name", [name for name in {**SILENCES, **REFUSALS} if name != "timeout"])
def test_no_fault_is_taken_for_an_answer(world: World, name: str) -> None:
    withstand(world, name, every({**SILENCES, **REFUSALS}[name]), VARIATIONS // 10)


def test_of_two_nodes_on_two_branches_neither_is_believed(
    two_nodes: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each is consistent in itself."""
    with running(tmp_path_factory.mktemp("branch") / "devnet") as branch:
        live(branch, Random("another past"))  # noqa: S311 - a repeatable past
        assert branch.deployment.addresses == two_nodes.chain.deployment.addresses
        head = two_nodes.truth.crowded()[-1]
        known = head - 5
        with FaultProxy(branch.devnet.url) as forger:
            for first in (True, False):
                urls = [two_nodes.proxies[0].url, forger.url]
                rpc = Rpc(urls if first else urls[::-1], timeout=2.0, pause=lambda _: None)
                two_nodes.see(head)
                two_nodes.follow(known)
                follower = two_nodes.follower(rpc)
                before = two_nodes.shown(follower)
                refused = refusal_of(follower)
                assert refused is not None
                assert refused.reason == "chain_disagreement"
                assert two_nodes.shown(follower) == before
                rpc.close()

"""No lie of a node is believed: what the follower shows is always what the chain says up to some block.

Each lie is told in many variations of place and time. A step that is refused changes nothing, in the index or
in the store, and names no secret; once the lie ends, the follower catches up.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
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
from tests.faults.conftest import SEED
from tests.faults.faults import NOISE, REFUSALS, SECRET, SILENCES
from tests.faults.history import Header, Log, Truth
from tests.faults.lies import CONSISTENT, LIES, Lie, Place, every
from tests.faults.proxy import Fault, FaultProxy, behind, honest
from tests.faults.views import FINAL_DEPTH, SAFE_DEPTH, Memory, as_of

VARIATIONS = int(os.environ.get("CONSENT_FAULT_VARIATIONS", "50"))
STEPS = 2
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
        self.rpc = Rpc([proxy.url for proxy in proxies], timeout=2.0)
        self._memory = Memory()
        self.store.apply(keep=-1, headers=[], logs=[])
        for head in range(truth.first, truth.last, 100):
            self.see(head)
            self._follower().catch_up()
        self.see(truth.last)
        self._follower().catch_up()
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
        return self._follower()

    def see(self, head: int, lie: Fault = honest) -> None:
        """Show the chain as of a head through all nodes, the first of which may lie."""
        for proxy in self.proxies:
            proxy.fault = behind(as_of(head), self._memory)
        self.proxies[0].fault = behind(lie, as_of(head), self._memory)

    def _follower(self) -> Follower:
        return Follower(self.rpc, self.chain.deployment, self.store, self.clock)

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

    def withstands(self, lie: Lie, seed: str) -> bool:
        """Tell a lie in one of its variations; whether it came to be told."""
        dice = Random(seed)  # noqa: S311 - a repeatable lie
        known, place = self._place(dice)
        follower = self.follow(known)
        before = self.shown(follower)
        self.see(place.head, lie(place))
        for _ in range(STEPS):
            refused = refusal_of(follower)
            after = self.shown(follower)
            if refused is not None:
                assert after == before
                assert not any(word in repr(refused) + str(refused.as_dict()) for word in SECRETS)
            self.require_true(after, place.head)
            before = after
        later = dice.randint(place.head, self.truth.last)
        self.see(later)
        follower.catch_up()
        shown = self.shown(follower)
        self.require_true(shown, later)
        assert shown.marks == [later, later - SAFE_DEPTH, later - FINAL_DEPTH]
        return place.told > 0

    def _place(self, dice: Random) -> tuple[int | None, Place]:
        """What is known already, and what is lied about."""
        crowded = self.truth.crowded()
        at = dice.randrange(len(crowded) - 1)
        block, neighbour = crowded[at], crowded[at + 1]
        if dice.random() < 0.5:
            block, neighbour = neighbour, block
        lowest, highest = min(block, neighbour), max(block, neighbour)
        known = None if dice.random() < 0.3 else dice.randint(max(self.truth.first, lowest - 40), lowest - 1)
        is_brief = dice.random() < 0.4
        place = Place(
            dice=dice,
            block=block,
            neighbour=neighbour,
            head=dice.randint(highest, min(highest + 30, self.truth.last)),
            after=dice.randrange(3) if is_brief else 0,
            times=1 if is_brief else 1_000_000,
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


def withstand(world: World, name: str, lie: Lie, variations: int = VARIATIONS) -> None:
    """Tell a lie until so many variations of it were told."""
    seeds = (f"{SEED} {name} {number}" for number in range(20 * variations))
    told = (seed for seed in seeds if world.withstands(lie, seed))
    assert len(list(islice(told, variations))) == variations


@pytest.mark.parametrize("name", LIES)
def test_no_lie_is_believed(world: World, name: str) -> None:
    withstand(world, name, LIES[name])


@pytest.mark.parametrize("name", NOISE)
def test_no_noise_is_taken_for_an_answer(world: World, name: str) -> None:
    withstand(world, name, every(NOISE[name]), VARIATIONS // 5)


@pytest.mark.parametrize("name", CONSISTENT)
def test_no_lie_that_contradicts_only_hashes_is_believed(world: World, name: str) -> None:
    withstand(world, name, CONSISTENT[name])


@pytest.mark.parametrize("name", [name for name in {**SILENCES, **REFUSALS} if name != "timeout"])
def test_no_fault_is_taken_for_an_answer(world: World, name: str) -> None:
    withstand(world, name, every({**SILENCES, **REFUSALS}[name]), VARIATIONS // 5)

"""No lie of a node is believed: what the follower shows is at every moment what the chain says at that block.

Each lie is told in many variations of place and time. A step that is refused changes nothing, in the index or in
the store, and names no secret; once the lie ends, the follower catches up.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from random import Random

import pytest

from ledger.chain.events import decode
from ledger.chain.follower import Follower
from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable
from ledger.store.chain import ChainStore
from ledger.store.database import Database
from tests.chain.conftest import Chain, Clock
from tests.faults.conftest import SEED
from tests.faults.faults import REFUSALS, SECRET, SILENCES
from tests.faults.history import Header, Log, Truth
from tests.faults.lies import CONSISTENT, LIES, Lie, Place, every
from tests.faults.proxy import Fault, FaultProxy, behind
from tests.faults.views import FINAL_DEPTH, SAFE_DEPTH, as_of

VARIATIONS = int(os.environ.get("CONSENT_FAULT_VARIATIONS", "50"))
STEPS = 3


@dataclass(frozen=True)
class Shown:
    """All that a follower shows and keeps."""

    kept: tuple[list[Header], list[Log]]
    headers: list[Header]
    events: list[object]
    marks: list[int | None]


class World:
    """A follower of a chain that is seen through a proxy at any of its heads."""

    def __init__(
        self, chain: Chain, truth: Truth, proxies: Sequence[FaultProxy], database: Database, clock: Clock
    ) -> None:
        self.chain, self.truth, self.proxies, self.clock = chain, truth, proxies, clock
        self.store = ChainStore(database)
        self.rpc = Rpc([proxy.url for proxy in proxies], timeout=2.0)

    def follow(self, known: int | None) -> Follower:
        """A follower that was started when it had the blocks up to `known`."""
        self.store.apply(keep=-1, headers=[], logs=[])
        follower = Follower(self.rpc, self.chain.deployment, self.store, self.clock)
        if known is not None:
            self.see(known)
            follower.catch_up()
            follower = Follower(self.rpc, self.chain.deployment, self.store, self.clock)
        return follower

    def see(self, head: int, lie: Fault | None = None) -> None:
        """Show the chain as of a head through all nodes, the first of which may lie."""
        for proxy in self.proxies:
            proxy.fault = as_of(head)
        if lie is not None:
            self.proxies[0].fault = behind(lie, as_of(head))

    def shown(self, follower: Follower) -> Shown:
        headers, logs = self.store.load()
        index = follower.index
        marks = [index.head(level) for level in ("seen", "safe", "final")]
        return Shown(
            kept=([(h.number, h.hash, h.parent, h.timestamp) for h in headers], [_log(log) for log in logs]),
            headers=[(h.number, h.hash, h.parent, h.timestamp) for h in index.headers()],
            events=list(index.events()),
            marks=[None if mark is None else mark.number for mark in marks],
        )

    def require_true(self, follower: Follower, head: int) -> None:
        """Fail unless all that is shown is what the chain says, up to some block not above the head."""
        shown = self.shown(follower)
        tip = shown.marks[0]
        kept, logs = shown.kept
        assert shown.headers == kept
        assert kept == [self.truth.header(number) for number, *_ in kept]
        assert tip == (kept[-1][0] if kept else None)
        if tip is None:
            assert logs == shown.events == []
            return
        assert tip <= head
        assert logs == self.truth.logs_up_to(tip)
        decoded = (decode(log) for log in self.store.load()[1])
        assert shown.events == [event for event in decoded if event is not None]
        for mark, depth in zip(shown.marks[1:], (SAFE_DEPTH, FINAL_DEPTH), strict=True):
            assert mark is None or mark <= head - depth

    def withstands(self, lie: Lie, seed: str) -> bool:
        """Tell a lie in one of its variations; whether it came to be told."""
        dice = Random(seed)  # noqa: S311 - a repeatable lie
        known, place = self._place(dice)
        follower = self.follow(known)
        self.see(place.head, lie(place))
        for _ in range(STEPS):
            before = self.shown(follower)
            try:
                follower.step()
            except ChainUnreachable as exc:
                assert self.shown(follower) == before
                assert not any(word in repr(exc) + str(exc.as_dict()) for word in SECRET.split()[::2])
            self.require_true(follower, place.head)
        later = dice.randint(place.head, self.truth.last)
        self.see(later)
        follower.catch_up()
        self.require_true(follower, later)
        assert self.shown(follower).marks == [later, later - SAFE_DEPTH, later - FINAL_DEPTH]
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


def _log(log: object) -> Log:
    names = ("number", "block_hash", "log_index", "address", "topics", "data", "transaction")
    number, block_hash, place, *rest = (getattr(log, name) for name in names)
    return (number, block_hash, place, *rest)


@pytest.fixture(scope="module")
def world(old_chain: Chain, truth: Truth, proxy: FaultProxy, database: Database, clock: Clock) -> World:
    return World(old_chain, truth, [proxy], database, clock)


def withstand(world: World, name: str, lie: Lie) -> None:
    """Tell a lie until so many variations of it were told."""
    told = (
        seed for seed in islice(count(), 20 * VARIATIONS) if world.withstands(lie, f"{SEED} {name} {seed}")
    )
    assert len(list(islice(told, VARIATIONS))) == VARIATIONS


@pytest.mark.parametrize("name", LIES)
def test_no_lie_is_believed(world: World, name: str) -> None:
    withstand(world, name, LIES[name])


@pytest.mark.parametrize("name", CONSISTENT)
def test_no_lie_that_contradicts_only_hashes_is_believed(world: World, name: str) -> None:
    withstand(world, name, CONSISTENT[name])


@pytest.mark.parametrize("name", [name for name in {**SILENCES, **REFUSALS} if name != "timeout"])
def test_no_fault_is_taken_for_an_answer(world: World, name: str) -> None:
    withstand(world, name, every({**SILENCES, **REFUSALS}[name]))

"""Which batch is signed for which nonce: the relayer's decisions, without its IO."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ledger.chain.batching import grouped, halved, most_items
from ledger.chain.feepolicy import FeePolicy
from ledger.chain.lanes import Depth, held, in_the_way, stopping
from ledger.chain.slots import ChainView, contenders, fees_of, within_reach
from ledger.chain.transactions import Fees
from ledger.store.acts import Batch, State, Submission, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the relayer goes about it.

    fees: what it offers.
    window: how many transactions that are not urgent may wait for a block at once.
    batch: how many acts a transaction carries at most.
    depth: how deep an act must be before the next of its lane that is not urgent is sent.
    """

    fees: FeePolicy
    window: int
    batch: int
    depth: Depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A batch with the nonce that it is given; ``above`` are the fees that it must outbid there."""

    batch: Batch
    nonce: int
    above: Fees | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether there is a stop in it."""
        return any(one.urgent for one in self.batch)

    def half(self) -> "Placement":
        """The first half of the batch alone."""
        return replace(self, batch=self.batch[: len(self.batch) // 2])


def place(
    view: ChainView, work: Work, taken: set[int], due: Iterable[Submission], policy: Policy
) -> list[Placement]:
    """Nonces for the submissions that are due, urgent ones first, the others by the time they waited for.

    An urgent one takes the lowest open nonce of one that is not, else the next free one. Others wait while
    as many nonces are open as the window has, and while their lane is held (`ledger.chain.lanes`). Holes,
    which nothing above them gets past, are filled first, as are nonces where something is in the way of a
    stop of its lane. A nonce where more than the cap is offered already stays as it is.
    """
    board = _Board(view, work, taken, policy)
    queue = sorted(due, key=lambda one: (one.not_before, one.id))
    overtaken = [board.put_stop(one) for one in queue if one.urgent]
    vacant, stops = board.in_the_way(), stopping(board.standing)
    stand_ins = [[one for one in batch if one.lane not in stops] for batch in overtaken]
    for stand_in in stand_ins:
        if vacant and stand_in:
            board.put(vacant.pop(0), stand_in)
    free = _free([one for one in queue if not one.urgent], held(work, policy.depth, view.deep_number))
    for batch in grouped(free, halved(work), most_items(policy.batch, view.gas_limit)):
        nonce = vacant.pop(0) if vacant else board.free()
        if len(board.standing) >= policy.window and nonce > board.last:
            break
        board.put(nonce, batch)
    return board.placements()


def must_fill(
    view: ChainView, work: Work, taken: set[int], placed: Iterable[Placement], policy: Policy
) -> bool:
    """Whether an empty transaction must stand in somewhere.

    That is where an act waits for a lower nonce at which nothing stands, and where one is in the way of a
    stop of its lane and nothing else was due.
    """
    board = _Board(view, work, taken, policy)
    for one in placed:
        board.put(one.nonce, one.batch)
    return board.free() < board.last_needed or bool(board.in_the_way())


class _Board:
    """What stands at the open nonces, and what is put there anew."""

    def __init__(self, view: ChainView, work: Work, taken: set[int], policy: Policy) -> None:
        self._view = view
        self._fees = policy.fees
        self._offers = contenders(view, work, taken)
        self._used = {one.nonce for one in within_reach(view, work)}
        self._placed: dict[int, Batch] = {}
        self.standing: dict[int, Batch] = {nonce: work.carried_by(one) for nonce, one in self._offers.items()}

    @property
    def last(self) -> int:
        """The highest nonce at which anything of ours stands; -1 if nothing does."""
        return max(self._used, default=-1)

    @property
    def last_needed(self) -> int:
        """The highest nonce at which an act stands that is in no block and stands nowhere below."""
        lowest: dict[int, int] = {}
        for nonce, batch in sorted(self.standing.items()):
            for act in batch:
                if act.state in (State.INTENDED, State.SENT):
                    lowest.setdefault(act.id, nonce)
        return max(lowest.values(), default=-1)

    def free(self) -> int:
        """The lowest nonce at which nothing stands, neither of ours nor of others in the node's pool."""
        nonce = max(self._view.nonce, self._view.pending)
        while nonce in self._used:
            nonce += 1
        return nonce

    def in_the_way(self) -> list[int]:
        """The nonces of acts that are in the way of a stop and can be replaced, lowest first."""
        return [nonce for nonce in in_the_way(self.standing) if self._can_be_outbid(nonce)]

    def put(self, nonce: int, batch: Batch) -> None:
        """Let a batch stand at a nonce from now on."""
        self._placed[nonce] = self.standing[nonce] = batch
        self._used.add(nonce)

    def put_stop(self, stop: Submission) -> Batch:
        """Put an urgent submission as low as may be; what had to give way to it."""
        free = self.free()
        giving_way = (
            nonce
            for nonce, batch in self.standing.items()
            if nonce < free and not any(one.urgent for one in batch) and self._can_be_outbid(nonce)
        )
        nonce = min(giving_way, default=free)
        overtaken = self.standing.get(nonce, ())
        self.put(nonce, [stop])
        return overtaken

    def placements(self) -> list[Placement]:
        """What was put anew, with the fees to outbid."""
        return [
            Placement(batch=batch, nonce=nonce, above=self._above(nonce))
            for nonce, batch in self._placed.items()
        ]

    def _can_be_outbid(self, nonce: int) -> bool:
        return self._fees.offer(self._view.market, urgent=True, above=self._above(nonce)) is not None

    def _above(self, nonce: int) -> Fees | None:
        offer = self._offers.get(nonce)
        return None if offer is None else fees_of(offer)


def _free(queue: Iterable[Submission], lanes: set[bytes]) -> list[Submission]:
    """The first act of each lane that is not held, and whatever keeps to none."""
    found = []
    for one in queue:
        if one.lane is None or one.lane not in lanes:
            found.append(one)
        if one.lane is not None:
            lanes.add(one.lane)
    return found

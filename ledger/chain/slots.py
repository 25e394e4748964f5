"""Which transaction stands at which nonce: the relayer's decisions, without its IO.

A nonce is *settled* when the chain has used it, *open* before. Several attempts may compete for an open
nonce: replacements of one submission at higher fees, or an urgent submission that took the nonce of another.
Until the nonce is settled the loser may still win, so it is given another nonce only afterwards. A stop waits
no longer than usual for that: sent twice, it does nothing more.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ledger.chain.batching import grouped, halved, most_items
from ledger.chain.facts import FeeMarket
from ledger.chain.feepolicy import FeePolicy
from ledger.chain.lanes import Depth, held, in_the_way, stopping
from ledger.chain.transactions import Fees
from ledger.ids import Digest
from ledger.store.acts import Attempt, Batch, Fate, News, State, Submission, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """The account and the market at one moment, read before any receipt.

    genesis: the hash of the chain's first block; empty if the node does not tell.
    head: the hash of the last block.
    nonce: transactions of the account that are in blocks up to the head, the next nonce to be used.
    pending: the same with those that the node would put into the next block.
    deep_nonce: the same up to `deep_number`; 0 if unknown.
    final_number: the last final block; -1 if there is none.
    deep_number: the last block that no reorg takes out: the last final one or, where the node names none,
        the one `ledger.chain.lanes.DEEP` below the head; negative if there is none.
    """

    genesis: str
    head: Digest
    nonce: int
    pending: int
    deep_nonce: int
    final_number: int
    deep_number: int
    market: FeeMarket
    gas_limit: int


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


def news(
    view: ChainView, work: Work, fates: Mapping[Digest, Fate], unknown: Collection[Digest], late: int
) -> News:
    """What became of whatever was ever signed; only what is news.

    What was given up stays so, even if a reorg lets it win. Nothing is said of an act with an attempt
    of which it is `unknown` whether it is in a block. `late` is as for `past_strangers`.
    """
    taken = settled(work, fates)
    states = {
        submission.id: state
        for submission, attempts in work.by_submission()
        if attempts
        and submission.state is not State.SUPERSEDED
        and not any(one.hash in unknown for one in attempts)
        and (state := _state(view, submission, attempts, fates, taken, late)) != submission.state
    }
    asked = [one for one in work.attempts if work.concerns(one) and one.hash not in unknown]
    return News(
        states=states,
        fates={one.hash: fates.get(one.hash) for one in asked if _moved(one, fates.get(one.hash))},
    )


def settled(work: Work, fates: Mapping[Digest, Fate]) -> set[int]:
    """Nonces of ours that are used on chain, as far as receipts, now or earlier, tell."""
    return {
        one.nonce
        for one in work.attempts
        if one.hash in fates or (one.block_number is not None and not work.concerns(one))
    }


def past_strangers(view: ChainView, work: Work, taken: set[int], late: int) -> ChainView:
    """The view without what others have in the pool, if ours, signed by `late`, waits behind that.

    They may offer too little to get into a block ever; what they offer is not known. `late` is in Unix
    milliseconds.
    """
    waiting = _open_attempts(view, work, taken)
    is_stuck = bool(waiting) and view.nonce < waiting[0].nonce
    is_late = any(one.created <= late for one in waiting)
    return replace(view, pending=view.nonce) if is_stuck and is_late else view


def contenders(view: ChainView, work: Work, taken: set[int]) -> dict[int, Attempt]:
    """The attempt that counts at each open nonce of ours: the one with the highest fees."""
    return {one.nonce: one for one in _open_attempts(view, work, taken)}


def foreign(view: ChainView, work: Work, taken: set[int], unknown: Collection[Digest]) -> set[int]:
    """Nonces of ours that somebody else has used, for good, unless that is `unknown` of one of ours."""
    unsure = {one.nonce for one in work.attempts if one.hash in unknown}
    deep = {one.nonce for one in work.attempts if one.nonce < min(view.nonce, view.deep_nonce)}
    return deep - taken - unsure


def raised(view: ChainView, attempt: Attempt, fees: FeePolicy, *, urgent: bool, is_late: bool) -> Fees | None:
    """Fees to replace an attempt that cannot get into a block, or has not for too long; else None."""
    if attempt.max_fee >= view.market.base_fee and not is_late:
        return None
    return fees.offer(view.market, urgent=urgent, above=_fees(attempt))


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

    That is where an open nonce waits for a lower one at which nothing stands, and where an act is in the way
    of a stop of its lane and nothing else was due.
    """
    board = _Board(view, work, taken, policy)
    for one in placed:
        board.put(one.nonce, one.batch)
    return board.free() < board.last or bool(board.in_the_way())


class _Board:
    """What stands at the open nonces, and what is put there anew."""

    def __init__(self, view: ChainView, work: Work, taken: set[int], policy: Policy) -> None:
        self._view = view
        self._fees = policy.fees
        self._offers = contenders(view, work, taken)
        self._used = {one.nonce for one in work.attempts if one.nonce >= view.nonce}
        self._placed: dict[int, Batch] = {}
        self.standing: dict[int, Batch] = {nonce: work.carried_by(one) for nonce, one in self._offers.items()}

    @property
    def last(self) -> int:
        """The highest nonce at which anything of ours stands; -1 if nothing does."""
        return max(self._used, default=-1)

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
        return None if offer is None else _fees(offer)


def _open_attempts(view: ChainView, work: Work, taken: set[int]) -> list[Attempt]:
    return [one for one in work.attempts if one.nonce >= view.nonce and one.nonce not in taken]


def _free(queue: Iterable[Submission], lanes: set[bytes]) -> list[Submission]:
    """The first act of each lane that is not held, and whatever keeps to none."""
    found = []
    for one in queue:
        if one.lane is None or one.lane not in lanes:
            found.append(one)
        if one.lane is not None:
            lanes.add(one.lane)
    return found


def _state(
    view: ChainView,
    submission: Submission,
    attempts: Iterable[Attempt],
    fates: Mapping[Digest, Fate],
    taken: set[int],
    late: int,
) -> State:
    told = [(one, fates[one.hash]) for one in attempts if one.hash in fates]
    done = [fate.receipt.number for _, fate in told if fate.fulfils(submission.id)]
    if done:
        return State.FINAL if min(done) <= view.final_number else State.SEEN
    failed = [fate.receipt.number for one, fate in told if not _fell(one, fate)]
    if failed:
        return State.FAILED if min(failed) <= view.deep_number else State.SEEN
    is_lost = all(
        one.nonce < view.nonce
        and (one.nonce in taken or one.nonce < view.deep_nonce or (submission.urgent and one.created <= late))
        for one in attempts
    )
    return State.INTENDED if is_lost else State.SENT


def _fell(attempt: Attempt, fate: Fate) -> bool:
    """Whether it is a batch that was reverted as a whole, which says nothing of the acts in it."""
    return len(attempt.submissions) > 1 and not fate.receipt.succeeded


def _moved(attempt: Attempt, fate: Fate | None) -> bool:
    """Whether an attempt is in another block than was written, or in none any more."""
    return attempt.block_hash != (None if fate is None else fate.receipt.block_hash)


def _fees(attempt: Attempt) -> Fees:
    return Fees(max_fee=attempt.max_fee, tip=attempt.priority_fee)

"""Which transaction stands at which nonce: the relayer's decisions, without its IO.

A nonce is *settled* when the chain has used it, *open* before. Several attempts may compete for an open
nonce: replacements of one submission at higher fees, or an urgent submission that took the nonce of another.
Until the nonce is settled the loser may still win, so it is given another nonce only afterwards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger.chain.facts import FeeMarket, Receipt
from ledger.chain.lanes import Depth, held, in_the_way, stopping
from ledger.chain.transactions import Fees
from ledger.ids import Digest
from ledger.store.relay import Attempt, Outcome, State, Submission, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """The account and the market at one moment, read before any receipt.

    nonce: transactions of the account that are in blocks up to the head, the next nonce to be used.
    pending: the same with those that the node would put into the next block.
    final_nonce: the same up to the last final block; 0 if unknown.
    final_number: the last final block; -1 if there is none.
    deep_number: the last block that no reorg takes out: the last final one or, where the node names none,
        the one `ledger.chain.lanes.DEEP` below the head; negative if there is none.
    """

    nonce: int
    pending: int
    final_nonce: int
    final_number: int
    deep_number: int
    market: FeeMarket
    gas_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A submission with the nonce that it is given; ``above`` are the fees that it must outbid there."""

    submission: Submission
    nonce: int
    above: Fees | None = None


def outcomes(view: ChainView, work: Work, receipts: Mapping[Digest, Receipt]) -> list[Outcome]:
    """What became of each submission that was ever signed; only those where that is news."""
    taken = settled(work, receipts)
    found = []
    for submission, attempts in work.by_submission():
        own = {one.hash: receipts[one.hash] for one in attempts if one.hash in receipts}
        outcome = Outcome(submission=submission.id, state=_state(view, attempts, own, taken), receipts=own)
        if attempts and _is_news(submission, attempts, outcome):
            found.append(outcome)
    return found


def settled(work: Work, receipts: Mapping[Digest, Receipt]) -> set[int]:
    """Nonces of ours that are used on chain, as far as receipts, now or earlier, tell."""
    return {one.nonce for one in work.attempts if one.hash in receipts} | {
        one.nonce
        for one in work.attempts
        if one.submission not in work.submissions and one.block_number is not None
    }


def contenders(view: ChainView, work: Work, taken: set[int]) -> dict[int, Attempt]:
    """The attempt that counts at each open nonce of ours: the one with the highest fees."""
    open_attempts = [one for one in work.attempts if one.nonce >= view.nonce and one.nonce not in taken]
    return {one.nonce: one for one in open_attempts}


def raised(view: ChainView, attempt: Attempt, *, urgent: bool, is_late: bool) -> Fees | None:
    """Fees to replace an attempt that cannot get into a block, or has not for too long; else None."""
    if attempt.max_fee >= view.market.base_fee and not is_late:
        return None
    return Fees.at(view.market, urgent=urgent).above(_fees(attempt))


def place(
    view: ChainView,
    work: Work,
    taken: set[int],
    due: Iterable[Submission],
    *,
    window: int,
    depth: Depth,
) -> list[Placement]:
    """Nonces for the submissions that are due, urgent ones first, the others by the time they waited for.

    An urgent one takes the lowest open nonce of one that is not, else the next free one. Others wait while
    `window` nonces are open, and while their lane is held (`ledger.chain.lanes`). Holes, which nothing above
    them gets past, are filled first, as are nonces where something is in the way of a stop of its lane.
    """
    board = _Board(view, work, taken)
    queue = sorted(due, key=lambda one: (one.not_before, one.id))
    overtaken = [board.put_stop(one) for one in queue if one.urgent]
    vacant, lanes = in_the_way(board.standing), held(work, depth, view.deep_number)
    stops = stopping(board.standing)
    for stand_in in (one for one in overtaken if one is not None and one.lane not in stops):
        if vacant:
            board.put(vacant.pop(0), stand_in)
    for submission in (one for one in queue if not one.urgent):
        if submission.lane in lanes:
            continue
        nonce = vacant.pop(0) if vacant else board.free()
        if len(board.standing) >= window and nonce > board.last:
            break
        board.put(nonce, submission)
        if submission.lane is not None:
            lanes.add(submission.lane)
    return board.placements()


def must_fill(view: ChainView, work: Work, taken: set[int], placed: Iterable[Placement]) -> bool:
    """Whether an empty transaction must stand in somewhere.

    That is where an open nonce waits for a lower one at which nothing stands, and where an act is in the way
    of a stop of its lane and nothing else was due.
    """
    board = _Board(view, work, taken)
    for one in placed:
        board.put(one.nonce, one.submission)
    return board.free() < board.last or bool(in_the_way(board.standing))


class _Board:
    """What stands at the open nonces, and what is put there anew."""

    def __init__(self, view: ChainView, work: Work, taken: set[int]) -> None:
        self._view = view
        self._offers = contenders(view, work, taken)
        self._used = {one.nonce for one in work.attempts if one.nonce >= view.nonce}
        self._placed: dict[int, Submission] = {}
        self.standing = {nonce: work.submissions[one.submission] for nonce, one in self._offers.items()}

    @property
    def last(self) -> int:
        """The highest nonce at which anything of ours stands; -1 if nothing does."""
        return max(self._used, default=-1)

    def free(self) -> int:
        """The lowest nonce at which nothing stands, neither of ours nor of others in the node's pool."""
        nonce = self._view.nonce
        while nonce in self._used or nonce < self._view.pending:
            nonce += 1
        return nonce

    def put(self, nonce: int, submission: Submission) -> None:
        """Let a submission stand at a nonce from now on."""
        self._placed[nonce] = self.standing[nonce] = submission
        self._used.add(nonce)

    def put_stop(self, stop: Submission) -> Submission | None:
        """Put an urgent submission as low as may be; what had to give way to it."""
        free = self.free()
        giving_way = (nonce for nonce, one in self.standing.items() if not one.urgent and nonce < free)
        nonce = min(giving_way, default=free)
        overtaken = self.standing.get(nonce)
        self.put(nonce, stop)
        return overtaken

    def placements(self) -> list[Placement]:
        """What was put anew, with the fees to outbid."""
        return [
            Placement(submission=one, nonce=nonce, above=self._above(nonce))
            for nonce, one in self._placed.items()
        ]

    def _above(self, nonce: int) -> Fees | None:
        offer = self._offers.get(nonce)
        return None if offer is None else _fees(offer)


def _state(
    view: ChainView, attempts: Iterable[Attempt], own: Mapping[Digest, Receipt], taken: set[int]
) -> State:
    if own:
        number = min(receipt.number for receipt in own.values())
        if any(receipt.succeeded for receipt in own.values()):
            return State.FINAL if number <= view.final_number else State.SEEN
        return State.FAILED if number <= view.deep_number else State.SEEN
    lost = (
        one.nonce < view.nonce and (one.nonce in taken or one.nonce < view.final_nonce) for one in attempts
    )
    return State.INTENDED if all(lost) else State.SENT


def _is_news(submission: Submission, attempts: Iterable[Attempt], outcome: Outcome) -> bool:
    written = {one.hash: one.block_hash for one in attempts if one.block_hash is not None}
    now = {hash_: receipt.block_hash for hash_, receipt in outcome.receipts.items()}
    return submission.state != outcome.state or written != now


def _fees(attempt: Attempt) -> Fees:
    return Fees(max_fee=attempt.max_fee, tip=attempt.priority_fee)

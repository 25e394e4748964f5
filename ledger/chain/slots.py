"""Which transaction stands at which nonce: the relayer's decisions, without its IO.

A nonce is *settled* when the chain has used it, *open* before. Several attempts may compete for an open
nonce: replacements of one submission at higher fees, or an urgent submission that took the nonce of another.
Until the nonce is settled the loser may still win, so it is given another nonce only afterwards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger.chain.facts import FeeMarket, Receipt
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
    """

    nonce: int
    pending: int
    final_nonce: int
    final_number: int
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
    view: ChainView, work: Work, taken: set[int], due: Iterable[Submission], window: int
) -> list[Placement]:
    """Nonces for the submissions that are due, urgent ones first.

    An urgent one takes the lowest open nonce of one that is not, else the next free one. Others wait while
    `window` nonces are open. Holes, which nothing above them gets past, are filled first.
    """
    current = contenders(view, work, taken)
    urgent = {nonce: work.submissions[one.submission].urgent for nonce, one in current.items()}
    used = {one.nonce for one in work.attempts if one.nonce >= view.nonce}
    placed = []
    for submission in sorted(due, key=lambda one: (not one.urgent, one.id)):
        nonce = _free(view, used)
        above = None
        lower = min((known for known, is_urgent in urgent.items() if not is_urgent), default=nonce)
        if submission.urgent and lower < nonce:
            nonce, above = lower, _fees(current[lower])
        elif not submission.urgent and len(urgent) >= window and nonce > max(used):
            break
        used.add(nonce)
        urgent[nonce] = submission.urgent
        placed.append(Placement(submission=submission, nonce=nonce, above=above))
    return placed


def hole(view: ChainView, nonces: Iterable[int]) -> bool:
    """Whether an open nonce of ours waits for a lower one that nothing stands at."""
    used = {nonce for nonce in nonces if nonce >= view.nonce}
    return bool(used) and _free(view, used) < max(used)


def _free(view: ChainView, used: set[int]) -> int:
    """The lowest nonce at which nothing stands, neither of ours nor of others in the node's pool."""
    nonce = view.nonce
    while nonce in used or nonce < view.pending:
        nonce += 1
    return nonce


def _state(
    view: ChainView, attempts: Iterable[Attempt], own: Mapping[Digest, Receipt], taken: set[int]
) -> State:
    if own:
        if min(receipt.number for receipt in own.values()) > view.final_number:
            return State.SEEN
        return State.FINAL if any(receipt.succeeded for receipt in own.values()) else State.FAILED
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

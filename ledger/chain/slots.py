"""What became of what stands at the account's nonces: the relayer's judgement, without its IO.

A nonce is *settled* when the chain has used it, *open* before. Several attempts may compete for an open
nonce: replacements of one submission at higher fees, or an urgent submission that took the nonce of another.
Until the nonce is settled the loser may still win, so it is given another nonce only afterwards. A stop waits
no longer than usual for that: sent twice, it does nothing more. Neither does what stands where nothing leads
to (`ledger.chain.nonces`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ledger.chain.facts import FeeMarket
from ledger.chain.feepolicy import FeePolicy
from ledger.chain.nonces import Reach, reach
from ledger.chain.transactions import Fees
from ledger.ids import Digest
from ledger.store.acts import Attempt, Fate, News, State, Submission, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """The account and the market at one moment, read before any receipt.

    genesis: the hash of the chain's first block; empty if the node does not tell.
    head: the hash of the last block.
    nonce: transactions of the account that are in blocks up to the head, the next nonce to be used.
    pending: the same with those that the node would put into the next block.
    deep_nonce: the same up to `deep_number`; 0 if unknown.
    deep_number: the last block that no reorg takes out: the last final one or, where the node names none,
        the one `ledger.chain.lanes.DEEP` below the head; negative if there is none.
    """

    genesis: str
    head: Digest
    nonce: int
    pending: int
    deep_nonce: int
    deep_number: int
    market: FeeMarket
    gas_limit: int


def news(
    view: ChainView,
    work: Work,
    fates: Mapping[Digest, Fate],
    unknown: Collection[Digest],
    late: int,
    is_shown: Callable[[Submission], bool],
) -> News:
    """What became of whatever was ever signed; only what is news.

    What was given up stays so, even if a reorg lets it win. Nothing is said of an act with an attempt
    of which it is `unknown` whether it is in a block. `late` is as for `past_strangers`. What is done is
    final only once its effect `is_shown` to those who read the chain.
    """
    taken = settled(work, fates)
    far = _reach(view, work)

    def shown(submission: Submission, state: State) -> State:
        return State.SEEN if state is State.FINAL and not is_shown(submission) else state

    states = {
        submission.id: state
        for submission, attempts in work.by_submission()
        if attempts
        and submission.state is not State.SUPERSEDED
        and not any(one.hash in unknown for one in attempts)
        and (state := shown(submission, _state(view, submission, attempts, fates, taken, far, late)))
        != submission.state
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


def within_reach(view: ChainView, work: Work) -> list[Attempt]:
    """The attempts at nonces that the chain has not used and that something leads to."""
    last = _reach(view, work).last
    return [one for one in work.attempts if view.nonce <= one.nonce <= last]


def fees_of(attempt: Attempt) -> Fees:
    """What an attempt offers."""
    return Fees(max_fee=attempt.max_fee, tip=attempt.priority_fee)


def foreign(view: ChainView, work: Work, taken: set[int], unknown: Collection[Digest]) -> set[int]:
    """Nonces of ours that somebody else has used, for good, unless that is `unknown` of one of ours."""
    unsure = {one.nonce for one in work.attempts if one.hash in unknown}
    deep = {one.nonce for one in work.attempts if one.nonce < min(view.nonce, view.deep_nonce)}
    return deep - taken - unsure


def raised(view: ChainView, attempt: Attempt, fees: FeePolicy, *, urgent: bool, is_late: bool) -> Fees | None:
    """Fees to replace an attempt that cannot get into a block, or has not for too long; else None."""
    if attempt.max_fee >= view.market.base_fee and not is_late:
        return None
    return fees.offer(view.market, urgent=urgent, above=fees_of(attempt))


def _open_attempts(view: ChainView, work: Work, taken: set[int]) -> list[Attempt]:
    return [one for one in within_reach(view, work) if one.nonce not in taken]


def _reach(view: ChainView, work: Work) -> Reach:
    return reach(max(view.nonce, view.pending), (one.nonce for one in work.attempts))


def _state(
    view: ChainView,
    submission: Submission,
    attempts: Iterable[Attempt],
    fates: Mapping[Digest, Fate],
    taken: set[int],
    far: Reach,
    late: int,
) -> State:
    told = [(one, fates[one.hash]) for one in attempts if one.hash in fates]
    done = [fate.receipt.number for _, fate in told if fate.fulfils(submission.id)]
    if done:
        return State.FINAL if min(done) <= view.deep_number else State.SEEN
    failed = [fate.receipt.number for one, fate in told if not _fell(one, fate)]
    if failed:
        return State.FAILED if min(failed) <= view.deep_number else State.SEEN
    is_lost = all(
        _is_lost(view, submission, one, taken, late)
        if one.nonce < view.nonce
        else not far.counts_on(one.nonce, urgent=submission.urgent)
        for one in attempts
    )
    return State.INTENDED if is_lost else State.SENT


def _is_lost(view: ChainView, submission: Submission, attempt: Attempt, taken: set[int], late: int) -> bool:
    """Whether another transaction used a nonce for good, or a stop has waited long enough to tell."""
    is_used = attempt.nonce in taken or attempt.nonce < view.deep_nonce
    return is_used or (submission.urgent and attempt.created <= late)


def _fell(attempt: Attempt, fate: Fate) -> bool:
    """Whether it is a batch that was reverted as a whole, which says nothing of the acts in it."""
    return len(attempt.submissions) > 1 and not fate.receipt.succeeded


def _moved(attempt: Attempt, fate: Fate | None) -> bool:
    """Whether an attempt is in another block than was written, or in none any more."""
    return attempt.block_hash != (None if fate is None else fate.receipt.block_hash)

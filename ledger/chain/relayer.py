"""Bringing signed acts on chain, exactly once in effect, from one account with one writer.

An act is first kept as an intent, in the caller's own database transaction. Signed bytes and their hash are
kept before anyone sees them, so that after a crash the same bytes go out again. What happened is decided by
hash and receipt alone, never by what a node answers to a broadcast. An act that a reorg took out, or that the
node forgot, is broadcast again; one that offers too little is replaced; one whose nonce went to another
transaction is signed again. Since every function that is called here is success once more when its effect
holds already, a second transaction for one act would change nothing.

Recordings of different patients that are due at the same step share transactions (`ledger.chain.batching`);
none waits for others to come.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ledger.chain.account import fates_of, look, with_gas
from ledger.chain.batching import call_of
from ledger.chain.calls import is_stop
from ledger.chain.feepolicy import FeePolicy
from ledger.chain.intake import Intake
from ledger.chain.lanes import Depth
from ledger.chain.placing import Placement, Policy, must_fill, place
from ledger.chain.rpc import Rpc
from ledger.chain.slots import ChainView, contenders, news, past_strangers, raised, settled
from ledger.chain.standing import SubmissionStatus
from ledger.chain.transactions import SignedTransaction, Transaction, read_transaction, sign_transaction
from ledger.chain.watch import Watch
from ledger.crypto.identity import Account
from ledger.errors import ChainUnreachable, LedgerError
from ledger.ids import Address, Digest
from ledger.store.acts import FILL, Attempt, Fate, State, Submission, Work
from ledger.store.marks import Mark
from ledger.store.relay import RelayStore

__all__ = ["Relayer", "SubmissionStatus"]

HOLDING = {Mark.DRAINED, Mark.OVER_QUOTA}
"""While one of these holds, nothing new goes out but stops."""


class Relayer(Intake):
    """The one writer of one account. Any thread submits and asks; one thread steps."""

    def __init__(
        self,
        rpc: Rpc,
        store: RelayStore,
        key: Account,
        chain_id: int,
        clock: Callable[[], datetime],
        *,
        window: int = 16,
        batch: int = 100,
        patience: float = 60.0,
        max_fee: int = 10**12,
        depth: Depth = "final",
        gas_per_day: int | None = None,
        is_shown: Callable[[Submission], bool] = lambda _: True,
    ) -> None:
        """Take up what the store holds; no call is made yet.

        Args:
            rpc: the node.
            store: where intents and signed bytes are kept.
            key: the account that pays.
            chain_id: the only chain for which anything is signed or sent.
            clock: aware time.
            window: how many transactions that are not urgent may wait for a block at once.
            batch: how many recordings a transaction carries at most.
            patience: seconds after which a transaction that is not in a block is replaced at a higher fee.
            max_fee: wei per gas that nothing ever offers more than.
            depth: how deep an act must be before the next of its lane that is not urgent is sent.
            gas_per_day: gas used in 24 hours after which nothing goes out but stops; None for no bound.
            is_shown: whether whoever reads the chain sees an act's effect. An act of which only a receipt
                tells is not final, however deep its block is said to be.
        """
        super().__init__(store, clock)
        self.fault: LedgerError | None = None
        self.marks: frozenset[Mark] = frozenset()
        self._rpc = rpc
        self._key = key
        self._chain_id = chain_id
        self._patience = patience
        self._policy = Policy(fees=FeePolicy(cap=max_fee), window=window, batch=batch, depth=depth)
        self._is_shown = is_shown
        self._watch = Watch(store, self._policy.fees, gas_per_day)
        self._known: tuple[str, dict[Digest, Fate]] = ("", {})
        self._stepping = threading.Lock()

    @property
    def address(self) -> Address:
        """The account that pays."""
        return self._key.address

    def require_chain(self) -> None:
        """Refuse a node that is on another chain than the one to be served.

        Raises:
            ChainUnreachable: the node does not answer, or is on a chain of another number (``wrong_chain``),
                or on another one of the same number (``other_chain``).
        """
        view = look(self._rpc, self._key.address, self._chain_id)
        self._watch.require_same_chain(view, self._now())

    def step(self) -> bool:
        """Reconcile with the chain, send what is due; True if anything was sent or has changed.

        Raises:
            ChainUnreachable: the node does not answer, or is on another chain; what was kept is sent later.
            StoreUnavailable: nothing was sent that is not kept.
        """
        with self._stepping:
            view = look(self._rpc, self._key.address, self._chain_id)
            self._watch.require_same_chain(view, self._now())
            work = self._store.work(view.nonce)
            fates, unknown = self._fates(view, work)
            late = self._now() - int(self._patience * 1000)
            found = news(view, work, fates, unknown, late, self._is_shown)
            if found:
                self._store.settle(found)
                work = self._store.work(view.nonce)
            taken = settled(work, fates)
            self.marks = frozenset(self._watch.look(view, work, taken, unknown, self._now()))
            sent = self._dispatch(past_strangers(view, work, taken, late), work, taken)
            resent = self._resend(view, work, taken | sent)
            return bool(found or sent) or resent

    def run(self, stop: threading.Event, interval: float = 0.5) -> None:
        """Step until `stop` is set; a fault is kept in `fault` and the step tried again."""
        while not stop.is_set():
            moved = False
            try:
                moved = self.step()
                self.fault = None
            except LedgerError as exc:
                self.fault = exc
            stop.wait(0.05 if moved else interval)

    def _fates(self, view: ChainView, work: Work) -> tuple[dict[Digest, Fate], set[Digest]]:
        """What the chain says of the work's attempts, and of which it leaves that open.

        What it said under the same head, it says still.
        """
        head, known = self._known
        asked = [one for one in work.attempts if work.concerns(one)]
        found = {one.hash: known[one.hash] for one in asked if head == view.head and one.hash in known}
        told, unknown = fates_of(self._rpc, work, [one for one in asked if one.hash not in found])
        found |= told
        self._known = (view.head, found)
        return found, unknown

    def _resend(self, view: ChainView, work: Work, done: set[int]) -> bool:
        """Broadcast again what the node does not know, and replace what cannot get into a block.

        Nothing is to be done at the nonces that are `done`.
        """
        current = list(contenders(view, work, done).values())
        answers = self._rpc.batch([("eth_getTransactionByHash", (one.hash,)) for one in current])
        missing, replacements = [], []
        for one, answer in zip(current, answers, strict=True):
            replacement = self._replacement(view, work, one)
            if replacement is not None:
                replacements.append((one.submissions, replacement))
            elif answer.error is not None or answer.result is None:
                missing.append(one.raw)
        self._broadcast(missing)
        return bool(self._keep_and_send(replacements) or missing)

    def _replacement(self, view: ChainView, work: Work, attempt: Attempt) -> SignedTransaction | None:
        is_late = self._now() - attempt.created >= self._patience * 1000
        urgent = any(one.urgent for one in work.carried_by(attempt))
        fees = raised(view, attempt, self._policy.fees, urgent=urgent, is_late=is_late)
        if fees is None:
            return None
        return sign_transaction(read_transaction(attempt.raw).with_fees(fees), self._key)

    def _dispatch(self, view: ChainView, work: Work, taken: set[int]) -> set[int]:
        """Sign and send what is due, and fill what nonces are lost or to be given up if nothing else does.

        The nonces at which something was sent.
        """
        if not self._policy.fees.affords(view.market):
            return set()
        placed = self._placed(view, work, taken)
        if must_fill(view, work, taken, placed, self._policy):
            if not any(one.kind == FILL for one in work.submissions.values() if one.state == State.INTENDED):
                self.submit(None, kind=FILL, subject="", to=self.address, data=b"")
            placed = self._placed(view, self._store.work(view.nonce), taken)
        funded = with_gas(self._rpc, self._key.address, placed, view.gas_limit)
        return self._keep_and_send(
            (tuple(act.id for act in placement.batch), signed)
            for placement, gas in funded
            if (signed := self._signed(view, placement, gas)) is not None
        )

    def _placed(self, view: ChainView, work: Work, taken: set[int]) -> list[Placement]:
        now, is_held = self._now(), bool(self.marks & HOLDING)
        due = [
            one
            for one in work.submissions.values()
            if one.state == State.INTENDED
            and one.not_before <= now
            and (not is_held or one.urgent or one.kind == FILL or is_stop(one.data))
        ]
        return place(view, work, taken, due, self._policy)

    def _signed(self, view: ChainView, placement: Placement, gas: int) -> SignedTransaction | None:
        """The transaction for a placement; None if it cannot be had within the cap."""
        fees = self._policy.fees.offer(view.market, urgent=placement.is_urgent, above=placement.above)
        if fees is None:
            return None
        to, data = call_of(placement.batch)
        unsigned = Transaction(
            chain_id=self._chain_id, nonce=placement.nonce, fees=fees, gas=gas, to=to, data=data
        )
        return sign_transaction(unsigned, self._key)

    def _keep_and_send(self, signed: Iterable[tuple[tuple[int, ...], SignedTransaction]]) -> set[int]:
        """Keep signed transactions, then broadcast those that were kept; at which nonces."""
        attempts = [_attempt(carried, one, self._now()) for carried, one in signed]
        kept = self._store.sign(attempts) if attempts else []
        self._broadcast([one.raw for one in sorted(kept, key=lambda one: one.nonce)])
        return {one.nonce for one in kept}

    def _broadcast(self, raws: Sequence[bytes]) -> None:
        """Hand signed bytes to every node. Their answers prove nothing: the next step looks for the hashes.

        Raises:
            ChainUnreachable: no node answers.
        """
        calls = [("eth_sendRawTransaction", ("0x" + raw.hex(),)) for raw in raws]
        nodes = self._rpc.apart() if raws else []
        silent = []
        for node in nodes:
            try:
                node.batch(calls)
            except ChainUnreachable as exc:
                silent.append(exc)
        if nodes and len(silent) == len(nodes):
            raise silent[0]


def _attempt(carried: tuple[int, ...], signed: SignedTransaction, now: int) -> Attempt:
    return Attempt(
        hash=signed.hash,
        submissions=carried,
        nonce=signed.transaction.nonce,
        raw=signed.raw,
        max_fee=signed.transaction.fees.max_fee,
        priority_fee=signed.transaction.fees.tip,
        created=now,
    )

"""Bringing signed acts on chain, exactly once in effect, from one account with one writer.

An act is first kept as an intent, in the caller's own database transaction. Signed bytes and their hash are
kept before anyone sees them, so that after a crash the same bytes go out again. What happened is decided by
hash and receipt alone, never by what a node answers to a broadcast. An act that a reorg took out, or that the
node forgot, is broadcast again; one that offers too little is replaced; one whose nonce went to another
transaction is signed again. Since every function that is called here is success once more when its effect
holds already, a second transaction for one act would change nothing.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ledger.chain.account import gas_limits, look, receipts_of
from ledger.chain.lanes import Depth
from ledger.chain.rpc import Rpc
from ledger.chain.slots import (
    ChainView,
    Placement,
    contenders,
    must_fill,
    outcomes,
    place,
    raised,
    settled,
)
from ledger.chain.transactions import Fees, SignedTransaction, Transaction, read_transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.errors import LedgerError
from ledger.ids import Address, Digest
from ledger.store.relay import FILL, Attempt, RelayStore, State, Submission, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionStatus:
    """Where an act stands; ``transaction`` once it is signed, the rest once it is in a block."""

    id: int
    kind: str
    subject: str
    state: State
    transaction: Digest | None = None
    block: int | None = None
    block_hash: Digest | None = None
    gas_used: int | None = None
    succeeded: bool | None = None


class Relayer:
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
        patience: float = 60.0,
        max_fee: int = 10**12,
        depth: Depth = "final",
    ) -> None:
        """Take up what the store holds; no call is made yet.

        Args:
            rpc: the node.
            store: where intents and signed bytes are kept.
            key: the account that pays.
            chain_id: the only chain for which anything is signed or sent.
            clock: aware time.
            window: how many transactions that are not urgent may wait for a block at once.
            patience: seconds after which a transaction that is not in a block is replaced at a higher fee.
            max_fee: wei per gas that no replacement goes beyond.
            depth: how deep an act must be before the next of its lane that is not urgent is sent.
        """
        self.fault: LedgerError | None = None
        self._rpc = rpc
        self._store = store
        self._key = key
        self._chain_id = chain_id
        self._clock = clock
        self._window = window
        self._patience = patience
        self._max_fee = max_fee
        self._depth = depth
        self._stepping = threading.Lock()

    @property
    def address(self) -> Address:
        """The account that pays."""
        return self._key.address

    def submit(
        self,
        connection: Connection | None,
        *,
        kind: str,
        subject: str,
        to: Address,
        data: bytes,
        urgent: bool = False,
        not_before: int = 0,
        lane: bytes | None = None,
    ) -> int:
        """Keep an act to bring on chain; it is durable when `connection`'s transaction commits (or at once).

        Args:
            connection: the caller's write transaction; None for one of its own.
            kind: what it is, at most 24 characters.
            subject: what it is about, at most 66 characters; `status` asks by it.
            to: the contract.
            data: calldata (`ledger.chain.calls`).
            urgent: goes before everything that is not, also what is sent already and not yet in a block.
            not_before: Unix milliseconds before which it is not sent.
            lane: 32 bytes that acts have in common which must not share a block.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        intent = Submission(
            id=0,
            kind=kind,
            subject=subject,
            to=bytes.fromhex(to[2:]),
            data=data,
            urgent=urgent,
            state=State.INTENDED,
            not_before=not_before,
            created=self._now(),
            lane=lane,
        )
        return self._store.submit(intent, connection)

    def withdraw(self, connection: Connection | None, *, kind: str, subject: str) -> int:
        """Give up acts of a kind about a subject of which nothing is on its way; how many those were."""
        return self._store.withdraw(kind, subject, connection)

    def hurry(self, *, kind: str, subject: str | None = None, due_by: int | None = None) -> int:
        """Make acts of a kind urgent that are in no block yet; how many those were.

        Args:
            kind: what they are.
            subject: only those about it.
            due_by: only those that wait for no time after this one, in Unix milliseconds.

        Raises:
            StoreUnavailable: nothing was changed.
        """
        return self._store.hurry(kind, subject=subject, due_by=due_by)

    def forget(self, kind: str) -> None:
        """Forget the lanes of failed acts of a kind, of which none is sent again."""
        self._store.forget(kind)

    def failed(self, kind: str) -> list[Submission]:
        """The acts of a kind whose transaction the chain refused for good and that were not sent again."""
        return self._store.failed(kind)

    def retry(self, submission: Submission, *, not_before: int) -> int:
        """Send a failed act again as a new one, from `not_before` on (Unix milliseconds); its id."""
        return self._store.retry(submission, not_before=not_before, created=self._now())

    def status(self, subject: str, kind: str | None = None) -> SubmissionStatus | None:
        """Where the last act about a subject (of a kind) stands; None if there was none."""
        found = self._store.find(subject, kind)
        return _status(*found[-1]) if found else None

    def step(self) -> bool:
        """Reconcile with the chain, send what is due; True if anything was sent or has changed.

        Raises:
            ChainUnreachable: the node does not answer, or is on another chain; what was kept is sent later.
            StoreUnavailable: nothing was sent that is not kept.
        """
        with self._stepping:
            view = look(self._rpc, self._key.address, self._chain_id)
            work = self._store.work(view.nonce)
            receipts = receipts_of(self._rpc, work)
            news = outcomes(view, work, receipts)
            if news:
                self._store.settle(news)
                work = self._store.work(view.nonce)
            taken = settled(work, receipts)
            sent = self._dispatch(view, work, taken)
            resent = self._resend(view, self._store.work(view.nonce) if sent else work, taken)
            return bool(news) or resent or sent

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

    def _resend(self, view: ChainView, work: Work, taken: set[int]) -> bool:
        """Broadcast again what the node does not know, and replace what cannot get into a block."""
        current = list(contenders(view, work, taken).values())
        answers = self._rpc.batch([("eth_getTransactionByHash", (one.hash,)) for one in current])
        missing, replacements = [], []
        for one, answer in zip(current, answers, strict=True):
            replacement = self._replacement(view, work.submissions[one.submission], one)
            if replacement is not None:
                replacements.append((one.submission, replacement))
            elif answer.value() is None:
                missing.append(one.raw)
        self._broadcast(missing)
        return self._keep_and_send(replacements) or bool(missing)

    def _replacement(
        self, view: ChainView, submission: Submission, attempt: Attempt
    ) -> SignedTransaction | None:
        is_late = self._now() - attempt.created >= self._patience * 1000
        fees = raised(view, attempt, urgent=submission.urgent, is_late=is_late)
        if fees is None or fees.max_fee > self._max_fee:
            return None
        return sign_transaction(read_transaction(attempt.raw).with_fees(fees), self._key)

    def _dispatch(self, view: ChainView, work: Work, taken: set[int]) -> bool:
        """Sign and send what is due; fill what nonces are lost or to be given up if nothing else does."""
        placed = self._placed(view, work, taken)
        if must_fill(view, work, taken, placed):
            if not any(one.kind == FILL for one in work.submissions.values() if one.state == State.INTENDED):
                self.submit(None, kind=FILL, subject="", to=self.address, data=b"")
            placed = self._placed(view, self._store.work(view.nonce), taken)
        gas = gas_limits(self._rpc, self._key.address, [one.submission for one in placed], view.gas_limit)
        return self._keep_and_send(
            (placement.submission.id, self._sign(view, placement, limit))
            for placement, limit in zip(placed, gas, strict=True)
        )

    def _placed(self, view: ChainView, work: Work, taken: set[int]) -> list[Placement]:
        now = self._now()
        due = [
            one for one in work.submissions.values() if one.state == State.INTENDED and one.not_before <= now
        ]
        return place(view, work, taken, due, window=self._window, depth=self._depth)

    def _sign(self, view: ChainView, placement: Placement, gas: int) -> SignedTransaction:
        fees = Fees.at(view.market, urgent=placement.submission.urgent)
        return sign_transaction(
            Transaction(
                chain_id=self._chain_id,
                nonce=placement.nonce,
                fees=fees if placement.above is None else fees.above(placement.above),
                gas=gas,
                to=placement.submission.to,
                data=placement.submission.data,
            ),
            self._key,
        )

    def _keep_and_send(self, signed: Iterable[tuple[int, SignedTransaction]]) -> bool:
        """Keep signed transactions, then broadcast those that were kept."""
        attempts = [_attempt(submission, one, self._now()) for submission, one in signed]
        kept = self._store.sign(attempts) if attempts else []
        self._broadcast([one.raw for one in sorted(kept, key=lambda one: one.nonce)])
        return bool(kept)

    def _broadcast(self, raws: Sequence[bytes]) -> None:
        """Hand signed bytes to the node. Its answers prove nothing: the next step looks for the hashes."""
        self._rpc.batch([("eth_sendRawTransaction", ("0x" + raw.hex(),)) for raw in raws])

    def _now(self) -> int:
        return int(self._clock().timestamp() * 1000)


def _attempt(submission: int, signed: SignedTransaction, now: int) -> Attempt:
    return Attempt(
        hash=signed.hash,
        submission=submission,
        nonce=signed.transaction.nonce,
        raw=signed.raw,
        max_fee=signed.transaction.fees.max_fee,
        priority_fee=signed.transaction.fees.tip,
        created=now,
    )


def _status(submission: Submission, attempts: Sequence[Attempt]) -> SubmissionStatus:
    mined = [one for one in attempts if one.block_number is not None]
    shown = mined[0] if mined else attempts[-1] if attempts else None
    if shown is None:
        return SubmissionStatus(
            id=submission.id, kind=submission.kind, subject=submission.subject, state=submission.state
        )
    return SubmissionStatus(
        id=submission.id,
        kind=submission.kind,
        subject=submission.subject,
        state=submission.state,
        transaction=shown.hash,
        block=shown.block_number,
        block_hash=shown.block_hash,
        gas_used=shown.gas_used,
        succeeded=shown.succeeded,
    )

"""What the relayer must bring on chain, and everything that it ever signed for it.

``intended`` → ``sent`` → ``seen`` → ``final`` or ``failed``; ``superseded`` if it was withdrawn while nothing
signed for it could reach a block. A reorg leads back to ``sent``. A nonce that went to another transaction
leads back to ``intended``, or to ``superseded`` if nobody needs the act any more: if it only stood in for
another, or if an act of another kind about the same subject came after it, as a stop comes after a recording.

Acts that must never share a block have the same *lane*, a keyed look-up that says nothing without its key. It
is forgotten as soon as the act is final or withdrawn, or has failed and is not tried again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, insert, or_, select, update

from ledger.chain.facts import Receipt
from ledger.ids import Digest, digest, parse_word
from ledger.store.database import Database
from ledger.store.tables import lanes, submissions, transactions

FILL = "fill"
"""The kind of empty transaction that stands in where a nonce was lost or must be given up."""


class State(StrEnum):
    """Where a submission stands."""

    INTENDED = "intended"
    SENT = "sent"
    SEEN = "seen"
    FINAL = "final"
    FAILED = "failed"
    SUPERSEDED = "superseded"


OPEN = (State.INTENDED, State.SENT, State.SEEN)
"""What the relayer still has to do with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One act to bring on chain; times in Unix milliseconds, ``lane`` 32 bytes if it keeps to one."""

    id: int
    kind: str
    subject: str
    to: bytes
    data: bytes
    urgent: bool
    state: State
    not_before: int
    created: int
    lane: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One signed transaction for a submission; the block is there once it is in one."""

    hash: Digest
    submission: int
    nonce: int
    raw: bytes
    max_fee: int
    priority_fee: int
    created: int
    block_number: int | None = None
    block_hash: Digest | None = None
    gas_used: int | None = None
    succeeded: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Submissions with something to do, and the attempts at every nonce that matters to them."""

    submissions: dict[int, Submission]
    attempts: list[Attempt]

    def by_submission(self) -> list[tuple[Submission, list[Attempt]]]:
        """Each submission with its attempts, by nonce and fees."""
        found: dict[int, list[Attempt]] = {number: [] for number in self.submissions}
        for attempt in self.attempts:
            if attempt.submission in found:
                found[attempt.submission].append(attempt)
        return [(self.submissions[number], attempts) for number, attempts in found.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the chain says of a submission now: its state, and the receipts of its attempts that have one."""

    submission: int
    state: State
    receipts: dict[Digest, Receipt]


class RelayStore:
    """Submissions and attempts of one relayer's account."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def submit(self, submission: Submission, connection: Connection | None = None) -> int:
        """Keep an intent (its ``id`` is ignored), in the caller's transaction if one is given; the new id."""
        if connection is None:
            with self._db.write() as own:
                return self.submit(submission, own)
        values = {name: getattr(submission, name) for name in _SUBMISSION if name != "id"}
        key = connection.execute(insert(submissions).values(values)).inserted_primary_key
        number = int(key[0]) if key is not None else 0
        if submission.lane is not None:
            connection.execute(insert(lanes).values(submission=number, lane=submission.lane))
        return number

    def withdraw(self, kind: str, subject: str, connection: Connection | None = None) -> int:
        """Give up what is intended; how many that were. What was signed for it lost its nonce."""
        if connection is None:
            with self._db.write() as own:
                return self.withdraw(kind, subject, own)
        chosen = (submissions.c.kind == kind) & (submissions.c.subject == subject)
        intended = submissions.c.state == State.INTENDED
        found = connection.execute(select(submissions.c.id).where(chosen & intended)).scalars().all()
        for number in found:
            _supersede(connection, number)
        return len(found)

    def hurry(self, kind: str, *, subject: str | None = None, due_by: int | None = None) -> int:
        """Make urgent and due what has no block or failed, and waits for no time after `due_by`; how many."""
        wanted = (submissions.c.kind == kind) & submissions.c.urgent.is_(False)
        wanted &= submissions.c.state.in_((State.INTENDED, State.SENT, State.FAILED))
        if subject is not None:
            wanted &= submissions.c.subject == subject
        if due_by is not None:
            wanted &= submissions.c.not_before <= due_by
        with self._db.read() as connection:
            if connection.execute(select(submissions.c.id).where(wanted)).first() is None:
                return 0
        with self._db.write() as connection:
            changed = update(submissions).where(wanted).values(urgent=True, not_before=0)
            return connection.execute(changed).rowcount

    def forget(self, kind: str) -> None:
        """Forget the lanes of the acts of a kind that failed."""
        failed = (submissions.c.kind == kind) & (submissions.c.state == State.FAILED)
        lost = select(lanes.c.submission).join(submissions).where(failed)
        with self._db.read() as connection:
            found = connection.execute(lost).scalars().all()
        if found:
            with self._db.write() as connection:
                connection.execute(delete(lanes).where(lanes.c.submission.in_(found)))

    def failed(self, kind: str) -> list[Submission]:
        """The submissions of a kind that failed, oldest first."""
        wanted = (submissions.c.kind == kind) & (submissions.c.state == State.FAILED)
        with self._db.read() as connection:
            return _submissions(connection, wanted)

    def retry(self, submission: Submission, *, not_before: int, created: int) -> int:
        """Put a new intent in the place of a failed one, in one transaction; the new id."""
        again = replace(submission, state=State.INTENDED, not_before=not_before, created=created)
        with self._db.write() as connection:
            _supersede(connection, submission.id)
            return self.submit(again, connection)

    def find(self, subject: str, kind: str | None = None) -> list[tuple[Submission, list[Attempt]]]:
        """The submissions about a subject with their attempts, oldest first."""
        wanted = submissions.c.subject == subject
        if kind is not None:
            wanted &= submissions.c.kind == kind
        with self._db.read() as connection:
            found = _submissions(connection, wanted)
            attempts = _attempts(connection, transactions.c.submission.in_([one.id for one in found]))
        return [(one, [attempt for attempt in attempts if attempt.submission == one.id]) for one in found]

    def work(self, nonce: int) -> Work:
        """What is open, and what was signed for nonces that the chain, being at `nonce`, has not used."""
        with self._db.read() as connection:
            reused = select(transactions.c.submission).where(transactions.c.nonce >= nonce)
            wanted = or_(submissions.c.state.in_(OPEN), submissions.c.id.in_(reused))
            found = {one.id: one for one in _submissions(connection, wanted)}
            open_nonces = select(transactions.c.nonce).join(submissions).where(submissions.c.state.in_(OPEN))
            lowest = connection.execute(select(func.min(open_nonces.subquery().c.nonce))).scalar()
            floor = nonce if lowest is None else min(lowest, nonce)
            relevant = or_(transactions.c.nonce >= floor, transactions.c.submission.in_(list(found)))
            attempts = _attempts(connection, relevant)
        return Work(submissions=found, attempts=attempts)

    def sign(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Keep signed transactions before anyone sees them; those kept.

        An attempt is not kept if its submission was withdrawn meanwhile.
        """
        kept = []
        signed = case((submissions.c.state == State.INTENDED, State.SENT), else_=submissions.c.state)
        with self._db.write() as connection:
            for attempt in attempts:
                wanted = (submissions.c.id == attempt.submission) & (submissions.c.state != State.SUPERSEDED)
                if connection.execute(update(submissions).where(wanted).values(state=signed)).rowcount:
                    connection.execute(insert(transactions).values(_attempt_row(attempt)))
                    kept.append(attempt)
        return kept

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Write what the chain says; blocks of attempts without a receipt are cleared."""
        with self._db.write() as connection:
            for outcome in outcomes:
                own = transactions.c.submission == outcome.submission
                connection.execute(update(transactions).where(own).values(_block(None)))
                for receipt in outcome.receipts.values():
                    one = transactions.c.hash == parse_word(receipt.transaction)
                    connection.execute(update(transactions).where(one).values(_block(receipt)))
                if outcome.state is State.INTENDED and _is_needless(connection, outcome.submission):
                    _supersede(connection, outcome.submission)
                    continue
                row = submissions.c.id == outcome.submission
                connection.execute(update(submissions).where(row).values(state=outcome.state))
                if outcome.state is State.FINAL:
                    _forget_lane(connection, outcome.submission)


_SUBMISSION = tuple(column.name for column in submissions.columns)


def _submissions(connection: Connection, wanted: Any) -> list[Submission]:  # noqa: ANN401
    """Submissions with their lanes, oldest first."""
    chosen = select(submissions, lanes.c.lane).outerjoin(lanes).where(wanted).order_by(submissions.c.id)
    return [_submission(row) for row in connection.execute(chosen)]


def _submission(row: Row[Any]) -> Submission:
    values = {name: getattr(row, name) for name in (*_SUBMISSION, "lane")}
    return Submission(**{**values, "state": State(row.state)})


def _is_needless(connection: Connection, number: int) -> bool:
    """Whether an act stood in for another, or one of another kind about the same subject came after it."""
    own, later = submissions.alias(), submissions.alias()
    overtaken = (
        select(later.c.id)
        .where(later.c.subject == own.c.subject, later.c.kind != own.c.kind, later.c.id > own.c.id)
        .where(later.c.state != State.SUPERSEDED)
    )
    needless = or_(own.c.kind == FILL, overtaken.exists())
    return connection.execute(select(own.c.id).where(own.c.id == number, needless)).first() is not None


def _supersede(connection: Connection, submission: int) -> None:
    row = submissions.c.id == submission
    connection.execute(update(submissions).where(row).values(state=State.SUPERSEDED))
    _forget_lane(connection, submission)


def _forget_lane(connection: Connection, submission: int) -> None:
    connection.execute(delete(lanes).where(lanes.c.submission == submission))


def _attempts(connection: Connection, wanted: Any) -> list[Attempt]:  # noqa: ANN401
    rows = connection.execute(select(transactions).where(wanted)).all()
    found = [
        Attempt(
            hash=digest(row.hash),
            submission=row.submission,
            nonce=row.nonce,
            raw=row.raw,
            max_fee=row.max_fee,
            priority_fee=row.priority_fee,
            created=row.created,
            block_number=row.block_number,
            block_hash=None if row.block_hash is None else digest(row.block_hash),
            gas_used=row.gas_used,
            succeeded=row.succeeded,
        )
        for row in rows
    ]
    return sorted(found, key=lambda attempt: (attempt.nonce, attempt.max_fee, attempt.priority_fee))


def _attempt_row(attempt: Attempt) -> dict[str, Any]:
    return {
        "hash": parse_word(attempt.hash),
        "submission": attempt.submission,
        "nonce": attempt.nonce,
        "raw": attempt.raw,
        "max_fee": attempt.max_fee,
        "priority_fee": attempt.priority_fee,
        "created": attempt.created,
    }


def _block(receipt: Receipt | None) -> dict[str, Any]:
    return {
        "block_number": None if receipt is None else receipt.number,
        "block_hash": None if receipt is None else parse_word(receipt.block_hash),
        "gas_used": None if receipt is None else receipt.gas_used,
        "succeeded": None if receipt is None else receipt.succeeded,
    }

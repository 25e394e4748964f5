"""What the relayer must bring on chain, and everything that it ever signed for it (`ledger.store.acts`).

Acts that must never share a block have the same *lane*, a keyed look-up that says nothing without its key. It
is forgotten as soon as the act is final or withdrawn, or has failed and is not tried again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, delete, func, insert, or_, select, update

from ledger.ids import Digest, digest, parse_word
from ledger.store.acts import FILL, OPEN, Attempt, Fate, News, State, Submission, Work
from ledger.store.database import Database
from ledger.store.marks import Marks
from ledger.store.tables import carried, lanes, submissions, transactions

__all__ = ["FILL", "OPEN", "Attempt", "Fate", "News", "RelayStore", "State", "Submission", "Work"]


class RelayStore:
    """Submissions and attempts of one relayer's account, and the `marks` that hold of it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.marks = Marks(db)

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
            found = {one.id: one for one in _submissions(connection, wanted)}
            attempts = _attempts(connection, transactions.c.hash.in_(_carrying(wanted)))
        return Work(submissions=found, attempts=attempts).by_submission()

    def work(self, nonce: int) -> Work:
        """What is open, and what was signed for nonces that the chain, being at `nonce`, has not used.

        Also what was given up and competed with it for a nonce: a reorg may let that win after all.
        """
        is_open = submissions.c.state.in_(OPEN)
        reused = select(carried.c.submission).join(transactions).where(transactions.c.nonce >= nonce)
        rivals = (
            select(carried.c.submission).join(transactions).where(transactions.c.nonce.in_(_nonces(is_open)))
        )
        given_up = (submissions.c.state == State.SUPERSEDED) & submissions.c.id.in_(rivals)
        wanted = or_(is_open, submissions.c.id.in_(reused), given_up)
        lowest = select(func.min(transactions.c.nonce)).where(transactions.c.hash.in_(_carrying(wanted)))
        with self._db.read() as connection:
            found = {one.id: one for one in _submissions(connection, wanted)}
            used = connection.execute(lowest).scalar()
            floor = nonce if used is None else min(used, nonce)
            relevant = or_(transactions.c.nonce >= floor, transactions.c.hash.in_(_carrying(wanted)))
            attempts = _attempts(connection, relevant)
        return Work(submissions=found, attempts=attempts)

    def sign(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Keep signed transactions before anyone sees them; those kept.

        An attempt is not kept if an act that it carries was withdrawn meanwhile.
        """
        kept = []
        with self._db.write() as connection:
            for attempt in attempts:
                own = submissions.c.id.in_(attempt.submissions)
                withdrawn = select(submissions.c.id).where(own & (submissions.c.state == State.SUPERSEDED))
                if connection.execute(withdrawn.limit(1)).first() is None:
                    _keep(connection, attempt)
                    kept.append(attempt)
        return kept

    def settle(self, news: News) -> None:
        """Write what the chain says."""
        with self._db.write() as connection:
            _write_fates(connection, news.fates)
            lost = [number for number, state in news.states.items() if state is State.INTENDED]
            needless = {number for number in lost if _is_needless(connection, number)}
            for number in needless:
                _supersede(connection, number)
            states = {number: state for number, state in news.states.items() if number not in needless}
            _write_states(connection, states)

    def is_due(self, now: int) -> bool:
        """Whether any act is in no block that does not wait for a time after `now`, in Unix milliseconds."""
        waiting = (submissions.c.state == State.INTENDED) & (submissions.c.not_before <= now)
        with self._db.read() as connection:
            due = select(submissions.c.id).where(or_(waiting, submissions.c.state == State.SENT)).limit(1)
            return connection.execute(due).first() is not None

    def count(self, *states: State) -> int:
        """How many submissions are in one of these states."""
        wanted = select(func.count()).where(submissions.c.state.in_(states))
        with self._db.read() as connection:
            return int(connection.execute(wanted).scalar_one())

    def used_nonces(self, start: int, end: int) -> set[int]:
        """The nonces of a half-open range for which we ever signed a transaction."""
        chosen = (transactions.c.nonce >= start) & (transactions.c.nonce < end)
        with self._db.read() as connection:
            return set(connection.execute(select(transactions.c.nonce).where(chosen)).scalars())

    def first_nonce(self) -> int | None:
        """The lowest nonce of a transaction of ours; None if nothing was ever signed."""
        with self._db.read() as connection:
            found = connection.execute(select(func.min(transactions.c.nonce))).scalar()
        return None if found is None else int(found)

    def gas_since(self, moment: int) -> int:
        """Gas used by transactions that were signed at or after a moment, in Unix milliseconds."""
        total = select(func.sum(transactions.c.gas_used)).where(transactions.c.created >= moment)
        with self._db.read() as connection:
            return int(connection.execute(total).scalar() or 0)


_SUBMISSION = tuple(column.name for column in submissions.columns)
_STATES = {str(state): state for state in State}


def _submissions(connection: Connection, wanted: Any) -> list[Submission]:  # noqa: ANN401
    """Submissions with their lanes, oldest first."""
    chosen = select(submissions, lanes.c.lane).outerjoin(lanes).where(wanted).order_by(submissions.c.id)
    return [
        Submission(
            id=id_,
            kind=kind,
            subject=subject,
            to=to,
            data=data,
            urgent=urgent,
            state=_STATES[state],
            not_before=not_before,
            created=created,
            lane=lane,
        )
        for id_, kind, subject, to, data, urgent, state, not_before, created, lane in connection.execute(
            chosen
        )
    ]


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


def _carrying(wanted: Any) -> Any:  # noqa: ANN401
    """The hashes of the transactions that carry any of the submissions wanted."""
    return select(carried.c.transaction).join(submissions).where(wanted)


def _nonces(wanted: Any) -> Any:  # noqa: ANN401
    """The nonces of the transactions that carry any of the submissions wanted."""
    return select(transactions.c.nonce).where(transactions.c.hash.in_(_carrying(wanted)))


def _attempts(connection: Connection, wanted: Any) -> list[Attempt]:  # noqa: ANN401
    """Attempts with the acts that they carry, by nonce and fees."""
    order = (transactions.c.nonce, transactions.c.max_fee, transactions.c.priority_fee)
    rows = connection.execute(select(transactions).where(wanted).order_by(*order)).all()
    chosen = carried.c.transaction.in_(select(transactions.c.hash).where(wanted))
    loads: dict[bytes, list[Row[Any]]] = {}
    for load in connection.execute(select(carried).where(chosen).order_by(carried.c.place)):
        loads.setdefault(load.transaction, []).append(load)
    return [_attempt(row, loads.get(row.hash, ())) for row in rows]


def _attempt(row: Row[Any], load: Sequence[Row[Any]]) -> Attempt:
    return Attempt(
        hash=digest(row.hash),
        submissions=tuple(one.submission for one in load),
        nonce=row.nonce,
        raw=row.raw,
        max_fee=row.max_fee,
        priority_fee=row.priority_fee,
        created=row.created,
        block_number=row.block_number,
        block_hash=None if row.block_hash is None else digest(row.block_hash),
        gas_used=row.gas_used,
        succeeded=row.succeeded,
        skipped=frozenset(one.submission for one in load if one.skipped),
    )


def _keep(connection: Connection, attempt: Attempt) -> None:
    signed = case((submissions.c.state == State.INTENDED, State.SENT), else_=submissions.c.state)
    own = submissions.c.id.in_(attempt.submissions)
    connection.execute(update(submissions).where(own).values(state=signed))
    values = {name: getattr(attempt, name) for name in ("nonce", "raw", "max_fee", "priority_fee", "created")}
    key = parse_word(attempt.hash)
    connection.execute(insert(transactions).values(hash=key, **values))
    rows = [
        {"transaction": key, "place": place, "submission": number}
        for place, number in enumerate(attempt.submissions)
    ]
    connection.execute(insert(carried), rows)


def _write_fates(connection: Connection, fates: Mapping[Digest, Fate | None]) -> None:
    for hash_, fate in fates.items():
        key = parse_word(hash_)
        connection.execute(update(transactions).where(transactions.c.hash == key).values(_block(fate)))
        skipped = carried.c.submission.in_([] if fate is None else fate.skipped)
        connection.execute(update(carried).where(carried.c.transaction == key).values(skipped=skipped))


def _write_states(connection: Connection, states: Mapping[int, State]) -> None:
    rows = [{"number": number, "now": state} for number, state in states.items()]
    if rows:
        one = submissions.c.id == bindparam("number")
        connection.execute(update(submissions).where(one).values(state=bindparam("now")), rows)
    final = [{"number": number} for number, state in states.items() if state is State.FINAL]
    if final:
        connection.execute(delete(lanes).where(lanes.c.submission == bindparam("number")), final)


def _block(fate: Fate | None) -> dict[str, Any]:
    receipt = None if fate is None else fate.receipt
    return {
        "block_number": None if receipt is None else receipt.number,
        "block_hash": None if receipt is None else parse_word(receipt.block_hash),
        "gas_used": None if receipt is None else receipt.gas_used,
        "succeeded": None if receipt is None else receipt.succeeded,
    }

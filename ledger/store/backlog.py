"""How much the relayer still has to do, in numbers that name nobody."""

from dataclasses import dataclass

from sqlalchemy import case, func, or_, select

from ledger.store.acts import State
from ledger.store.database import Database
from ledger.store.tables import submissions, transactions

_ON_THE_WAY = (State.INTENDED, State.SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Acts by state, and what is in no block yet.

    oldest: when the act that is due longest became so, in Unix milliseconds; None if none is.
    stops: acts in no block that end consents.
    next_nonce: the one after the highest for which anything was signed.
    """

    acts: dict[State, int]
    oldest: int | None
    stops: int
    next_nonce: int


def backlog(db: Database, now: int) -> Backlog:
    """What is to do at a moment, in Unix milliseconds."""
    table = submissions.c
    by_state = select(table.state, func.count()).group_by(table.state)
    waiting = table.state.in_(_ON_THE_WAY)
    since = case((table.created > table.not_before, table.created), else_=table.not_before)
    due = select(func.min(since)).where(waiting, table.not_before <= now)
    stops = select(func.count()).where(waiting, or_(table.urgent, table.kind == "revocation"))
    with db.read() as connection:
        counts = {State(state): int(count) for state, count in connection.execute(by_state)}
        last = connection.execute(select(func.max(transactions.c.nonce))).scalar()
        return Backlog(
            acts={state: counts.get(state, 0) for state in State},
            oldest=connection.execute(due).scalar(),
            stops=int(connection.execute(stops).scalar_one()),
            next_nonce=0 if last is None else int(last) + 1,
        )

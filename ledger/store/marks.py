"""What holds of the relayer until it is taken back: what an operator has decided, and what is at fault."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select

from ledger.store.database import Database
from ledger.store.tables import relayer_marks


class Mark(StrEnum):
    """What can hold of a relayer.

    DRAINED: an operator lets nothing go out but stops.
    FEES_ABOVE_CAP: nothing goes out, since the base fee is above what may be paid.
    FOREIGN_NONCE: somebody else has sent transactions with the relayer's key; the detail is the last nonce.
    OVER_QUOTA: nothing goes out but stops, since the gas of the day is spent.
    ACCOUNTED: the detail is the nonce below which it is known whose transactions the account's are.
    CHAIN: the detail is the hash of the first block of the chain that the relayer serves.
    """

    DRAINED = "drained"
    FEES_ABOVE_CAP = "fees_above_cap"
    FOREIGN_NONCE = "foreign_nonce"
    OVER_QUOTA = "over_quota"
    ACCOUNTED = "accounted"
    CHAIN = "chain"


FAULTS = (Mark.FEES_ABOVE_CAP, Mark.FOREIGN_NONCE, Mark.OVER_QUOTA)
"""Marks that an operator should know of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Since when a mark holds, in Unix milliseconds, and what there is to say of it."""

    since: int
    detail: str = ""


class Marks:
    """The marks of one relayer; whatever process asks finds the same."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> dict[Mark, Marked]:
        """What holds now."""
        with self._db.read() as connection:
            rows = connection.execute(select(relayer_marks)).all()
        return {Mark(row.mark): Marked(since=row.since, detail=row.detail) for row in rows}

    def put(self, mark: Mark, *, since: int, detail: str = "") -> None:
        """Let a mark hold; one that holds already keeps its time if nothing else is to be said."""
        held = self.all().get(mark)
        if held is not None and held.detail == detail:
            return
        with self._db.write() as connection:
            connection.execute(delete(relayer_marks).where(relayer_marks.c.mark == mark))
            connection.execute(insert(relayer_marks).values(mark=mark, since=since, detail=detail))

    def take(self, marks: Iterable[Mark]) -> list[Mark]:
        """Take marks back; which of them held."""
        held = sorted(set(marks) & set(self.all()))
        if held:
            with self._db.write() as connection:
                connection.execute(delete(relayer_marks).where(relayer_marks.c.mark.in_(held)))
        return held

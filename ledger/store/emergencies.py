"""Emergencies that providers declared, and what reviews found of them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, true, update

from ledger.canonical import canonical, parse_object
from ledger.store.tables import emergencies
from ledger.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyRow:
    """One emergency; ``sealed`` has the declaration, ``review`` what was found of it, once somebody did.

    ``entry`` and ``reviewed`` are log indices; ``declared`` and ``due`` in Unix milliseconds.
    """

    emergency: str
    tag: bytes
    lookup: bytes
    entry: int
    declared: int
    due: int
    reviewed: int | None
    sealed: dict[str, Any]
    review: dict[str, Any] | None = None


class EmergencyStore:
    """Rows of ``emergencies``; every method runs in the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, connection: Connection, row: EmergencyRow) -> None:
        """A new emergency, not reviewed."""
        connection.execute(
            insert(emergencies).values(
                emergency=row.emergency,
                tag=row.tag,
                lookup=row.lookup,
                entry=row.entry,
                declared=row.declared,
                due=row.due,
                sealed=self._vault.seal(row.tag, f"emergency/{row.emergency}", canonical(row.sealed)),
            )
        )

    def get(self, connection: Connection, emergency: str) -> EmergencyRow | None:
        """One emergency, or None."""
        found = self._where(connection, emergencies.c.emergency == emergency)
        return found[0] if found else None

    def get_of(
        self, connection: Connection, emergency: str, *, lookup: bytes, tag: bytes | None = None
    ) -> EmergencyRow | None:
        """`get`, if this provider declared it or it is about this patient; others are not even opened."""
        theirs = emergencies.c.lookup == lookup
        if tag is not None:
            theirs |= emergencies.c.tag == tag
        found = self._where(connection, (emergencies.c.emergency == emergency) & theirs)
        return found[0] if found else None

    def of_patient(self, connection: Connection, tag: bytes) -> list[EmergencyRow]:
        """What was declared about a patient, in order."""
        return self._where(connection, emergencies.c.tag == tag)

    def of_subject(self, connection: Connection, lookup: bytes) -> list[EmergencyRow]:
        """What a provider declared, in order."""
        return self._where(connection, emergencies.c.lookup == lookup)

    def all(self, connection: Connection) -> list[EmergencyRow]:
        """Every emergency, in order."""
        return self._where(connection, true())

    def times_since(self, connection: Connection, lookup: bytes, moment: int) -> list[int]:
        """When a provider declared emergencies after a moment, oldest first."""
        mine = (emergencies.c.lookup == lookup) & (emergencies.c.declared > moment)
        found = connection.execute(
            select(emergencies.c.declared).where(mine).order_by(emergencies.c.declared)
        )
        return [int(moment) for moment in found.scalars()]

    def review(self, connection: Connection, row: EmergencyRow, review: dict[str, Any], entry: int) -> bool:
        """Note a review that is in the log at `entry`; False if there was one before."""
        sealed = self._vault.seal(row.tag, f"emergency/{row.emergency}/review", canonical(review))
        done = connection.execute(
            update(emergencies)
            .where((emergencies.c.emergency == row.emergency) & emergencies.c.reviewed.is_(None))
            .values(reviewed=entry, review=sealed)
        )
        return done.rowcount == 1

    def unreviewed(self, connection: Connection, *, due_by: int | None = None) -> int:
        """How many nobody has reviewed; only those due by a moment, if one is given."""
        waiting: ColumnElement[bool] = emergencies.c.reviewed.is_(None)
        if due_by is not None:
            waiting &= emergencies.c.due <= due_by
        return int(
            connection.execute(select(func.count()).select_from(emergencies).where(waiting)).scalar_one()
        )

    def _where(self, connection: Connection, condition: ColumnElement[bool]) -> list[EmergencyRow]:
        rows = connection.execute(select(emergencies).where(condition).order_by(emergencies.c.entry))
        return [
            EmergencyRow(
                emergency=row.emergency,
                tag=row.tag,
                lookup=row.lookup,
                entry=row.entry,
                declared=row.declared,
                due=row.due,
                reviewed=row.reviewed,
                sealed=parse_object(self._vault.open(row.tag, f"emergency/{row.emergency}", row.sealed)),
                review=None if row.review is None else self._reviewed(row),
            )
            for row in rows
        ]

    def _reviewed(self, row: Row[Any]) -> dict[str, Any]:
        return parse_object(self._vault.open(row.tag, f"emergency/{row.emergency}/review", row.review))

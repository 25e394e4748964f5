"""Patients who have left: they go on under another account, or at another gateway."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from ledger.canonical import canonical, parse_object
from ledger.store.tables import departures
from ledger.store.vault import Vault

NOBODY = bytes(32)
"""The look-up of nobody; no look-up of an account is all zeros."""


class Leaving(StrEnum):
    """How a patient left: with a new account, or for another gateway."""

    SUCCEEDED = "succeeded"
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureRow:
    """One departure; ``sealed`` has the members that its log entry has, at index ``entry``."""

    tag: bytes
    kind: Leaving
    entry: int
    lookup: bytes
    sealed: dict[str, Any]


class DepartureStore:
    """Rows of ``departures``, in the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, connection: Connection, row: DepartureRow) -> None:
        """One more departure; nobody departs twice."""
        sealed = self._vault.seal(row.tag, "departure", canonical(row.sealed))
        values = {"tag": row.tag, "kind": row.kind, "entry": row.entry, "lookup": row.lookup}
        connection.execute(insert(departures).values(**values, sealed=sealed))

    def find(self, connection: Connection, tag: bytes) -> DepartureRow | None:
        """The departure of a patient, None if they are here."""
        row = connection.execute(select(departures).where(departures.c.tag == tag)).one_or_none()
        return None if row is None else self._opened(row)

    def predecessors(self, connection: Connection, lookup: bytes) -> list[DepartureRow]:
        """Whom the account with this look-up goes on for, in order: their predecessors too."""
        found = connection.execute(
            select(departures).where(departures.c.lookup == lookup).order_by(departures.c.entry)
        )
        return [self._opened(row) for row in found]

    def _opened(self, row: Row[Any]) -> DepartureRow:
        return DepartureRow(
            tag=row.tag,
            kind=Leaving(row.kind),
            entry=row.entry,
            lookup=row.lookup,
            sealed=parse_object(self._vault.open(row.tag, "departure", row.sealed)),
        )

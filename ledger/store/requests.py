"""Providers' requests for a consent."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from ledger.canonical import canonical, parse_object
from ledger.store.tables import requests
from ledger.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One request; ``sealed`` has what was asked; ``expires`` is in Unix milliseconds.

    ``lookup`` is the keyed look-up of who asked.
    """

    request: str
    tag: bytes
    lookup: bytes
    state: str
    expires: int
    sealed: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverRow:
    """A request that nobody answered in time: of whom, and the keyed look-up of who asked."""

    request: str
    tag: bytes
    lookup: bytes


_PROPOSED = requests.c.state == "proposed"


class RequestStore:
    """Rows of ``requests``; every method runs in the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(
        self,
        connection: Connection,
        *,
        request: str,
        tag: bytes,
        lookup: bytes,
        expires: int,
        sealed: dict[str, Any],
    ) -> None:
        """A new request, proposed."""
        data = self._vault.seal(tag, f"request/{request}", canonical(sealed))
        connection.execute(
            insert(requests).values(
                request=request, tag=tag, lookup=lookup, state="proposed", expires=expires, sealed=data
            )
        )

    def get(
        self, connection: Connection, request: str, *, tag: bytes | None = None, lookup: bytes | None = None
    ) -> RequestRow | None:
        """One request, to a tag's patient or by a look-up's provider; None, unopened, if it is not."""
        wanted = requests.c.request == request
        if tag is not None:
            wanted &= requests.c.tag == tag
        if lookup is not None:
            wanted &= requests.c.lookup == lookup
        found = self._where(connection, wanted)
        return found[0] if found else None

    def of_patient(self, connection: Connection, tag: bytes) -> list[RequestRow]:
        """A patient's inbox."""
        return self._where(connection, requests.c.tag == tag)

    def of_subject(self, connection: Connection, lookup: bytes) -> list[RequestRow]:
        """A provider's outbox."""
        return self._where(connection, requests.c.lookup == lookup)

    def move(self, connection: Connection, request: str, *, to: str, now: int) -> bool:
        """Proposed and not over at `now` (Unix milliseconds) → `to`; False if it was not so any more."""
        moved = connection.execute(
            update(requests)
            .where((requests.c.request == request) & _PROPOSED & (requests.c.expires > now))
            .values(state=to)
        )
        return moved.rowcount == 1

    def over(self, connection: Connection, *, now: int, most: int) -> list[OverRow]:
        """Requests that are still proposed and over at `now`; the first `most` of them."""
        due = _PROPOSED & (requests.c.expires <= now)
        columns = (requests.c.request, requests.c.tag, requests.c.lookup)
        rows = connection.execute(select(*columns).where(due).order_by(requests.c.expires).limit(most))
        return [OverRow(request=row.request, tag=row.tag, lookup=row.lookup) for row in rows]

    def lapse(self, connection: Connection, request: str, *, now: int) -> bool:
        """Proposed and over at `now` → expired; False if it was not so any more."""
        due = (requests.c.request == request) & _PROPOSED & (requests.c.expires <= now)
        return connection.execute(update(requests).where(due).values(state="expired")).rowcount == 1

    def _where(self, connection: Connection, condition: ColumnElement[bool]) -> list[RequestRow]:
        rows = connection.execute(select(requests).where(condition).order_by(requests.c.expires))
        return [
            RequestRow(
                request=row.request,
                tag=row.tag,
                lookup=row.lookup,
                state=row.state,
                expires=row.expires,
                sealed=parse_object(self._vault.open(row.tag, f"request/{row.request}", row.sealed)),
            )
            for row in rows
        ]

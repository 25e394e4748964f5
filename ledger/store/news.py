"""What happened, once for each whom it concerns, and when filed consents end."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update

from ledger.store.tables import consent_ends, consent_parties, consents, news, patients


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsRow:
    """One event as a reader may see it; ``about`` is the id of what it is about, ``at`` Unix milliseconds."""

    event: str
    kind: str
    about: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A filed consent and the first moment after it, Unix milliseconds."""

    consent: str
    tag: bytes
    ends: int


class NewsStore:
    """Rows of ``news`` and ``consent_ends``, in the caller's transaction."""

    def add(
        self, connection: Connection, row: NewsRow, *, tag: bytes | None, lookups: Iterable[bytes]
    ) -> None:
        """Tell each of `lookups`; the rows go with the patient `tag`, and stay nobody's without."""
        for lookup in set(lookups):
            connection.execute(
                insert(news).values(
                    event=row.event, lookup=lookup, tag=tag, kind=row.kind, about=row.about, at=row.at
                )
            )

    def of(self, connection: Connection, lookup: bytes, *, since: int) -> list[NewsRow]:
        """What one reader was told since a moment, newest first."""
        mine = (news.c.lookup == lookup) & (news.c.at >= since)
        rows = connection.execute(select(news).where(mine).order_by(news.c.at.desc(), news.c.event))
        return [NewsRow(event=row.event, kind=row.kind, about=row.about, at=row.at) for row in rows]

    def forget(self, connection: Connection, *, before: int) -> None:
        """Delete what happened before a moment."""
        connection.execute(delete(news).where(news.c.at < before))

    def reader(self, connection: Connection, tag: bytes) -> bytes | None:
        """The keyed look-up of the patient of a tag; None if nobody enrolled with it."""
        return connection.execute(select(patients.c.lookup).where(patients.c.tag == tag)).scalar_one_or_none()

    def parties(self, connection: Connection, consent: str) -> list[bytes]:
        """The keyed look-ups of the participants that a filed consent names."""
        named = select(consent_parties.c.lookup).where(consent_parties.c.consent == consent)
        return list(connection.execute(named).scalars())

    def note_end(self, connection: Connection, consent: str, ends: int | None) -> None:
        """Keep when a filed consent ends; None of one without end."""
        connection.execute(insert(consent_ends).values(consent=consent, ends=ends, told=False))

    def without_end_noted(self, connection: Connection) -> list[str]:
        """Filed consents of which nobody has noted when they end."""
        noted = consents.outerjoin(consent_ends, consent_ends.c.consent == consents.c.consent)
        query = select(consents.c.consent).select_from(noted).where(consent_ends.c.consent.is_(None))
        return list(connection.execute(query).scalars())

    def ended(self, connection: Connection, *, by: int, most: int) -> list[Ending]:
        """Consents that have ended by a moment of which nobody was told; the first `most` of them."""
        over = consent_ends.c.told.is_(False) & (consent_ends.c.ends <= by)
        return [_ending(row) for row in connection.execute(_ENDINGS.where(over).limit(most))]

    def told(self, connection: Connection, consent: str) -> bool:
        """Note that those whom it concerns hear of a consent's end; False if that was noted before."""
        mine = (consent_ends.c.consent == consent) & consent_ends.c.told.is_(False)
        return connection.execute(update(consent_ends).where(mine).values(told=True)).rowcount == 1

    def ending_of_patient(self, connection: Connection, tag: bytes, *, after: int, by: int) -> list[Ending]:
        """A patient's consents that nobody has stopped and that end between two moments."""
        return self._ending(connection, consents.c.tag == tag, after, by)

    def ending_naming(self, connection: Connection, lookup: bytes, *, after: int, by: int) -> list[Ending]:
        """Consents naming a participant that nobody has stopped and that end between two moments."""
        named = select(consent_parties.c.consent).where(consent_parties.c.lookup == lookup)
        return self._ending(connection, consents.c.consent.in_(named), after, by)

    def _ending(
        self, connection: Connection, whose: ColumnElement[bool], after: int, by: int
    ) -> list[Ending]:
        soon = consents.c.stopped.is_(None) & consent_ends.c.ends.between(after, by)
        return [_ending(row) for row in connection.execute(_ENDINGS.where(whose & soon))]


_ENDINGS: Select[Any] = (
    select(consents.c.consent, consents.c.tag, consent_ends.c.ends)
    .join(consent_ends, consent_ends.c.consent == consents.c.consent)
    .order_by(consent_ends.c.ends)
)


def _ending(row: Row[Any]) -> Ending:
    return Ending(consent=row.consent, tag=row.tag, ends=row.ends)

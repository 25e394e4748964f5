"""Filed consents, who they name, and their grant capsules."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from ledger.canonical import MAX_DOCUMENT, canonical, parse_json
from ledger.store.tables import consent_parties, consents, grant_capsules
from ledger.store.vault import Vault

_LIMIT = 16 * MAX_DOCUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """One filed consent; ``sealed`` has the filing, the time and the request it answers."""

    consent: str
    tag: bytes
    entry: int
    stopped: int | None
    sealed: dict[str, Any]


class ConsentStore:
    """Rows of ``consents``, ``consent_parties`` and ``grant_capsules``, in the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(
        self,
        connection: Connection,
        *,
        consent: str,
        tag: bytes,
        entry: int,
        parties: Iterable[bytes],
        sealed: dict[str, Any],
    ) -> None:
        """A consent filed at log position `entry`, found again by the look-ups of `parties`."""
        data = self._vault.seal(tag, f"consent/{consent}", canonical(sealed))
        connection.execute(insert(consents).values(consent=consent, tag=tag, entry=entry, sealed=data))
        for lookup in set(parties):
            connection.execute(insert(consent_parties).values(consent=consent, lookup=lookup))

    def get(self, connection: Connection, consent: str) -> ConsentRow | None:
        """One consent, or None."""
        row = connection.execute(select(consents).where(consents.c.consent == consent)).one_or_none()
        return None if row is None else self._opened(row)

    def of_patient(self, connection: Connection, tag: bytes) -> list[ConsentRow]:
        """All consents of a patient in the order of filing."""
        rows = connection.execute(select(consents).where(consents.c.tag == tag).order_by(consents.c.entry))
        return [self._opened(row) for row in rows]

    def naming(self, connection: Connection, lookup: bytes) -> list[ConsentRow]:
        """All consents that name a participant."""
        rows = connection.execute(
            select(consents)
            .join(consent_parties, consent_parties.c.consent == consents.c.consent)
            .where(consent_parties.c.lookup == lookup)
            .order_by(consents.c.entry)
        )
        return [self._opened(row) for row in rows]

    def running(self, connection: Connection) -> list[tuple[str, bytes]]:
        """Consent id and tag of every consent that no log entry has stopped."""
        rows = connection.execute(
            select(consents.c.consent, consents.c.tag)
            .where(consents.c.stopped.is_(None))
            .order_by(consents.c.entry)
        )
        return [(row.consent, row.tag) for row in rows]

    def stop(self, connection: Connection, consent: str, entry: int) -> bool:
        """Mark the consent as stopped by log position `entry`; False if something stopped it before."""
        done = connection.execute(
            update(consents)
            .where((consents.c.consent == consent) & consents.c.stopped.is_(None))
            .values(stopped=entry)
        )
        return done.rowcount == 1

    def put_capsules(self, connection: Connection, tag: bytes, consent: str, sealed: dict[str, Any]) -> None:
        """Store (or replace) a consent's grant capsules: ``list`` and the patient's ``signature``."""
        data = self._vault.seal(tag, f"capsules/{consent}", canonical(sealed))
        self.drop_capsules(connection, consent)
        connection.execute(insert(grant_capsules).values(consent=consent, sealed=data))

    def capsules(self, connection: Connection, tag: bytes, consent: str) -> dict[str, Any] | None:
        """A consent's grant capsules, None after a stop."""
        sealed = connection.execute(
            select(grant_capsules.c.sealed).where(grant_capsules.c.consent == consent)
        ).scalar_one_or_none()
        if sealed is None:
            return None
        opened: dict[str, Any] = parse_json(
            self._vault.open(tag, f"capsules/{consent}", sealed), limit=_LIMIT
        )
        return opened

    def drop_capsules(self, connection: Connection, consent: str) -> None:
        """Delete a consent's grant capsules."""
        connection.execute(delete(grant_capsules).where(grant_capsules.c.consent == consent))

    def _opened(self, row: Row[Any]) -> ConsentRow:
        opened = self._vault.open(row.tag, f"consent/{row.consent}", row.sealed)
        return ConsentRow(
            consent=row.consent,
            tag=row.tag,
            entry=row.entry,
            stopped=row.stopped,
            sealed=parse_json(opened, limit=_LIMIT),
        )

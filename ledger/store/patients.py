"""Patients and their compartments' keys.

A compartment's id is a hash of account, class and labels, so it stands in no column: rows are found by the id
blinded under the patient's data key, and the id itself is sealed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from ledger.canonical import canonical, parse_object
from ledger.errors import StoreUnavailable
from ledger.store.parts import in_parts
from ledger.store.tables import compartments, patients
from ledger.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRow:
    """One enrolled patient: tag (20 bytes), version, and what was sealed (did, erasure, inbox)."""

    tag: bytes
    version: int
    sealed: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentKeyRow:
    """One signed public key of a compartment; ``sealed`` has class, labels, key (base64) and signature."""

    compartment: str
    epoch: int
    current: bool
    sealed: dict[str, Any]


class PatientStore:
    """Rows of ``patients`` and ``compartments``; every method runs in the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def by_lookup(self, connection: Connection, lookup: bytes) -> PatientRow | None:
        """The patient with this keyed look-up."""
        row = connection.execute(select(patients).where(patients.c.lookup == lookup)).one_or_none()
        return None if row is None else self._opened(row.tag, row.version, row.sealed)

    def by_tag(self, connection: Connection, tag: bytes) -> PatientRow | None:
        """The patient with this tag."""
        row = connection.execute(select(patients).where(patients.c.tag == tag)).one_or_none()
        return None if row is None else self._opened(row.tag, row.version, row.sealed)

    def versions(self, connection: Connection, lookups: Iterable[bytes]) -> dict[bytes, tuple[bytes, int]]:
        """Tag and version of each patient with one of these look-ups, without opening anything."""
        found = {}
        for some in in_parts(lookups):
            query = select(patients.c.lookup, patients.c.tag, patients.c.version)
            for row in connection.execute(query.where(patients.c.lookup.in_(some))):
                found[row.lookup] = (row.tag, row.version)
        return found

    def version(self, connection: Connection, tag: bytes) -> int | None:
        """The patient's version, without opening anything."""
        return connection.execute(
            select(patients.c.version).where(patients.c.tag == tag)
        ).scalar_one_or_none()

    def add(self, connection: Connection, *, tag: bytes, lookup: bytes, sealed: dict[str, Any]) -> None:
        """A new patient at version 0."""
        data = self._vault.seal(tag, "patient", canonical(sealed))
        connection.execute(insert(patients).values(tag=tag, lookup=lookup, version=0, sealed=data))

    def keys(self, connection: Connection, tag: bytes) -> list[CompartmentKeyRow]:
        """All deposited compartment keys, by compartment and epoch."""
        rows = connection.execute(select(compartments).where(compartments.c.tag == tag))
        return sorted(map(self._key, rows), key=lambda key: (key.compartment, key.epoch))

    def add_key(
        self,
        connection: Connection,
        tag: bytes,
        compartment: str,
        epoch: int,
        *,
        current: bool,
        sealed: dict[str, Any],
    ) -> None:
        """Deposit one signed key."""
        name = self._vault.blind(tag, compartment)
        plain = canonical({**sealed, "compartment": compartment})
        connection.execute(
            insert(compartments).values(
                tag=tag,
                compartment=name,
                epoch=epoch,
                current=current,
                sealed=self._vault.seal(tag, _key_row(name, epoch), plain),
            )
        )

    def close_epoch(self, connection: Connection, tag: bytes, compartment: str, epoch: int) -> None:
        """End `epoch` of a compartment; the deposited next one, if there is one, becomes current."""
        name = self._vault.blind(tag, compartment)
        rows = (compartments.c.tag == tag) & (compartments.c.compartment == name)
        ended = connection.execute(
            update(compartments)
            .where(rows & (compartments.c.epoch == epoch) & compartments.c.current.is_(True))
            .values(current=False)
        )
        if ended.rowcount == 1:
            connection.execute(
                update(compartments).where(rows & (compartments.c.epoch == epoch + 1)).values(current=True)
            )

    def blind_names(self, connection: Connection) -> None:
        """Blind the names that an earlier version left in clear, as far as their rows open."""
        clear = select(compartments).where(compartments.c.compartment.like("0x%"))
        for row in connection.execute(clear).all():
            try:
                plain = self._vault.open(row.tag, _key_row(row.compartment, row.epoch), row.sealed)
            except StoreUnavailable:  # of an erased patient, in a database that was restored
                continue
            here = (compartments.c.tag == row.tag) & (compartments.c.compartment == row.compartment)
            connection.execute(delete(compartments).where(here & (compartments.c.epoch == row.epoch)))
            self.add_key(
                connection,
                row.tag,
                row.compartment,
                row.epoch,
                current=row.current,
                sealed=parse_object(plain),
            )

    def _key(self, row: Row[Any]) -> CompartmentKeyRow:
        plain = parse_object(self._vault.open(row.tag, _key_row(row.compartment, row.epoch), row.sealed))
        return CompartmentKeyRow(
            compartment=plain.pop("compartment"), epoch=row.epoch, current=row.current, sealed=plain
        )

    def _opened(self, tag: bytes, version: int, sealed: bytes) -> PatientRow:
        return PatientRow(
            tag=tag, version=version, sealed=parse_object(self._vault.open(tag, "patient", sealed))
        )


def _key_row(compartment: str, epoch: int) -> str:
    return f"compartment/{compartment}/{epoch}"

"""Patients and their compartments' keys."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ledger.canonical import canonical, parse_object
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
        rows = connection.execute(
            select(compartments)
            .where(compartments.c.tag == tag)
            .order_by(compartments.c.compartment, compartments.c.epoch)
        )
        return [
            CompartmentKeyRow(
                compartment=row.compartment,
                epoch=row.epoch,
                current=row.current,
                sealed=parse_object(self._vault.open(tag, _key_row(row.compartment, row.epoch), row.sealed)),
            )
            for row in rows
        ]

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
        data = self._vault.seal(tag, _key_row(compartment, epoch), canonical(sealed))
        connection.execute(
            insert(compartments).values(
                tag=tag, compartment=compartment, epoch=epoch, current=current, sealed=data
            )
        )

    def close_epoch(self, connection: Connection, tag: bytes, compartment: str, epoch: int) -> None:
        """End `epoch` of a compartment; the deposited next one, if there is one, becomes current."""
        rows = (compartments.c.tag == tag) & (compartments.c.compartment == compartment)
        ended = connection.execute(
            update(compartments)
            .where(rows & (compartments.c.epoch == epoch) & compartments.c.current.is_(True))
            .values(current=False)
        )
        if ended.rowcount == 1:
            connection.execute(
                update(compartments).where(rows & (compartments.c.epoch == epoch + 1)).values(current=True)
            )

    def _opened(self, tag: bytes, version: int, sealed: bytes) -> PatientRow:
        return PatientRow(
            tag=tag, version=version, sealed=parse_object(self._vault.open(tag, "patient", sealed))
        )


def _key_row(compartment: str, epoch: int) -> str:
    return f"compartment/{compartment}/{epoch}"

"""Published records: header, publication and record capsule, sealed under the patient's data key."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, func, insert, select

from ledger.canonical import MAX_DOCUMENT, canonical, hexed, parse_json, unb64
from ledger.store.tables import records, refilings
from ledger.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One record; ``sealed`` has header (text), compartment, epoch, capsule (base64), writer, signature.

    The signature is the writer's. Of a record that its patient re-filed it is the patient's, over the new
    place, and ``written`` has what the writer signed: epoch (of the inbox), capsule (its SHA-256), signature.
    ``entry`` and ``refiled`` are log positions.
    """

    root: str
    tag: bytes
    entry: int
    sealed: dict[str, Any]
    refiled: int | None = None

    @property
    def changed(self) -> int:
        """The last log position that changed it."""
        return self.entry if self.refiled is None else self.refiled


class RecordStore:
    """Rows of ``records`` and ``refilings``; every method runs in the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(
        self, connection: Connection, *, root: str, tag: bytes, entry: int, sealed: dict[str, Any]
    ) -> None:
        """A record published at log position `entry`."""
        data = self._vault.seal(tag, f"record/{root}", canonical(sealed))
        connection.execute(insert(records).values(root=root, tag=tag, entry=entry, sealed=data))

    def refile(
        self, connection: Connection, *, root: str, tag: bytes, entry: int, sealed: dict[str, Any]
    ) -> None:
        """A record moved at log position `entry`; ``sealed`` has compartment, epoch, capsule, signature."""
        data = self._vault.seal(tag, f"refiling/{root}", canonical(sealed))
        connection.execute(insert(refilings).values(root=root, tag=tag, entry=entry, sealed=data))

    def of_patient(self, connection: Connection, tag: bytes, *, after: int = -1) -> list[RecordRow]:
        """A patient's records that log positions after `after` brought or moved, in the order they came."""
        moved = (refilings.c.tag == records.c.tag) & (refilings.c.root == records.c.root)
        rows = connection.execute(
            select(records, refilings.c.entry.label("refiled"), refilings.c.sealed.label("place"))
            .outerjoin(refilings, moved)
            .where((records.c.tag == tag) & (func.coalesce(refilings.c.entry, records.c.entry) > after))
            .order_by(records.c.entry)
        )
        return [
            RecordRow(
                root=row.root,
                tag=row.tag,
                entry=row.entry,
                refiled=row.refiled,
                sealed=_in_place(
                    self._opened(tag, f"record/{row.root}", row.sealed),
                    None if row.place is None else self._opened(tag, f"refiling/{row.root}", row.place),
                ),
            )
            for row in rows
        ]

    def _opened(self, tag: bytes, name: str, sealed: bytes) -> dict[str, Any]:
        opened: dict[str, Any] = parse_json(self._vault.open(tag, name, sealed), limit=4 * MAX_DOCUMENT)
        return opened


def _in_place(published: dict[str, Any], place: dict[str, Any] | None) -> dict[str, Any]:
    """A record where it is now, with what its writer signed if that was for another place."""
    if place is None:
        return published
    written = {
        "epoch": published["epoch"],
        "capsule": hexed(sha256(unb64(published["capsule"])).digest()),
        "signature": published["signature"],
    }
    return {**published, **place, "written": written}

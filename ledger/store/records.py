"""Published records: header, publication and record capsule, sealed under the patient's data key."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from ledger.canonical import MAX_DOCUMENT, canonical, parse_json
from ledger.store.tables import records
from ledger.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One record; ``sealed`` has header (text), compartment, epoch, capsule (base64), writer, signature."""

    root: str
    tag: bytes
    entry: int
    sealed: dict[str, Any]


class RecordStore:
    """Rows of ``records``; every method runs in the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(
        self, connection: Connection, *, root: str, tag: bytes, entry: int, sealed: dict[str, Any]
    ) -> None:
        """A record published at log position `entry`."""
        data = self._vault.seal(tag, f"record/{root}", canonical(sealed))
        connection.execute(insert(records).values(root=root, tag=tag, entry=entry, sealed=data))

    def of_patient(self, connection: Connection, tag: bytes, *, after: int = -1) -> list[RecordRow]:
        """A patient's records published after log position `after`, in the order of publication."""
        mine = (records.c.tag == tag) & (records.c.entry > after)
        rows = connection.execute(select(records).where(mine).order_by(records.c.entry))
        return [
            RecordRow(
                root=row.root,
                tag=row.tag,
                entry=row.entry,
                sealed=parse_json(
                    self._vault.open(tag, f"record/{row.root}", row.sealed), limit=4 * MAX_DOCUMENT
                ),
            )
            for row in rows
        ]

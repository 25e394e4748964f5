"""Rows of the disclosure log: entries sealed under their patient's key, and the checkpoints given out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, LargeBinary, Row, cast, func, insert, select

from ledger.errors import StoreUnavailable
from ledger.store.parts import insert_all
from ledger.store.tables import checkpoints, log_entries
from ledger.store.vault import Vault

SALT = 32
ENDLESS = 2**62
_LEAVES, _ENTRIES = 1000, 100
"""How many rows are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEntry:
    """A row of the log as the database has it; nothing in it is checked here.

    salt, entry: both None when the row does not open: the patient was erased, or the row was changed.
    """

    index: int
    tag: bytes = field(repr=False)
    inner: bytes = field(repr=False)
    leaf: bytes = field(repr=False)
    salt: bytes | None = field(repr=False)
    entry: bytes | None = field(repr=False)


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the log to be written, or that was; ``leaf`` is the leaf hash, ``entry`` canonical."""

    index: int
    tag: bytes
    inner: bytes
    leaf: bytes
    salt: bytes
    entry: bytes

    __repr__ = object.__repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A checkpoint as it was stored: the note that was given out, and what the columns beside it claim."""

    size: int
    root: bytes
    note: str


_LAST = select(func.max(log_entries.c.position)).where(log_entries.c.position < ENDLESS)


class LogStore:
    """Rows of ``log_entries`` and ``checkpoints``; every method runs in the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, connection: Connection, entries: Sequence[NewEntry]) -> None:
        """More entries at their indices. NotFound if the patient of one has no data key."""
        plain = [(each.tag, _row_name(each.index), each.salt + each.entry) for each in entries]
        sealed = self._vault.seal_all(plain)
        insert_all(
            connection,
            log_entries,
            ("position", "tag", "inner", "leaf", "sealed"),
            [
                (each.index, each.tag, each.inner, each.leaf, text)
                for each, text in zip(entries, sealed, strict=True)
            ],
        )

    def count(self, connection: Connection) -> int:
        """One more than the highest index."""
        last = connection.execute(_LAST).scalar_one()
        return 0 if last is None else int(last) + 1

    def leaves(self, connection: Connection, start: int) -> Iterator[tuple[int, bytes]]:
        """Index and leaf hash of every entry from `start` on, in order."""
        position = log_entries.c.position
        query = select(position, _blob("leaf")).where(position < ENDLESS).order_by(position).limit(_LEAVES)
        rows = connection.execute(query.where(position >= start)).all()
        while rows:
            yield from ((row.position, row.leaf) for row in rows)
            rows = connection.execute(query.where(position > rows[-1].position)).all()

    def rows(
        self, connection: Connection, start: int, end: int | None, tag: bytes | None
    ) -> Sequence[Row[Any]]:
        """The rows from `start` up to, not including, `end`; of one patient with `tag`; in order."""
        position = log_entries.c.position
        chosen = (position >= start) & (position < (ENDLESS if end is None else end))
        if tag is not None:
            chosen &= log_entries.c.tag == tag
        return connection.execute(_rows().where(chosen).order_by(position)).all()

    def opened(self, row: Row[Any]) -> OpenedEntry:
        """What a row holds; never fails for it."""
        try:
            plain = self._vault.open(row.tag, _row_name(row.position), row.sealed or b"")
        except StoreUnavailable:
            plain = b""
        opens = len(plain) > SALT
        return OpenedEntry(
            index=row.position,
            tag=row.tag,
            inner=row.inner,
            leaf=row.leaf,
            salt=plain[:SALT] if opens else None,
            entry=plain[SALT:] if opens else None,
        )

    def latest_opened(self, connection: Connection) -> OpenedEntry | None:
        """The entry with the highest index among those that still open."""
        position = log_entries.c.position
        query = _rows().order_by(position.desc()).limit(_ENTRIES)
        rows = connection.execute(query.where(position < ENDLESS)).all()
        while rows:
            for each in map(self.opened, rows):
                if each.entry is not None:
                    return each
            rows = connection.execute(query.where(position < rows[-1].position)).all()
        return None

    def add_checkpoint(self, connection: Connection, checkpoint: StoredCheckpoint) -> None:
        """Keep a note, before it is given out."""
        connection.execute(
            insert(checkpoints).values(size=checkpoint.size, root=checkpoint.root, note=checkpoint.note)
        )

    def last_checkpoint(self, connection: Connection) -> StoredCheckpoint | None:
        """The note over most entries."""
        query = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)
        row = connection.execute(query).one_or_none()
        return None if row is None else StoredCheckpoint(size=row.size, root=row.root, note=row.note)


def _rows() -> Any:  # noqa: ANN401
    return select(log_entries.c.position, _blob("tag"), _blob("inner"), _blob("leaf"), _blob("sealed"))


def _blob(column: str) -> Any:  # noqa: ANN401
    """A column as bytes, whatever a damaged row holds there (SQLite keeps any type in any column)."""
    return cast(log_entries.c[column], LargeBinary).label(column)


def _row_name(index: int) -> str:
    return f"log/{index}"

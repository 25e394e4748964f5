"""Erased patients: deleting every row of theirs, and the list of blocks that are still to be let go of.

Which rows are a patient's is read from the tables themselves: those that carry the tag, and those that hang
from one of them. Of the log, tag and inner hash stay, which give the leaf; what opens an entry goes.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, insert, select, update

from ledger.ids import Cid
from ledger.store.tables import (
    departures,
    emergencies,
    erased_blocks,
    erasures,
    lanes,
    log_entries,
    metadata,
    patients,
    records,
    requests,
    uploads,
)
from ledger.store.tombstone import Tombstone

STAYING = frozenset({log_entries, erasures, erased_blocks})
"""Tables with a tag whose rows outlive an erasure."""

ASKING = (requests, emergencies)
"""Tables whose rows may be about an account that nobody had enrolled, under a tag made up from it."""

NOBODY = bytes(32)
"""Who brought what somebody had brought who was erased; no look-up of an account is all zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An erased patient; ``entry`` is where this log says so, None while it does not.

    ``kept``: how many blocks of their records stayed, because somebody else has them too.
    """

    tombstone: Tombstone
    entry: int | None
    kept: int


class ErasureStore:
    """Rows of ``erasures`` and ``erased_blocks``, in the caller's transaction."""

    def find(self, connection: Connection, tag: bytes) -> Erasure | None:
        """The erasure of a patient, None if there was none."""
        row = connection.execute(select(erasures).where(erasures.c.tag == tag)).one_or_none()
        return None if row is None else _erasure(row)

    def all(self, connection: Connection) -> list[Erasure]:
        """Every erased patient."""
        return [_erasure(row) for row in connection.execute(select(erasures).order_by(erasures.c.tag))]

    def unlogged(self, connection: Connection) -> list[Tombstone]:
        """Those of whom this log does not say so: an older database was restored."""
        rows = connection.execute(select(erasures).where(erasures.c.entry.is_(None)))
        return [_erasure(row).tombstone for row in rows]

    def add(self, connection: Connection, tombstone: Tombstone, entry: int | None) -> None:
        """One more erased patient; Conflict if there is one of that tag."""
        connection.execute(
            insert(erasures).values(
                tag=tombstone.tag,
                entry=entry,
                size=tombstone.size,
                at=tombstone.at,
                signature=tombstone.signature,
                order=tombstone.order,
                asked=b"".join(tombstone.asked),
            )
        )

    def logged(self, connection: Connection, tag: bytes, entry: int) -> None:
        """This log says so now, at `entry`."""
        connection.execute(update(erasures).where(erasures.c.tag == tag).values(entry=entry))

    def last_entry(self, connection: Connection, tag: bytes) -> int:
        """The highest index of an entry under a tag, -1 without any."""
        highest = select(func.max(log_entries.c.position)).where(log_entries.c.tag == tag)
        found = connection.execute(highest).scalar_one()
        return -1 if found is None else int(found)

    def forget(self, connection: Connection, tag: bytes) -> None:
        """Delete every row of a patient and what opens their log entries; list their records' blocks.

        What they brought and did not publish is nobody's from then on, and due to be let go of.
        """
        listed = select(erased_blocks.c.cid).where(erased_blocks.c.tag == tag)
        roots = select(records.c.root).where((records.c.tag == tag) & records.c.root.not_in(listed))
        for root in connection.execute(roots).scalars().all():
            connection.execute(insert(erased_blocks).values(tag=tag, cid=root))
        theirs = uploads.c.lookup.in_(select(patients.c.lookup).where(patients.c.tag == tag))
        went_on = departures.c.lookup.in_(select(patients.c.lookup).where(patients.c.tag == tag))
        connection.execute(update(departures).where(went_on).values(lookup=NOBODY))
        again = uploads.c.cid.in_(select(uploads.c.cid).where(theirs).scalar_subquery())
        connection.execute(delete(uploads).where(again & (uploads.c.lookup == NOBODY)))
        connection.execute(update(uploads).where(theirs).values(lookup=NOBODY, at=0))
        for table in reversed(metadata.sorted_tables):
            rows = rows_of(table, tag)
            if rows is not None:
                connection.execute(delete(table).where(rows))
        opens = (log_entries.c.tag == tag) & log_entries.c.sealed.is_not(None)
        connection.execute(update(log_entries).where(opens).values(sealed=None))

    def asked(self, connection: Connection, tag: bytes) -> tuple[bytes, ...]:
        """The hashes by which `forget_asked` knows what was asked of an account before it had its own tag."""
        found = [
            _hash(sealed)
            for table in ASKING
            for sealed in connection.execute(select(table.c.sealed).where(table.c.tag == tag)).scalars()
        ]
        return tuple(sorted(found))

    def forget_asked(self, connection: Connection, hashes: Collection[bytes]) -> None:
        """Delete the requests and declarations with these hashes."""
        if not hashes:
            return
        for table in ASKING:
            for sealed in connection.execute(select(table.c.sealed)).scalars().all():
                if _hash(sealed) in hashes:
                    connection.execute(delete(table).where(table.c.sealed == sealed))

    def rename_lane(self, connection: Connection, tag: bytes, new: bytes) -> None:
        """A patient's acts on their way to the chain stay apart from others', under a name without meaning.

        Before `forget`, after which nobody knows which these are.
        """
        theirs = lanes.c.lane.in_(select(patients.c.lookup).where(patients.c.tag == tag))
        connection.execute(update(lanes).where(theirs).values(lane=new))

    def left(self, connection: Connection, tag: bytes) -> int:
        """How many blocks of a patient are known to be in the block store still."""
        count = select(func.count()).select_from(erased_blocks).where(erased_blocks.c.tag == tag)
        return int(connection.execute(count).scalar_one())

    def unfinished(self, connection: Connection) -> list[bytes]:
        """The tags of all who have such blocks."""
        found = connection.execute(select(erased_blocks.c.tag).distinct().order_by(erased_blocks.c.tag))
        return list(found.scalars())

    def unknown_roots(self, connection: Connection, tag: bytes) -> list[Cid]:
        """The roots of a patient below which it is not yet known what hangs."""
        below = (erased_blocks.c.tag == tag) & erased_blocks.c.place.is_(None)
        found = connection.execute(select(erased_blocks.c.cid).where(below).order_by(erased_blocks.c.cid))
        return [Cid(cid) for cid in found.scalars()]

    def expand(self, connection: Connection, tag: bytes, root: Cid, blocks: Sequence[Cid]) -> None:
        """List all blocks of a record, the root first, so that nothing is lost with the manifest."""
        self.done(connection, tag, blocks)
        rows = [{"tag": tag, "cid": cid, "place": place} for place, cid in enumerate(blocks)]
        connection.execute(delete(erased_blocks).where(_block(tag, root)))
        connection.execute(insert(erased_blocks), rows)

    def blocks(self, connection: Connection, tag: bytes) -> list[Cid]:
        """A patient's blocks, each behind the manifest above it."""
        known = (erased_blocks.c.tag == tag) & erased_blocks.c.place.is_not(None)
        found = connection.execute(select(erased_blocks.c.cid).where(known).order_by(erased_blocks.c.place))
        return [Cid(cid) for cid in found.scalars()]

    def keep(self, connection: Connection, tag: bytes, count: int) -> None:
        """So many more blocks stay, because somebody else has them too."""
        mine = erasures.c.tag == tag
        connection.execute(update(erasures).where(mine).values(kept=erasures.c.kept + count))

    def done(self, connection: Connection, tag: bytes, blocks: Iterable[Cid]) -> None:
        """Take blocks off the list."""
        for cid in blocks:
            connection.execute(delete(erased_blocks).where(_block(tag, cid)))

    def others(self, connection: Connection, tag: bytes) -> list[Cid]:
        """The roots of everybody else's records."""
        found = connection.execute(select(records.c.root).where(records.c.tag != tag))
        return [Cid(root) for root in found.scalars()]


def rows_of(table: Table, tag: bytes) -> ColumnElement[bool] | None:
    """The condition for rows of a table that are of the patient `tag`; None for a table of no patient's."""
    if table in STAYING:
        return None
    if "tag" in table.c:
        return table.c.tag == tag
    return next(_hanging(table, tag), None)


def _hanging(table: Table, tag: bytes) -> Iterator[ColumnElement[bool]]:
    for key in table.foreign_keys:
        above = key.column.table
        if "tag" in above.c:
            yield key.parent.in_(select(key.column).where(above.c.tag == tag))


def _block(tag: bytes, cid: str) -> ColumnElement[bool]:
    return (erased_blocks.c.tag == tag) & (erased_blocks.c.cid == cid)


def _hash(sealed: bytes) -> bytes:
    return sha256(sealed).digest()


def _erasure(row: Row[Any]) -> Erasure:
    asked = tuple(row.asked[start : start + 32] for start in range(0, len(row.asked), 32))
    return Erasure(
        tombstone=Tombstone(
            tag=row.tag, size=row.size, at=row.at, signature=row.signature, order=row.order, asked=asked
        ),
        entry=row.entry,
        kept=row.kept,
    )

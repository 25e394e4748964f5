"""Blocks that were brought and that no published record has yet, by who brought them."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from ledger.ids import Cid
from ledger.store.tables import uploads

_AT_ONCE = 500


class UploadStore:
    """Rows of ``uploads``, in the caller's transaction; ``lookup`` is the keyed look-up of an account."""

    def add(self, connection: Connection, lookup: bytes, cid: Cid, at: int) -> None:
        """Somebody has brought this block, now or again."""
        mine = (uploads.c.lookup == lookup) & (uploads.c.cid == cid)
        if not connection.execute(update(uploads).where(mine).values(at=at)).rowcount:
            connection.execute(insert(uploads).values(lookup=lookup, cid=cid, at=at))

    def waits(self, connection: Connection, cid: Cid) -> bool:
        """Whether somebody has brought this block who can take it back."""
        return connection.execute(select(uploads.c.at).where(uploads.c.cid == cid)).first() is not None

    def remove(self, connection: Connection, lookup: bytes, cid: Cid) -> bool:
        """Somebody lets go of this block; False if it was not theirs to let go of."""
        mine = (uploads.c.lookup == lookup) & (uploads.c.cid == cid)
        return connection.execute(delete(uploads).where(mine)).rowcount > 0

    def touch(self, connection: Connection, cids: Sequence[Cid], at: int) -> None:
        """Whoever has brought these blocks has done so at `at`."""
        for some in _pages(cids):
            connection.execute(update(uploads).where(uploads.c.cid.in_(some)).values(at=at))

    def any_of(self, connection: Connection, cids: Sequence[Cid]) -> bool:
        """Whether any of these blocks waits."""
        found = (select(uploads.c.at).where(uploads.c.cid.in_(some)).limit(1) for some in _pages(cids))
        return any(connection.execute(one).first() is not None for one in found)

    def published(self, connection: Connection, cids: Sequence[Cid]) -> None:
        """These blocks are a published record's, and nobody's to let go of."""
        for some in _pages(cids):
            connection.execute(delete(uploads).where(uploads.c.cid.in_(some)))

    def left_behind(self, connection: Connection, before: int, count: int) -> list[tuple[bytes, Cid]]:
        """At most `count` uploads of those who have brought nothing since `before`, the newest first."""
        silent = select(uploads.c.lookup).group_by(uploads.c.lookup).having(func.max(uploads.c.at) < before)
        found = connection.execute(
            select(uploads.c.lookup, uploads.c.cid)
            .where(uploads.c.lookup.in_(silent))
            .order_by(uploads.c.at.desc())
            .limit(count)
        )
        return [(row.lookup, Cid(row.cid)) for row in found]


def _pages(cids: Sequence[Cid]) -> Iterator[Sequence[Cid]]:
    return (cids[start : start + _AT_ONCE] for start in range(0, len(cids), _AT_ONCE))

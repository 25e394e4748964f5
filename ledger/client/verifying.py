"""Whether the blocks of records are all there, and all what their CIDs say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger.errors import LedgerError
from ledger.ids import Cid
from ledger.records.blocks import BlockStore
from ledger.records.manifest import fetch, walk


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCheck:
    """What was found of one record: how much was hashed, and the first thing that is wrong."""

    root: Cid
    blocks: int
    size: int
    fault: LedgerError | None = None


def check_blocks(roots: Iterable[Cid], blocks: BlockStore) -> Iterator[BlockCheck]:
    """Fetch and hash every block of each record.

    Raises:
        StoreUnavailable, GatewayUnreachable: the store does not answer, which says nothing of the records.
    """
    for root in roots:
        count = size = 0
        try:
            count = sum(1 for _ in walk(root, blocks))
            size = sum(len(block) for block in fetch(root, blocks))
        except LedgerError as exc:
            if exc.code in {"store_unavailable", "gateway_unreachable"}:
                raise
            yield BlockCheck(root=root, blocks=count, size=size, fault=exc)
        else:
            yield BlockCheck(root=root, blocks=count, size=size)

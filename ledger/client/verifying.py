"""Whether the blocks of records are all there, and all what their CIDs say."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ledger.errors import BlockMissing, InvalidInput, LedgerError
from ledger.ids import Cid
from ledger.records.blocks import BlockStore
from ledger.records.manifest import fetch, walk
from ledger.records.pins import Pinning, unpinned
from ledger.records.replication import ReplicatedBlockStore


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCheck:
    """What was found of one record: how much was hashed, and the first thing that is wrong."""

    root: Cid
    blocks: int
    size: int
    repaired: int = 0
    fault: LedgerError | None = None


def check_blocks(
    roots: Iterable[Cid], blocks: BlockStore, *, repair: Callable[[Cid], int] | None = None
) -> Iterator[BlockCheck]:
    """Fetch and hash every block of each record, and see that stores which clean up will go on holding it.

    Args:
        roots: the records.
        blocks: where they are kept.
        repair: makes every copy of a block whole again and tells how many were not, as `repairer` gives it;
            with it, lost pins are renewed too.

    Raises:
        StoreUnavailable, GatewayUnreachable: the store does not answer, which says nothing of the records.
    """
    for root in roots:
        count = size = repaired = 0
        try:
            if repair is not None:
                # The root first, since walking reads it; every other block is named before it is read.
                repaired = repair(root)
                repaired += sum(repair(cid) for cid, _ in walk(root, blocks) if cid != root)
            count = sum(1 for _ in walk(root, blocks))
            size = sum(len(block) for block in fetch(root, blocks))
            repaired += _pinned(root, blocks, renew=repair is not None)
        except LedgerError as exc:
            if exc.code in {"store_unavailable", "gateway_unreachable"}:
                raise
            yield BlockCheck(root=root, blocks=count, size=size, repaired=repaired, fault=exc)
        else:
            yield BlockCheck(root=root, blocks=count, size=size, repaired=repaired)


def _pinned(root: Cid, blocks: BlockStore, *, renew: bool) -> int:
    """See that a record is pinned wherever it must be; how many pins were renewed."""
    loose = unpinned(root, blocks)
    if loose and not renew:
        raise BlockMissing(
            "a store has this record and no pin on it, so its next clean-up takes it",
            reason="not_pinned",
            fix="Renew the pin: consent record verify --repair",
            cid=root,
        )
    for store in loose:
        store.adopt(root, blocks)
    return len(loose)


def repairer(blocks: BlockStore) -> Callable[[Cid], int]:
    """What repairs blocks in these stores; in one that only pins, there is nothing else to repair.

    Raises:
        InvalidInput: it is one store, so there is no copy to repair from.
    """
    if isinstance(blocks, Pinning):
        return lambda cid: 0
    if not isinstance(blocks, ReplicatedBlockStore):
        raise InvalidInput(
            "your records are kept in one place, so there is no copy to repair them from",
            reason="no_copies",
            fix="Name a second place: consent config set blocks PLACE,PLACE",
        )
    return blocks.repair

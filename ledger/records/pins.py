"""Pins: whether a store that cleans up after itself will go on holding a record."""

from typing import Protocol, runtime_checkable

from ledger.ids import Cid
from ledger.records.blocks import BlockStore
from ledger.records.replication import ReplicatedBlockStore


@runtime_checkable
class Pinning(Protocol):
    """A block store that may forget what nothing pins. Others hold what they have."""

    def is_kept(self, cid: Cid) -> bool:
        """Whether this block is pinned. StoreUnavailable if the store does not answer."""

    def adopt(self, root: Cid, source: BlockStore) -> None:
        """See `BlockStore.adopt`; of a record that is there, it renews the pin."""


def unpinned(root: Cid, blocks: BlockStore) -> list[Pinning]:
    """Which of these stores, or of those behind them, hold a record by no pin.

    Raises:
        StoreUnavailable: a store does not answer.
    """
    stores = blocks.stores if isinstance(blocks, ReplicatedBlockStore) else (blocks,)
    return [store for store in stores if isinstance(store, Pinning) and not store.is_kept(root)]

"""Whole records from one store to another, and out of one."""

from collections.abc import Iterator
from contextlib import suppress

from ledger.errors import BlockCorrupt, BlockMissing, Conflict, RecordCorrupt
from ledger.ids import Cid
from ledger.records.blocks import BlockStore
from ledger.records.cid import Codec, codec_of
from ledger.records.manifest import Manifest, walk


def copy_record(root: Cid, source: BlockStore, target: BlockStore) -> None:
    """Bring a record to a store block by block, each after what hangs below it; the root goes last.

    What the target has whole is not sent again, so a transfer that broke off goes on where it was. Memory
    grows by one CID for each 4 GiB.

    Raises:
        InvalidInput: not the root of a record.
        BlockMissing, BlockCorrupt, RecordCorrupt: the source lacks a block, or spoiled one.
        StoreUnavailable: one of the stores does not answer.
    """
    for cid in upwards(root, source):
        copy_block(cid, source, target)


def upwards(root: Cid, source: BlockStore) -> Iterator[Cid]:
    """Every block of a record, manifests after what hangs below them and so the root last.

    Only manifests are fetched, once each. Raises as `copy_record`.
    """
    manifests = []
    for cid, _ in walk(root, source):
        if codec_of(cid) is Codec.DAG_CBOR:
            manifests.append(cid)
        else:
            yield cid
    yield from reversed(manifests)


def copy_block(cid: Cid, source: BlockStore, target: BlockStore) -> None:
    """Bring a block to a store that has it not, or damaged; raises as `copy_record`."""
    if not is_whole(cid, target):
        target.put(cid, source.get(cid))


def is_whole(cid: Cid, store: BlockStore) -> bool:
    """Whether a store has this block undamaged; StoreUnavailable if it does not answer."""
    try:
        store.get(cid)
    except (BlockMissing, BlockCorrupt):
        return False
    return True


def delete_record(root: Cid, store: BlockStore) -> int:
    """Let go of a record: its root first, so that nothing half there looks whole, then all below it.

    What is missing already is passed over; of a manifest that is missing or damaged, what hangs below it is
    not known and stays. A block that another record needs stays too, where the store knows.

    Returns:
        How many blocks were there and are gone.

    Raises:
        InvalidInput: not the CID of a block of ours.
        StoreUnavailable: the store does not answer; what is left of the record then has no root.
    """
    deleted = 0
    for cid in _downwards(root, store):
        if store.has(cid):
            with suppress(Conflict):
                store.delete(cid)
                deleted += 1
    return deleted


def take_back(root: Cid, source: BlockStore, target: BlockStore) -> None:
    """Let `target` go of what it has of a record, be it whole or not; `source` tells which blocks these are.

    What hangs below a manifest that `source` has lost stays: nobody knows then what it is.

    Raises:
        Forbidden: `target` does not let clients delete.
        StoreUnavailable: a store does not answer.
    """
    for cid in _downwards(root, source):
        with suppress(Conflict):
            target.delete(cid)


def _downwards(cid: Cid, store: BlockStore) -> Iterator[Cid]:
    """A block and all below it; each manifest is read before it is handed out, and so may be deleted then."""
    links: tuple[Cid, ...] = ()
    if codec_of(cid) is Codec.DAG_CBOR:
        with suppress(BlockMissing, BlockCorrupt, RecordCorrupt):
            links = Manifest.from_bytes(store.get(cid)).links
    yield cid
    for link in links:
        yield from _downwards(link, store)

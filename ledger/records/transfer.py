"""Whole records from one block store to another."""

from collections.abc import Iterator
from contextlib import suppress

from ledger.errors import BlockCorrupt, BlockMissing, RecordCorrupt
from ledger.ids import Cid
from ledger.records.blocks import BlockStore
from ledger.records.cid import Codec, codec_of
from ledger.records.manifest import Manifest, walk


def copy_record(root: Cid, source: BlockStore, target: BlockStore) -> None:
    """Put what `target` lacks of a record, each manifest after what hangs below it: who holds it holds all.

    So a copy that was cut short is taken up where it ended. Memory does not grow with the record but by one
    manifest for each of its two levels.

    Raises:
        BlockMissing: `source` lacks a block.
        BlockCorrupt, RecordCorrupt: what it holds is not the record.
        StoreUnavailable: a store does not answer.
    """
    for cid in _bottom_up(root, source):
        if not target.has(cid):
            target.put(cid, source.get(cid))


def remove_record(root: Cid, source: BlockStore, target: BlockStore) -> None:
    """Let `target` go of every block of a record, the root first; `source` tells which blocks these are.

    What hangs below a manifest that `source` has lost stays: nobody knows then what it is.

    Raises:
        Forbidden: `target` does not let clients delete.
        StoreUnavailable: a store does not answer.
    """
    with suppress(BlockMissing, BlockCorrupt, RecordCorrupt):
        for cid, _ in walk(root, source):
            target.delete(cid)


def _bottom_up(root: Cid, blocks: BlockStore) -> Iterator[Cid]:
    for cid, _ in Manifest.from_bytes(blocks.get(root)).parts:
        if codec_of(cid) is Codec.DAG_CBOR:
            yield from _bottom_up(cid, blocks)
        else:
            yield cid
    yield root

"""Letting go of the blocks of erased records, from a list in the database that outlasts a crash.

First all blocks of a record are listed, because with its manifest goes the knowledge of what hangs below.
Then each is deleted behind the manifest above it, as stores that pin whole trees need it.

A block that somebody else's record also has is kept: roots are no secret, and whoever publishes one of
another patient's as their own must not be able to delete it by erasing themselves. To see that, the manifests
of all other records are read, once for each erased patient. The erasure counts what was kept.
"""

from collections.abc import Iterable, Iterator

from ledger.errors import BlockMissing, Conflict, EvidenceError, InvalidInput
from ledger.ids import Cid
from ledger.records.blocks import BlockStore
from ledger.records.cid import Codec, codec_of
from ledger.records.manifest import Manifest
from ledger.service.gateway import Gateway

BATCH = 256
"""How many blocks are deleted between two notes of it."""


def let_go(gateway: Gateway) -> int:
    """Delete every block of an erased record that can be deleted now; how many are left.

    Raises:
        StoreUnavailable: the block store does not answer; what it has stays on the list.
    """
    erasures = gateway.stores.erasures
    with gateway.db.read() as connection:
        tags = erasures.unfinished(connection)
    for tag in tags:
        _list(gateway, tag)
        _delete(gateway, tag)
    with gateway.db.read() as connection:
        return sum(erasures.left(connection, tag) for tag in tags)


def _list(gateway: Gateway, tag: bytes) -> None:
    with gateway.db.read() as connection:
        roots = gateway.stores.erasures.unknown_roots(connection, tag)
    for root in roots:
        blocks = list(dict.fromkeys(_below([root], gateway.blocks)))
        with gateway.db.write() as connection:
            gateway.stores.erasures.expand(connection, tag, root, blocks)


def _delete(gateway: Gateway, tag: bytes) -> None:
    erasures = gateway.stores.erasures
    with gateway.db.read() as connection:
        blocks = erasures.blocks(connection, tag)
    shared = _shared(gateway, tag, frozenset(blocks))
    for start in range(0, len(blocks), BATCH):
        batch = blocks[start : start + BATCH]
        kept = sum(cid in shared or not _dropped(gateway.blocks, cid) for cid in batch)
        with gateway.db.write() as connection:
            erasures.done(connection, tag, batch)
            erasures.keep(connection, tag, kept)


def _dropped(store: BlockStore, cid: Cid) -> bool:
    try:
        store.delete(cid)
    except Conflict:  # a manifest that is none of ours holds it: whoever keeps that keeps this
        return False
    return True


def _shared(gateway: Gateway, tag: bytes, blocks: frozenset[Cid]) -> set[Cid]:
    """Which of these blocks belong to a record of somebody else as well."""
    with gateway.db.read() as connection:
        others = gateway.stores.erasures.others(connection, tag) if blocks else []
    return {cid for cid in _below(others, gateway.blocks) if cid in blocks}


def _below(roots: Iterable[Cid], store: BlockStore) -> Iterator[Cid]:
    """These roots and what hangs below them, as far as its manifests are there and are ones.

    Each manifest is read once, however many link to it: so what is read never grows beyond what is stored.
    """
    waiting = [*roots][::-1]
    read: set[Cid] = set()
    while waiting:
        cid = waiting.pop()
        if cid in read:
            continue
        yield cid
        if links := _links(cid, store):
            read.add(cid)
            waiting.extend(reversed(links))


def _links(cid: Cid, store: BlockStore) -> tuple[Cid, ...]:
    try:
        return Manifest.from_bytes(store.get(cid)).links if codec_of(cid) is Codec.DAG_CBOR else ()
    except (BlockMissing, EvidenceError, InvalidInput):
        return ()

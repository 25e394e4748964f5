"""Blocks on their way into a record: whoever brought one can take it back until a published record has it.

Whether a block goes is settled in a write transaction, of which there is one at a time: so none goes that
somebody else has brought meanwhile. A block goes before its row does; after a crash it is let go of again.

What was left behind goes `KEPT_MS` after the last block that its bringer has brought, all of it. So an upload
may take longer than that, and no record loses a part while another part is still on its way.
"""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection

from ledger.errors import BlockMissing, Conflict, NotFound
from ledger.ids import Address, Cid
from ledger.records.blocks import require_storable
from ledger.records.manifest import walk
from ledger.service.gateway import Gateway

KEPT_MS = 86_400_000
"""How long what nobody publishes is kept."""

BATCH = 64
"""How many blocks are let go of in one transaction."""


def put(gateway: Gateway, account: Address, cid: Cid, data: bytes) -> None:
    """Store one block of ciphertext, which `account` can take back if it is new here.

    Raises:
        BlockCorrupt: the bytes do not hash to the CID.
        TooLarge: more than a block may have.
    """
    require_storable(cid, data)
    stored = gateway.stores.uploads
    with gateway.db.write() as connection:
        if stored.waits(connection, cid) or not gateway.blocks.has(cid):
            stored.add(connection, gateway.look_up(account), cid, gateway.now_ms())
    gateway.blocks.put(cid, data)


def take_back(gateway: Gateway, account: Address, cid: Cid) -> None:
    """Let go of a block that `account` has brought; it stays while somebody else waits to publish it.

    Raises:
        NotFound: not theirs to take back: a record has it, somebody else has brought it, or nobody has.
    """
    with gateway.db.write() as connection:
        if not _let_go(gateway, connection, gateway.look_up(account), cid):
            raise no_block()


def hold(gateway: Gateway, roots: Sequence[Cid]) -> list[Cid]:
    """All blocks of records that are about to be published; what was left behind long ago stays for it.

    Raises:
        BlockMissing: a block of a record is not in the block store.
        RecordCorrupt, InvalidInput: a root is not that of a record.
    """
    cids = [cid for root in roots for cid, _ in walk(root, gateway.blocks)]
    with gateway.db.read() as connection:
        waiting = gateway.stores.uploads.any_of(connection, cids)
    if waiting:
        with gateway.db.write() as connection:
            gateway.stores.uploads.touch(connection, cids, gateway.now_ms())
    if not all(gateway.blocks.has(cid) for cid in cids):
        raise BlockMissing(
            "a block of the record is not in the block store", fix="Store the blocks first, then publish."
        )
    return cids


def sweep(gateway: Gateway) -> int:
    """Let go of what was brought and left behind; how many blocks that were.

    Raises:
        StoreUnavailable: the block store does not answer; what is left is let go of another time.
    """
    swept = 0
    while some := _sweep_some(gateway):
        swept += some
    return swept


def no_block() -> NotFound:
    """The answer about a block that is not here, or not the caller's."""
    return NotFound("this gateway does not hold that block", reason="no_block")


def _sweep_some(gateway: Gateway) -> int:
    before = gateway.now_ms() - KEPT_MS
    with gateway.db.read() as connection:  # most of the time there is nothing, and nobody need wait
        if not gateway.stores.uploads.left_behind(connection, before, 1):
            return 0
    with gateway.db.write() as connection:
        found = gateway.stores.uploads.left_behind(connection, before, BATCH)
        for lookup, cid in found:
            _let_go(gateway, connection, lookup, cid)
    return len(found)


def _let_go(gateway: Gateway, connection: Connection, lookup: bytes, cid: Cid) -> bool:
    """Remove an upload, and its block unless somebody else has brought it too; False if there is none."""
    if not gateway.stores.uploads.remove(connection, lookup, cid):
        return False
    if not gateway.stores.uploads.waits(connection, cid):
        with suppress(Conflict):  # a manifest that is none of ours holds it: whoever keeps that keeps this
            gateway.blocks.delete(cid)
    return True

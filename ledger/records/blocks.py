"""Where blocks are kept: the port, and its adapters in memory and in a directory.

A store is trusted with nothing but availability. It takes only bytes that hash to their CID, and every block
that comes out of it has been hashed again.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ledger.durable import appearing, sync_directory
from ledger.errors import BlockMissing, InvalidInput, StoreUnavailable, TooLarge
from ledger.ids import Cid
from ledger.records.cid import parse_cid, require_block

MAX_BLOCK = 2 << 20

_INCOMING = "incoming"


class BlockStore(Protocol):
    """A set of blocks by CID. Every method refuses what is not a canonical CID of ours (InvalidInput)."""

    def put(self, cid: Cid, data: bytes) -> None:
        """Keep a block, durably once this returns; in place of a damaged one, too: so a repair is a put.

        Raises:
            BlockCorrupt: the bytes do not hash to the CID.
            TooLarge: more than 2 MiB, which no IPFS node would pass on.
            StoreUnavailable: the store does not answer.
        """

    def get(self, cid: Cid) -> bytes:
        """The bytes of a block, hashed again.

        Raises:
            BlockMissing: not in this store.
            BlockCorrupt: the store holds something else under this CID.
            StoreUnavailable: the store does not answer.
        """

    def has(self, cid: Cid) -> bool:
        """Whether the store holds something under this CID; whether it is intact, `get` tells.

        Raises:
            StoreUnavailable: the store does not answer.
        """

    def delete(self, cid: Cid) -> None:
        """Let go of a block; success without effect if it is not there."""

    def cids(self) -> Iterator[Cid]:
        """The CIDs of all blocks held, in no particular order."""

    def adopt(self, root: Cid, source: "BlockStore") -> None:
        """Keep a whole record that another store has: its manifests and all below, durably once this returns.

        What is there whole already is not sent again. The root goes last, so who holds it holds all; after a
        failure another call goes on where this one broke off. Memory grows by a CID for each 4 GiB.

        Raises:
            InvalidInput: not the root of a record.
            BlockMissing, BlockCorrupt, RecordCorrupt: the source lacks a block, or spoiled one.
            StoreUnavailable: one of the two does not answer.
        """


class MemoryBlockStore:
    """A `BlockStore` in memory, for tests and for what need not last."""

    def __init__(self) -> None:
        self._blocks: dict[Cid, bytes] = {}

    def put(self, cid: Cid, data: bytes) -> None:
        """See `BlockStore.put`."""
        require_storable(cid, data)
        self._blocks[cid] = data

    def get(self, cid: Cid) -> bytes:
        """See `BlockStore.get`."""
        data = self._blocks.get(parse_cid(cid))
        if data is None:
            raise missing(cid)
        require_block(cid, data)
        return data

    def has(self, cid: Cid) -> bool:
        """See `BlockStore.has`."""
        return parse_cid(cid) in self._blocks

    def delete(self, cid: Cid) -> None:
        """See `BlockStore.delete`."""
        self._blocks.pop(parse_cid(cid), None)

    def cids(self) -> Iterator[Cid]:
        """See `BlockStore.cids`."""
        return iter(tuple(self._blocks))

    def adopt(self, root: Cid, source: BlockStore) -> None:
        """See `BlockStore.adopt`."""
        # Imported here, since what reads manifests needs the port above.
        from ledger.records.transfer import copy_record

        copy_record(root, source, self)


class LocalBlockStore:
    """A `BlockStore` in a directory: one file a block, ``<directory>/<2 characters>/<cid>``.

    Several processes may use one directory. A file that a crash left in ``incoming`` is never read.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            (directory / _INCOMING).mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise _unavailable() from exc

    def put(self, cid: Cid, data: bytes) -> None:
        """See `BlockStore.put`."""
        require_storable(cid, data)
        path = self.path_of(cid)
        if self._holds(path, data):
            return
        self._make_shard(path.parent)
        with appearing(path, holding=self._directory / _INCOMING) as file:
            file.write(data)

    def get(self, cid: Cid) -> bytes:
        """See `BlockStore.get`."""
        try:
            with self.path_of(cid).open("rb") as file:
                data = file.read(min(os.fstat(file.fileno()).st_size, MAX_BLOCK) + 1)
        except FileNotFoundError as exc:
            raise missing(cid) from exc
        except OSError as exc:
            raise _unavailable() from exc
        require_block(cid, data)
        return data

    def has(self, cid: Cid) -> bool:
        """See `BlockStore.has`."""
        if self.path_of(cid).is_file():
            return True
        if not (self._directory / _INCOMING).is_dir():
            raise _unavailable()
        return False

    def delete(self, cid: Cid) -> None:
        """See `BlockStore.delete`."""
        path = self.path_of(cid)
        try:
            path.unlink()
            sync_directory(path.parent)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise _unavailable() from exc

    def cids(self) -> Iterator[Cid]:
        """See `BlockStore.cids`."""
        for path in self._directory.glob("??/*"):
            try:
                yield parse_cid(path.name)
            except InvalidInput:  # not a block of ours
                continue

    def adopt(self, root: Cid, source: BlockStore) -> None:
        """See `BlockStore.adopt`; by hard links, if the source is a directory on the same file system."""
        # Imported here, since what reads manifests needs the port above.
        from ledger.records.linking import link_record
        from ledger.records.transfer import copy_record

        if not (isinstance(source, LocalBlockStore) and link_record(root, source, self)):
            copy_record(root, source, self)

    def path_of(self, cid: Cid) -> Path:
        """The file of a block, whether there or not; InvalidInput if it is not a CID of ours."""
        # The last character of a CID carries three bits only; the two before it spread evenly.
        return self._directory / parse_cid(cid)[-3:-1] / cid

    def sync(self) -> None:
        """Flush the directory itself, so that the shards made in it last; OSError if that fails."""
        sync_directory(self._directory)

    def _holds(self, path: Path, data: bytes) -> bool:
        try:
            return path.stat().st_size == len(data) and path.read_bytes() == data
        except FileNotFoundError:
            return False
        except OSError as exc:
            raise _unavailable() from exc

    def _make_shard(self, shard: Path) -> None:
        try:
            shard.mkdir()
            sync_directory(self._directory)
        except FileExistsError:
            return
        except OSError as exc:
            raise _unavailable() from exc


def require_storable(cid: Cid, data: bytes) -> None:
    """What every adapter checks before it keeps a block: TooLarge, BlockCorrupt or InvalidInput if not."""
    if len(data) > MAX_BLOCK:
        raise TooLarge(f"a block has at most {MAX_BLOCK} bytes", reason="block_too_large")
    require_block(cid, data)


def missing(cid: Cid) -> BlockMissing:
    """The error of every adapter for a block that it does not hold."""
    return BlockMissing("no store has this block", cid=cid)


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable("the block store cannot be used", reason="block_store_unavailable")

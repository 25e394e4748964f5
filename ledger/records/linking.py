"""A record from one directory to another on the same file system, without copying its blocks."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ledger.durable import sync_directory
from ledger.errors import StoreUnavailable
from ledger.ids import Cid
from ledger.records.blocks import LocalBlockStore, missing
from ledger.records.cid import Codec, codec_of
from ledger.records.manifest import walk

_CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}
_SYNCING = 8


def link_record(root: Cid, source: LocalBlockStore, target: LocalBlockStore) -> bool:
    """Give each block's file a second name in `target`, durably; the manifests go last, the root after all.

    The bytes are not hashed: `source` took only bytes that hash to their CID and flushed them to disk, and a
    second name for a file cannot spoil it. Damage that the disk has done since is found where it would be
    found in one store, when the block is read or verified. A file of another size than the manifest says is
    read, and refused. One that has a second name already is copied: two stores must not share what they are
    to keep apart.

    Returns:
        Whether the file system could do it; if not, some blocks may be there, but not the root.

    Raises:
        As `BlockStore.adopt`.
    """
    manifests, shards = [], set[Path]()
    try:
        for cid, size in walk(root, source):
            if codec_of(cid) is Codec.DAG_CBOR:
                manifests.append(cid)
                continue
            shard = target.path_of(cid).parent
            if shard not in shards:
                shard.mkdir(exist_ok=True)
                shards.add(shard)
            _link(cid, size, source, target)
        _sync(shards)
        target.sync()
    except OSError as exc:
        if exc.errno in _CANNOT_LINK:
            return False
        raise StoreUnavailable("the block store cannot be used", reason="block_store_unavailable") from exc
    for cid in reversed(manifests):
        target.put(cid, source.get(cid))
    return True


def _link(cid: Cid, size: int, source: LocalBlockStore, target: LocalBlockStore) -> None:
    old, new = source.path_of(cid), target.path_of(cid)
    try:
        found = old.stat()
        if found.st_size == size and found.st_nlink == 1:
            os.link(old, new)
            return
    except FileNotFoundError as exc:
        raise missing(cid) from exc
    except FileExistsError:
        pass
    if not (new.exists() and new.samefile(old)):
        target.put(cid, source.get(cid))


def _sync(shards: set[Path]) -> None:
    """Flush every shard: many of them at once, so that they share the disk's waiting."""
    if len(shards) <= _SYNCING:
        for shard in shards:
            sync_directory(shard)
        return
    with ThreadPoolExecutor(_SYNCING, thread_name_prefix="linking") as pool:
        list(pool.map(sync_directory, shards))

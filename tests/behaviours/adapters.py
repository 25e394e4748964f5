"""The block stores under test, each with something outside that damages it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.ids import Cid
from ledger.records.blocks import BlockStore, LocalBlockStore, MemoryBlockStore
from ledger.records.kubo import KuboBlockStore
from ledger.records.replication import ReplicatedBlockStore
from tests.nodes.daemon import Kubo


@dataclass(frozen=True)
class Adapter:
    """A store under test, and how something outside damages or loses a block that it holds."""

    store: BlockStore
    overwrite: Callable[[Cid, bytes], None]
    lose: Callable[[Cid], None]


def memory_adapter(request: pytest.FixtureRequest) -> Adapter:
    store = MemoryBlockStore()

    def overwrite(cid: Cid, data: bytes) -> None:
        store._blocks[cid] = data

    return Adapter(store, overwrite, store.delete)


def local_adapter(request: pytest.FixtureRequest) -> Adapter:
    return in_directory(request.getfixturevalue("tmp_path") / "blocks")


def replicated_adapter(request: pytest.FixtureRequest) -> Adapter:
    """Two stores that are damaged alike; what one does for the other is tested beside them."""
    copies = memory_adapter(request), local_adapter(request)

    def overwrite(cid: Cid, data: bytes) -> None:
        for copy in copies:
            copy.overwrite(cid, data)

    def lose(cid: Cid) -> None:
        for copy in copies:
            copy.lose(cid)

    return Adapter(ReplicatedBlockStore([copy.store for copy in copies]), overwrite, lose)


def kubo_adapter(request: pytest.FixtureRequest) -> Adapter:
    return of_node(request, request.getfixturevalue("private_kubo"))


def usual_kubo_adapter(request: pytest.FixtureRequest) -> Adapter:
    return of_node(request, request.getfixturevalue("usual_kubo"))


def of_node(request: pytest.FixtureRequest, node: Kubo) -> Adapter:
    """The store of a node that several tests use, empty."""
    store = KuboBlockStore(node.url)
    request.addfinalizer(store.close)
    for cid in sorted(store.cids(), reverse=True):  # manifests first
        store.delete(cid)

    def overwrite(cid: Cid, data: bytes) -> None:
        node.block_file(cid).write_bytes(data)

    return Adapter(store, overwrite, lambda cid: node.block_file(cid).unlink())


def staged(request: pytest.FixtureRequest) -> Adapter:
    """A directory on the same file system as that of `local_adapter`."""
    return in_directory(request.getfixturevalue("tmp_path") / "staged")


def in_directory(directory: Path) -> Adapter:
    """A directory; a damaged block is another file in the place of the first."""
    store = LocalBlockStore(directory)

    def overwrite(cid: Cid, data: bytes) -> None:
        store.path_of(cid).unlink()
        store.path_of(cid).write_bytes(data)

    return Adapter(store, overwrite, store.delete)

"""How every block store takes a whole record from another one."""

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.errors import BlockCorrupt, BlockMissing, InvalidInput, StoreUnavailable
from ledger.ids import Cid
from ledger.records import manifest
from ledger.records.blocks import BlockStore, LocalBlockStore, MemoryBlockStore
from ledger.records.cid import Codec, cid_of, codec_of
from ledger.records.manifest import CHUNK, fetch, walk
from ledger.records.replication import ReplicatedBlockStore
from ledger.records.transfer import delete_record
from tests.behaviours.adapters import Adapter

CIPHERTEXT = [os.urandom(CHUNK), os.urandom(CHUNK), b"and the rest"]


def nested(store: BlockStore, monkeypatch: pytest.MonkeyPatch) -> Cid:
    """A record of three manifests below a manifest."""
    monkeypatch.setattr(manifest, "MAX_LINKS", 3)
    return manifest.store([os.urandom(8 * CHUNK - 5)], store)


def all_of(root: Cid, store: BlockStore) -> list[Cid]:
    return [cid for cid, _ in walk(root, store)]


def leaves_of(root: Cid, store: BlockStore) -> list[Cid]:
    return [cid for cid in all_of(root, store) if codec_of(cid) is Codec.RAW]


def test_a_whole_record_is_adopted(store: BlockStore, source: Adapter) -> None:
    root = manifest.store(CIPHERTEXT, source.store)
    store.adopt(root, source.store)
    assert set(store.cids()) == set(all_of(root, source.store))
    assert b"".join(fetch(root, store)) == b"".join(CIPHERTEXT)


def test_a_record_of_nested_manifests_is_adopted(
    store: BlockStore, source: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = nested(source.store, monkeypatch)
    store.adopt(root, source.store)
    assert set(store.cids()) == set(all_of(root, source.store))
    assert list(fetch(root, store)) == list(fetch(root, source.store))


def test_adopting_again_changes_nothing(store: BlockStore, source: Adapter) -> None:
    root = manifest.store(CIPHERTEXT, source.store)
    store.adopt(root, source.store)
    before = sorted(store.cids())
    store.adopt(root, source.store)
    assert sorted(store.cids()) == before


def test_a_record_that_is_half_there_is_completed(
    store: BlockStore, source: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = nested(source.store, monkeypatch)
    for leaf in leaves_of(root, source.store)[:4]:
        store.put(leaf, source.store.get(leaf))
    store.adopt(root, source.store)
    assert list(fetch(root, store)) == list(fetch(root, source.store))


def test_a_damaged_block_that_is_there_is_mended(adapter: Adapter, source: Adapter) -> None:
    root = manifest.store(CIPHERTEXT, source.store)
    leaf = leaves_of(root, source.store)[0]
    adapter.store.put(leaf, source.store.get(leaf))
    adapter.overwrite(leaf, b"damaged")
    adapter.store.adopt(root, source.store)
    assert list(fetch(root, adapter.store)) == CIPHERTEXT


@pytest.mark.parametrize("which", [0, 1, -1], ids=["the root", "the first block", "the last block"])
def test_a_record_that_its_source_lacks_a_block_of_is_not_adopted(
    store: BlockStore, source: Adapter, which: int
) -> None:
    root = manifest.store(CIPHERTEXT, source.store)
    source.store.delete(all_of(root, source.store)[which])
    with pytest.raises(BlockMissing):
        store.adopt(root, source.store)
    assert not store.has(root)


@pytest.mark.parametrize("damage", [b"", b"another", bytes(CHUNK + 5)])
@pytest.mark.parametrize("which", [0, 1, -1], ids=["the root", "the first block", "the last block"])
def test_a_record_that_its_source_spoiled_a_block_of_is_not_adopted(
    store: BlockStore, source: Adapter, which: int, damage: bytes
) -> None:
    root = manifest.store(CIPHERTEXT, source.store)
    source.overwrite(all_of(root, source.store)[which], damage)
    with pytest.raises(BlockCorrupt):
        store.adopt(root, source.store)
    assert not store.has(root)


def test_what_is_not_a_root_is_refused(store: BlockStore, source: Adapter) -> None:
    raw = cid_of(Codec.RAW, b"a block")
    source.store.put(raw, b"a block")
    for name in (raw, Cid("bafy"), Cid("")):
        with pytest.raises(InvalidInput):
            store.adopt(name, source.store)
    assert list(store.cids()) == []


class Failing(MemoryBlockStore):
    """A source that stops answering after some blocks."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.answers = answers

    def get(self, cid: Cid) -> bytes:
        if not self.answers:
            raise StoreUnavailable("down", reason="down")
        self.answers -= 1
        return super().get(cid)


@pytest.mark.parametrize("answers", [0, 1, 2, 3, 4])
def test_a_source_that_fails_midway_leaves_no_root_and_the_rest_follows_later(
    store: BlockStore, answers: int
) -> None:
    source = Failing(answers)
    root = manifest.store(CIPHERTEXT, source)
    with pytest.raises(StoreUnavailable):
        store.adopt(root, source)
    assert not store.has(root)
    source.answers = 1000
    store.adopt(root, source)
    assert list(fetch(root, store)) == CIPHERTEXT


def test_many_threads_may_adopt_the_same_record(store: BlockStore, source: Adapter) -> None:
    root = manifest.store(CIPHERTEXT, source.store)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.adopt(root, source.store), range(8)))
    assert set(store.cids()) == set(all_of(root, source.store))
    assert list(fetch(root, store)) == CIPHERTEXT


def test_an_adopted_record_is_let_go_of(
    store: BlockStore, source: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = nested(source.store, monkeypatch)
    other = manifest.store(CIPHERTEXT, source.store)
    store.adopt(root, source.store)
    store.adopt(other, source.store)
    assert delete_record(root, store) == len(all_of(root, source.store))
    assert set(store.cids()) == set(all_of(other, source.store))
    assert list(fetch(other, store)) == CIPHERTEXT
    assert delete_record(root, store) == 0


@pytest.mark.parametrize("which", [1, 2, -1])
def test_a_record_that_lost_a_block_is_let_go_of(adapter: Adapter, source: Adapter, which: int) -> None:
    root = manifest.store(CIPHERTEXT, source.store)
    cids = all_of(root, source.store)
    adapter.store.adopt(root, source.store)
    adapter.lose(cids[which])
    assert delete_record(root, adapter.store) == len(cids) - 1
    assert list(adapter.store.cids()) == []


def test_what_was_linked_outlives_its_source(tmp_path: Path) -> None:
    source, target = LocalBlockStore(tmp_path / "staged"), LocalBlockStore(tmp_path / "kept")
    root = manifest.store(CIPHERTEXT, source)
    target.adopt(root, source)
    assert all(target.path_of(leaf).samefile(source.path_of(leaf)) for leaf in leaves_of(root, source))
    delete_record(root, source)
    assert list(source.cids()) == []
    assert list(fetch(root, target)) == CIPHERTEXT


def test_a_linked_block_that_was_flipped_before_is_found_when_it_is_read(tmp_path: Path) -> None:
    source, target = LocalBlockStore(tmp_path / "staged"), LocalBlockStore(tmp_path / "kept")
    root = manifest.store(CIPHERTEXT, source)
    leaf = leaves_of(root, source)[-1]
    source.path_of(leaf).write_bytes(b"And the rest")
    target.adopt(root, source)
    with pytest.raises(BlockCorrupt):
        target.get(leaf)


@pytest.mark.parametrize("number", ["EXDEV", "EPERM", "EMLINK"])
def test_where_nothing_can_be_linked_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(getattr(errno, number), "no link")

    source, target = LocalBlockStore(tmp_path / "staged"), LocalBlockStore(tmp_path / "kept")
    root = manifest.store(CIPHERTEXT, source)
    monkeypatch.setattr("os.link", refuse)
    target.adopt(root, source)
    assert list(fetch(root, target)) == CIPHERTEXT
    assert not any(target.path_of(leaf).samefile(source.path_of(leaf)) for leaf in leaves_of(root, source))


def test_a_disk_that_is_full_while_linking_is_an_unavailable_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    source, target = LocalBlockStore(tmp_path / "staged"), LocalBlockStore(tmp_path / "kept")
    root = manifest.store(CIPHERTEXT, source)
    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(StoreUnavailable):
        target.adopt(root, source)
    assert not target.has(root)


class Deaf(MemoryBlockStore):
    """A target that takes some blocks and then no more."""

    def __init__(self, takes: int) -> None:
        super().__init__()
        self.takes = takes

    def put(self, cid: Cid, data: bytes) -> None:
        if not self.takes:
            raise StoreUnavailable("down", reason="down")
        self.takes -= 1
        super().put(cid, data)


@pytest.mark.parametrize("takes", [0, 1, 2, 3])
def test_a_target_that_fails_midway_has_no_root(takes: int) -> None:
    source, target = MemoryBlockStore(), Deaf(takes)
    root = manifest.store(CIPHERTEXT, source)
    with pytest.raises(StoreUnavailable):
        target.adopt(root, source)
    assert len(list(target.cids())) == takes
    assert not target.has(root)


def test_a_record_is_adopted_by_as_many_stores_as_the_factor(tmp_path: Path) -> None:
    source, kept = MemoryBlockStore(), LocalBlockStore(tmp_path)
    root = manifest.store(CIPHERTEXT, source)
    copies: Callable[[int], ReplicatedBlockStore] = lambda factor: ReplicatedBlockStore(  # noqa: E731
        [Deaf(1), kept], factor=factor
    )
    with pytest.raises(StoreUnavailable) as refused:
        copies(2).adopt(root, source)
    assert refused.value.reason == "too_few_copies"
    copies(1).adopt(root, source)
    assert list(fetch(root, kept)) == CIPHERTEXT

"""What every block store does, whatever it is made of."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.errors import BlockCorrupt, BlockMissing, InvalidInput, StoreUnavailable, TooLarge
from ledger.ids import Cid
from ledger.records import manifest
from ledger.records.blocks import MAX_BLOCK, BlockStore, LocalBlockStore, MemoryBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.manifest import CHUNK
from tests.behaviours.adapters import Adapter


def block(text: str, codec: Codec = Codec.RAW) -> tuple[Cid, bytes]:
    return cid_of(codec, text.encode()), text.encode()


def test_what_was_put_is_got(store: BlockStore) -> None:
    for codec in Codec:
        cid, data = block("a block", codec)
        store.put(cid, data)
        assert store.get(cid) == data
        assert store.has(cid)


@pytest.mark.parametrize("size", [0, 1, MAX_BLOCK])
def test_blocks_of_every_allowed_size_are_kept(store: BlockStore, size: int) -> None:
    data = os.urandom(size)
    cid = cid_of(Codec.RAW, data)
    store.put(cid, data)
    assert store.get(cid) == data


def test_a_second_put_changes_nothing(store: BlockStore) -> None:
    cid, data = block("twice")
    store.put(cid, data)
    store.put(cid, data)
    assert store.get(cid) == data
    assert list(store.cids()) == [cid]


def test_bytes_that_do_not_hash_to_the_cid_are_refused(store: BlockStore) -> None:
    cid, _ = block("one")
    with pytest.raises(BlockCorrupt):
        store.put(cid, b"another")
    assert not store.has(cid)


def test_a_block_beyond_the_limit_is_refused(store: BlockStore) -> None:
    data = bytes(MAX_BLOCK + 1)
    with pytest.raises(TooLarge):
        store.put(cid_of(Codec.RAW, data), data)
    assert list(store.cids()) == []


def test_a_block_that_is_not_there_is_missing(store: BlockStore) -> None:
    cid, _ = block("absent")
    assert not store.has(cid)
    with pytest.raises(BlockMissing):
        store.get(cid)


@pytest.mark.parametrize(
    "damage", [b"", b"a blo", b"a blocj", b"another", b"a block and more", bytes(MAX_BLOCK + 5)]
)
def test_a_damaged_block_is_never_handed_out(adapter: Adapter, damage: bytes) -> None:
    cid, data = block("a block")
    adapter.store.put(cid, data)
    adapter.overwrite(cid, damage)
    with pytest.raises(BlockCorrupt):
        adapter.store.get(cid)


@pytest.mark.parametrize("damage", [b"", b"a blo", b"a blocj", b"another"])
def test_a_put_repairs_a_damaged_block(adapter: Adapter, damage: bytes) -> None:
    cid, data = block("a block")
    adapter.store.put(cid, data)
    adapter.overwrite(cid, damage)
    adapter.store.put(cid, data)
    assert adapter.store.get(cid) == data


def test_a_deleted_block_is_gone_and_deleting_again_is_success(store: BlockStore) -> None:
    cid, data = block("brief")
    other, more = block("lasting")
    store.put(cid, data)
    store.put(other, more)
    store.delete(cid)
    store.delete(cid)
    assert not store.has(cid)
    assert list(store.cids()) == [other]


def test_all_cids_are_listed_once(store: BlockStore) -> None:
    put = dict(block(f"number {n}") for n in range(40))
    for cid, data in put.items():
        store.put(cid, data)
    listed = list(store.cids())
    assert len(listed) == len(put)
    assert set(listed) == set(put)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "b", "bafk/../../x", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"]
)
def test_a_name_that_is_no_cid_is_refused_everywhere(store: BlockStore, name: str) -> None:
    for use in (store.get, store.has, store.delete, lambda cid: store.put(cid, b"")):
        with pytest.raises(InvalidInput):
            use(Cid(name))


def test_an_upper_case_cid_is_another_spelling_and_refused(store: BlockStore) -> None:
    cid, data = block("a block")
    store.put(cid, data)
    with pytest.raises(InvalidInput):
        store.get(Cid(cid.upper()))


def test_many_threads_may_put_the_same_blocks(store: BlockStore) -> None:
    made = [block(f"number {n}") for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: store.put(*one), made * 8))
    assert {cid: store.get(cid) for cid in store.cids()} == dict(made)


def test_the_same_ciphertext_has_the_same_cids_everywhere(store: BlockStore) -> None:
    ciphertext, memory = [os.urandom(CHUNK), os.urandom(CHUNK), b"and the rest"], MemoryBlockStore()
    root = manifest.store(ciphertext, store)
    assert root == manifest.store(ciphertext, memory)
    assert set(store.cids()) == set(memory.cids())
    assert b"".join(manifest.fetch(root, store)) == b"".join(ciphertext)


def test_a_record_is_let_go_of_from_its_root_down(store: BlockStore) -> None:
    root = manifest.store([os.urandom(CHUNK), b"and the rest"], store)
    for cid in [cid for cid, _ in manifest.walk(root, store)]:
        store.delete(cid)
    assert list(store.cids()) == []


def test_the_local_store_outlives_its_process(tmp_path: Path) -> None:
    cid, data = block("lasting")
    LocalBlockStore(tmp_path).put(cid, data)
    assert LocalBlockStore(tmp_path).get(cid) == data


def test_what_a_crash_left_behind_is_never_read(tmp_path: Path) -> None:
    store = LocalBlockStore(tmp_path)
    cid, data = block("whole")
    (tmp_path / "incoming" / f".{cid}.0011223344556677.part").write_bytes(data[:2])
    shard = tmp_path / cid[-3:-1]
    shard.mkdir()
    (shard / "notes.txt").write_text("not a block")
    assert list(store.cids()) == []
    assert not store.has(cid)
    store.put(cid, data)
    assert list(store.cids()) == [cid]


def test_a_directory_that_cannot_be_one_is_an_unavailable_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        LocalBlockStore(tmp_path / "file")

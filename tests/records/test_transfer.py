"""Whole records from store to store, and away again."""

import os
from pathlib import Path

import pytest

from ledger.errors import BlockCorrupt, BlockMissing
from ledger.ids import Cid
from ledger.records import manifest
from ledger.records.blocks import BlockStore, LocalBlockStore, MemoryBlockStore
from ledger.records.manifest import CHUNK, fetch, store, walk
from ledger.records.transfer import copy_record, take_back


class Counting(MemoryBlockStore):
    """Notes the order in which blocks came."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Cid] = []

    def put(self, cid: Cid, data: bytes) -> None:
        super().put(cid, data)
        self.taken.append(cid)


@pytest.fixture(params=["flat", "nested"])
def root(request: pytest.FixtureRequest, source: MemoryBlockStore, monkeypatch: pytest.MonkeyPatch) -> Cid:
    if request.param == "nested":
        monkeypatch.setattr(manifest, "MAX_LINKS", 2)
    return store(iter([os.urandom(3 * CHUNK + 5)]), source)


@pytest.fixture
def source() -> MemoryBlockStore:
    return MemoryBlockStore()


def below(root: Cid, blocks: BlockStore) -> set[Cid]:
    return {cid for cid, _ in walk(root, blocks)}


def test_a_copy_is_the_record_and_its_root_comes_last(root: Cid, source: MemoryBlockStore) -> None:
    target = Counting()
    copy_record(root, source, target)
    assert list(fetch(root, target)) == list(fetch(root, source))
    assert target.taken[-1] == root
    assert set(target.taken) == below(root, source)


def test_a_manifest_comes_after_what_hangs_below_it(root: Cid, source: MemoryBlockStore) -> None:
    target = Counting()
    copy_record(root, source, target)
    for cid in below(root, source):
        if cid.startswith("bafyrei"):
            hanging = below(cid, source) - {cid}
            assert max(map(target.taken.index, hanging)) < target.taken.index(cid)


def test_what_is_there_already_is_not_sent_again(root: Cid, source: MemoryBlockStore) -> None:
    target = Counting()
    there = sorted(below(root, source))[:2]
    for cid in there:
        target.put(cid, source.get(cid))
    copy_record(root, source, target)
    assert len(target.taken) == len(set(target.taken)) == len(below(root, source))


def test_an_incomplete_source_gives_no_root(root: Cid, source: MemoryBlockStore) -> None:
    lost = next(cid for cid in below(root, source) if cid != root)
    source.delete(lost)
    target = Counting()
    with pytest.raises(BlockMissing):
        copy_record(root, source, target)
    assert root not in target.taken


def test_a_damaged_block_is_not_copied(source: MemoryBlockStore) -> None:
    root = store(iter([os.urandom(2 * CHUNK)]), source)
    (cid, *_) = below(root, source) - {root}
    source._blocks[cid] = b"something else"
    target = Counting()
    with pytest.raises(BlockCorrupt):
        copy_record(root, source, target)
    assert not {cid, root} & set(target.taken)


def test_removing_a_record_leaves_every_other(root: Cid, source: MemoryBlockStore, tmp_path: Path) -> None:
    target = LocalBlockStore(tmp_path)
    other = store(iter([os.urandom(CHUNK + 1)]), source)
    for one in (root, other):
        copy_record(one, source, target)
    take_back(root, source, target)
    assert set(target.cids()) == below(other, source)
    take_back(root, source, target)  # again is success


def test_a_record_that_is_half_there_can_be_removed(root: Cid, source: MemoryBlockStore) -> None:
    target = MemoryBlockStore()
    for cid in sorted(below(root, source) - {root})[:2]:
        target.put(cid, source.get(cid))
    take_back(root, source, target)
    assert list(target.cids()) == []

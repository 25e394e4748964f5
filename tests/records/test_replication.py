"""What several stores do for one another: no one of them can lose a block, or hold one up."""

import os
from pathlib import Path

import pytest

from ledger.errors import BlockCorrupt, BlockMissing, Conflict, InvalidInput, StoreUnavailable
from ledger.ids import Cid
from ledger.records import manifest
from ledger.records.blocks import LocalBlockStore, MemoryBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.replication import ReplicatedBlockStore

DATA = b"a block"
CID = cid_of(Codec.RAW, DATA)


class Fickle(MemoryBlockStore):
    """A store that can be down, or hold something damaged."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False

    def put(self, cid: Cid, data: bytes) -> None:
        self._answer()
        super().put(cid, data)

    def get(self, cid: Cid) -> bytes:
        self._answer()
        return super().get(cid)

    def has(self, cid: Cid) -> bool:
        self._answer()
        return super().has(cid)

    def delete(self, cid: Cid) -> None:
        self._answer()
        super().delete(cid)

    def damage(self) -> None:
        self._blocks[CID] = b"a blocj"

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailable("down", reason="down")


@pytest.fixture
def copies() -> list[Fickle]:
    return [Fickle(), Fickle(), Fickle()]


def test_directories_that_adopt_the_same_record_share_no_file(tmp_path: Path) -> None:
    source = LocalBlockStore(tmp_path / "source")
    root = manifest.store([os.urandom(2 * manifest.CHUNK)], source)
    stores = [LocalBlockStore(tmp_path / name) for name in ("first", "second", "third")]
    ReplicatedBlockStore(stores).adopt(root, source)
    ReplicatedBlockStore(stores).adopt(root, source)
    for cid, _ in manifest.walk(root, source):
        assert len({store.path_of(cid).stat().st_ino for store in stores}) == 3


def test_a_block_is_kept_in_every_store(copies: list[Fickle]) -> None:
    ReplicatedBlockStore(copies).put(CID, DATA)
    assert [copy.get(CID) for copy in copies] == [DATA] * 3


@pytest.mark.parametrize(
    ("factor", "down", "enough"), [(2, 1, True), (2, 2, False), (3, 1, False), (1, 2, True)]
)
def test_a_put_succeeds_if_as_many_stores_as_the_factor_took_it(
    copies: list[Fickle], factor: int, down: int, enough: bool
) -> None:
    for copy in copies[:down]:
        copy.down = True
    store = ReplicatedBlockStore(copies, factor=factor)
    if enough:
        store.put(CID, DATA)
        assert store.get(CID) == DATA
    else:
        with pytest.raises(StoreUnavailable) as refused:
            store.put(CID, DATA)
        assert refused.value.reason == "too_few_copies"


def test_reading_goes_on_with_the_next_store_and_mends_those_before(copies: list[Fickle]) -> None:
    store = ReplicatedBlockStore(copies)
    store.put(CID, DATA)
    copies[0].damage()
    super(Fickle, copies[1]).delete(CID)
    assert store.get(CID) == DATA
    assert [copy.get(CID) for copy in copies] == [DATA] * 3


def test_a_store_that_is_down_does_not_stop_a_reader(copies: list[Fickle]) -> None:
    store = ReplicatedBlockStore(copies)
    store.put(CID, DATA)
    copies[0].down = True
    assert store.get(CID) == DATA


def test_what_no_store_has_whole_is_said_as_it_is(copies: list[Fickle]) -> None:
    store = ReplicatedBlockStore(copies)
    with pytest.raises(BlockMissing):
        store.get(CID)
    copies[1].damage()
    with pytest.raises(BlockCorrupt):
        store.get(CID)
    copies[2].down = True
    with pytest.raises(StoreUnavailable):
        store.get(CID)


def test_too_few_stores_for_the_factor_are_not_usable(copies: list[Fickle]) -> None:
    store = ReplicatedBlockStore(copies, factor=2)
    store.put(CID, DATA)
    copies[0].down = True
    assert store.has(CID)
    copies[1].down = True
    with pytest.raises(StoreUnavailable):
        store.has(CID)


def test_a_delete_that_did_not_reach_every_store_is_no_success(copies: list[Fickle]) -> None:
    store = ReplicatedBlockStore(copies)
    store.put(CID, DATA)
    copies[0].down = True
    with pytest.raises(StoreUnavailable):
        store.delete(CID)
    assert not copies[1].has(CID)
    assert not copies[2].has(CID)


def test_a_delete_that_one_store_refuses_reaches_the_others(copies: list[Fickle]) -> None:
    class Holding(Fickle):
        def delete(self, cid: Cid) -> None:
            raise Conflict("held", reason="block_in_use")

    store = ReplicatedBlockStore([Holding(), *copies])
    store.put(CID, DATA)
    with pytest.raises(Conflict):
        store.delete(CID)
    assert not any(copy.has(CID) for copy in copies)


def test_a_lost_store_is_rebuilt_from_another(copies: list[Fickle]) -> None:
    made = {cid_of(Codec.RAW, data): data for data in (b"one", b"two", b"three")}
    for cid, data in made.items():
        copies[0].put(cid, data)
    store = ReplicatedBlockStore(copies)
    assert [store.repair(cid) for cid in store.cids()] == [2, 2, 2]
    assert [store.repair(cid) for cid in store.cids()] == [0, 0, 0]
    assert {cid: copies[2].get(cid) for cid in copies[2].cids()} == made


@pytest.mark.parametrize("factor", [0, 4, -1])
def test_a_factor_that_cannot_be_met_is_refused(copies: list[Fickle], factor: int) -> None:
    with pytest.raises(InvalidInput):
        ReplicatedBlockStore(copies, factor=factor)


def test_repairing_mends_behind_the_first_whole_copy_too(copies: list[Fickle]) -> None:
    store = ReplicatedBlockStore(copies)
    store.put(CID, DATA)
    copies[0].damage()
    copies[2].damage()
    assert store.repair(CID) == 2
    assert [copy.get(CID) for copy in copies] == [DATA] * 3

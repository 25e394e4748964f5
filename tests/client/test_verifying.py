"""Records are checked copy by copy, and mended from the copy that is whole."""

import os
import shutil
from pathlib import Path

import pytest

from ledger.client.verifying import check_blocks, repairer
from ledger.errors import InvalidInput, StoreUnavailable
from ledger.ids import Cid
from ledger.records import manifest
from ledger.records.blocks import BlockStore, LocalBlockStore, MemoryBlockStore
from ledger.records.manifest import CHUNK
from ledger.records.stores import opened, places, require_usable

CIPHERTEXT = [os.urandom(CHUNK), b"and the rest"]


def record_in(store: BlockStore) -> tuple[Cid, int]:
    """A record of three blocks."""
    root = manifest.store(CIPHERTEXT, store)
    return root, CHUNK + len(CIPHERTEXT[1])


def test_a_record_whose_copies_are_damaged_in_turn_is_whole_again(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with opened(f"{one},{two}") as store:
        root, size = record_in(store)
        first, second, third = sorted(path.name for path in one.glob("??/*"))
        next(one.rglob(first)).write_bytes(b"")
        next(one.rglob(second)).unlink()
        next(two.rglob(third)).write_bytes(b"swapped")
        (found,) = check_blocks([root], store, repair=repairer(store))
    assert (found.fault, found.blocks, found.size, found.repaired) == (None, 3, size, 3)
    for place in (one, two):
        (check,) = check_blocks([root], LocalBlockStore(place))
        assert check.fault is None


def test_a_lost_store_is_rebuilt_from_another(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with opened(f"{one},{two}") as store:
        root, _ = record_in(store)
    shutil.rmtree(one)
    with opened(f"{one},{two}") as store:
        (found,) = check_blocks([root], store, repair=repairer(store))
    assert (found.fault, found.repaired) == (None, 3)
    assert b"".join(manifest.fetch(root, LocalBlockStore(one))) == b"".join(CIPHERTEXT)


def test_what_no_copy_has_is_found_and_not_repaired(tmp_path: Path) -> None:
    with opened(f"{tmp_path / 'one'},{tmp_path / 'two'}") as store:
        root, _ = record_in(store)
        store.delete(root)
        (found,) = check_blocks([root], store, repair=repairer(store))
    assert found.fault is not None
    assert found.fault.code == "block_missing"


def test_one_store_has_no_copy_to_repair_from() -> None:
    with pytest.raises(InvalidInput) as refused:
        repairer(MemoryBlockStore())
    assert refused.value.reason == "no_copies"


@pytest.mark.parametrize("setting", ["", ",", "one,", "one,,two", "one,one"])
def test_a_setting_that_names_no_place_or_one_twice_is_refused(setting: str) -> None:
    with pytest.raises(InvalidInput):
        places(setting)


def test_a_store_is_usable_as_long_as_its_directory_is_there(tmp_path: Path) -> None:
    with opened(str(tmp_path / "one")) as store:
        require_usable(store)
        shutil.rmtree(tmp_path / "one")
        with pytest.raises(StoreUnavailable):
            require_usable(store)

"""Tombstones in the key store: one suite over both stores."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger import durable
from ledger.errors import Conflict, InvalidInput, StoreUnavailable
from ledger.store.database import Database
from ledger.store.erasures import Erasure, ErasureStore
from ledger.store.tombstone import Tombstone
from ledger.store.vault import DataKeys, FileDataKeys, MemoryDataKeys
from tests.databases import Databases

ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20
STONE = Tombstone(tag=ALICE, size=7, at=5, signature="0x12")


@pytest.fixture(params=["memory", "files"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> DataKeys:
    return MemoryDataKeys() if request.param == "memory" else FileDataKeys(tmp_path / "keys", b"w" * 32)


class TestText:
    def test_it_reads_as_it_was_written(self) -> None:
        for stone in (STONE, replace(STONE, asked=(b"\x01" * 32, b"\x02" * 32))):
            assert Tombstone.decode(stone.encode()) == stone

    def test_without_earlier_requests_it_does_not_speak_of_them(self) -> None:
        assert b"asked" not in STONE.encode()

    @pytest.mark.parametrize(
        "asked",
        [
            (b"\x02" * 32, b"\x01" * 32),
            (b"\x01" * 32, b"\x01" * 32),
            (b"\x01" * 31,),
        ],
    )
    def test_hashes_are_whole_and_in_order(self, asked: tuple[bytes, ...]) -> None:
        with pytest.raises(InvalidInput):
            Tombstone.decode(replace(STONE, asked=asked).encode())

    @pytest.mark.parametrize("asked", [b"[]", b"[7]", b"{}", b'"0x01"'])
    def test_anything_else_is_none(self, asked: bytes) -> None:
        raw = STONE.encode().replace(b'{"at"', b'{"asked":' + asked + b',"at"')
        with pytest.raises(InvalidInput):
            Tombstone.decode(raw)


def test_an_erasure_from_before_these_columns_is_read(databases: Databases) -> None:
    database = Database(databases.made())
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO erasures (tag, size, at, signature, \"order\") VALUES (:tag, 7, 5, '0x12', '')"
            ),
            {"tag": ALICE},
        )
    with database.read() as connection:
        assert ErasureStore().find(connection, ALICE) == Erasure(tombstone=STONE, entry=None, kept=0)
    database.close()


class TestBurying:
    def test_the_key_gives_way_to_the_tombstone(self, keys: DataKeys) -> None:
        keys.create(ALICE)
        keys.create(BOB)
        keys.bury(STONE)
        assert keys.key(ALICE) is None
        assert keys.buried(ALICE)
        assert keys.tombstones() == [STONE]
        assert keys.key(BOB) is not None
        assert not keys.buried(BOB)

    def test_no_key_is_made_where_a_tombstone_lies(self, keys: DataKeys) -> None:
        keys.bury(STONE)
        with pytest.raises(Conflict) as caught:
            keys.create(ALICE)
        assert caught.value.reason == "erased"
        assert keys.key(ALICE) is None

    def test_the_first_order_stays(self, keys: DataKeys) -> None:
        keys.bury(STONE)
        keys.bury(Tombstone(tag=ALICE, size=9, at=6, order="court 12/2026"))
        assert keys.tombstones() == [STONE]

    def test_a_key_that_came_back_beside_its_tombstone_goes_again(self, keys: DataKeys) -> None:
        keys.create(ALICE)
        keys.bury(STONE)
        keys.bury(STONE)
        assert keys.key(ALICE) is None

    def test_nobody_is_erased_at_first(self, keys: DataKeys) -> None:
        assert keys.tombstones() == []
        assert not keys.buried(ALICE)


class TestFiles:
    def test_tombstones_survive_the_process(self, tmp_path: Path) -> None:
        FileDataKeys(tmp_path, b"w" * 32).bury(STONE)
        assert FileDataKeys(tmp_path, b"w" * 32).tombstones() == [STONE]

    def test_the_tombstone_is_there_before_the_key_is_gone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys = FileDataKeys(tmp_path, b"w" * 32)
        keys.create(ALICE)
        there = []
        destroy = durable.destroy

        def looked(path: Path) -> None:
            there.append(keys.buried(ALICE))
            destroy(path)

        monkeypatch.setattr(durable, "destroy", looked)
        keys.bury(STONE)
        assert there == [True]

    def test_one_that_cannot_be_read_is_an_error_and_not_nobody(self, tmp_path: Path) -> None:
        keys = FileDataKeys(tmp_path, b"w" * 32)
        keys.bury(STONE)
        (tmp_path / "erased" / ALICE.hex()).write_bytes(b"{}")
        with pytest.raises(StoreUnavailable) as caught:
            keys.tombstones()
        assert caught.value.reason == "tombstone_unreadable"
        assert keys.buried(ALICE)

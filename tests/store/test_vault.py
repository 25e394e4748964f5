"""Sealed rows and data keys: one suite over both key stores, and what the files must be."""

import stat
import threading
from pathlib import Path

import pytest

from ledger import durable
from ledger.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from ledger.log.entry import NO_PATIENT
from ledger.store.vault import KEPT_SECONDS, DataKeys, FileDataKeys, MemoryDataKeys, Vault

ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20
ROW = "consent/0x01"


@pytest.fixture(params=["memory", "files"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> DataKeys:
    return MemoryDataKeys() if request.param == "memory" else FileDataKeys(tmp_path / "keys", b"w" * 32)


@pytest.fixture
def vault(keys: DataKeys) -> Vault:
    keys.create(ALICE)
    keys.create(BOB)
    return Vault(keys, b"l" * 32)


class TestDataKeys:
    def test_a_key_is_made_once_and_stays(self, keys: DataKeys) -> None:
        assert keys.key(ALICE) is None
        keys.create(ALICE)
        made = keys.key(ALICE)
        assert made is not None
        assert len(made) == 32
        with pytest.raises(Conflict):
            keys.create(ALICE)
        assert keys.key(ALICE) == made

    def test_patients_have_different_keys(self, keys: DataKeys) -> None:
        keys.create(ALICE)
        keys.create(BOB)
        assert keys.key(ALICE) != keys.key(BOB)

    def test_a_destroyed_key_is_gone_and_destroying_again_succeeds(self, keys: DataKeys) -> None:
        keys.create(ALICE)
        keys.create(BOB)
        before = keys.key(ALICE)
        keys.destroy(ALICE)
        keys.destroy(ALICE)
        assert keys.key(ALICE) is None
        assert keys.key(BOB) is not None
        keys.create(ALICE)
        assert keys.key(ALICE) != before

    @pytest.mark.parametrize("tag", [b"", b"x" * 19, b"x" * 21, NO_PATIENT])
    def test_what_is_no_patients_tag_has_no_key(self, keys: DataKeys, tag: bytes) -> None:
        for act in (keys.create, keys.destroy):
            with pytest.raises(InvalidInput):
                act(tag)
        assert keys.key(tag) is None

    def test_of_many_threads_one_makes_the_key(self, keys: DataKeys) -> None:
        outcomes: list[str] = []

        def make() -> None:
            try:
                keys.create(ALICE)
            except Conflict:
                outcomes.append("conflict")
            else:
                outcomes.append("made")

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["conflict"] * 7 + ["made"]


class TestFiles:
    def test_keys_survive_a_restart_in_files_of_their_owner(self, tmp_path: Path) -> None:
        directory = tmp_path / "keys"
        first = FileDataKeys(directory, b"w" * 32)
        first.create(ALICE)
        assert FileDataKeys(directory, b"w" * 32).key(ALICE) == first.key(ALICE)
        assert [path.name for path in directory.iterdir()] == [ALICE.hex()]
        assert stat.S_IMODE((directory / ALICE.hex()).stat().st_mode) == 0o600
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700

    def test_the_file_does_not_hold_the_key_in_clear(self, tmp_path: Path) -> None:
        keys = FileDataKeys(tmp_path, b"w" * 32)
        keys.create(ALICE)
        made = keys.key(ALICE)
        assert made is not None
        assert made not in (tmp_path / ALICE.hex()).read_bytes()

    def test_another_wrapping_key_opens_nothing(self, tmp_path: Path) -> None:
        FileDataKeys(tmp_path, b"w" * 32).create(ALICE)
        with pytest.raises(StoreUnavailable):
            FileDataKeys(tmp_path, b"x" * 32).key(ALICE)

    @pytest.mark.parametrize("at", [0, 10, 26, 40, -1])
    def test_a_changed_file_does_not_open(self, tmp_path: Path, at: int) -> None:
        keys = FileDataKeys(tmp_path, b"w" * 32)
        keys.create(ALICE)
        raw = bytearray((tmp_path / ALICE.hex()).read_bytes())
        raw[at] ^= 1
        (tmp_path / ALICE.hex()).write_bytes(raw)
        with pytest.raises(StoreUnavailable):
            keys.key(ALICE)

    @pytest.mark.parametrize("length", [0, 5, 30, 60])
    def test_a_cut_file_does_not_open(self, tmp_path: Path, length: int) -> None:
        keys = FileDataKeys(tmp_path, b"w" * 32)
        keys.create(ALICE)
        raw = (tmp_path / ALICE.hex()).read_bytes()
        (tmp_path / ALICE.hex()).write_bytes(raw[:length])
        with pytest.raises(StoreUnavailable):
            keys.key(ALICE)

    def test_a_key_that_somebody_else_destroyed_is_not_used_any_more(self, tmp_path: Path) -> None:
        here, there = (FileDataKeys(tmp_path, b"w" * 32) for _ in range(2))
        here.create(ALICE)
        assert here.key(ALICE) == there.key(ALICE)
        here.destroy(ALICE)
        assert here.key(ALICE) is None
        assert there.key(ALICE) is None

    def test_a_key_is_kept_in_memory_for_ten_seconds_at_most(self, tmp_path: Path) -> None:
        now = 100.0
        keys = FileDataKeys(tmp_path, b"w" * 32, clock=lambda: now)
        for tag in (ALICE, BOB):
            keys.create(tag)
        made = keys.key(ALICE)
        assert ALICE in keys._read
        now += KEPT_SECONDS
        assert keys.key(BOB) is not None
        assert ALICE not in keys._read
        assert keys.key(ALICE) == made

    def test_one_patients_file_is_not_taken_for_anothers(self, tmp_path: Path) -> None:
        keys = FileDataKeys(tmp_path, b"w" * 32)
        keys.create(ALICE)
        (tmp_path / ALICE.hex()).rename(tmp_path / BOB.hex())
        with pytest.raises(StoreUnavailable):
            keys.key(BOB)

    def test_destroying_overwrites_the_bytes_under_every_name(self, tmp_path: Path) -> None:
        keys = FileDataKeys(tmp_path / "keys", b"w" * 32)
        keys.create(ALICE)
        other = tmp_path / "other-name"
        other.hardlink_to(tmp_path / "keys" / ALICE.hex())
        keys.destroy(ALICE)
        assert set(other.read_bytes()) == {0}

    def test_a_new_file_never_replaces_one(self, tmp_path: Path) -> None:
        durable.create(tmp_path / "file", b"first")
        with pytest.raises(FileExistsError):
            durable.create(tmp_path / "file", b"second")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first"]

    def test_a_directory_that_cannot_be_made_is_an_environment_fault(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreUnavailable):
            FileDataKeys(tmp_path / "file" / "keys", b"w" * 32)


class TestRows:
    def test_a_row_opens_for_its_patient_under_its_name(self, vault: Vault) -> None:
        for plaintext in (b"", b"plaintext", bytes(100_000)):
            assert vault.open(ALICE, ROW, vault.seal(ALICE, ROW, plaintext)) == plaintext

    def test_rows_without_a_patient_use_the_logs_own_key(self, vault: Vault) -> None:
        sealed = vault.seal(NO_PATIENT, ROW, b"plaintext")
        assert vault.open(NO_PATIENT, ROW, sealed) == b"plaintext"
        with pytest.raises(StoreUnavailable):
            Vault(MemoryDataKeys(), b"x" * 32).open(NO_PATIENT, ROW, sealed)

    def test_sealing_twice_gives_different_bytes_without_the_plaintext(self, vault: Vault) -> None:
        first, second = vault.seal(ALICE, ROW, b"plaintext"), vault.seal(ALICE, ROW, b"plaintext")
        assert first != second
        assert b"plaintext" not in first

    def test_a_row_that_was_moved_or_changed_does_not_open(self, vault: Vault) -> None:
        sealed = vault.seal(ALICE, ROW, b"plaintext")
        changed = [bytes([*sealed[:at], sealed[at] ^ 1, *sealed[at + 1 :]]) for at in range(len(sealed))]
        cut = [sealed[:length] for length in range(len(sealed))]
        for wrong in (*changed, *cut, sealed + b"\x00"):
            with pytest.raises(StoreUnavailable) as caught:
                vault.open(ALICE, ROW, wrong)
            assert caught.value.reason == "row_unreadable"
        for tag, row in ((BOB, ROW), (ALICE, "consent/0x02"), (NO_PATIENT, ROW)):
            with pytest.raises(StoreUnavailable):
                vault.open(tag, row, sealed)

    def test_destroying_one_key_closes_that_patients_rows_only(self, vault: Vault, keys: DataKeys) -> None:
        alices, bobs = vault.seal(ALICE, ROW, b"a"), vault.seal(BOB, ROW, b"b")
        keys.destroy(ALICE)
        with pytest.raises(StoreUnavailable):
            vault.open(ALICE, ROW, alices)
        with pytest.raises(NotFound):
            vault.seal(ALICE, ROW, b"a")
        assert vault.open(BOB, ROW, bobs) == b"b"
        keys.create(ALICE)
        with pytest.raises(StoreUnavailable):
            vault.open(ALICE, ROW, alices)

    def test_a_key_of_another_length_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput):
            Vault(MemoryDataKeys(), b"l" * 31)
        with pytest.raises(InvalidInput):
            FileDataKeys(tmp_path, b"w" * 33)

"""Key files: whole or not there, never replaced, and never read when others could have written them."""

import os
import resource
import stat
from pathlib import Path

import pytest

from ledger.crypto import privatefile
from ledger.errors import Conflict, KeyLocked, NotFound, StoreUnavailable, TooLarge


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_new_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        privatefile.create(tmp_path / "key", b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert privatefile.read(tmp_path / "key") == b"secret"
    assert names(tmp_path) == ["key"]


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"first")
    with pytest.raises(Conflict):
        privatefile.create(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert names(tmp_path) == ["key"]


def test_a_dangling_link_is_not_followed_when_creating(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        privatefile.create(tmp_path / "key", b"secret")
    assert names(tmp_path) == ["key"]


def test_an_abandoned_temporary_file_is_not_reused(tmp_path: Path) -> None:
    abandoned = tmp_path / ".key.0000000000000000.part"
    abandoned.write_bytes(b"half")
    with pytest.raises(Conflict):
        privatefile.create(tmp_path / "key", b"secret", randomness=bytes)
    assert abandoned.read_bytes() == b"half"
    assert not (tmp_path / "key").exists()


def test_nothing_is_left_when_the_directory_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        privatefile.create(tmp_path / "missing" / "key", b"secret")
    assert names(tmp_path) == []


def test_nothing_is_left_when_the_disk_takes_only_a_part(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, before[1]))
    try:
        with pytest.raises(StoreUnavailable):
            privatefile.create(tmp_path / "key", b"secret")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == []


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o610, 0o644, 0o660, 0o700, 0o666])
def test_a_mode_looser_than_0600_is_refused(tmp_path: Path, mode: int) -> None:
    privatefile.create(tmp_path / "key", b"secret")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyLocked) as caught:
        privatefile.read(tmp_path / "key")
    assert caught.value.reason == "key_file_exposed"


def test_a_stricter_mode_is_accepted(tmp_path: Path) -> None:
    privatefile.create(tmp_path / "key", b"secret")
    (tmp_path / "key").chmod(0o400)
    assert privatefile.read(tmp_path / "key") == b"secret"


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        privatefile.read(tmp_path / "key")


def test_a_directory_cannot_be_read_as_a_key(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        privatefile.read(tmp_path)


def test_a_device_is_no_key_file() -> None:
    with pytest.raises(KeyLocked):
        privatefile.read(Path("/dev/null"))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    with pytest.raises(KeyLocked):
        privatefile.read(tmp_path / "key")


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    privatefile.create(tmp_path / "key", bytes(101))
    assert privatefile.read(tmp_path / "key", limit=101) == bytes(101)
    with pytest.raises(TooLarge):
        privatefile.read(tmp_path / "key", limit=100)

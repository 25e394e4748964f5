"""A file is there whole, or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from ledger import durable
from ledger.durable import appearing, write_through
from ledger.errors import StoreUnavailable


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "result"
    with appearing(path) as file:
        file.write(b"whole")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert [one.name for one in tmp_path.iterdir()] == ["result"]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with appearing(tmp_path / "result") as file:
        file.write(b"private")
    assert stat.S_IMODE((tmp_path / "result").stat().st_mode) == 0o600


def fail_half_way(path: Path) -> None:
    with appearing(path) as file:
        file.write(b"half")
        raise KeyError


@pytest.mark.parametrize("before", [None, b"older"])
def test_an_error_leaves_everything_as_it_was(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "result"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(KeyError):
        fail_half_way(path)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == ([] if before is None else [before])


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_bytes(b"older")
    with appearing(path) as file:
        file.write(b"newer")
    assert path.read_bytes() == b"newer"


def test_the_temporary_file_may_be_held_elsewhere(tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.mkdir()
    with appearing(tmp_path / "result", holding=held) as file:
        file.write(b"x")
        assert len(list(held.iterdir())) == 1
    assert list(held.iterdir()) == []


def test_a_directory_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable), appearing(tmp_path / "missing" / "result") as file:
        file.write(b"x")


PIECES = [bytes([number]) * 3 for number in range(9)]


def test_a_growing_file_is_flushed_on_the_way_and_is_whole_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(durable, "FLUSHED", 6)
    monkeypatch.setattr(os, "fdatasync", flushed.append)
    with appearing(tmp_path / "result") as file:
        write_through(file, PIECES)
        assert flushed
        assert set(flushed) == {file.fileno()}
    assert (tmp_path / "result").read_bytes() == b"".join(PIECES)


def test_a_disk_that_fails_to_flush_a_growing_file_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(durable, "FLUSHED", 6)
    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(StoreUnavailable), appearing(tmp_path / "result") as file:
        write_through(file, PIECES)
    assert list(tmp_path.iterdir()) == []

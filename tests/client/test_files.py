"""Files of a profile are there whole or not at all, and are nobody else's."""

import threading
from pathlib import Path

import pytest

from ledger.client import files
from ledger.errors import NotFound, StoreUnavailable, TooLarge


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def test_a_replaced_file_is_private_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    files.replace(path, b"one")
    files.replace(path, b"two")
    assert files.read(path) == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(StoreUnavailable):
        files.replace(tmp_path / "file", b"x")
    assert [place.name for place in tmp_path.iterdir()] == ["file"]


def test_what_is_missing_or_too_large_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        files.read(tmp_path / "nothing")
    files.replace(tmp_path / "big", b"123")
    with pytest.raises(TooLarge):
        files.read(tmp_path / "big", limit=2)


def test_new_directories_are_private_all_the_way(tmp_path: Path) -> None:
    files.make_private(tmp_path / "a" / "b")
    assert [(tmp_path / place).stat().st_mode & 0o777 for place in ("a", "a/b")] == [0o700, 0o700]


def test_a_lock_held_by_another_is_waited_for_and_then_an_error(tmp_path: Path) -> None:
    clock = Clock()
    with (
        files.locked(tmp_path / ".lock", patience=1, clock=clock, pause=clock.pause),
        pytest.raises(StoreUnavailable) as caught,
        files.locked(tmp_path / ".lock", patience=1, clock=clock, pause=clock.pause),
    ):
        pass
    assert caught.value.reason == "profile_busy"
    assert clock.now >= 1


def test_a_lock_that_is_given_back_is_taken(tmp_path: Path) -> None:
    held, release, clock = threading.Event(), threading.Event(), Clock()

    def hold() -> None:
        with files.locked(tmp_path / ".lock", patience=1, clock=clock, pause=clock.pause):
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)

    def let_go(seconds: float) -> None:
        release.set()
        holder.join(10)

    with files.locked(tmp_path / ".lock", patience=1, clock=clock, pause=let_go):
        assert not holder.is_alive()

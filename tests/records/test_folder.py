"""What is below a directory: its files in order, and nothing that nobody meant."""

import os
from pathlib import Path

import pytest

from ledger.errors import NotFound
from ledger.records.folder import Skipped, walk


def test_files_come_in_the_order_of_their_names_depth_first(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", "c/d/e", "B"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [str(one.relative_to(tmp_path)) for one in walk(tmp_path) if isinstance(one, Path)]
    assert found == ["B", "a", "b/1", "b/2", "c/d/e"]


def test_links_hidden_files_leavings_and_pipes_are_skipped_with_a_reason(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").touch()
    place = tmp_path / "place"
    (place / ".git").mkdir(parents=True)
    (place / ".git" / "config").touch()
    (place / "__MACOSX").mkdir()
    (place / "Thumbs.db").touch()
    (place / "link").symlink_to(outside)
    (place / "loop").symlink_to(place)
    os.mkfifo(place / "pipe")
    (place / "kept").touch()
    found = list(walk(place))
    assert [one for one in found if isinstance(one, Path)] == [place / "kept"]
    assert {one.path.name: one.why for one in found if isinstance(one, Skipped)} == {
        ".git": "hidden",
        "Thumbs.db": "of the operating system",
        "__MACOSX": "of the operating system",
        "link": "a symbolic link",
        "loop": "a symbolic link",
        "pipe": "no regular file",
    }


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(walk(tmp_path / "nope"))

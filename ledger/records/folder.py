"""The files below a directory that somebody means when they name it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import NotFound, StoreUnavailable

JUNK = frozenset(
    {"$recycle.bin", "__macosx", "desktop.ini", "ehthumbs.db", "system volume information", "thumbs.db"}
)
"""Names, in lower case, of what operating systems leave behind."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """What is left out, and why in a few words."""

    path: Path
    why: str


def walk(directory: Path) -> Iterator[Path | Skipped]:
    """Every regular file below a directory, by name and depth first; what is not taken, as `Skipped`.

    Symbolic links, hidden files and directories, `JUNK` and what is no regular file are not taken.

    Raises:
        NotFound: no such directory.
        StoreUnavailable: one of the directories cannot be read.
    """
    try:
        with os.scandir(directory) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except FileNotFoundError as exc:
        raise NotFound(f"there is no directory {directory}", reason="file_missing") from exc
    except OSError as exc:
        raise StoreUnavailable(
            f"{directory} cannot be read: {exc.strerror}",
            reason="file_not_read",
            fix="Check who may read it.",
        ) from exc
    for entry in entries:
        path = directory / entry.name
        if (why := _unwanted(entry)) is not None:
            yield Skipped(path, why)
        elif entry.is_dir(follow_symlinks=False):
            yield from walk(path)
        else:
            yield path


def _unwanted(entry: "os.DirEntry[str]") -> str | None:
    if entry.is_symlink():
        return "a symbolic link"
    if entry.name.startswith("."):
        return "hidden"
    if entry.name.casefold() in JUNK:
        return "of the operating system"
    if not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
        return "no regular file"
    return None

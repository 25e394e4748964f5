"""Files of a profile: replaced whole or not at all, mode 0600, durable before the call returns."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger import durable
from ledger.errors import InvalidInput, NotFound, StoreUnavailable, TooLarge

LIMIT = 64 << 20


def replace(path: Path, data: bytes) -> None:
    """Put `data` under `path`: temporary file, fsync, rename, fsync of the directory.

    Raises:
        StoreUnavailable: the directory is missing or cannot be written.
    """
    try:
        with durable.appearing(path) as file:
            file.write(data)
    except StoreUnavailable as exc:
        raise StoreUnavailable(
            f"the file {path} cannot be written", reason="file_not_written", fix="Check the disk."
        ) from exc


def read(path: Path, *, limit: int = LIMIT) -> bytes:
    """The contents of a profile's file.

    Raises:
        NotFound: no such file.
        InvalidInput: a directory.
        TooLarge: more than `limit` bytes.
        StoreUnavailable: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except FileNotFoundError as exc:
        raise NotFound(f"there is no file {path}", reason="file_missing") from exc
    except IsADirectoryError as exc:
        raise InvalidInput(
            f"the path {path} is a directory", reason="not_a_file", fix="Name a file."
        ) from exc
    except OSError as exc:
        raise StoreUnavailable(
            f"the file {path} cannot be read: {exc.strerror}", reason="file_not_read"
        ) from exc
    if len(data) > limit:
        raise TooLarge(f"the file {path} has more than {limit} bytes")
    return data


def make_private(directory: Path) -> None:
    """Create `directory` and its parents; it and those that are new get mode 0700.

    Raises:
        InvalidInput: there is something else of that name.
        StoreUnavailable: it cannot be created.
    """
    try:
        missing = [place for place in (directory, *directory.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise StoreUnavailable(
            f"the directory {directory} cannot be created: {exc.strerror}", reason="directory_not_made"
        ) from exc
    if not directory.is_dir():
        raise InvalidInput(f"the path {directory} is not a directory", reason="not_a_directory")


@contextmanager
def locked(
    path: Path,
    *,
    patience: float,
    clock: Callable[[], float],
    pause: Callable[[float], None],
    shared: bool = False,
) -> Iterator[None]:
    """Hold the lock file `path` against every other process and thread that takes it this way.

    Args:
        path: the lock file; it is made if there is none, and stays.
        patience: seconds to wait for another holder.
        clock: seconds that never go back.
        pause: waits some seconds.
        shared: together with others who hold it so, and against those who do not.

    Raises:
        StoreUnavailable: the lock file cannot be opened, or is held for longer than `patience`.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StoreUnavailable(
            f"the file {path} cannot be locked: {exc.strerror}", reason="file_not_locked"
        ) from exc
    try:
        end = clock() + patience
        while not _try_lock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if clock() >= end:
                raise StoreUnavailable(
                    "another command is using this profile",
                    reason="profile_busy",
                    fix="Try again in a moment.",
                )
            pause(0.05)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

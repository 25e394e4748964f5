"""Files that only their owner may read, and that are there whole or not at all."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from ledger import durable
from ledger.errors import Conflict, KeyLocked, NotFound, StoreUnavailable, TooLarge

LIMIT = 64 * 1024


def create(path: Path, data: bytes, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
    """Write a new file of mode 0600: temporary file, fsync, link under its name, fsync of the directory.

    Raises:
        Conflict: there is already something of that name; it is left alone.
        StoreUnavailable: the directory is missing or cannot be written.
    """
    try:
        durable.create(path, data, randomness=randomness)
    except FileExistsError as exc:
        raise Conflict("there is already a file of that name", reason="file_exists") from exc
    except OSError as exc:
        raise StoreUnavailable("the key file cannot be written", reason="file_not_written") from exc


def read(path: Path, *, limit: int = LIMIT) -> bytes:
    """The contents of a file that nobody but its owner can read or write.

    Raises:
        NotFound: no such file.
        KeyLocked: others may read or write it, it is another user's, or it is no regular file.
        TooLarge: more than `limit` bytes.
        StoreUnavailable: it cannot be read.
    """
    try:
        # Non-blocking, because opening a pipe would wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            _require_private(os.fstat(file.fileno()))
            data = file.read(limit + 1)
    except FileNotFoundError as exc:
        raise NotFound("there is no such key file", reason="file_missing") from exc
    except OSError as exc:
        raise StoreUnavailable("the key file cannot be read", reason="file_not_read") from exc
    if len(data) > limit:
        raise TooLarge(f"a key file has at most {limit} bytes")
    return data


def _require_private(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyLocked("the key file is no regular file", reason="key_file_exposed")
    if status.st_uid != os.geteuid():
        raise KeyLocked("the key file belongs to another user", reason="key_file_exposed")
    if stat.S_IMODE(status.st_mode) & 0o177:
        raise KeyLocked(
            "others than its owner may use the key file",
            reason="key_file_exposed",
            fix="make it yours alone: chmod 600",
        )

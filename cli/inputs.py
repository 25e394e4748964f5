"""Files that a command is told to read."""

import sys
from pathlib import Path

from ledger.errors import InvalidInput, NotFound, TooLarge


def read_source(source: Path, *, limit: int) -> bytes:
    """The bytes of a file, or of stdin for ``-``.

    Raises:
        NotFound: no such file.
        InvalidInput: it is a directory, or cannot be read.
        TooLarge: more than `limit` bytes.
    """
    try:
        if str(source) == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with source.open("rb") as stream:
                data = stream.read(limit + 1)
    except OSError as exc:
        raise unreadable(source, exc) from exc
    if len(data) > limit:
        raise TooLarge(f"the file {source} has more than {limit} bytes", fix="Name the right file.")
    return data


def unreadable(path: Path, why: OSError) -> NotFound | InvalidInput:
    """What to say of a file that could not be read."""
    if isinstance(why, FileNotFoundError):
        return NotFound(f"there is no file {path}", reason="file_missing", fix="Check its name.")
    if isinstance(why, IsADirectoryError):
        return InvalidInput(
            f"the path {path} is a directory, not a file", reason="is_a_directory", fix="Name a file in it."
        )
    return InvalidInput(
        f"the file {path} cannot be read: {why.strerror}",
        reason="file_not_read",
        fix="Check who may read it.",
    )

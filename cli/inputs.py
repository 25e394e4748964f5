"""Files that a command is told to read."""

import sys
from pathlib import Path

from ledger.errors import InvalidInput, NotFound, TooLarge


def read_source(source: Path, *, limit: int) -> bytes:
    """The bytes of a file, or of stdin for ``-``.

    Raises:
        NotFound: no such file.
        InvalidInput: it cannot be read.
        TooLarge: more than `limit` bytes.
    """
    try:
        if str(source) == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with source.open("rb") as stream:
                data = stream.read(limit + 1)
    except FileNotFoundError as exc:
        raise NotFound(f"there is no file {source}", reason="file_missing", fix="Check its name.") from exc
    except OSError as exc:
        raise InvalidInput(f"{source} cannot be read: {exc.strerror}", reason="file_not_read") from exc
    if len(data) > limit:
        raise TooLarge(f"{source} has more than {limit} bytes")
    return data

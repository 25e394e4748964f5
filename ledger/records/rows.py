"""The rows of a text file, cut without changing a byte: lines, or rows of CSV, with breaks in quotes."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ledger.errors import InvalidInput

MAX_ROW = 1 << 20


class Row(NamedTuple):
    """A row with the blank lines after it: its first line from 1, its place in bytes, and its text."""

    line: int
    start: int
    end: int
    raw: bytes


def rows(file: BinaryIO, *, quoted: bool) -> Iterator[Row]:
    """The rows from the start of a file to its end, without a gap; blank lines go with the row before.

    Those before the first row go with that. With `quoted` a row goes on while a quotation mark is open.

    Raises:
        InvalidInput: (``bad_row``) a row of more than 1 MiB, or a quotation that is never closed.
    """
    file.seek(0)
    line, start, pending = 1, 0, None
    for raw, breaks in _pieces(file, quoted=quoted):
        end = start + len(raw)
        if pending is None:
            pending = Row(line=line, start=start, end=end, raw=raw)
        elif not raw.strip():
            pending = Row(line=pending.line, start=pending.start, end=end, raw=pending.raw)
        elif not pending.raw.strip(b"\xef\xbb\xbf \t\r\n"):
            pending = Row(line=line, start=pending.start, end=end, raw=pending.raw + raw)
        else:
            yield pending
            pending = Row(line=line, start=start, end=end, raw=raw)
        if len(pending.raw) > MAX_ROW:
            raise bad_row(line, "it has more than 1 MiB")
        start, line = end, line + breaks
    if pending is not None:
        yield pending


def bad_row(line: int, why: str) -> InvalidInput:
    """What is wrong with the row at a line; the row itself is not quoted."""
    return InvalidInput(
        f"the row at line {line} cannot be taken: {why}",
        reason="bad_row",
        fix="Correct the file, or add it whole: leave out --by-day.",
        line=line,
    )


def _pieces(file: BinaryIO, *, quoted: bool) -> Iterator[tuple[bytes, int]]:
    """Lines, or as many as one row has, each with the count of its lines."""
    number = 1
    while raw := file.readline(MAX_ROW + 1):
        breaks, marks = 1, raw.count(b'"') if quoted else 0
        parts, size = [raw], len(raw)
        while marks % 2:
            more = file.readline(MAX_ROW + 1)
            if not more:
                raise bad_row(number, "a quotation mark is never closed")
            size += len(more)
            if size > MAX_ROW:
                raise bad_row(number, "it has more than 1 MiB, or a quotation mark is never closed")
            parts.append(more)
            marks, breaks = marks + more.count(b'"'), breaks + 1
        yield b"".join(parts), breaks
        number += breaks

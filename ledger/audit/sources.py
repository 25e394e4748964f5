"""Where an audit gets a log from, and how it walks over it. Nothing that a source says is believed.

A row on the wire, and as a line of an export::

    {"index": 7, "tag": "0x… 20 bytes", "inner": "0x… 32 bytes", "leaf": "0x… 32 bytes",
     "salt": "0x… 32 bytes", "entry": "<canonical JSON as text>"}

``salt`` and ``entry`` are absent where an entry does not open.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from ledger.audit.report import Step
from ledger.audit.tally import Tally
from ledger.canonical import hexed, unhex
from ledger.errors import InvalidInput

PAGE = 512
EMPTY_PAGES = 16
"""After so many empty answers in a row the rest is taken for missing: a note may claim any size."""

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry as a source shows it. What is malformed there is empty here, and fails the step ENTRY."""

    index: int
    tag: bytes = field(repr=False)
    inner: bytes = field(repr=False)
    leaf: bytes = field(repr=False)
    salt: bytes | None = field(default=None, repr=False)
    entry: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Self:
        """The row in its wire form.

        Raises:
            InvalidInput: it has no index, and so no place.
        """
        index, entry = value.get("index"), value.get("entry")
        if type(index) is not int or index < 0:
            raise InvalidInput("a row of a log without an index", reason="bad_row")
        return cls(
            index=index,
            tag=_bytes(value.get("tag")) or b"",
            inner=_bytes(value.get("inner")) or b"",
            leaf=_bytes(value.get("leaf")) or b"",
            salt=_bytes(value.get("salt")),
            entry=entry.encode(errors="replace") if isinstance(entry, str) else None,
        )

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        shown: dict[str, Any] = {
            "index": self.index,
            "tag": hexed(self.tag),
            "inner": hexed(self.inner),
            "leaf": hexed(self.leaf),
        }
        if self.salt is not None and self.entry is not None:
            shown |= {"salt": hexed(self.salt), "entry": self.entry.decode(errors="replace")}
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The entries from ``start`` up to (not including) ``end`` were not shown."""

    start: int
    end: int


class LogSource(Protocol):
    """A log as somebody shows it."""

    def checkpoint(self) -> str:
        """The newest signed note."""

    def entries(self, start: int, end: int) -> Sequence[Row]:
        """Rows from index `start` up to (not including) `end`, in order; a page of them is enough.

        An empty answer says that there are none.
        """


def walk(source: LogSource, size: int, tally: Tally, progress: Progress | None = None) -> Iterator[Row | Gap]:
    """Every index below `size` once and in order: as a row, or within a gap. COMPLETE counts both."""
    position = empty = 0
    while position < size:
        start, end = position, min(size, position + PAGE) if empty < EMPTY_PAGES else size
        for row in source.entries(start, end):
            if not position <= row.index < end:
                _out_of_place(tally, row.index, position)
                continue
            if row.index > position:
                yield _gap(tally, position, row.index)
            tally.checked(Step.COMPLETE)
            yield row
            position = row.index + 1
        empty = empty + 1 if position == start else 0
        if empty:
            yield _gap(tally, position, end)
            position = end
        if progress is not None:
            progress(position, size)


def _out_of_place(tally: Tally, index: int, position: int) -> None:
    tally.find(
        Step.COMPLETE,
        index,
        expected=f"entry {position} next",
        found=f"entry {index} in its place",
        meaning="Entries were shown twice or out of order.",
    )


def _gap(tally: Tally, start: int, end: int) -> Gap:
    tally.find(
        Step.COMPLETE,
        start,
        expected=f"entries {start} to {end - 1}" if end - start > 1 else f"entry {start}",
        found="nothing",
        meaning="Entries that the checkpoint counts were not shown: deleted, or held back.",
    )
    return Gap(start=start, end=end)


def _bytes(value: object) -> bytes | None:
    """The bytes of a hexadecimal text; none for what is malformed."""
    if not isinstance(value, str):
        return None
    try:
        return unhex(value)
    except InvalidInput:
        return b""

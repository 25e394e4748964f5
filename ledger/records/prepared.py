"""Records that are ready to be published: looked at, and not yet encrypted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ledger.records.header import RecordHeader


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Prepared:
    """A record's header, the files that it is made of, and its plaintext, the same whenever asked for."""

    header: RecordHeader
    sources: tuple[Path, ...]
    plaintext: Callable[[], Iterable[bytes]]

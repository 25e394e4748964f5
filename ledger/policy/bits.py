"""Sets of records as integers: bit i stands for the i-th record of an index."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import TypeVar

T = TypeVar("T")

_FLAGS = bytes.maketrans(b"01", b"\0\1")


def union(sets: Iterable[int]) -> int:
    """What is in any of `sets`."""
    found = 0
    for one in sets:
        found |= one
    return found


def members(records: int, items: Sequence[T]) -> tuple[T, ...]:
    """Those of `items` whose place is in the set, in their order."""
    return tuple(compress(items, f"{records:b}"[::-1].encode().translate(_FLAGS)))


def places(records: int) -> Iterator[int]:
    """The places of the records in the set, rising."""
    flags = f"{records:b}"[::-1]
    place = flags.find("1")
    while place >= 0:
        yield place
        place = flags.find("1", place + 1)

"""Asking for many rows at once: every database bounds how many values one query may name."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
MOST = 500


def in_parts(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most 500; no list if there are none."""
    rest = iter(values)
    while part := list(islice(rest, MOST)):
        yield part

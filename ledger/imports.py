"""Importing web3 and eth-account without what they do to the interpreter."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def recursion_limit_kept() -> Iterator[None]:
    """Undo a change of the recursion limit: py_ecc, which both import, raises it to 100,000.

    With that limit a deeply nested JSON text overflows the C stack and ends the process.
    """
    before = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(before)

"""Random names that are no secrets."""

import os
import threading
from collections.abc import Callable


class Pool:
    """Random bytes, drawn from the system many at a time: each draw there lets go of the interpreter's lock.

    What was drawn waits in memory, so keys, salts and tokens are never taken from here. Safe to share between
    threads.
    """

    def __init__(self, source: Callable[[int], bytes] = os.urandom, *, size: int = 8192) -> None:
        self._source = source
        self._size = size
        self._drawn = b""
        self._next = 0
        self._lock = threading.Lock()

    def __call__(self, count: int) -> bytes:
        """So many bytes, at most `size`, that nobody was given before."""
        with self._lock:
            if self._next + count > len(self._drawn):
                self._drawn, self._next = self._source(self._size), 0
            start = self._next
            self._next += count
            return self._drawn[start : self._next]

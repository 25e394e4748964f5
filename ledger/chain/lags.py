"""How long after their own time blocks became the head here: what a stop on chain waits for, as measured."""

import statistics
from collections import deque
from datetime import datetime

from ledger.chain.facts import BlockHeader

KEPT = 256


class Lags:
    """Of the last heads of a chain that is followed. One thread notes them; any thread asks."""

    def __init__(self) -> None:
        """Nothing is known before the second head: nobody was there to follow when the first one was made."""
        self._head: BlockHeader | None = None
        self._milliseconds: deque[int] = deque(maxlen=KEPT)

    def note(self, head: BlockHeader, at: datetime) -> None:
        """This is the head since `at`, or again.

        A block's time is in whole seconds, and may be ahead of this clock: that counts as no time at all.
        """
        if self._head is not None and head != self._head:
            late = int(at.timestamp() * 1000) - head.timestamp * 1000
            self._milliseconds.append(max(0, late))
        self._head = head

    @property
    def median(self) -> int | None:
        """Milliseconds in the middle of them; None if nothing was measured."""
        lags = tuple(self._milliseconds)
        return round(statistics.median(lags)) if lags else None

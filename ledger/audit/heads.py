"""Whether the block that an entry names as its head is one, and as of which blocks it may be replayed.

A block that the chain dropped later cannot be shown any more. It is believed, and counted as unchecked, only
where its time lies between those of the canonical blocks `Limits.orphan_depth` below and above it; a block
above the auditor's tip only where it may be newer than the tip.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from ledger.audit.ground import Ground
from ledger.audit.shapes import Head
from ledger.chain.facts import BlockHeader

_HELD = 4096


class Standing(Enum):
    """What a head is in the auditor's eyes."""

    CANONICAL = "on the canonical chain"
    DROPPED = "a block that the chain does not have now; it may have been dropped since"
    NEWER = "a block above the last one that the auditor read"
    UNSEEN = "a block whose header the auditor's node does not give"
    FALSE = "no such block"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadView:
    """A head's standing, and why if it is false.

    blocks: as of which what was decided on it may hold: the head's own number, and for a block that was
    dropped the last one by which what stood in it must have come back. None if the chain was not read so far.
    """

    standing: Standing
    why: str = ""
    blocks: tuple[int, ...] = ()


class Heads:
    """The heads of one audit."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._headers: OrderedDict[int, BlockHeader | None] = OrderedDict()

    def view(self, head: Head, time: int) -> HeadView:
        """What to think of a head that an entry of `time` (Unix milliseconds) names."""
        if head.final > head.number:
            return self._false(head, "a final block above the head")
        if head.number > self._ground.tip:
            return self._above(head, time)
        header = self._header(head.number)
        if header is None:
            return HeadView(standing=Standing.UNSEEN, blocks=(head.number,))
        if header.hash != head.hash:
            return self._dropped(head, time)
        if header.timestamp != head.time:
            return self._false(head, f"block {head.number} with the time {header.timestamp}")
        return HeadView(standing=Standing.CANONICAL, blocks=(head.number,))

    def _above(self, head: Head, time: int) -> HeadView:
        tip = self._ground.chain.tip
        if tip is None or self._in_time(tip.timestamp, head, time):
            return HeadView(standing=Standing.NEWER)
        return self._false(head, f"a chain that ends with block {tip.number}")

    def _dropped(self, head: Head, time: int) -> HeadView:
        depth = self._ground.limits.orphan_depth
        below, above = self._header(max(0, head.number - depth)), self._header(head.number + depth)
        possible = depth > 0 and head.final < head.number
        possible = possible and self._in_time(0 if below is None else below.timestamp, head, time)
        if not possible or (above is not None and above.timestamp < head.time):
            return self._false(head, f"another block {head.number}, and no room for one that was dropped")
        later = min(head.number + depth, self._ground.tip)
        return HeadView(standing=Standing.DROPPED, blocks=(head.number, later))

    def _in_time(self, before: int, head: Head, time: int) -> bool:
        """Whether a block with the head's time may come after one of `before`, and before the entry."""
        return before <= head.time <= time // 1000 + self._ground.limits.ahead_seconds

    def _false(self, head: Head, why: str) -> HeadView:
        blocks = (head.number,) if head.number <= self._ground.tip else ()
        return HeadView(standing=Standing.FALSE, why=why, blocks=blocks)

    def _header(self, number: int) -> BlockHeader | None:
        """The canonical header, held for a while: a chain that was read leanly asks its node for each."""
        if number in self._headers:
            self._headers.move_to_end(number)
        else:
            self._headers[number] = self._ground.chain.header(number)
            if len(self._headers) > _HELD:
                self._headers.popitem(last=False)
        return self._headers[number]

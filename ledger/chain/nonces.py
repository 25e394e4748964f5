"""Which nonces something of ours stands at, and which of that can get into a block soon.

A node that says the account is further on than it is has us sign for nonces that nothing leads to. What
stands there is not counted on: the acts in it are signed again for a nonce that comes next. A stop waits for
no hole below it to be filled either; it goes into the hole.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MOST_MISSING = 64
"""No transaction is counted on that waits for more nonces than this to be used by nothing that is known, and
no node is believed that speaks of more transactions of the account in its pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far up what is signed leads.

    hole: the lowest nonce at which nothing stands.
    last: the highest at which something stands that waits for at most `MOST_MISSING` nonces.
    """

    hole: int
    last: int

    def counts_on(self, nonce: int, *, urgent: bool) -> bool:
        """Whether what stands at a nonce may be waited for."""
        return nonce < self.hole or (nonce <= self.last and not urgent)


def reach(start: int, used: Iterable[int]) -> Reach:
    """How far the nonces lead at which something stands, from the first one that the chain has not used."""
    hole = last = None
    following, missing = start, 0
    for nonce in sorted({one for one in used if one >= start}):
        missing += nonce - following
        if missing and hole is None:
            hole = following
        if missing > MOST_MISSING:
            break
        last, following = nonce, nonce + 1
    return Reach(hole=following if hole is None else hole, last=start - 1 if last is None else last)

"""The filter in a block's header that says which events may be in the block (Yellow Paper, 4.4.1).

It never misses an event: three of its 2048 bits stand for the address, and three for each topic. It may speak
of events that are not there, the more often the fuller the block is. Filters are numbers of 2048 bits.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from ledger.chain.facts import RawLog
from ledger.keccak import keccak256


@lru_cache(maxsize=4096)
def bits(item: bytes) -> int:
    """The bits that stand for an address (20 bytes) or a topic (32 bytes)."""
    name = keccak256(item)
    return sum({1 << (int.from_bytes(name[at : at + 2], "big") & 2047) for at in (0, 2, 4)})


def bloom_of(logs: Iterable[RawLog]) -> int:
    """The filter of a block with exactly these events."""
    found = 0
    for log in logs:
        for item in _items(log):
            found |= bits(item)
    return found


def may_hold(bloom: int, *items: bytes) -> bool:
    """Whether an event with these items may be in the block."""
    return all(bloom & bits(item) == bits(item) for item in items)


def _items(log: RawLog) -> Iterator[bytes]:
    yield log.address
    for start in range(0, len(log.topics), 32):
        yield log.topics[start : start + 32]

"""The filter in a block's header that says which events may be in the block (Yellow Paper, 4.4.1).

It never misses an event: three of its 2048 bits stand for the address, and three for each topic. It may speak
of events that are not there, the more often the fuller the block is. Filters are numbers of 2048 bits.
"""

from functools import lru_cache

from ledger.keccak import keccak256


@lru_cache(maxsize=4096)
def bits(item: bytes) -> int:
    """The bits that stand for an address (20 bytes) or a topic (32 bytes)."""
    name = keccak256(item)
    return sum({1 << (int.from_bytes(name[at : at + 2], "big") & 2047) for at in (0, 2, 4)})


def may_hold(bloom: int, *items: bytes) -> bool:
    """Whether an event with these items may be in the block."""
    return all(bloom & bits(item) == bits(item) for item in items)

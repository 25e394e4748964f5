"""The root of an ordered Merkle Patricia trie (Yellow Paper, appendix D): what headers commit to receipts by.

The key of an item is the RLP of its place. No key begins with another, so that no branch holds a value.
"""

from collections.abc import Sequence

from ledger.chain import rlp
from ledger.keccak import keccak256

_Node = bytes | list["_Node"]
_Item = tuple[bytes, bytes]  # the nibbles of a key, one a byte, and the value


def ordered_root(values: Sequence[bytes]) -> bytes:
    """The root (32 bytes) over these values in this order."""
    items = [(_nibbles(rlp.encode(place)), value) for place, value in enumerate(values)]
    return keccak256(rlp.encode(_node(sorted(items), 0)))


def _node(items: Sequence[_Item], depth: int) -> _Node:
    """The node over items, sorted, whose keys are the same up to `depth`."""
    if not items:
        return b""
    first, last = items[0][0], items[-1][0]
    if len(items) == 1:
        return [_packed(first[depth:], leaf=True), items[0][1]]
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_packed(first[depth:shared], leaf=False), _reference(_node(items, shared))]
    below = ([item for item in items if item[0][depth] == nibble] for nibble in range(16))
    return [*(_reference(_node(some, depth + 1)) if some else b"" for some in below), b""]


def _reference(node: _Node) -> _Node:
    """How a node names another: by hash, unless it is shorter than one."""
    encoded = rlp.encode(node)
    return node if len(encoded) < 32 else keccak256(encoded)


def _packed(nibbles: bytes, *, leaf: bool) -> bytes:
    """A part of a key, two nibbles a byte, after a flag for a leaf and one for an odd number."""
    flag = 2 * leaf + len(nibbles) % 2
    even = bytes([flag, *nibbles]) if len(nibbles) % 2 else bytes([flag, 0, *nibbles])
    return bytes(16 * high + low for high, low in zip(even[::2], even[1::2], strict=True))


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in divmod(byte, 16))

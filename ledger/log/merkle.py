"""The Merkle tree of RFC 6962, its proofs and their verification. Pairs are ordered, never sorted.

A *leaf hash* is SHA-256(0x00 || leaf data), a *node* SHA-256(0x01 || left || right); the empty tree has the
hash of the empty string. All hashes are 32 bytes. Indices count from 0; a tree of `size` leaves has the
indices below `size`. Verification follows RFC 9162, 2.1.3.2 and 2.1.4.2.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from ledger.errors import InvalidInput, ProofInvalid

HASH = 32
EMPTY = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf with these data."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two neighbours."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree in memory: 64 bytes a leaf, amortised constant time to append, every older root at hand.

    Level k holds the hashes of the complete subtrees of 2^k leaves, one after the other.
    """

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels = [bytearray()]
        for leaf in leaf_hashes:
            self.append(leaf)

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return len(self._levels[0]) // HASH

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash at index `size`."""
        if len(leaf) != HASH:
            raise InvalidInput("a leaf hash has 32 bytes", reason="bad_leaf")
        index, level, digest = self.size, 0, leaf
        self._levels[0] += digest
        while index & 1:
            left = self._levels[level][-2 * HASH : -HASH]
            digest = sha256(b"\x01" + left + digest).digest()
            index >>= 1
            level += 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += digest

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index`."""
        self._require(0 <= index < self.size)
        return self._complete(0, index)

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves; over all of them without `size`.

        Raises:
            InvalidInput: the tree is smaller.
        """
        count = self.size if size is None else size
        self._require(0 <= count <= self.size)
        return self._range(0, count)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """The audit path of leaf `index` in the tree of `size`, from the leaf upwards.

        Raises:
            InvalidInput: no such leaf in a tree of that size, or the tree is smaller.
        """
        self._require(0 <= index < size <= self.size)
        path: list[bytes] = []
        start, count = 0, size
        while count > 1:
            half = _split(count)
            if index - start < half:
                path.append(self._range(start + half, count - half))
                count = half
            else:
                path.append(self._range(start, half))
                start, count = start + half, count - half
        return path[::-1]

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """What shows that the tree of size `old` is a prefix of the one of size `new`.

        Raises:
            InvalidInput: not 0 < old <= new <= size. The empty tree is a prefix of all; that needs no proof.
        """
        self._require(0 < old <= new <= self.size)
        path: list[bytes] = []
        start, count = 0, new
        while start + count != old:
            half = _split(count)
            if old - start <= half:
                path.append(self._range(start + half, count - half))
                count = half
            else:
                path.append(self._range(start, half))
                start, count = start + half, count - half
        if start > 0:
            path.append(self._range(start, count))
        return path[::-1]

    def _complete(self, level: int, index: int) -> bytes:
        return bytes(self._levels[level][index * HASH : (index + 1) * HASH])

    def _range(self, start: int, count: int) -> bytes:
        """The root over `count` leaves from `start`, a multiple of every power of 2 up to `count`."""
        peaks = []
        while count:
            level = count.bit_length() - 1
            peaks.append(self._complete(level, start >> level))
            start += 1 << level
            count -= 1 << level
        return _fold(peaks)

    def _require(self, holds: bool) -> None:
        if not holds:
            raise InvalidInput("no such leaf, or no such tree size", reason="out_of_tree")


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over a stream of leaf hashes, in memory for the logarithm of their number."""
    peaks: list[bytes] = []
    for index, leaf in enumerate(leaf_hashes):
        digest, rest = leaf, index
        while rest & 1:
            digest = sha256(b"\x01" + peaks.pop() + digest).digest()
            rest >>= 1
        peaks.append(digest)
    return _fold(peaks)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Leaf hash `leaf` is at `index` in the tree of `size` whose root is `root`.

    Raises:
        ProofInvalid: `proof` does not show that.
    """
    if not 0 <= index < size:
        raise ProofInvalid("the proof is for an index outside the tree", reason="inclusion")
    position, last, digest = index, size - 1, leaf
    for step in proof:
        if last == 0 or len(step) != HASH:
            raise ProofInvalid("the inclusion proof has a wrong length", reason="inclusion")
        if position & 1 or position == last:
            digest = node_hash(step, digest)
            position, last = _skip(position, last)
        else:
            digest = node_hash(digest, step)
        position, last = position >> 1, last >> 1
    if last or digest != root:
        raise ProofInvalid("the inclusion proof does not lead to the root", reason="inclusion")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """The tree of `old_size` with `old_root` is a prefix of the one of `new_size` with `new_root`.

    Raises:
        ProofInvalid: `proof` does not show that, or `old_size` is 0 (then there is nothing to prove).
    """
    if not 0 < old_size <= new_size:
        raise ProofInvalid("the proof is for sizes that cannot follow each other", reason="consistency")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofInvalid("two different trees claim the same size", reason="consistency")
        return
    steps = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not steps or any(len(step) != HASH for step in steps):
        raise ProofInvalid("the consistency proof has a wrong length", reason="consistency")
    shared = (old_size & -old_size).bit_length() - 1
    position, last = (old_size - 1) >> shared, (new_size - 1) >> shared
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofInvalid("the consistency proof has a wrong length", reason="consistency")
        if position & 1 or position == last:
            old, new = node_hash(step, old), node_hash(step, new)
            position, last = _skip(position, last)
        else:
            new = node_hash(new, step)
        position, last = position >> 1, last >> 1
    if last or old != old_root or new != new_root:
        raise ProofInvalid("the consistency proof does not lead to both roots", reason="consistency")


def _fold(peaks: list[bytes]) -> bytes:
    """The root over complete subtrees of falling size."""
    if not peaks:
        return EMPTY
    digest = peaks[-1]
    for peak in reversed(peaks[:-1]):
        digest = node_hash(peak, digest)
    return digest


def _skip(position: int, last: int) -> tuple[int, int]:
    """Past the levels where a last node has no right neighbour and is its own parent."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _split(count: int) -> int:
    """The largest power of 2 below `count`."""
    return 1 << ((count - 1).bit_length() - 1)

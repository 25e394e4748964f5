"""TREE and ANCHOR: the leaves that were shown give the root that was signed, and every root on chain."""

from collections.abc import Iterable, Sequence

from ledger.audit.ground import Ground
from ledger.audit.report import Step
from ledger.canonical import hexed
from ledger.chain.events import Anchored
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import EMPTY, HASH, node_hash


class Growth:
    """The tree while its leaves come by: the root at each size of interest, in memory for the logarithm."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self._wanted = frozenset(sizes)
        self._peaks: list[bytes] = []
        self._size = 0
        self._broken = False
        self._roots = {0: EMPTY} if 0 in self._wanted else {}

    @property
    def size(self) -> int:
        """How many leaves came before the first one that was missing."""
        return self._size

    def add(self, leaf: bytes) -> None:
        """The next leaf hash; one of another length ends the tree."""
        if len(leaf) != HASH:
            self.end()
        if self._broken:
            return
        carry, rest = leaf, self._size
        while rest & 1:
            carry, rest = node_hash(self._peaks.pop(), carry), rest >> 1
        self._peaks.append(carry)
        self._size += 1
        if self._size in self._wanted:
            self._roots[self._size] = self._root()

    def end(self) -> None:
        """A leaf is missing: no larger tree can be known."""
        self._broken = True

    def root(self, size: int) -> bytes | None:
        """The root at a size of interest; None if the leaves up to there did not come."""
        return self._roots.get(size)

    def _root(self) -> bytes:
        digest = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            digest = node_hash(peak, digest)
        return digest


def check_tree(ground: Ground, checkpoint: Checkpoint, growth: Growth) -> None:
    """TREE: the root over all leaves that were shown is the signed one."""
    ground.tally.checked(Step.TREE, growth.size)
    found = growth.root(checkpoint.size)
    if found is None:
        ground.tally.could_not(Step.TREE, "a leaf before it is missing", checkpoint.size - growth.size)
    ground.tally.require(
        found == checkpoint.root,
        Step.TREE,
        None,
        expected=f"root {hexed(checkpoint.root)} over {checkpoint.size} entries",
        found=f"{growth.size} leaves" if found is None else f"root {hexed(found)}",
        meaning="This is not the log that was signed: an entry was changed, added, dropped or moved.",
    )


def check_anchors(
    ground: Ground, checkpoint: Checkpoint, anchors: Sequence[Anchored], growth: Growth
) -> None:
    """ANCHOR: every anchor is a root of this tree; of a larger one, only if this is a saved copy."""
    for anchor in anchors:
        ground.tally.checked(Step.ANCHOR)
        found = growth.root(anchor.new_size)
        if anchor.new_size > checkpoint.size and ground.saved:
            ground.tally.could_not(Step.ANCHOR, "anchored after this copy was saved")
        elif anchor.new_size > checkpoint.size:
            ground.tally.find(
                Step.ANCHOR,
                None,
                expected=f"a log of at least {anchor.new_size} entries, as anchored in block {anchor.number}",
                found=f"{checkpoint.size} entries",
                meaning="Entries were taken off the end, or an older copy of the log is shown.",
            )
        elif found is None:
            ground.tally.could_not(Step.ANCHOR, "a leaf below the anchored size is missing")
        else:
            ground.tally.require(
                found == anchor.root,
                Step.ANCHOR,
                None,
                expected=f"root {hexed(anchor.root)} at size {anchor.new_size}, as in block {anchor.number}",
                found=f"root {hexed(found)}",
                meaning="This is another history than the one that was anchored.",
            )

"""COMPLETE, second half: every receipt that the auditor was handed is for an entry of this very log."""

from collections.abc import Sequence

from ledger.audit.ground import Ground
from ledger.audit.report import Step
from ledger.audit.trees import Growth
from ledger.canonical import hexed
from ledger.errors import LedgerError
from ledger.log.checkpoint import Checkpoint, open_note
from ledger.log.receipt import Receipt, verify

_STEP = Step.COMPLETE


class Receipts:
    """Receipts that hold in themselves, waiting for their entries to come by."""

    def __init__(self, ground: Ground, receipts: Sequence[Receipt], verifier: str) -> None:
        self._tally = ground.tally
        self._held: list[tuple[Receipt, Checkpoint]] = []
        self._leaves: dict[int, bytes] = {}
        for receipt in receipts:
            self._tally.checked(_STEP)
            try:
                verify(receipt, verifier)
                self._held.append((receipt, open_note(receipt.checkpoint, verifier)))
            except LedgerError as exc:
                self._tally.find(
                    _STEP,
                    receipt.index,
                    expected="a receipt under this log's key",
                    found=f"{exc.message} ({exc.reason})",
                    meaning="The receipt proves nothing about this log.",
                )
        self._wanted = {receipt.index for receipt, _ in self._held}

    @property
    def sizes(self) -> set[int]:
        """The sizes at which the tree's root is wanted."""
        return {checkpoint.size for _, checkpoint in self._held}

    def pass_by(self, index: int, leaf: bytes) -> None:
        """An entry as it was shown."""
        if index in self._wanted:
            self._leaves[index] = leaf

    def settle(self, size: int, growth: Growth) -> None:
        """After the last entry: compare each receipt's leaf, and the root that it was given under."""
        for receipt, checkpoint in self._held:
            if checkpoint.size > size:
                self._find(receipt, f"a log of {checkpoint.size} entries", f"{size}")
                continue
            leaf = self._leaves.get(receipt.index)
            if leaf != receipt.leaf():
                found = "nothing" if leaf is None else f"leaf {hexed(leaf)}"
                self._find(receipt, f"leaf {hexed(receipt.leaf())}", found)
                continue
            root = growth.root(checkpoint.size)
            if root is None:
                self._tally.could_not(_STEP, "a leaf below the size of the receipt's checkpoint is missing")
            elif root != checkpoint.root:
                self._find(receipt, f"root {hexed(checkpoint.root)} at size {checkpoint.size}", hexed(root))

    def _find(self, receipt: Receipt, expected: str, found: str) -> None:
        self._tally.find(
            _STEP,
            receipt.index,
            expected=f"{expected}, as the receipt shows",
            found=found,
            meaning="The gateway signed for another log than it shows: it was rewritten, cut off or forked.",
        )

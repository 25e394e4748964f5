"""FINAL: what may still change is said. Nothing here is a failure."""

from collections.abc import Mapping, Sequence

from ledger.audit.ground import Ground
from ledger.audit.report import Step
from ledger.chain.events import Anchored

_STEP = Step.FINAL


def say(ground: Ground, size: int, anchors: Sequence[Anchored], relied: Mapping[str, int]) -> None:
    """Count the entries under a final anchor, and say what is not final yet.

    Args:
        ground: the audit.
        size: of the log.
        anchors: of the log.
        relied: the block in which each consent that a permit rests on was recorded.
    """
    tally, final = ground.tally, ground.chain.finalized
    last = -1 if final is None else final.number
    anchored = min(size, max((anchor.new_size for anchor in anchors), default=0))
    settled = [anchor.new_size for anchor in anchors if anchor.number <= last]
    covered = min(size, max(settled, default=0))
    tally.checked(_STEP, covered)
    tally.could_not(_STEP, "anchored in a block that is not final yet", anchored - covered)
    tally.could_not(_STEP, "not anchored yet", size - anchored)
    waiting = sum(number > last for number in relied.values())
    if waiting:
        tally.note(f"Consents that permits rest on and whose recording is not final yet: {waiting}.")

"""What comes with a permit: how the recipient must treat the records (v3-ActCode policies)."""

from ledger.consent.codes import SENSITIVITIES
from ledger.policy.bits import members, union
from ledger.policy.index import RecordIndex
from ledger.policy.model import Obligation

_COVERED = SENSITIVITIES.covered(("ETH", "SUD"))
_KEEP_LABELS = "Keep the sensitivity labels with these records."
_NO_REDISCLOSURE = "Do not pass these records on without a further consent of the patient."
# The short form of the notice that 42 CFR 2.32(a)(2) prescribes word for word.
_PART_2 = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."


def obligations(index: RecordIndex, permitted: int) -> tuple[Obligation, ...]:
    """The obligations for the set of permitted records, in a fixed order."""
    labelled = permitted & index.labelled
    if not labelled:
        return ()
    substance_use = labelled & union(found for label, found in index.labels.items() if label in _COVERED)
    rows = (
        ("keep-labels", "label", "PERSISTLABEL", _KEEP_LABELS, labelled),
        ("no-redisclosure", "refrain", "NORDSCLCD", _NO_REDISCLOSURE, substance_use),
        ("part2-notice", "notice", "42CFRPart2", _PART_2, substance_use),
    )
    return tuple(
        Obligation(
            id=name,
            type=kind,
            code=code,
            text=text,
            records=members(concerned, index.ids),
            labels=tuple(sorted(label for label, found in index.labels.items() if found & concerned)),
        )
        for name, kind, code, text, concerned in rows
        if concerned
    )

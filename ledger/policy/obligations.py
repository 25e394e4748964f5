"""What comes with a permit: how the recipient must treat the records (v3-ActCode policies)."""

from collections.abc import Sequence

from ledger.consent.codes import SENSITIVITIES
from ledger.policy.model import Obligation, RecordFacts

_SUBSTANCE_USE = ("ETH", "SUD")
_KEEP_LABELS = "Keep the sensitivity labels with these records."
_NO_REDISCLOSURE = "Do not pass these records on without a further consent of the patient."
# The short form of the notice that 42 CFR 2.32(a)(2) prescribes word for word.
_PART_2 = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."


def obligations(permitted: Sequence[RecordFacts]) -> tuple[Obligation, ...]:
    """The obligations for the permitted records, in a fixed order."""
    labelled = [record for record in permitted if record.labels]
    substance_use = [record for record in labelled if any(map(_is_substance_use, record.labels))]
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
            records=tuple(record.id for record in concerned),
            labels=tuple(sorted({label for record in concerned for label in record.labels})),
        )
        for name, kind, code, text, concerned in rows
        if concerned
    )


def _is_substance_use(label: str) -> bool:
    return any(SENSITIVITIES.is_a(label, ancestor) for ancestor in _SUBSTANCE_USE)

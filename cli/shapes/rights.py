"""Answers about what a patient takes away."""

from cli.shapes.base import Part, Shape


class UnopenedPart(Part, frozen=True, kw_only=True):
    """A record whose content is not in the export, and why."""

    record: str
    reason: str


class PatientExported(Shape, frozen=True, kw_only=True):
    """What is in the folder of an export: ``files`` files, with sums in SHA256SUMS.

    ``opened`` records are there in plain; ``entries`` of the log, each with its proof.
    """

    patient: str
    folder: str
    files: int
    consents: int
    records: int
    opened: int
    unopened: list[UnopenedPart]
    entries: int

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


class PatientMovePlanned(Shape, frozen=True, kw_only=True):
    """What a move to the gateway ``to`` would bring there; nothing was done."""

    patient: str
    gateway: str
    to: str
    records: int
    consents: int


class PatientMoved(Shape, frozen=True, kw_only=True):
    """A patient is at ``gateway`` now; ``left`` is where they were, whose log says so at ``log_index``.

    ``unopened`` records do not open and stayed behind; so did ``lapsed`` consents, in which somebody is
    named who is no provider any more.
    """

    patient: str
    left: str
    gateway: str
    records: int
    unopened: list[UnopenedPart]
    consents: list[str]
    lapsed: list[str]
    log_index: int

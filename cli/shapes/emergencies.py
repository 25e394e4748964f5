"""Answers about emergencies."""

from cli.shapes.base import Part, Shape
from cli.shapes.consents import PersonPart


class ReviewPart(Part, frozen=True, kw_only=True):
    """What the patient or an auditor found: ``justified`` or ``unjustified``."""

    reviewer: PersonPart
    finding: str
    time: int
    log_index: int
    note: str | None = None


class EmergencyPart(Part, frozen=True, kw_only=True):
    """An emergency that a provider declared; times in Unix milliseconds.

    ``state`` is ``unreviewed``, ``overdue``, ``justified`` or ``unjustified``. A list for an auditor has
    neither ``patient`` nor ``reason``.
    """

    emergency: str
    state: str
    provider: PersonPart
    patient: PersonPart | None = None
    purpose: str
    reason: str | None = None
    declared: int
    until: int
    due: int
    log_index: int
    review: ReviewPart | None = None


class EmergencyList(Shape, frozen=True, kw_only=True):
    """Emergencies of this patient, or that this provider declared; all for an auditor."""

    role: str
    emergencies: list[EmergencyPart]


class EmergencyShown(Shape, frozen=True, kw_only=True):
    """One emergency in full."""

    emergency: EmergencyPart


class EmergencyReviewed(Shape, frozen=True, kw_only=True):
    """An emergency, and what this patient or auditor has found of it."""

    emergency: str
    finding: str
    log_index: int

"""Answers about what is new, and what waits for somebody."""

from cli.shapes.base import Part, Shape
from cli.shapes.consents import PersonPart


class InboxPart(Part, frozen=True, kw_only=True):
    """One thing: ``does`` is ``answer``, ``open`` or ``news``; times in Unix milliseconds.

    ``about`` is the id of a request, a consent or an emergency, as ``kind`` says before its point. ``at`` is
    when it happened or began, ``by`` when what waits ends. ``renews`` is the consent that a request asks to
    prolong.
    """

    kind: str
    does: str
    about: str
    at: int
    by: int | None = None
    patient: PersonPart | None = None
    providers: list[PersonPart]
    renews: str | None = None


class InboxShown(Shape, frozen=True, kw_only=True):
    """What waits, and what happened; ``answer``, ``open`` and ``news`` say how many of each."""

    role: str
    answer: int
    open: int
    news: int
    items: list[InboxPart]

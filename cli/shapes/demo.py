"""The demo as data."""

from typing import Any

from cli.shapes.base import Part, Shape


class CommandPart(Part, frozen=True, kw_only=True):
    """One command as it would be typed, how it ended, and its answer as ``--json`` has it."""

    command: str
    exit_code: int
    output: dict[str, Any] | None = None


class StepOfStory(Part, frozen=True, kw_only=True):
    """One step of the story: its commands, and the facts that were checked."""

    number: int
    title: str
    commands: list[CommandPart]
    facts: list[str]


class DemoReport(Shape, frozen=True, kw_only=True):
    """The whole story. ``failure`` says which fact did not hold; the story ends there."""

    ok: bool
    bundle: str
    seconds: float
    commands: int
    facts: int
    steps: list[StepOfStory]
    failure: str | None = None

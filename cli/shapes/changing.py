"""Answers about a change of keys."""

from cli.shapes.base import Shape
from cli.shapes.rights import UnopenedPart


class KeyChangeBegun(Shape, frozen=True, kw_only=True):
    """New words are made; ``change`` is the text for a provider who meets the patient."""

    old: str
    new: str
    change: str


class PersonIdentified(Shape, frozen=True, kw_only=True):
    """A provider has said who the patient is; ``change`` is the text that goes to the gateway."""

    old: str
    new: str
    witness: str
    change: str


class KeyChangePlanned(Shape, frozen=True, kw_only=True):
    """What a change of keys would do; ``statements`` are the texts that are signed anew."""

    old: str
    new: str
    witness: str
    records: int
    statements: list[str]


class KeysChanged(Shape, frozen=True, kw_only=True):
    """The old account is given up. ``lost`` records did not open; ``unshared`` texts were not signed anew."""

    old: str
    new: str
    log_index: int
    records: int
    lost: list[UnopenedPart]
    consents: int
    unshared: list[str]

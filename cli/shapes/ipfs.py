"""Answers about IPFS nodes."""

from cli.shapes.base import Part, Shape


class IpfsFinding(Part, frozen=True, kw_only=True):
    """A setting of a node that is not as the private profile has it, and the command that makes it so."""

    setting: str
    found: str
    why: str
    command: str
    exposed: bool


class IpfsChecked(Shape, frozen=True, kw_only=True):
    """A node that answers: what it keeps, and what its settings expose. `ok`: nothing."""

    ok: bool
    url: str
    version: str
    pins: int
    size: int
    findings: list[IpfsFinding]


class IpfsCommand(Part, frozen=True, kw_only=True):
    """One command of the private profile, and what it ends."""

    command: str
    why: str


class IpfsProfile(Shape, frozen=True, kw_only=True):
    """The commands of the private profile, in order."""

    commands: list[IpfsCommand]

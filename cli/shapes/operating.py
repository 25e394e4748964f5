"""Answers for whoever runs a gateway."""

from cli.shapes.base import Part, Shape
from cli.shapes.people import SettingPart


class GatewaySettingsShown(Shape, frozen=True, kw_only=True):
    """A gateway's settings, all of which can be used, and the file that some come from."""

    settings: list[SettingPart]
    file: str | None = None


class GatewaySettingsExample(Shape, frozen=True, kw_only=True):
    """A settings file with every setting explained."""

    text: str


class BackupPart(Part, frozen=True, kw_only=True):
    """One directory that was written."""

    directory: str
    bytes: int


class GatewayBackedUp(Shape, frozen=True, kw_only=True):
    """A backup; ``made`` in Unix milliseconds, ``log_size`` entries. ``keys`` was written only if named."""

    made: int
    log_size: int
    database: BackupPart
    keys: BackupPart | None = None


class GatewayRestored(Shape, frozen=True, kw_only=True):
    """A backup that was put back, for good or as a drill.

    ``ok``: a gateway would go on with it, and no record that was looked for is missing. ``anchored`` entries
    are covered by the chain's last anchor, absent if no node could say; ``refused`` is why a gateway would
    not go on.
    """

    ok: bool
    drill: bool
    made: int
    log_size: int
    erased: int
    records: int
    missing: int
    anchored: int | None = None
    refused: str | None = None

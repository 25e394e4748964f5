"""What `consent gateway` does for whoever runs one: settings, backups, drills."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cli.session import now
from cli.shapes.operating import BackupPart, GatewayBackedUp, GatewayRestored, GatewaySettingsShown
from cli.shapes.people import SettingPart

if TYPE_CHECKING:
    from api.gathering import Gathered
    from api.restoring import Restored
    from api.settings import GatewaySettings


def shown(found: "Gathered") -> GatewaySettingsShown:
    """The settings in force, without what could be a secret."""
    from api.settingstext import in_force

    return GatewaySettingsShown(
        settings=[
            SettingPart(key=name, value=value, origin=found.origins[name])
            for name, value in in_force(found.settings).items()
        ],
        file=None if found.file is None else str(found.file),
    )


def back_up(settings: "GatewaySettings", directory: Path, keys_directory: Path | None) -> GatewayBackedUp:
    """Back up a gateway, whether it runs or not.

    Raises:
        NotFound: the state directory has no keys.
        InvalidInput: one directory is in the other, or in the state directory.
        ProofInvalid: the database does not hold the log that was signed for.
        StoreUnavailable: a directory is there already or cannot be written, or the database cannot be read.
        ToolMissing: the database is PostgreSQL, and ``pg_dump`` is not there.
    """
    from ledger.chain.deployment import read
    from ledger.service import backups
    from ledger.service.keys import GatewayKeys

    if keys_directory is not None:
        backups.require_apart(directory, keys_directory)
    keys, made = GatewayKeys.load(settings.state / "keys"), int(now().timestamp() * 1000)
    manifest = backups.copy_database(settings.database, keys, read(settings.deployment), directory, made=made)
    backups.note(settings.state, manifest)
    kept = None
    if keys_directory is not None:
        sealed = backups.copy_keys(settings.state, keys, keys_directory, made=made)
        backups.note(settings.state, sealed)
        kept = BackupPart(directory=str(keys_directory), bytes=_size(sealed.files))
    return GatewayBackedUp(
        made=made,
        log_size=manifest.log["size"],
        database=BackupPart(directory=str(directory), bytes=_size(manifest.files)),
        keys=kept,
    )


def restored(found: "Restored", *, drill: bool) -> GatewayRestored:
    """What holds of a backup that was put back."""
    return GatewayRestored(
        ok=not found.refused and not found.missing,
        drill=drill,
        made=found.made,
        log_size=found.size,
        erased=found.erased,
        records=found.records,
        missing=found.missing,
        anchored=found.anchored,
        refused=found.refused or None,
    )


def _size(files: Mapping[str, tuple[str, int]]) -> int:
    return sum(size for _, size in files.values())

"""Putting a backup back, and looking at it as the gateway will before it serves.

Nothing is served and nothing is sent. What the gateway does at its start is done here already, so that an
operator hears of it now: the tables are brought to this version, the log is compared with what the backup was
sealed with, patients who were erased are erased again, and the chain is asked for its anchor.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select

from api.settings import GatewaySettings
from api.wiring import open_gateway
from ledger.canonical import hexed, parse_object
from ledger.chain.deployment import Deployment
from ledger.errors import EnvironmentFault, LedgerError, ProofInvalid
from ledger.ids import Cid
from ledger.service import backups, erasure
from ledger.service.anchoring import check_against_chain, latest_anchor
from ledger.service.backups import Manifest
from ledger.service.gateway import Gateway
from ledger.service.keys import GatewayKeys
from ledger.store import copies
from ledger.store.tables import records

SAMPLE = 200
"""Records of which a block is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A backup put back; ``made`` in Unix milliseconds.

    ``erased`` patients were erased again, or were already. ``anchored`` is how many entries the chain's last
    anchor covers, None if the chain cannot be asked; ``refused`` says why the gateway would not go on with
    this log, empty if it would. Of ``records`` that were looked for, ``missing`` are in no block store.
    """

    made: int
    size: int
    erased: int
    anchored: int | None
    refused: str
    records: int
    missing: int


def restore(settings: GatewaySettings, directory: Path, keys_directory: Path | None) -> Restored:
    """Put a database back, and with `keys_directory` the keys too, where there are none.

    Raises:
        Conflict: there is a database, or there are keys, already; nothing was changed.
        ProofInvalid: the backup was changed; nothing of it was put back.
        NotFound: there is no backup, or without `keys_directory` no keys in the state directory.
        InvalidInput: it is a backup of another kind of database.
        StoreUnavailable: what was put back cannot be used; see the reason.
    """
    deployment = Deployment.from_json(parse_object(settings.deployment.read_bytes()))
    place = settings.state / "keys" if keys_directory is None else keys_directory / "keys"
    manifest = backups.verified(directory, GatewayKeys.load(place))
    backups.require_fits(manifest, settings.database, deployment)
    copies.require_empty(settings.database)
    if keys_directory is not None:
        backups.put_keys_back(keys_directory, settings.state)
    copies.put_back(directory / backups.DATABASE, settings.database)
    return _looked_at(settings, manifest)


def drill(
    settings: GatewaySettings, directory: Path, keys_directory: Path, *, database_url: str | None = None
) -> Restored:
    """Restore into a scratch directory that is gone afterwards; see `restore`.

    A backup of PostgreSQL needs an empty database, by its URL; what is in it afterwards, the caller drops.
    """
    with TemporaryDirectory(prefix="consent-drill-") as scratch:
        there = {"state": Path(scratch) / "state", "blocks": settings.block_places}
        (Path(scratch) / "state").mkdir(mode=0o700)
        return restore(
            settings.model_copy(update={**there, "database_url": database_url or ""}),
            directory,
            keys_directory,
        )


def _looked_at(settings: GatewaySettings, manifest: Manifest) -> Restored:
    opened = open_gateway(settings, origin=settings.public_url or f"http://{settings.host}:{settings.port}")
    with closing(opened):
        gateway = opened.gateway
        size, root = manifest.log["size"], manifest.log["root"]
        if gateway.journal.size != size or hexed(gateway.journal.root(size)) != root:
            raise ProofInvalid(
                "the log that was put back is not the one that was backed up", reason="backup_altered"
            )
        erased = erasure.replay(gateway)
        anchored, refused = _compared(gateway)
        looked_for, missing = _missing(gateway)
        return Restored(
            made=manifest.made,
            size=size,
            erased=erased,
            anchored=anchored,
            refused=refused,
            records=looked_for,
            missing=missing,
        )


def _compared(gateway: Gateway) -> tuple[int | None, str]:
    """What the chain's newest anchor covers, and why it does not fit."""
    if gateway.journal.damage is not None:
        return None, "log_damaged"
    try:
        gateway.relayer.require_chain()
        gateway.follower.catch_up()
        latest = latest_anchor(gateway)
    except EnvironmentFault:
        return None, ""
    covered = 0 if latest is None else latest.new_size
    try:
        check_against_chain(gateway)
    except ProofInvalid as exc:
        return covered, exc.reason
    return covered, ""


def _missing(gateway: Gateway) -> tuple[int, int]:
    """How many records were looked for, and how many of them no store has."""
    with gateway.db.read() as connection:
        roots = connection.execute(select(records.c.root).order_by(func.random()).limit(SAMPLE)).scalars()
        wanted = [Cid(root) for root in roots]
    return len(wanted), sum(not _has(gateway, root) for root in wanted)


def _has(gateway: Gateway, root: Cid) -> bool:
    try:
        return gateway.blocks.has(root)
    except LedgerError:
        return False

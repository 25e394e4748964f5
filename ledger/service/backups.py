"""Backups of a gateway, in two directories that never lie together: the database, and its keys.

::

    <database>/manifest.json    {"contracts":{…},"files":{"database":{"sha256":"…","size":…}},
                                 "format":"consent-ledger/backup/1","holds":"sqlite","log":{"root":"0x…",
                                 "size":42,"origin":"…"},"made":1792000000000,"version":"0.1.0"}
    <database>/seal             HMAC-SHA256 over the manifest's bytes, by a key that data.key gives
    <database>/database         a copy of the file of SQLite, or what pg_dump wrote
    <keys>/manifest.json, seal  the same, with "holds":"keys"
    <keys>/keys/                the secret files of `ledger.service.keys`
    <keys>/datakeys/            the patients' data keys, and the tombstones of those who were erased

Who has the one without the other reads nothing. The database is copied first, the tombstones last: a patient
who joins in between has a key too many, one who is erased in between has a tombstone, and is erased again
before anything is served. Blocks are not in it: they never change, and any tool copies them.

The seal shows that nobody without the keys has made or changed a backup. Whether it is the newest it does not
show; for that the chain's anchor is compared (`ledger.service.anchoring.check_against_chain`).
"""

import hmac
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger import __version__, durable
from ledger.canonical import canonical, hexed, parse_object
from ledger.chain.deployment import Deployment
from ledger.errors import Conflict, InvalidInput, LedgerError, NotFound, ProofInvalid, StoreUnavailable
from ledger.log.checkpoint import LogKey, origin_of
from ledger.log.mirror import Mirror
from ledger.service.keys import GatewayKeys
from ledger.store import copies
from ledger.store.log import LogStore
from ledger.store.vault import MemoryDataKeys, Vault

FORMAT = "consent-ledger/backup/1"
KEYS = "keys"
MANIFEST, SEAL, DATABASE = "manifest.json", "seal", "database"
KEPT = ("keys", "datakeys")
"""What of a state directory is secret."""
GRAVES = "datakeys/erased"
TOLD = "backups.json"
"""Where a state directory remembers when it was last backed up."""

_ALTERED = "Take another backup; show this one to whoever guards them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds: ``sqlite``, ``postgresql`` or ``keys``; `made` in Unix milliseconds.

    `files` maps names to SHA-256 in hex and size. A database's has its `log` (origin, size, root) and the
    `contracts` that it was of; of keys both are empty.
    """

    holds: str
    made: int
    files: Mapping[str, tuple[str, int]]
    log: Mapping[str, Any]
    contracts: Mapping[str, Any]
    version: str = __version__

    def encode(self) -> bytes:
        """Canonical JSON."""
        files = {name: {"sha256": digest, "size": size} for name, (digest, size) in self.files.items()}
        return canonical(
            {
                "format": FORMAT,
                "holds": self.holds,
                "made": self.made,
                "files": files,
                "log": dict(self.log),
                "contracts": dict(self.contracts),
                "version": self.version,
            }
        )

    @classmethod
    def decode(cls, raw: bytes) -> "Manifest":
        """The inverse of `encode`; ProofInvalid (``backup_altered``) for anything else."""
        try:
            members = parse_object(raw)
            found = cls(
                holds=members["holds"],
                made=members["made"],
                files={name: (one["sha256"], one["size"]) for name, one in members["files"].items()},
                log=members["log"],
                contracts=members["contracts"],
                version=members["version"],
            )
            same = found.encode() == raw
        except (LedgerError, KeyError, TypeError, AttributeError) as exc:
            raise _altered("its manifest cannot be read") from exc
        if not same:
            raise _altered("its manifest is not of this version")
        return found


def copy_database(
    url: str, keys: GatewayKeys, deployment: Deployment, directory: Path, *, made: int
) -> Manifest:
    """Back up a database that may be in use, into a new directory.

    Raises:
        ProofInvalid: the database does not hold the log that was signed for; nothing is kept.
        StoreUnavailable: it cannot be read, or the directory cannot be written or is there already.
        ToolMissing: it is PostgreSQL, and there is no ``pg_dump``.
    """
    key = LogKey(origin_of(deployment.chain_id, deployment.anchor, keys.relayer.address), keys.log_seed)
    mirror = Mirror(LogStore(Vault(MemoryDataKeys(), keys.log_data_key)), key)
    with durable.appearing_directory(directory) as growing:
        with copies.copied(url, growing / DATABASE) as connection:
            mirror.load(connection)
        if mirror.damage is not None:
            raise ProofInvalid(mirror.damage, reason="log_damaged", fix="Do not overwrite older backups.")
        manifest = Manifest(
            holds=copies.kind_of(url),
            made=made,
            files=_measured(growing),
            log={"origin": key.origin, "size": mirror.size, "root": hexed(mirror.root(None))},
            contracts=deployment.to_json(),
        )
        _sign(growing, manifest, keys)
    return manifest


def copy_keys(state: Path, keys: GatewayKeys, directory: Path, *, made: int) -> Manifest:
    """Back up the secret files and the data key store of a state directory, into a new directory.

    Raises:
        StoreUnavailable: they cannot be read, or the directory cannot be written or is there already.
    """
    with durable.appearing_directory(directory) as growing:
        for name in (*KEPT, GRAVES):
            for path in sorted((state / name).glob("*")):
                if path.is_file() and not path.name.endswith(".part"):
                    with suppress(FileNotFoundError):  # a patient was erased just now
                        _copy(path, growing / name / path.name)
        manifest = Manifest(holds=KEYS, made=made, files=_measured(growing), log={}, contracts={})
        _sign(growing, manifest, keys)
    return manifest


def require_apart(directory: Path, keys: Path) -> None:
    """Nothing, if neither directory is in the other; else InvalidInput (``not_apart``)."""
    first, second = directory.resolve(), keys.resolve()
    if first == second or first in second.parents or second in first.parents:
        raise InvalidInput(
            "who has database and keys in one place reads everything",
            reason="not_apart",
            fix="Name a directory elsewhere for the keys, best on another machine's disk.",
        )


def verified(directory: Path, keys: GatewayKeys) -> Manifest:
    """What a backup holds, once every file of it is the one that was sealed.

    Raises:
        NotFound: there is no backup.
        ProofInvalid: a file was changed or is missing, or whoever made it did not have these keys.
    """
    raw, seal = _read(directory / MANIFEST), _read(directory / SEAL)
    if not hmac.compare_digest(seal, _seal(raw, keys)):
        raise _altered("its seal is not by this gateway's keys")
    manifest = Manifest.decode(raw)
    if _measured(directory) != manifest.files:
        raise _altered("its files are not those that were sealed")
    return manifest


def put_keys_back(directory: Path, state: Path) -> GatewayKeys:
    """Put the keys of a backup into a state directory that has none.

    Raises:
        Conflict: there are keys already.
        NotFound: there is no backup of keys.
        ProofInvalid: the backup was changed.
    """
    for name in KEPT:
        if (state / name).exists():
            raise Conflict(
                f"there is {state / name} already, and keys are never overwritten",
                reason="not_empty",
                fix="Leave --keys out to go on with the keys that are there, or move them away.",
            )
    if not (directory / "keys").is_dir():
        raise NotFound("there is no backup of keys", reason="no_backup", fix="Name the directory of --keys.")
    keys = GatewayKeys.load(directory / "keys")
    if verified(directory, keys).holds != KEYS:
        raise _altered("it is no backup of keys")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in KEPT:
        with durable.appearing_directory(state / name) as growing:
            for path in sorted((directory / name).rglob("*")):
                if path.is_file():
                    _copy(path, growing / path.relative_to(directory / name))
    return keys


def require_fits(manifest: Manifest, url: str, deployment: Deployment) -> None:
    """Nothing, if this is a backup of a database of the kind at `url`, of a gateway of these contracts.

    Raises:
        InvalidInput: it is one of another kind (``other_database``).
        Conflict: it is one of other contracts (``other_contracts``).
    """
    if manifest.holds != copies.kind_of(url):
        raise InvalidInput(
            f"this is a backup of {manifest.holds}, and the settings name {copies.kind_of(url)}",
            reason="other_database",
            fix="Name the directory and the database that belong together.",
        )
    if dict(manifest.contracts) != deployment.to_json():
        raise Conflict("this is a backup of a gateway of other contracts", reason="other_contracts")


def note(state: Path, manifest: Manifest) -> None:
    """Remember in the state directory when this was backed up."""
    kind = "keys" if manifest.holds == KEYS else "database"
    with durable.appearing(state / TOLD) as file:
        file.write(canonical({**noted(state), kind: manifest.made}) + b"\n")


def noted(state: Path) -> dict[str, int]:
    """When ``database`` and ``keys`` were last backed up, Unix milliseconds; what never was is not there."""
    try:
        found = parse_object((state / TOLD).read_bytes())
    except (OSError, InvalidInput):
        return {}
    return {name: at for name, at in found.items() if type(at) is int}


def _measured(directory: Path) -> dict[str, tuple[str, int]]:
    """SHA-256 and size of every file but manifest and seal."""
    return {
        str(path.relative_to(directory)): _digest(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path not in (directory / MANIFEST, directory / SEAL)
    }


def _digest(path: Path) -> tuple[str, int]:
    found, size = sha256(), 0
    for piece in _pieces(path):
        found.update(piece)
        size += len(piece)
    return found.hexdigest(), size


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                yield piece
    except OSError as exc:
        raise StoreUnavailable("a file of the backup cannot be read", reason="file_not_read") from exc


def _copy(source: Path, target: Path) -> None:
    """A copy of mode 0600, durable, in a directory that is made."""
    with source.open("rb") as read:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as write:
            shutil.copyfileobj(read, write)
            write.flush()
            os.fsync(write.fileno())


def _sign(directory: Path, manifest: Manifest, keys: GatewayKeys) -> None:
    raw = manifest.encode()
    durable.create(directory / MANIFEST, raw)
    durable.create(directory / SEAL, _seal(raw, keys))


def _seal(raw: bytes, keys: GatewayKeys) -> bytes:
    return hmac.digest(keys.backup_key, raw, "sha256").hex().encode() + b"\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise NotFound("there is no backup, or not the whole of it", reason="no_backup") from exc


def _altered(why: str) -> ProofInvalid:
    return ProofInvalid(f"this backup cannot be relied on: {why}", reason="backup_altered", fix=_ALTERED)

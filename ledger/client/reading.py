"""Opening released records: nothing of a record is given out before the whole of it was verified."""

from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from ledger.client.context import Context
from ledger.client.publications import VerifiedRecord
from ledger.client.releases import Question, VerifiedRelease, released
from ledger.client.wire import Decision
from ledger.errors import CapsuleInvalid, TooLarge
from ledger.ids import Cid
from ledger.records.bundle import extract_resources
from ledger.records.header import RecordHeader
from ledger.records.opening import open_record

MAX_SEGMENT = 256 << 20
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResource:
    """One FHIR resource: the exact bytes that its source had, and their SHA-256 in hex."""

    root: Cid
    full_url: str
    data: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """One file record; ``path`` is where it was put, None if there was nowhere to put it."""

    root: Cid
    header: RecordHeader = field(repr=False)
    path: Path | None
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """What a permit opened. ``waiting`` are permitted records that the patient's client must seal first."""

    decision: Decision
    resources: tuple[ReadResource, ...] = field(repr=False)
    files: tuple[ReadFile, ...] = field(repr=False)
    waiting: tuple[str, ...]
    receipts: tuple[dict[str, Any], ...] = field(repr=False)


def read(context: Context, question: Question, into: Path | None = None) -> ReadReport:
    """Ask, verify, open.

    Args:
        context: the provider's side; its block store is where the ciphertext comes from.
        question: which records, what for.
        into: an existing directory in which file records appear under their own names, each when it is whole
            and verified; a name that is taken gets the end of the record's root.

    Raises:
        AccessDenied: there is no permit.
        BlockMissing, BlockCorrupt, RecordCorrupt, CapsuleInvalid: a record that cannot be had, or is not what
            its patient published; no report is given then, and no part of that record.
        LedgerError: see `releases.released`.
    """
    release = released(context, question)
    resources: list[ReadResource] = []
    files: list[ReadFile] = []
    for record in release.records:
        if record.header.kind == "file":
            files.append(_file(context, release, record, into))
        else:
            resources += _resources(context, release, record)
    return ReadReport(
        decision=release.decision,
        resources=tuple(resources),
        files=tuple(files),
        waiting=release.waiting,
        receipts=release.receipts,
    )


def _resources(context: Context, release: VerifiedRelease, record: VerifiedRecord) -> list[ReadResource]:
    if record.header.size > MAX_SEGMENT:
        raise TooLarge(f"a segment has at most {MAX_SEGMENT} bytes", reason="segment_too_large")
    buffer = BytesIO()
    _open(context, release, record, buffer)
    return [
        ReadResource(root=record.root, full_url=full_url, data=data, sha256=sha256(data).hexdigest())
        for full_url, data in extract_resources(buffer.getvalue())
    ]


def _file(context: Context, release: VerifiedRelease, record: VerifiedRecord, into: Path | None) -> ReadFile:
    if into is None:
        return ReadFile(root=record.root, header=record.header, path=None, sha256=None)
    path = _free(into, record)
    _open(context, release, record, path)
    return ReadFile(root=record.root, header=record.header, path=path, sha256=_digest(path))


def _open(context: Context, release: VerifiedRelease, record: VerifiedRecord, sink: Path | BytesIO) -> None:
    secret = release.secrets.get((record.compartment, record.epoch))
    if secret is None:
        raise CapsuleInvalid("the gateway gave a record without its compartment's key", reason="no_grant")
    open_record(
        record.root,
        record.header,
        record.capsule,
        secret=secret,
        epoch=record.epoch,
        blocks=context.blocks,
        sink=sink,
        streaming=True,  # a path appears only whole in any case, and the buffer is ours until then
    )


def _free(into: Path, record: VerifiedRecord) -> Path:
    """A path that does not exist yet; `header.name` is a plain file name, its header refuses others."""
    name = Path(record.header.name or record.root)
    path = into / name
    return into / f"{name.stem}.{record.root[-12:]}{name.suffix}" if path.exists() else path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        total = sha256()
        while piece := file.read(_PIECE):
            total.update(piece)
    return total.hexdigest()

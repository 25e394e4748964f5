"""Opening released records: nothing of a record is given out before the whole of it was verified.

A release holds as a whole, or not at all. A record of it that does not open is a fault of its own: a writer's
bad record keeps nobody from the others.
"""

import os
import re
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Any

import msgspec

from ledger.client.context import Context
from ledger.client.publications import VerifiedRecord
from ledger.client.releases import Declared, Question, VerifiedRelease, released
from ledger.client.wire import Decision
from ledger.errors import (
    BlockMissing,
    CapsuleInvalid,
    EvidenceError,
    InvalidInput,
    LedgerError,
    RecordCorrupt,
    StoreUnavailable,
    TooLarge,
)
from ledger.ids import Cid, Did
from ledger.records import fileset
from ledger.records.bundle import extract_resources
from ledger.records.header import RecordHeader
from ledger.records.opening import open_file_set, open_record

MAX_SEGMENT = 256 << 20
_PIECE = 1 << 20
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{0,63}")
_FAULTS = (EvidenceError, InvalidInput, TooLarge, BlockMissing, StoreUnavailable)
"""What may be wrong with one record alone."""


class _Typed(msgspec.Struct, rename={"resource_type": "resourceType"}):
    resource_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResource:
    """One FHIR resource: the exact bytes that its source had, and their SHA-256 in hex."""

    root: Cid
    full_url: str
    type: str
    data: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """One file of a record; ``path`` is where it was put, None if there was nowhere to put it.

    A set of files gives one for each, all in one ``folder``; or one for all without a place.
    """

    root: Cid
    header: RecordHeader = field(repr=False)
    path: Path | None
    sha256: str | None
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFault:
    """A permitted record of which nothing is given, and why.

    The error is an `EnvironmentFault` if the record could not be had or saved; else the record is at fault.
    """

    root: Cid
    writer: Did
    error: LedgerError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """What a permit opened: ``records``, whose contents are ``resources`` and ``files``.

    ``faults`` are permitted records that did not open, ``waiting`` those that the patient's client must seal
    first, ``unchecked`` those whose writers cannot be told in an emergency without a chain.
    """

    decision: Decision
    records: tuple[VerifiedRecord, ...] = field(repr=False)
    resources: tuple[ReadResource, ...] = field(repr=False)
    files: tuple[ReadFile, ...] = field(repr=False)
    faults: tuple[ReadFault, ...]
    waiting: tuple[str, ...]
    unchecked: tuple[str, ...]
    receipts: tuple[dict[str, Any], ...] = field(repr=False)


def read(
    context: Context, question: Question, into: Path | None = None, declared: Declared | None = None
) -> ReadReport:
    """Ask, verify, open.

    Args:
        context: the provider's side; its block store is where the ciphertext comes from.
        question: which records, what for.
        into: an existing directory in which file records appear under their own names, each when it is whole
            and verified, and those of a set in a directory of their own; a name that is taken gets the end
            of the record's root.
        declared: the emergency in which it is, if it is one.

    Raises:
        AccessDenied: there is no permit.
        CapsuleInvalid: a record came without its compartment's key; nothing is opened then.
        LedgerError: see `releases.released`.
    """
    release = released(context, question, declared)
    secrets = [_secret(release, record) for record in release.records]
    records: list[VerifiedRecord] = []
    resources: list[ReadResource] = []
    files: list[ReadFile] = []
    faults: list[ReadFault] = []
    for record, secret in zip(release.records, secrets, strict=True):
        try:
            if record.header.kind == "file":
                files.append(_file(context, record, secret, into))
            elif record.header.kind == fileset.KIND:
                files += _file_set(context, record, secret, into)
            else:
                resources += _resources(context, record, secret)
        except _FAULTS as exc:
            faults.append(ReadFault(root=record.root, writer=record.writer, error=exc))
        else:
            records.append(record)
    return ReadReport(
        decision=release.decision,
        records=tuple(records),
        resources=tuple(resources),
        files=tuple(files),
        faults=tuple(faults),
        waiting=release.waiting,
        unchecked=release.unchecked,
        receipts=release.receipts,
    )


def _resources(context: Context, record: VerifiedRecord, secret: bytes) -> list[ReadResource]:
    if record.header.size > MAX_SEGMENT:
        raise TooLarge(f"a segment has at most {MAX_SEGMENT} bytes", reason="segment_too_large")
    buffer = BytesIO()
    _open(context, record, secret, buffer)
    try:
        return [
            ReadResource(
                root=record.root,
                full_url=full_url,
                type=_type_of(data),
                data=data,
                sha256=sha256(data).hexdigest(),
            )
            for full_url, data in extract_resources(buffer.getvalue())
        ]
    except (InvalidInput, ValueError, RecursionError) as exc:
        raise RecordCorrupt("a segment holds something else than resources", reason="no_resources") from exc


def _type_of(data: bytes) -> str:
    """The type of a resource; ValueError or RecursionError if it is none."""
    found = msgspec.json.decode(data, type=_Typed).resource_type
    if not _TYPE_NAME.fullmatch(found):
        raise ValueError("this names no type")
    return found


def _file(context: Context, record: VerifiedRecord, secret: bytes, into: Path | None) -> ReadFile:
    if into is None:
        return ReadFile(root=record.root, header=record.header, path=None, sha256=None)
    path = _free(into, record)
    _open(context, record, secret, path)
    return ReadFile(root=record.root, header=record.header, path=path, sha256=_digest(path))


def _file_set(context: Context, record: VerifiedRecord, secret: bytes, into: Path | None) -> list[ReadFile]:
    if into is None:
        return [ReadFile(root=record.root, header=record.header, path=None, sha256=None)]
    folder = _free(into, record)
    found = open_file_set(
        record.root,
        record.header,
        record.capsule,
        secret=secret,
        epoch=record.epoch,
        blocks=context.blocks,
        folder=folder,
    )
    return [
        ReadFile(
            root=record.root,
            header=record.header,
            path=folder.joinpath(*one.name.split("/")),
            sha256=one.sha256,
            folder=folder,
        )
        for one in found
    ]


def _open(context: Context, record: VerifiedRecord, secret: bytes, sink: Path | BytesIO) -> None:
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


def _secret(release: VerifiedRelease, record: VerifiedRecord) -> bytes:
    secret = release.secrets.get((record.compartment, record.epoch))
    if secret is None:
        raise CapsuleInvalid("the gateway gave a record without its compartment's key", reason="no_grant")
    return secret


def _free(into: Path, record: VerifiedRecord) -> Path:
    """A path that does not exist yet; `header.name` is a plain file name, its header refuses others."""
    name, root = Path(record.header.name or record.root), record.root[-12:]
    marks = chain(("", f".{root}"), (f".{root}.{number}" for number in count(2)))
    paths = (into / f"{name.stem}{mark}{name.suffix}" for mark in marks)
    return next(path for path in paths if not os.path.lexists(path))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        total = sha256()
        while piece := file.read(_PIECE):
            total.update(piece)
    return total.hexdigest()

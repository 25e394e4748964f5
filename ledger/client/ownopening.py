"""Opening one's own records: the patient holds the keys of all of them."""

from pathlib import Path

from ledger.client.context import Context
from ledger.client.publications import VerifiedRecord
from ledger.crypto.recordcipher import KEY_SIZE
from ledger.crypto.sealing import open_capsule
from ledger.errors import (
    BlockMissing,
    CapsuleInvalid,
    EvidenceError,
    InvalidInput,
    StoreUnavailable,
    TooLarge,
)
from ledger.records import fileset
from ledger.records.opening import open_file_set, open_record
from ledger.records.publish import record_info

FAULTS = (EvidenceError, InvalidInput, TooLarge, BlockMissing, StoreUnavailable)
"""What may be wrong with one record alone."""

BUNDLE = "bundle.json"
"""Under which name the resources of a record go."""


def content_name(record: VerifiedRecord) -> str:
    """The name of what is in a record: that of its file, or of its bundle."""
    return record.header.name or BUNDLE


def record_key(context: Context, record: VerifiedRecord) -> bytes:
    """The key of a record, 32 bytes; also of one that waits in the inbox.

    Raises:
        CapsuleInvalid: its writer sealed it to something else.
    """
    if record.waiting:
        secret = context.identity.inbox_secret(record.epoch)
        info = record_info(record.root, record.header, record.epoch, "inbox")
    else:
        secret = context.identity.compartment_secret(record.compartment, record.epoch)
        info = record_info(record.root, record.header, record.epoch)
    key = open_capsule(secret, record.capsule, info)
    if len(key) != KEY_SIZE:
        raise CapsuleInvalid("the capsule holds no record key")
    return key


def open_own(context: Context, record: VerifiedRecord, path: Path) -> None:
    """Put the plaintext of a record under `path`, whole and verified or not at all.

    A bundle or a file becomes a file, a set of files a directory.

    Raises:
        CapsuleInvalid: it still waits in the inbox (``waiting``); or its writer sealed it to something else.
        RecordCorrupt, BlockMissing, BlockCorrupt, InvalidInput, StoreUnavailable: see `open_record`.
    """
    if record.waiting:
        raise CapsuleInvalid("the record still waits in the inbox", reason="waiting")
    secret = context.identity.compartment_secret(record.compartment, record.epoch)
    if record.header.kind == fileset.KIND:
        open_file_set(
            record.root,
            record.header,
            record.capsule,
            secret=secret,
            epoch=record.epoch,
            blocks=context.blocks,
            folder=path,
        )
        return
    open_record(
        record.root,
        record.header,
        record.capsule,
        secret=secret,
        epoch=record.epoch,
        blocks=context.blocks,
        sink=path,
        streaming=True,  # a path appears only whole in any case
    )

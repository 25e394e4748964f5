"""Opening a record: from root, header and capsule to a file that is there whole or not at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ledger.crypto.recordcipher import KEY_SIZE, decrypt
from ledger.crypto.sealing import open_capsule
from ledger.durable import appearing, appearing_directory, write_through
from ledger.errors import CapsuleInvalid
from ledger.ids import Cid
from ledger.records.ahead import LARGE, ahead
from ledger.records.blocks import BlockStore
from ledger.records.fileset import Unpacked, unpack
from ledger.records.framing import unframe
from ledger.records.header import RecordHeader
from ledger.records.manifest import fetch
from ledger.records.publish import record_info


def open_record(
    root: Cid,
    header: RecordHeader,
    capsule: bytes,
    *,
    secret: bytes,
    epoch: int,
    blocks: BlockStore,
    sink: Path | BinaryIO,
    streaming: bool = False,
) -> None:
    """Write the plaintext of a record to `sink`, with the secret of its compartment's epoch.

    A path appears, replacing what was there, only after the whole record was verified. A stream gets nothing
    before a first pass has verified the whole record; with `streaming` it gets data at once, and an error in
    the end means that what it got must not be used. The caller has verified the publication's signature.

    Raises:
        CapsuleInvalid: the capsule is for another record, compartment, epoch or key.
        RecordCorrupt: the record fails authentication, its framing or its own header.
        BlockMissing: a block is not in the store.
        BlockCorrupt: a block does not hash to its CID.
        InvalidInput: `root` is not the CID of a manifest, or `secret` does not have 32 bytes.
        StoreUnavailable: the store does not answer, or the path cannot be written.
    """
    key = _record_key(root, header, capsule, secret, epoch)
    if isinstance(sink, Path):
        with appearing(sink) as file:
            write_through(file, plaintext_of(root, header, key, blocks))
        return
    if not streaming:
        for _ in plaintext_of(root, header, key, blocks):
            pass
    _copy(plaintext_of(root, header, key, blocks), sink)


def open_file_set(
    root: Cid,
    header: RecordHeader,
    capsule: bytes,
    *,
    secret: bytes,
    epoch: int,
    blocks: BlockStore,
    folder: Path,
) -> tuple[Unpacked, ...]:
    """Write the files of a record of kind ``file-set`` into a new directory, with their names below it.

    The directory appears only after the whole record and the sum of each file were verified. The caller has
    verified the publication's signature.

    Raises:
        RecordCorrupt: see `open_record`; or the files are not packed as FORMATS.md says.
        CapsuleInvalid, BlockMissing, BlockCorrupt, InvalidInput: see `open_record`.
        StoreUnavailable: the store does not answer, `folder` is there already, or it cannot be written.
    """
    key = _record_key(root, header, capsule, secret, epoch)
    with appearing_directory(folder) as place:
        return unpack(plaintext_of(root, header, key, blocks), place)


def plaintext_of(root: Cid, header: RecordHeader, key: bytes, blocks: BlockStore) -> Iterator[bytes]:
    """The plaintext of a record under its own key, piece by piece; true only when it is exhausted.

    Raises:
        RecordCorrupt, BlockMissing, BlockCorrupt, InvalidInput, StoreUnavailable: see `open_record`.
    """
    ciphertext = fetch(root, blocks)
    if header.size >= LARGE:
        ciphertext = ahead(ciphertext)
    return unframe(header, decrypt(key, header.to_bytes(), ciphertext))


def _record_key(root: Cid, header: RecordHeader, capsule: bytes, secret: bytes, epoch: int) -> bytes:
    key = open_capsule(secret, capsule, record_info(root, header, epoch))
    if len(key) != KEY_SIZE:
        raise CapsuleInvalid("the capsule holds no record key")
    return key


def _copy(pieces: Iterator[bytes], file: BinaryIO) -> None:
    for piece in pieces:
        file.write(piece)

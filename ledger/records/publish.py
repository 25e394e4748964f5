"""Publishing a record: encrypted under a fresh key, which is sealed to where the record belongs."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from ledger.crypto.recordcipher import KEY_SIZE, SLACK, encrypt, encrypt_into
from ledger.crypto.sealing import capsule_info, seal
from ledger.crypto.typed import Publication
from ledger.ids import Cid, parse_did
from ledger.records.ahead import ahead
from ledger.records.blocks import BlockStore
from ledger.records.buffers import Buffers
from ledger.records.cid import digest_of
from ledger.records.framing import frame
from ledger.records.header import INBOX, RecordHeader
from ledger.records.manifest import CHUNK, Taking, store, store_cut

BUFFER = CHUNK + SLACK
"""Bytes of a buffer in which a block is made."""

MOST_RECORDS = 256
"""How many records are published at once at most."""

CapsuleKind = Literal["record", "inbox"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """To what a record's key is sealed: its compartment's key of an epoch, or its patient's inbox key of one.

    Whoever makes one has verified that the patient's account signed `public_key` for it.
    """

    epoch: int
    public_key: bytes = field(repr=False)
    kind: CapsuleKind = "record"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Published:
    """A record in the store: its root, its header, and its key sealed to a place of some epoch."""

    root: Cid
    header: RecordHeader
    capsule: bytes
    epoch: int
    kind: CapsuleKind = "record"

    @property
    def compartment(self) -> bytes:
        """The compartment that the key is sealed to, 32 bytes: the record's own, or `INBOX`."""
        return INBOX if self.kind == "inbox" else self.header.compartment

    def publication(self) -> Publication:
        """What the writer's account signs about the record (records domain)."""
        _, account = parse_did(self.header.patient)
        return Publication(
            root=digest_of(self.root),
            header=self.header.digest,
            patient=account,
            compartment=self.compartment,
            epoch=self.epoch,
            capsule=hashlib.sha256(self.capsule).digest(),
        )


def publish(
    header: RecordHeader,
    plaintext: Iterable[bytes],
    *,
    public_key: bytes,
    epoch: int,
    blocks: BlockStore,
    randomness: Callable[[int], bytes] = os.urandom,
) -> Published:
    """Encrypt a plaintext, keep its blocks, and seal its key to the public key of its compartment's epoch.

    The caller has verified that the patient's account signed `public_key` for ``header.compartment`` and
    `epoch`. Memory does not grow with the plaintext. The blocks are durable when this returns; after a
    failure those already kept stay behind, and nothing points to them.

    Raises:
        InvalidInput: the plaintext has another size than the header says, or not a hybrid public key.
        StoreUnavailable: the block store does not answer.
    """
    key = randomness(KEY_SIZE)
    root = encrypt_to(blocks, header, plaintext, key=key)
    return seal_key(root, header, key, Place(epoch=epoch, public_key=public_key))


def encrypt_to(blocks: BlockStore, header: RecordHeader, plaintext: Iterable[bytes], *, key: bytes) -> Cid:
    """Encrypt a plaintext under a fresh 32-byte key and keep its blocks; the root.

    Raises:
        InvalidInput: the plaintext has another size than the header says, or a key of another size.
        StoreUnavailable: the block store does not answer.
    """
    return store(encrypt(key, header.to_bytes(), frame(header, plaintext)), blocks)


def encrypt_large(
    blocks: Taking[bytes | memoryview],
    header: RecordHeader,
    plaintext: Iterable[bytes],
    *,
    key: bytes,
    buffers: Buffers,
) -> Cid:
    """As `encrypt_to`, ahead of what keeps the blocks, and in buffers that are used again.

    `buffers` have `BUFFER` bytes, and are given back by `blocks` when it has what is in them.
    """
    body = frame(header, plaintext)
    made = encrypt_into(key, header.to_bytes(), body, buffers.take, CHUNK)
    return store_cut(ahead(made), blocks)


def seal_key(root: Cid, header: RecordHeader, key: bytes, place: Place) -> Published:
    """A record under `root`, its key sealed to a place.

    Raises:
        InvalidInput: the place has no hybrid public key.
    """
    capsule = seal(place.public_key, key, record_info(root, header, place.epoch, place.kind))
    return Published(root=root, header=header, capsule=capsule, epoch=place.epoch, kind=place.kind)


def record_info(root: Cid, header: RecordHeader, epoch: int, kind: CapsuleKind = "record") -> bytes:
    """What the capsule of a record is bound to."""
    if kind == "inbox":
        return capsule_info(kind=kind, root=root, patient=header.patient, epoch=epoch)
    return capsule_info(
        kind=kind, root=root, patient=header.patient, compartment=header.compartment, epoch=epoch
    )

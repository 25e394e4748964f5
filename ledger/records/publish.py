"""Publishing a record: encrypted under a fresh key, which is sealed to the record's compartment."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledger.crypto.recordcipher import KEY_SIZE, encrypt
from ledger.crypto.sealing import capsule_info, seal
from ledger.crypto.typed import Publication
from ledger.ids import Cid, parse_did
from ledger.records.blocks import BlockStore
from ledger.records.cid import digest_of
from ledger.records.framing import frame
from ledger.records.header import RecordHeader
from ledger.records.manifest import store


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Published:
    """A record in the store: its root, its header, and its key sealed to its compartment in one epoch."""

    root: Cid
    header: RecordHeader
    capsule: bytes
    epoch: int

    @property
    def compartment(self) -> bytes:
        """The compartment that the record belongs to, 32 bytes."""
        return self.header.compartment

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
    root = store(encrypt(key, header.to_bytes(), frame(header, plaintext)), blocks)
    capsule = seal(public_key, key, record_info(root, header, epoch))
    return Published(root=root, header=header, capsule=capsule, epoch=epoch)


def record_info(root: Cid, header: RecordHeader, epoch: int) -> bytes:
    """What the capsule of a record is bound to."""
    return capsule_info(
        kind="record", root=root, patient=header.patient, compartment=header.compartment, epoch=epoch
    )

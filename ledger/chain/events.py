"""The contracts' events, decoded from raw logs by their first topic.

Every event carries where it stands on chain. What is not an event of ours (role changes in the directory)
decodes to None; one that claims to be ours and is not shaped so is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger.chain.facts import RawLog
from ledger.errors import ChainUnreachable
from ledger.ids import Address, ConsentId, Digest, address_from_bytes, consent_id
from ledger.keccak import keccak256


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Where an event stands on chain."""

    number: int
    block_hash: Digest
    log_index: int
    transaction: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Event):
    """A consent was recorded; ``until`` in Unix seconds, exclusive."""

    consent: ConsentId
    controller: Address
    epoch: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked(Event):
    """A consent was ended, or one that is not recorded was made impossible to record (a tombstone)."""

    consent: ConsentId
    controller: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedAll(Event):
    """All consents of a controller below ``new_epoch`` ended."""

    controller: Address
    new_epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(Event):
    """An item of a batch that was not recorded; ``reason`` is the selector of the error."""

    index: int
    consent: ConsentId
    reason: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantAdmitted(Event):
    """A participant has these roles (bits) and this profile (32 bytes) from here on."""

    participant: Address
    roles: int
    profile: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantSuspended(Event):
    """A participant was suspended."""

    participant: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantReinstated(Event):
    """A participant's suspension ended."""

    participant: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionKeySet(Event):
    """A participant published the hash (32 bytes) of its encryption key."""

    participant: Address
    key: bytes
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored(Event):
    """A sender anchored a checkpoint of its log; ``root`` has 32 bytes."""

    sender: Address
    old_size: int
    new_size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class _Shape:
    """How many words an event has in topics and data (``bits`` bounds each), and how to read them."""

    topics: int
    bits: tuple[int, ...]
    build: Callable[[list[bytes], dict[str, Any]], Event]


def decode(log: RawLog) -> Event | None:
    """The event in a raw log of one of the three contracts; None for one that the ledger has no use for.

    Raises:
        ChainUnreachable: (``bad_answer``) the name of an event of ours with other contents.
    """
    shape = _SHAPES.get(log.topics[:32])
    if shape is None:
        return None
    words, values = _words(log.topics, 32), _words(log.data, 0)
    if len(log.topics) != 32 * (1 + shape.topics) or len(log.data) != 32 * len(shape.bits):
        raise _refused()
    for value, bits in zip(values, shape.bits, strict=True):
        if bits < 256 and _number(value) >> bits:
            raise _refused()
    place = {
        "number": log.number,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
        "transaction": log.transaction,
    }
    return shape.build(words + values, place)


def _words(data: bytes, first: int) -> list[bytes]:
    return [data[start : start + 32] for start in range(first, len(data), 32)]


_NO_BYTES = bytes(12)


def _number(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _address(word: bytes) -> Address:
    if word[:12] != _NO_BYTES:
        raise _refused()
    return address_from_bytes(word[12:])


def _refused() -> ChainUnreachable:
    return ChainUnreachable(
        "the chain RPC gave an event that the contracts cannot have emitted",
        reason="bad_answer",
        fix="use another node",
    )


def _recorded(words: list[bytes], place: dict[str, Any]) -> Event:
    epoch, until = _number(words[2]), _number(words[3])
    return Recorded(
        **place, consent=consent_id(words[0]), controller=_address(words[1]), epoch=epoch, until=until
    )


def _revoked(words: list[bytes], place: dict[str, Any]) -> Event:
    return Revoked(**place, consent=consent_id(words[0]), controller=_address(words[1]))


def _revoked_all(words: list[bytes], place: dict[str, Any]) -> Event:
    return RevokedAll(**place, controller=_address(words[0]), new_epoch=_number(words[1]))


def _skipped(words: list[bytes], place: dict[str, Any]) -> Event:
    if any(words[2][4:]):
        raise _refused()
    return Skipped(**place, index=_number(words[0]), consent=consent_id(words[1]), reason=words[2][:4])


def _admitted(words: list[bytes], place: dict[str, Any]) -> Event:
    return ParticipantAdmitted(
        **place, participant=_address(words[0]), roles=_number(words[2]), profile=words[3]
    )


def _suspended(words: list[bytes], place: dict[str, Any]) -> Event:
    return ParticipantSuspended(**place, participant=_address(words[0]))


def _reinstated(words: list[bytes], place: dict[str, Any]) -> Event:
    return ParticipantReinstated(**place, participant=_address(words[0]))


def _key_set(words: list[bytes], place: dict[str, Any]) -> Event:
    return EncryptionKeySet(**place, participant=_address(words[0]), key=words[1], version=_number(words[2]))


def _anchored(words: list[bytes], place: dict[str, Any]) -> Event:
    old_size, new_size = _number(words[1]), _number(words[2])
    return Anchored(**place, sender=_address(words[0]), old_size=old_size, new_size=new_size, root=words[3])


SIGNATURES: dict[str, _Shape] = {
    "Recorded(bytes32,address,uint16,uint40)": _Shape(2, (16, 40), _recorded),
    "Revoked(bytes32,address)": _Shape(2, (), _revoked),
    "RevokedAll(address,uint16)": _Shape(1, (16,), _revoked_all),
    "Skipped(uint256,bytes32,bytes4)": _Shape(1, (256, 256), _skipped),
    "ParticipantAdmitted(address,address,uint8,bytes32)": _Shape(2, (8, 256), _admitted),
    "ParticipantSuspended(address,address)": _Shape(2, (), _suspended),
    "ParticipantReinstated(address,address)": _Shape(2, (), _reinstated),
    "EncryptionKeySet(address,bytes32,uint32)": _Shape(1, (256, 32), _key_set),
    "Anchored(address,uint64,uint64,bytes32)": _Shape(1, (64, 64, 256), _anchored),
}
"""Every event that the ledger reads, by its canonical signature."""

_SHAPES = {keccak256(signature.encode()): shape for signature, shape in SIGNATURES.items()}

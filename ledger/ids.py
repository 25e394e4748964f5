"""Names of things, each in exactly one canonical text form; parsing refuses every other form.

========== ==================================================================================
address    EIP-55 checksummed, ``0x`` + 40 hex
did        ``did:pkh:eip155:<chain id>:<address>`` (CAIP-10), the name of people in documents
consent id ``0x`` + 64 lower-case hex, the EIP-712 digest of ``Consent``
digest     ``0x`` + 64 lower-case hex, any other 32 bytes
cid        CIDv1, base32 lower case, ``raw`` or ``dag-cbor`` with sha2-256
request id ``rq_`` + 26 Crockford base32 characters; an emergency's ``em_``, an event's ``ev_`` and a
           webhook's ``wh_`` + 26
========== ==================================================================================
"""

import re
from functools import lru_cache
from typing import NewType

from ledger.errors import InvalidInput
from ledger.keccak import keccak256

Address = NewType("Address", str)
Did = NewType("Did", str)
ConsentId = NewType("ConsentId", str)
Digest = NewType("Digest", str)
Cid = NewType("Cid", str)
RequestId = NewType("RequestId", str)
EmergencyId = NewType("EmergencyId", str)
EventId = NewType("EventId", str)
HookId = NewType("HookId", str)

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_WORD = re.compile(r"0x[0-9a-f]{64}")
_DID = re.compile(r"did:pkh:eip155:([1-9][0-9]{0,17}):(0x[0-9a-fA-F]{40})")
_REQUEST = re.compile(rf"rq_[{CROCKFORD}]{{26}}")
_EMERGENCY = re.compile(rf"em_[{CROCKFORD}]{{26}}")
_HOOK = re.compile(rf"wh_[{CROCKFORD}]{{26}}")

_CASE = ord("a") ^ ord("A")
"""The bit in which a letter and its capital differ; these tables have it at letters, and at 8 to f."""
_LETTER = bytes(_CASE if char in b"abcdef" else 0 for char in range(256))
_HIGH = bytes(_CASE if char in b"89abcdef" else 0 for char in range(256))


@lru_cache(maxsize=8192)
def parse_address(text: str) -> Address:
    """An EIP-55 address.

    Raises:
        InvalidInput: not 0x + 40 hex, or the checksum of another spelling.
    """
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text) or _checksummed(text[2:].lower()) != text:
        raise InvalidInput("not a checksummed (EIP-55) account address", reason="bad_address")
    return Address(text)


def address_from_bytes(raw: bytes) -> Address:
    """The EIP-55 form of 20 bytes."""
    if len(raw) != 20:
        raise InvalidInput("an address has 20 bytes", reason="bad_address")
    return Address(_checksummed(raw.hex()))


def did_of(chain_id: int, address: Address) -> Did:
    """The did:pkh of an account on a chain."""
    return Did(f"did:pkh:eip155:{chain_id}:{address}")


@lru_cache(maxsize=8192)
def parse_did(text: str) -> tuple[int, Address]:
    """Chain id and account of a did:pkh.

    Raises:
        InvalidInput: any other form.
    """
    match = _DID.fullmatch(text)
    if match is None:
        raise InvalidInput("not of the form did:pkh:eip155:<chain>:<address>", reason="bad_did")
    return int(match[1]), parse_address(match[2])


def word(raw: bytes) -> str:
    """32 bytes as ``0x`` + 64 lower-case hex."""
    if len(raw) != 32:
        raise InvalidInput("a digest has 32 bytes", reason="bad_digest")
    return "0x" + raw.hex()


def consent_id(raw: bytes) -> ConsentId:
    """A consent id from its 32 bytes."""
    return ConsentId(word(raw))


def digest(raw: bytes) -> Digest:
    """A digest from its 32 bytes."""
    return Digest(word(raw))


def parse_word(text: str) -> bytes:
    """The 32 bytes of a consent id or digest.

    Raises:
        InvalidInput: not ``0x`` + 64 lower-case hex.
    """
    if not _WORD.fullmatch(text):
        raise InvalidInput("not 0x followed by 64 lower-case hexadecimal digits", reason="bad_digest")
    return bytes.fromhex(text[2:])


def parse_consent_id(text: str) -> ConsentId:
    """A consent id in canonical form, or InvalidInput."""
    parse_word(text)
    return ConsentId(text)


def request_id(entropy: bytes) -> RequestId:
    """A request id from 17 random bytes (130 of their 136 bits)."""
    return RequestId("rq_" + _crockford(entropy))


def parse_request_id(text: str) -> RequestId:
    """A request id in canonical form, or InvalidInput."""
    if not _REQUEST.fullmatch(text):
        raise InvalidInput("not rq_ followed by 26 Crockford base32 characters", reason="bad_request_id")
    return RequestId(text)


def emergency_id(entropy: bytes) -> EmergencyId:
    """An emergency id from 17 random bytes (130 of their 136 bits)."""
    return EmergencyId("em_" + _crockford(entropy))


def parse_emergency_id(text: str) -> EmergencyId:
    """An emergency id in canonical form, or InvalidInput."""
    if not _EMERGENCY.fullmatch(text):
        raise InvalidInput("not em_ followed by 26 Crockford base32 characters", reason="bad_emergency_id")
    return EmergencyId(text)


def event_id(entropy: bytes) -> EventId:
    """An event id from 17 random bytes (130 of their 136 bits)."""
    return EventId("ev_" + _crockford(entropy))


def hook_id(entropy: bytes) -> HookId:
    """A webhook's id from 17 random bytes (130 of their 136 bits)."""
    return HookId("wh_" + _crockford(entropy))


def parse_hook_id(text: str) -> HookId:
    """A webhook's id in canonical form, or InvalidInput."""
    if not _HOOK.fullmatch(text):
        raise InvalidInput("not wh_ followed by 26 Crockford base32 characters", reason="bad_hook_id")
    return HookId(text)


def _crockford(entropy: bytes) -> str:
    number = int.from_bytes(entropy[:17], "big")
    return "".join(CROCKFORD[(number >> (5 * i)) & 31] for i in range(26))


@lru_cache(maxsize=1024)
def _checksummed(digits: str) -> str:
    """EIP-55: a letter is a capital where the hash of the lower-case digits has a nibble of 8 or more."""
    plain = digits.encode("ascii")
    nibbles = keccak256(plain).hex()[: len(plain)].encode("ascii")
    capitals = int.from_bytes(plain.translate(_LETTER)) & int.from_bytes(nibbles.translate(_HIGH))
    return "0x" + (int.from_bytes(plain) & ~capitals).to_bytes(len(plain)).decode("ascii")

"""Content identifiers: CIDv1 in base32, ``raw`` or ``dag-cbor``, always SHA-256.

A CID is 36 bytes: version 1, codec (0x55 raw, 0x71 dag-cbor), hash function 0x12 (SHA-256), its length 32 and
the digest. The text is ``b`` and the lower-case base32 of those bytes without padding: 59 characters, of
which each CID has exactly one.
"""

import base64
import binascii
import hashlib
from enum import IntEnum
from functools import lru_cache

from ledger.errors import BlockCorrupt, InvalidInput
from ledger.ids import Cid

SIZE = 36

_TEXT_SIZE = 59


class Codec(IntEnum):
    """What a block holds: bytes as they are, or a manifest."""

    RAW = 0x55
    DAG_CBOR = 0x71


def cid_of(codec: Codec, data: bytes | memoryview) -> Cid:
    """The CID of a block."""
    return cid_of_digest(codec, hashlib.sha256(data).digest())


def cid_of_digest(codec: Codec, digest: bytes) -> Cid:
    """The CID of a block with this SHA-256 digest."""
    return cid_from_bytes(bytes((1, codec, 0x12, 0x20)) + digest)


def cid_from_bytes(raw: bytes) -> Cid:
    """The text of a binary CID.

    Raises:
        InvalidInput: not 36 bytes, or another version, codec or hash function.
    """
    if len(raw) != SIZE or raw[0] != 1 or raw[1] not in tuple(Codec) or raw[2:4] != b"\x12\x20":
        raise InvalidInput("not a CIDv1 of raw or dag-cbor with sha2-256", reason="bad_cid")
    return Cid("b" + base64.b32encode(raw).decode("ascii").rstrip("=").lower())


@lru_cache(maxsize=8192)
def cid_to_bytes(cid: Cid) -> bytes:
    """The 36 bytes of a CID.

    Raises:
        InvalidInput: not the canonical text of one of ours.
    """
    if len(cid) != _TEXT_SIZE or not cid.startswith("b"):
        raise InvalidInput("not a CIDv1 in base32", reason="bad_cid")
    try:
        raw = base64.b32decode(cid[1:].upper() + "======")
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput("not a CIDv1 in base32", reason="bad_cid") from exc
    if cid_from_bytes(raw) != cid:
        raise InvalidInput("not the canonical text of a CID", reason="bad_cid")
    return raw


def parse_cid(text: str) -> Cid:
    """A CID in canonical form, or InvalidInput."""
    cid_to_bytes(Cid(text))
    return Cid(text)


def codec_of(cid: Cid) -> Codec:
    """What the block of a CID holds; InvalidInput if it is not a CID of ours."""
    return Codec(cid_to_bytes(cid)[1])


def digest_of(cid: Cid) -> bytes:
    """The SHA-256 digest inside a CID; InvalidInput if it is not a CID of ours."""
    return cid_to_bytes(cid)[4:]


def require_block(cid: Cid, data: bytes) -> None:
    """Nothing, if these bytes are the block of that CID.

    Raises:
        BlockCorrupt: they hash to something else.
        InvalidInput: not a CID of ours.
    """
    if hashlib.sha256(data).digest() != digest_of(cid):
        raise BlockCorrupt("a block does not hash to its CID", cid=cid)

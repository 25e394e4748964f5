"""Keccak-256 as Ethereum uses it, without the second that importing `eth_utils` takes."""

from Crypto.Hash import keccak as _keccak


def keccak256(data: bytes) -> bytes:
    """The 32-byte Keccak-256 digest (the padding of before FIPS 202)."""
    return _keccak.new(digest_bits=256, data=data).digest()

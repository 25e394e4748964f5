"""Recursive length prefix, the encoding of what Ethereum hashes (Yellow Paper, appendix B); writing only."""

from collections.abc import Sequence

Item = bytes | int | Sequence["Item"]


def encode(item: Item) -> bytes:
    """Bytes, a number (big-endian without leading zeros) or a list of such."""
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _length(len(item), 0x80) + item
    body = b"".join([encode(part) for part in item])
    return _length(len(body), 0xC0) + body


def _length(size: int, kind: int) -> bytes:
    if size < 56:
        return bytes([kind + size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([kind + 55 + len(digits)]) + digits

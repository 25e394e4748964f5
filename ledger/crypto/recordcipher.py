"""Records as ciphertext: Cobblestone-256 (C2SP chunked-encryption), in a stream and in constant memory.

The ``context`` is the record's canonical header, so a ciphertext opens only under the header it was made for.
The scheme commits to the key, and a stream that is cut, reordered or prolonged does not finish. A ciphertext
has 56 bytes before the first chunk and 16 more in every chunk; chunks hold 16 KiB of the body and only the
last one, which always exists, holds less (perhaps nothing).
"""

from collections.abc import Callable, Iterable, Iterator

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from ledger.errors import InvalidInput, RecordCorrupt

KEY_SIZE = 32

_CHUNK = 16 * 1024
_TAG = 16
_HEADER = 56
_PIECE = 16 * _CHUNK

SLACK = _PIECE + _TAG * (_PIECE // _CHUNK + 1) + _HEADER + _CHUNK
"""By how much a buffer for `encrypt_into` is larger than what is taken from it."""


def ciphertext_size(plain_size: int) -> int:
    """How many bytes `encrypt` yields for a body of `plain_size` bytes."""
    return _HEADER + plain_size + _TAG * (plain_size // _CHUNK + 1)


def encrypt(key: bytes, header: bytes, body: Iterable[bytes]) -> Iterator[bytes]:
    """The ciphertext of a body under a fresh 32-byte key, piece by piece; pieces are of no particular size.

    The cipher draws its own salt: encrypting twice gives different bytes.

    Raises:
        InvalidInput: at once, if the key does not have 32 bytes.
    """
    _require_key(key)
    return _encrypt(Cobblestone256Encryptor(key, header), body)


def encrypt_into(
    key: bytes, header: bytes, body: Iterable[bytes], take: Callable[[], bytearray], size: int
) -> Iterator[memoryview]:
    """As `encrypt`, in parts of exactly `size` bytes, the last one shorter but not empty.

    Args:
        key: 32 bytes, fresh.
        header: the context.
        body: what to encrypt, in pieces.
        take: gives a buffer of `size` + `SLACK` bytes, at the start of which the next part will be; whoever
            gets the part decides when the buffer may be taken again.
        size: of a part.

    Raises:
        InvalidInput: at once, if the key does not have 32 bytes.
    """
    _require_key(key)
    return _encrypt_into(Cobblestone256Encryptor(key, header), body, take, size)


def decrypt(key: bytes, header: bytes, ciphertext: Iterable[bytes]) -> Iterator[bytes]:
    """The body, piece by piece.

    Every piece is authentic in its place, but that the record ends where it should is known only when the
    iterator is exhausted without an error: until then nothing may be delivered under its final name.

    Raises:
        InvalidInput: at once, if the key does not have 32 bytes.
        RecordCorrupt: while iterating: altered, cut, prolonged, another key or another header.
    """
    _require_key(key)
    return _decrypt(Cobblestone256Decryptor(key, header), ciphertext)


def _encrypt(cipher: Cobblestone256Encryptor, body: Iterable[bytes]) -> Iterator[bytes]:
    for piece in body:
        if sealed := cipher.update(piece):
            yield sealed
    yield cipher.finalize()


def _encrypt_into(
    cipher: Cobblestone256Encryptor, body: Iterable[bytes], take: Callable[[], bytearray], size: int
) -> Iterator[memoryview]:
    part, filled = memoryview(take()), 0
    for piece in body:
        rest = memoryview(piece)
        while rest:
            filled += cipher.update_into(rest[:_PIECE], part[filled:])
            rest = rest[_PIECE:]
            while filled >= size:
                following = memoryview(take())
                following[: filled - size] = part[size:filled]
                yield part[:size]
                part, filled = following, filled - size
    last = cipher.finalize()
    whole = b"".join((part[:filled], last))
    yield from (memoryview(whole[start : start + size]) for start in range(0, len(whole), size))


def _decrypt(cipher: Cobblestone256Decryptor, ciphertext: Iterable[bytes]) -> Iterator[bytes]:
    try:
        for piece in ciphertext:
            if opened := cipher.update(piece):
                yield opened
        if last := cipher.finalize():
            yield last
    except InvalidTag as exc:
        raise RecordCorrupt("the record does not open with this key under this header") from exc


def _require_key(key: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise InvalidInput("a record key has 32 bytes", reason="bad_key")

"""The body of a record: what is encrypted.

``u32 big-endian header length ‖ header ‖ payload ‖ zeros``. The payload is the plaintext of ``size`` bytes,
or one zstd frame of it if the header says so. The zeros fill up to PADMÉ of the rest, which tells at most
O(log log length) bits of the length and costs at most 12 %. Both ways run in a stream, in constant memory.
"""

from collections.abc import Iterable, Iterator

import zstandard

from ledger.errors import InvalidInput, RecordCorrupt
from ledger.records.header import RecordHeader

_LENGTH = 4
_LEVEL = 3
_MAX_WINDOW = 8 << 20
_ZEROS = bytes(64 << 10)
# A zstd block of 4 bytes may stand for 128 KiB: what one call can unfold is bounded by what it is fed.
_FEED = 2048


def padme(length: int) -> int:
    """The padded length of PADMÉ: `length` rounded up so that only its leading bits differ."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def frame(header: RecordHeader, plaintext: Iterable[bytes]) -> Iterator[bytes]:
    """The body of a record, piece by piece.

    Raises:
        InvalidInput: while iterating: the plaintext has not the size that the header says.
    """
    head = header.to_bytes()
    prefix = len(head).to_bytes(_LENGTH, "big") + head
    yield prefix
    total = len(prefix)
    for piece in _payload(header, _exactly(header.size, plaintext)):
        total += len(piece)
        yield piece
    yield from _zeros(padme(total) - total)


def unframe(header: RecordHeader, body: Iterable[bytes]) -> Iterator[bytes]:
    """The plaintext of a body, piece by piece; complete and true only when the iterator is exhausted.

    Raises:
        RecordCorrupt: while iterating: another header inside, another size, or anything but the right number
            of zeros behind it.
    """
    source = Source(body)
    head = header.to_bytes()
    prefix = len(head).to_bytes(_LENGTH, "big") + head
    if source.take(len(prefix)) != prefix:
        raise _corrupt("the header inside a record is not the one published with it")
    size = 0
    for piece in _inflated(source) if header.compression == "zstd" else source.up_to(header.size):
        size += len(piece)
        if size > header.size:
            raise _corrupt("a record holds more than its header says")
        yield piece
    if size != header.size:
        raise _corrupt("a record holds less than its header says")
    padding = padme(source.taken) - source.taken
    if source.skip_zeros() != padding:
        raise _corrupt("a record has padding of another length")


class Source:
    """A stream of pieces that can be read in measured amounts; `taken` counts what was.

    A piece that is taken whole is handed on as it is, not copied.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Nothing is read yet."""
        self._pieces = iter(pieces)
        self._piece = b""
        self._used = 0
        self.taken = 0

    def next(self, limit: int) -> bytes:
        """At least one byte and at most `limit`; nothing only at the end."""
        while self._used == len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece, self._used = piece, 0
        part = self._piece[self._used : self._used + limit]
        self._used += len(part)
        self.taken += len(part)
        return part

    def up_to(self, count: int) -> Iterator[bytes]:
        """The next `count` bytes in pieces, fewer if the stream ends before."""
        while count and (part := self.next(count)):
            count -= len(part)
            yield part

    def take(self, count: int) -> bytes:
        """The next `count` bytes, fewer if the stream ends before."""
        return b"".join(self.up_to(count))

    def give_back(self, tail: bytes) -> None:
        """Undo the taking of the last bytes."""
        self.taken -= len(tail)
        self._piece, self._used = tail + self._piece[self._used :], 0

    def skip_zeros(self) -> int:
        """Read to the end, which must be zeros only; how many there were."""
        count = 0
        while part := self.next(len(_ZEROS)):
            if part != _ZEROS[: len(part)]:
                raise _corrupt("a record has something behind its end")
            count += len(part)
        return count


def _inflated(source: Source) -> Iterator[bytes]:
    inflater = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
    try:
        while not inflater.eof and (part := source.next(_FEED)):
            if piece := inflater.decompress(part):
                yield piece
    except zstandard.ZstdError as exc:
        raise _corrupt("the compressed data of a record cannot be read") from exc
    if not inflater.eof:
        raise _corrupt("the compressed data of a record has no end")
    source.give_back(inflater.unused_data)


def _payload(header: RecordHeader, plaintext: Iterable[bytes]) -> Iterator[bytes]:
    if header.compression == "none":
        yield from plaintext
        return
    deflater = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj(size=header.size)
    for piece in plaintext:
        if packed := deflater.compress(piece):
            yield packed
    yield deflater.flush()


def _exactly(size: int, plaintext: Iterable[bytes]) -> Iterator[bytes]:
    seen = 0
    for piece in plaintext:
        seen += len(piece)
        if seen > size:
            break
        yield piece
    if seen != size:
        raise InvalidInput("the data has another size than its header says", reason="size_changed")


def _zeros(count: int) -> Iterator[bytes]:
    for start in range(0, count, len(_ZEROS)):
        yield _ZEROS[: min(len(_ZEROS), count - start)]


def _corrupt(why: str) -> RecordCorrupt:
    return RecordCorrupt(why, reason="framing_invalid")

"""CAR, version 1: a record in one stream, as IPFS nodes import it.

A header names the root; then come the blocks, each as ``varint length ‖ binary CID ‖ bytes``.
"""

from collections.abc import Iterable, Iterator

import cbor2

from ledger.ids import Cid
from ledger.records.cid import cid_to_bytes

_LINK_TAG = 42


def car(root: Cid, blocks: Iterable[tuple[Cid, bytes]]) -> Iterator[bytes]:
    """The pieces of a CAR with one root: its header, then one piece for each block, in the order given."""
    header = cbor2.dumps(
        {"roots": [cbor2.CBORTag(_LINK_TAG, b"\x00" + cid_to_bytes(root))], "version": 1}, canonical=True
    )
    yield _varint(len(header)) + header
    for cid, data in blocks:
        name = cid_to_bytes(cid)
        yield b"".join((_varint(len(name) + len(data)), name, data))


class Stream:
    """Pieces as the open file that ipfshttpclient wants; each is handed out whole, whatever is asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Nothing is taken yet."""
        self._pieces = pieces

    def read(self, _: int = -1) -> bytes:
        """The next piece; nothing at the end."""
        return next(self._pieces, b"")


def _varint(number: int) -> bytes:
    """An unsigned LEB128 number."""
    low, rest = number & 0x7F, number >> 7
    return bytes((low,)) if not rest else bytes((low | 0x80,)) + _varint(rest)

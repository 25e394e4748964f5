"""The manifest: from the root CID of a record to the blocks of its ciphertext, and back.

A ciphertext is cut into blocks of exactly 1 MiB, the last one shorter. Up to 4,096 blocks hang directly
under the manifest; more hang under manifests that hang under it, each full but the last. The shape follows
from the size alone and the encoding is canonical (dag-cbor), so the same ciphertext has the same root
everywhere, and a reader refuses every other shape. A manifest says nothing of the content but its size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import cbor2

from ledger.errors import InvalidInput, RecordCorrupt, TooLarge
from ledger.ids import Cid
from ledger.records.blocks import BlockStore
from ledger.records.cid import Codec, cid_from_bytes, cid_of, cid_to_bytes, codec_of

FORMAT = "consent-ledger/manifest/1"
SUITE = "cobblestone-256"
CHUNK = 1 << 20
MAX_LINKS = 4096

Data = TypeVar("Data", bound=bytes | memoryview)
Taken = TypeVar("Taken", contravariant=True)

_LINK_TAG = 42
_KEYS = {"format", "suite", "size", "chunk", "links"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One node: how many ciphertext bytes hang below it, and what hangs there, in order."""

    size: int
    links: tuple[Cid, ...]

    def to_bytes(self) -> bytes:
        """The dag-cbor block."""
        value = {
            "format": FORMAT,
            "suite": SUITE,
            "size": self.size,
            "chunk": CHUNK,
            "links": [cbor2.CBORTag(_LINK_TAG, b"\x00" + cid_to_bytes(link)) for link in self.links],
        }
        return cbor2.dumps(value, canonical=True)

    @classmethod
    def from_bytes(cls, block: bytes) -> "Manifest":
        """The manifest in a block.

        Raises:
            RecordCorrupt: not canonical dag-cbor, another version, or not the one shape that its size has.
        """
        try:
            value = cbor2.loads(block)
            manifest = _read(value)
            same = manifest.to_bytes() == block
        except (cbor2.CBORDecodeError, InvalidInput, ValueError, TypeError, RecursionError) as exc:
            raise _corrupt("a manifest cannot be read") from exc
        if not same:
            raise _corrupt("a manifest is not in canonical form")
        return manifest

    @property
    def parts(self) -> Iterator[tuple[Cid, int]]:
        """Each link with the number of ciphertext bytes below it."""
        span = _span(self.size)
        return ((link, min(span, self.size - i * span)) for i, link in enumerate(self.links))


class Taking(Protocol[Taken]):
    """What blocks are given to: a `BlockStore`, or one that takes more than bytes."""

    def put(self, cid: Cid, data: Taken) -> None:
        """See `BlockStore.put`."""


def store(ciphertext: Iterable[bytes], blocks: Taking[bytes]) -> Cid:
    """Cut a ciphertext into blocks and keep them; see `store_cut`."""
    return store_cut(cut(ciphertext), blocks)


def store_cut(ciphertext: Iterable[Data], blocks: Taking[Data | bytes]) -> Cid:
    """Keep a ciphertext that is cut already; the root goes last, so who holds it holds all.

    Memory does not grow with the ciphertext but by one CID for each 4 GiB. A failure leaves blocks that
    nothing points to.

    Raises:
        InvalidInput: the ciphertext is empty.
        TooLarge: more than two levels of manifests can hold (16 PiB).
        StoreUnavailable: the block store does not answer.
    """
    full: list[Cid] = []
    links: list[Cid] = []
    size = 0
    for block in ciphertext:
        if len(links) == MAX_LINKS:
            full.append(_keep_node(MAX_LINKS * CHUNK, links, blocks))
            links = []
        links.append(_keep(Codec.RAW, block, blocks))
        size += len(block)
    if not links:
        raise InvalidInput("a ciphertext has at least one byte", reason="empty")
    last = _keep_node(size - len(full) * MAX_LINKS * CHUNK, links, blocks)
    return _keep_node(size, [*full, last], blocks) if full else last


def fetch(root: Cid, blocks: BlockStore) -> Iterator[bytes]:
    """The ciphertext below a root, block by block, each hashed again.

    Raises:
        InvalidInput: not the CID of a manifest.
        BlockMissing: while iterating: a block is not there.
        BlockCorrupt: while iterating: a block does not hash to its CID.
        RecordCorrupt: while iterating: a manifest of another version or shape.
    """
    for cid, size in walk(root, blocks):
        if codec_of(cid) is Codec.RAW:
            block = blocks.get(cid)
            if len(block) != size:
                raise _corrupt("a block has another size than its manifest says")
            yield block


def walk(root: Cid, blocks: BlockStore) -> Iterator[tuple[Cid, int]]:
    """Every block of a record, manifests before what hangs below them, with the ciphertext bytes below each.

    Only manifests are fetched. Raises as `fetch`.
    """
    if codec_of(root) is not Codec.DAG_CBOR:
        raise InvalidInput("the root of a record is a dag-cbor CID", reason="bad_root")
    manifest = Manifest.from_bytes(blocks.get(root))
    yield root, manifest.size
    yield from _below(manifest, blocks)


def cut(stream: Iterable[bytes]) -> Iterator[bytes]:
    """A stream of any pieces as blocks of exactly 1 MiB, the last one shorter but never empty.

    What is cut already is handed on as it is, not copied.
    """
    parts: list[memoryview] = []
    missing = CHUNK
    for piece in stream:
        if len(piece) == missing == CHUNK:
            yield piece
            continue
        rest = memoryview(piece)
        while len(rest) >= missing:
            yield b"".join((*parts, rest[:missing]))
            parts, rest, missing = [], rest[missing:], CHUNK
        if rest:
            parts.append(rest)
            missing -= len(rest)
    if parts:
        yield b"".join(parts)


def _below(manifest: Manifest, blocks: BlockStore) -> Iterator[tuple[Cid, int]]:
    for cid, size in manifest.parts:
        yield cid, size
        if codec_of(cid) is Codec.DAG_CBOR:
            child = Manifest.from_bytes(blocks.get(cid))
            if child.size != size:
                raise _corrupt("a manifest has another size than the one above it says")
            yield from _below(child, blocks)


def _read(value: Any) -> Manifest:  # noqa: ANN401
    if not isinstance(value, dict) or value.keys() != _KEYS:
        raise _corrupt("a manifest has other members than its format")
    if value["format"] != FORMAT or value["suite"] != SUITE or value["chunk"] != CHUNK:
        raise _corrupt("a manifest of another version")
    size, links = value["size"], value["links"]
    if type(size) is not int or not 0 < size <= CHUNK * MAX_LINKS**2 or not isinstance(links, list):
        raise _corrupt("a manifest has other members than its format")
    span = _span(size)
    if len(links) != -(-size // span):
        raise _corrupt("a manifest has another number of links than its size needs")
    expected = Codec.RAW if span == CHUNK else Codec.DAG_CBOR
    found = tuple(_link(link, expected) for link in links)
    if expected is Codec.DAG_CBOR and len(set(found)) < len(found):
        raise _corrupt("a manifest links twice to one below it")
    return Manifest(size=size, links=found)


def _link(value: Any, expected: Codec) -> Cid:  # noqa: ANN401
    if not isinstance(value, cbor2.CBORTag) or value.tag != _LINK_TAG or value.value[:1] != b"\x00":
        raise _corrupt("a manifest has a link that is none")
    cid = cid_from_bytes(value.value[1:])
    if codec_of(cid) is not expected:
        raise _corrupt("a manifest links to a block of the wrong kind")
    return cid


def _span(size: int) -> int:
    """How many ciphertext bytes a full link of a manifest over `size` bytes covers."""
    return CHUNK if size <= CHUNK * MAX_LINKS else CHUNK * MAX_LINKS


def _keep_node(size: int, links: list[Cid], blocks: Taking[bytes]) -> Cid:
    if len(links) > MAX_LINKS:
        raise TooLarge(f"a record has at most {CHUNK * MAX_LINKS**2} bytes", reason="record_too_large")
    return _keep(Codec.DAG_CBOR, Manifest(size=size, links=tuple(links)).to_bytes(), blocks)


def _keep(codec: Codec, block: Data, blocks: Taking[Data]) -> Cid:
    cid = cid_of(codec, block)
    blocks.put(cid, block)
    return cid


def _corrupt(why: str) -> RecordCorrupt:
    return RecordCorrupt(why, reason="manifest_invalid")

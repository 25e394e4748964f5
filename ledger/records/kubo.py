"""Blocks in a Kubo node: the adapter behind the `BlockStore` port.

A block that is put gets a recursive pin of its own, and an adopted record one on its root, which holds all of
it: so garbage collection takes nothing that was kept. Kubo is believed nothing: what it says it stored is
read back, and each block is hashed here.
"""

import io
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, islice

import msgspec

from ledger.errors import BlockCorrupt, BlockMissing, Conflict, InvalidInput, RecordCorrupt, StoreUnavailable
from ledger.ids import Cid
from ledger.records.blocks import BlockStore, missing, require_storable
from ledger.records.car import Stream, car
from ledger.records.cid import Codec, codec_of, parse_cid, require_block
from ledger.records.kuborpc import SECONDS, Absent, KuboRpc
from ledger.records.manifest import walk
from ledger.records.transfer import copy_block, is_whole, upwards

_READERS = 2
_BATCH = 64
_CODECS = {Codec.RAW: "raw", Codec.DAG_CBOR: "dag-cbor"}


class _Pins(msgspec.Struct):
    """What ``pin/ls`` answers; without ``Keys`` if nothing is pinned."""

    keys: dict[str, msgspec.Raw] = msgspec.field(name="Keys", default_factory=dict)


class KuboBlockStore:
    """A `BlockStore` in the Kubo node that answers at a URL. Threads may share one."""

    def __init__(self, url: str, *, token: str | None = None, seconds: float = SECONDS) -> None:
        """Name the node; nothing is asked yet.

        Args:
            url: of its RPC, such as ``http://127.0.0.1:5001``.
            token: what its ``API.Authorizations`` lets in, if it has any.
            seconds: after which a call that is not answered is given up.

        Raises:
            InvalidInput: not such a URL.
        """
        self.rpc = KuboRpc(url, token=token, seconds=seconds)
        self._mending = threading.Lock()

    def put(self, cid: Cid, data: bytes) -> None:
        """See `BlockStore.put`; success means that the block is pinned and was read back.

        Raises also:
            StoreUnavailable: ``block_not_replaced``: a damaged block is there that Kubo does not write anew,
                because its cache says that it has it.
        """
        require_storable(cid, data)
        self._write(cid, data)
        if is_whole(cid, self):
            return
        with self._mending:
            self._replace(cid, data)

    def get(self, cid: Cid) -> bytes:
        """See `BlockStore.get`."""
        parse_cid(cid)
        try:
            with self.rpc.client() as client:
                data = bytes(client.block.get(cid))
        except Absent as exc:
            raise missing(cid) from exc
        except BlockCorrupt as exc:
            raise BlockCorrupt("a block does not hash to its CID", cid=cid) from exc
        require_block(cid, data)
        return data

    def has(self, cid: Cid) -> bool:
        """See `BlockStore.has`."""
        parse_cid(cid)
        try:
            with self.rpc.client() as client:
                client.block.stat(cid)
        except Absent:
            return False
        except BlockCorrupt:
            return True
        return True

    def adopt(self, root: Cid, source: BlockStore) -> None:
        """See `BlockStore.adopt`; one stream, one pin that holds the record, and every block read back.

        The library's ``dag.imprt`` works, as long as there is one root and no statistics are asked for.
        Blocks go in order, so what a broken-off transfer left is a beginning: it is looked for up to the
        first block that is not there, and all from that one on is sent.

        Raises also:
            StoreUnavailable: ``kubo_not_pinned``: Kubo has the blocks and did not pin their root.
        """
        _, size = next(walk(root, source))
        below = (cid for cid in upwards(root, source) if cid != root)
        # Looked for before the stream starts, since Kubo locks its pins from then on.
        first = next((cid for cid in below if not self._has_whole(cid, source)), None)
        lacking = chain([] if first is None else [first], below, [root])
        self._import(root, size, ((cid, source.get(cid)) for cid in lacking))
        whole = upwards(root, source)
        with ThreadPoolExecutor(_READERS) as pool:
            while some := tuple(islice(whole, _BATCH)):
                deque(pool.map(lambda cid: copy_block(cid, source, self), some), maxlen=0)

    def is_kept(self, cid: Cid) -> bool:
        """Whether this block is pinned, by itself or by a manifest above it: garbage collection leaves it."""
        parse_cid(cid)
        try:
            with self.rpc.client() as client:
                return cid in client.pin.ls(cid, type="all")["Keys"]
        except Absent:
            return False

    def delete(self, cid: Cid) -> None:
        """See `BlockStore.delete`: unpins the block and removes it at once.

        The library has no ``block/rm``, so that call goes over the client's own HTTP session.

        Raises also:
            Conflict: a manifest that is kept links to the block; let go of that one first.
        """
        parse_cid(cid)
        with suppress(Absent), self.rpc.client() as client:
            client.pin.rm(cid)
        with self.rpc.client() as client:
            answers = client.ask("/block/rm", cid, decoder="json", force="true")
            held = any("pinned" in answer.get("Error", "") for answer in answers)
        if held:
            raise Conflict("a manifest that is kept links to this block", reason="block_in_use", cid=cid)

    def cids(self) -> Iterator[Cid]:
        """See `BlockStore.cids`: what is pinned, by itself or by a manifest above it.

        Memory grows by some 300 bytes a block. Pins are asked for in one piece, since a list that Kubo
        streams and breaks off looks like a shorter list; and over the client's own HTTP session, since the
        library reads a long answer in quadratic time.
        """
        with self.rpc.client() as client:
            pins = msgspec.json.decode(client.ask("/pin/ls", type="recursive"), type=_Pins)
        pinned = set(_ours(pins.keys))
        return iter(pinned.union(*(self._below(cid) for cid in pinned if codec_of(cid) is Codec.DAG_CBOR)))

    def close(self) -> None:
        """End the connections."""
        self.rpc.close()

    def _write(self, cid: Cid, data: bytes) -> None:
        asked = {"cid-codec": _CODECS[codec_of(cid)], "mhtype": "sha2-256", "pin": "true"}
        asked["allow-big-block"] = "true"  # The limit was checked here, and older Kubos stop at 1 MiB.
        with self.rpc.client() as client:
            # A file object: the library takes bytes for a path.
            stored = client.block.put(io.BytesIO(data), opts=asked)
            if (stored["Key"], stored["Size"]) != (cid, len(data)):
                raise LookupError("Kubo stored something else")

    def _below(self, root: Cid) -> set[Cid]:
        """What a pinned manifest holds; as much as is known, if it is damaged or none of ours."""
        found = {root}
        with suppress(BlockCorrupt, BlockMissing, RecordCorrupt):
            found.update(cid for cid, _ in walk(root, self))
        return found

    def _import(self, root: Cid, size: int, blocks: Iterator[tuple[Cid, bytes]]) -> None:
        file = Stream(car(root, blocks))
        with self.rpc.client() as client, client.given(size):
            answer = client.dag.imprt(file, opts={"pin-roots": "true"})["Root"]
            if answer["Cid"]["/"] != root:
                raise LookupError("Kubo imported something else")
            if answer["PinErrorMsg"]:
                raise StoreUnavailable(
                    "Kubo did not pin what it was given",
                    reason="kubo_not_pinned",
                    fix="Its own log says why.",
                )

    def _has_whole(self, cid: Cid, source: BlockStore) -> bool:
        """Whether a block is there; mended if it was damaged, as long as no pinned record holds it fast."""
        there = self.has(cid)
        if there:
            copy_block(cid, source, self)
        return there

    def _replace(self, cid: Cid, data: bytes) -> None:
        """Write a block anew that Kubo holds damaged and takes for held."""
        with suppress(Conflict):
            self.delete(cid)
        self._write(cid, data)
        if not is_whole(cid, self):
            raise StoreUnavailable(
                "Kubo keeps a damaged block instead of the one given",
                reason="block_not_replaced",
                fix="Run: ipfs config --json Datastore.BlockKeyCacheSize 0, and restart the daemon.",
            )


def _ours(keys: dict[str, msgspec.Raw]) -> Iterator[Cid]:
    for text in keys:
        try:
            yield parse_cid(text)
        except InvalidInput:  # a pin of somebody else
            continue

"""One ciphertext has one tree of blocks, and no other tree passes for it."""

from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest

from ledger.errors import BlockMissing, InvalidInput, RecordCorrupt, TooLarge
from ledger.ids import Cid
from ledger.records import manifest
from ledger.records.blocks import BlockStore, LocalBlockStore, MemoryBlockStore
from ledger.records.cid import Codec, cid_of, cid_to_bytes, codec_of
from ledger.records.manifest import CHUNK, Manifest, cut, fetch, store, walk

RAW = cid_of(Codec.RAW, b"raw")
NODE = cid_of(Codec.DAG_CBOR, b"node")


def pieces(size: int, step: int) -> Iterator[bytes]:
    pattern = bytes(range(251)) * (step // 251 + 2)
    for start in range(0, size, step):
        yield pattern[start % 251 :][: min(step, size - start)]


def ciphertext(size: int) -> bytes:
    return b"".join(pieces(size, CHUNK))


def encoded(**changed: object) -> bytes:
    value = {
        "format": "consent-ledger/manifest/1",
        "suite": "cobblestone-256",
        "size": 3,
        "chunk": CHUNK,
        "links": [cbor2.CBORTag(42, b"\x00" + cid_to_bytes(RAW))],
    }
    return cbor2.dumps({**value, **changed}, canonical=True)


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17])
def test_what_was_stored_is_fetched_in_blocks_of_one_mebibyte(size: int, blocks: MemoryBlockStore) -> None:
    root = store(pieces(size, 100_003), blocks)
    fetched = list(fetch(root, blocks))
    assert b"".join(fetched) == ciphertext(size)
    assert {len(block) for block in fetched[:-1]} <= {CHUNK}
    assert len(fetched) == -(-size // CHUNK)


def test_the_root_depends_on_the_bytes_alone(tmp_path: Path) -> None:
    size = 2 * CHUNK + 5
    stores: list[BlockStore] = [MemoryBlockStore(), LocalBlockStore(tmp_path), MemoryBlockStore()]
    roots = {store(pieces(size, step), kept) for step, kept in zip((977, CHUNK, size), stores, strict=True)}
    assert len(roots) == 1


@pytest.mark.parametrize(("size", "levels"), [(3 * CHUNK, 1), (3 * CHUNK + 1, 2), (9 * CHUNK, 2)])
def test_a_large_ciphertext_hangs_under_manifests_of_manifests(
    size: int, levels: int, blocks: MemoryBlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "MAX_LINKS", 3)
    root = store(pieces(size, CHUNK), blocks)
    visited = list(walk(root, blocks))
    nodes = [cid for cid, _ in visited if codec_of(cid) is Codec.DAG_CBOR]
    assert visited[0] == (root, size)
    assert len(nodes) == (1 if levels == 1 else 1 + -(-size // (3 * CHUNK)))
    assert {cid for cid, _ in visited} == set(blocks.cids())
    assert b"".join(fetch(root, blocks)) == ciphertext(size)


def test_more_than_two_levels_can_hold_is_refused(
    blocks: MemoryBlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "MAX_LINKS", 2)
    with pytest.raises(TooLarge):
        store(pieces(4 * CHUNK + 1, CHUNK), blocks)


def test_a_child_that_covers_another_size_is_refused(
    blocks: MemoryBlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "MAX_LINKS", 2)
    short, other = store(pieces(CHUNK, CHUNK), blocks), store([bytes(CHUNK)], blocks)
    forged = Manifest(size=3 * CHUNK, links=(short, other)).to_bytes()
    root = cid_of(Codec.DAG_CBOR, forged)
    blocks.put(root, forged)
    with pytest.raises(RecordCorrupt, match="another size"):
        list(fetch(root, blocks))


def test_a_manifest_that_links_twice_to_one_below_it_is_refused(
    blocks: MemoryBlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes could stand for terabytes, and keep whoever walks them busy for as long."""
    monkeypatch.setattr(manifest, "MAX_LINKS", 2)
    full = store(pieces(2 * CHUNK, CHUNK), blocks)
    forged = Manifest(size=4 * CHUNK, links=(full, full)).to_bytes()
    root = cid_of(Codec.DAG_CBOR, forged)
    blocks.put(root, forged)
    with pytest.raises(RecordCorrupt, match="twice"):
        list(walk(root, blocks))


def test_a_block_of_another_length_than_the_manifest_says_is_refused(blocks: MemoryBlockStore) -> None:
    blocks.put(RAW, b"raw")
    forged = Manifest(size=2, links=(RAW,)).to_bytes()
    blocks.put(cid_of(Codec.DAG_CBOR, forged), forged)
    with pytest.raises(RecordCorrupt):
        list(fetch(cid_of(Codec.DAG_CBOR, forged), blocks))


def test_the_root_is_kept_last(blocks: MemoryBlockStore) -> None:
    root = store(pieces(2 * CHUNK, CHUNK), blocks)
    assert list(blocks.cids())[-1] == root


def test_a_missing_block_is_named(blocks: MemoryBlockStore) -> None:
    root = store(pieces(2 * CHUNK + 1, CHUNK), blocks)
    last = [cid for cid, _ in walk(root, blocks)][-1]
    blocks.delete(last)
    with pytest.raises(BlockMissing) as caught:
        list(fetch(root, blocks))
    assert caught.value.fields == {"cid": last}


def test_a_root_that_is_no_manifest_is_refused(blocks: MemoryBlockStore) -> None:
    blocks.put(RAW, b"raw")
    with pytest.raises(InvalidInput):
        list(fetch(RAW, blocks))


def test_nothing_has_no_manifest(blocks: MemoryBlockStore) -> None:
    with pytest.raises(InvalidInput):
        store([b""], blocks)
    assert list(blocks.cids()) == []


def test_a_manifest_reads_as_it_was_written() -> None:
    assert Manifest.from_bytes(encoded()) == Manifest(size=3, links=(RAW,))
    assert Manifest(size=3, links=(RAW,)).to_bytes() == encoded()


def tagged(cid: Cid, *, tag: int = 42, prefix: bytes = b"\x00") -> cbor2.CBORTag:
    return cbor2.CBORTag(tag, prefix + cid_to_bytes(cid))


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="not CBOR"),
        pytest.param(b"\x83\x01\x02\x03", id="a list"),
        pytest.param(encoded() + b"\x00", id="a trailing byte"),
        pytest.param(encoded(format="consent-ledger/manifest/2"), id="another format"),
        pytest.param(encoded(suite="rot-13"), id="another suite"),
        pytest.param(encoded(chunk=CHUNK // 2), id="another block size"),
        pytest.param(encoded(name="secret.pdf"), id="a member too many"),
        pytest.param(encoded(size=0), id="no size"),
        pytest.param(encoded(size=True), id="a truth value for a size"),
        pytest.param(encoded(size=3.0), id="a float for a size"),
        pytest.param(encoded(size=1 << 80), id="a size beyond two levels"),
        pytest.param(encoded(size=CHUNK + 1), id="a link too few"),
        pytest.param(encoded(links=[tagged(RAW)] * 2), id="a link too many"),
        pytest.param(encoded(links="x"), id="links that are none"),
        pytest.param(encoded(links=[cid_to_bytes(RAW)]), id="a link without tag"),
        pytest.param(encoded(links=[tagged(RAW, tag=43)]), id="a link with another tag"),
        pytest.param(encoded(links=[tagged(RAW, prefix=b"")]), id="a link without prefix"),
        pytest.param(encoded(links=[cbor2.CBORTag(42, "text")]), id="a link that is text"),
        pytest.param(encoded(links=[tagged(NODE)]), id="a manifest where a block belongs"),
        pytest.param(
            cbor2.dumps(dict(reversed(cbor2.loads(encoded()).items()))), id="another order of members"
        ),
    ],
)
def test_any_other_manifest_is_refused(block: bytes) -> None:
    with pytest.raises(RecordCorrupt):
        Manifest.from_bytes(block)


def test_cutting_gives_full_blocks_and_no_empty_one() -> None:
    sizes = [len(block) for block in cut([b"x" * (CHUNK - 1), b"", b"yz", b"w" * (2 * CHUNK - 1)])]
    assert sizes == [CHUNK, CHUNK, CHUNK]
    assert list(cut([])) == []

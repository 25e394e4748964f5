"""Publishing and opening: the same bytes come out, for whom they were meant, or nothing does."""

import hashlib
import io
import os
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.crypto.sealing import seal
from ledger.errors import BlockCorrupt, BlockMissing, CapsuleInvalid, InvalidInput, RecordCorrupt
from ledger.ids import Did
from ledger.records.blocks import BlockStore, LocalBlockStore, MemoryBlockStore
from ledger.records.bundle import extract_resources
from ledger.records.cid import Codec, codec_of, digest_of
from ledger.records.filerecords import file_pieces, file_record
from ledger.records.framing import frame
from ledger.records.header import RecordHeader
from ledger.records.manifest import CHUNK, fetch, store, walk
from ledger.records.opening import open_record
from ledger.records.publish import Published, publish, record_info
from ledger.records.resources import Bundle
from ledger.records.segments import segment

EPOCH = 3

Write = Callable[[RecordHeader, Iterable[bytes]], Published]
Read = Callable[..., bytes]


@pytest.fixture
def write(public_key: bytes, blocks: MemoryBlockStore) -> Write:
    def written(header: RecordHeader, plaintext: Iterable[bytes]) -> Published:
        return publish(header, plaintext, public_key=public_key, epoch=EPOCH, blocks=blocks)

    return written


@pytest.fixture
def read(secret: bytes, blocks: MemoryBlockStore, tmp_path: Path) -> Read:
    def opened(record: Published, *, secret: bytes = secret) -> bytes:
        path = tmp_path / "opened"
        open_record(
            record.root,
            record.header,
            record.capsule,
            secret=secret,
            epoch=record.epoch,
            blocks=blocks,
            sink=path,
        )
        return path.read_bytes()

    return opened


def sized(header: RecordHeader, size: int, compression: str = "none") -> RecordHeader:
    return replace(header, size=size, compression=compression)


def test_every_segment_of_a_bundle_comes_back_byte_for_byte(
    bundle: Bundle, patient: Did, write: Write, read: Read
) -> None:
    digests = {one.full_url: hashlib.sha256(one.raw).digest() for one in bundle.resources}
    opened = {}
    for one in segment(bundle, patient):
        plaintext = read(write(one.header, [one.plaintext]))
        assert plaintext == one.plaintext
        opened.update({name: hashlib.sha256(raw).digest() for name, raw in extract_resources(plaintext)})
    assert opened == digests


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("size", [0, 1, CHUNK - 300, CHUNK, 2 * CHUNK + 12_345])
def test_files_of_every_size_come_back(
    header: RecordHeader, write: Write, read: Read, size: int, compression: str
) -> None:
    data = os.urandom(size)
    assert read(write(sized(header, size, compression), [data])) == data


def test_publishing_twice_gives_two_records_that_share_nothing(header: RecordHeader, write: Write) -> None:
    first, second = write(header, [b"12345"]), write(header, [b"12345"])
    assert first.root != second.root
    assert first.capsule != second.capsule


def test_one_ciphertext_has_one_root_in_every_store(
    header: RecordHeader, write: Write, blocks: MemoryBlockStore, tmp_path: Path
) -> None:
    published = write(sized(header, 3 * CHUNK), [bytes(3 * CHUNK)])
    local = LocalBlockStore(tmp_path)
    assert store(fetch(published.root, blocks), local) == published.root
    assert set(local.cids()) == set(blocks.cids())


def test_blocks_are_one_mebibyte_and_tell_nothing(
    header: RecordHeader, write: Write, blocks: MemoryBlockStore
) -> None:
    published = write(sized(header, 3 * CHUNK), [b"secret-content!!" * (3 * CHUNK // 16)])
    lengths = [len(blocks.get(cid)) for cid, _ in walk(published.root, blocks) if codec_of(cid) is Codec.RAW]
    assert lengths[:-1] == [CHUNK] * (len(lengths) - 1)
    for cid in blocks.cids():
        for word in (b"secret-content", b"scan.bin", b"octet-stream", b"did:pkh"):
            assert word not in blocks.get(cid)


def test_a_publication_names_everything_that_it_vouches_for(header: RecordHeader, write: Write) -> None:
    published = write(header, [b"12345"])
    publication = published.publication()
    assert publication.root == digest_of(published.root)
    assert publication.header == hashlib.sha256(header.to_bytes()).digest()
    assert publication.capsule == hashlib.sha256(published.capsule).digest()
    assert header.patient.endswith(publication.patient)
    assert (publication.compartment, publication.epoch) == (header.compartment, EPOCH)


def test_data_of_another_size_than_announced_leaves_no_root(
    header: RecordHeader, write: Write, blocks: MemoryBlockStore
) -> None:
    with pytest.raises(InvalidInput):
        write(sized(header, 2 * CHUNK), [bytes(2 * CHUNK - 1)])
    assert [cid for cid in blocks.cids() if codec_of(cid) is Codec.DAG_CBOR] == []


def test_a_key_that_is_none_is_refused(header: RecordHeader, blocks: MemoryBlockStore) -> None:
    with pytest.raises(InvalidInput):
        publish(header, [b"12345"], public_key=bytes(1216 - 1), epoch=1, blocks=blocks)


def test_another_secret_or_epoch_does_not_open_it(header: RecordHeader, write: Write, read: Read) -> None:
    published = write(header, [b"12345"])
    for wrong in (
        replace(published, epoch=EPOCH + 1),
        replace(published, capsule=published.capsule[:-1] + b"x"),
    ):
        with pytest.raises(CapsuleInvalid):
            read(wrong)
    with pytest.raises(CapsuleInvalid):
        read(published, secret=bytes(32))


def test_a_capsule_does_not_open_another_record(header: RecordHeader, write: Write, read: Read) -> None:
    first, second = write(header, [b"12345"]), write(header, [b"67890"])
    with pytest.raises(CapsuleInvalid):
        read(replace(first, capsule=second.capsule))


def test_a_header_with_fewer_labels_does_not_open_the_record(
    header: RecordHeader, write: Write, read: Read
) -> None:
    published = write(replace(header, labels=("HIV",), confidentiality="R"), [b"12345"])
    with pytest.raises(CapsuleInvalid):
        read(replace(published, header=replace(published.header, labels=())))


@pytest.mark.parametrize(
    "change", [{"confidentiality": "L"}, {"date": "1999-01-01"}, {"name": "other"}], ids=str
)
def test_a_changed_header_does_not_open_the_record(
    header: RecordHeader, write: Write, read: Read, change: dict[str, str]
) -> None:
    published = write(header, [b"12345"])
    with pytest.raises(RecordCorrupt):
        read(replace(published, header=replace(header, **change)))  # type: ignore[arg-type]


def test_a_capsule_that_holds_something_else_is_refused(
    header: RecordHeader, write: Write, read: Read, public_key: bytes
) -> None:
    published = write(header, [b"12345"])
    forged = seal(public_key, b"short", record_info(published.root, header, EPOCH))
    with pytest.raises(CapsuleInvalid):
        read(replace(published, capsule=forged))


def test_a_writer_who_encrypts_under_another_header_than_it_signs_is_found_out(
    header: RecordHeader, public_key: bytes, blocks: MemoryBlockStore, read: Read
) -> None:
    from ledger.crypto.recordcipher import encrypt

    signed = replace(header, confidentiality="L")
    root = store(encrypt(bytes(32), signed.to_bytes(), frame(header, [b"12345"])), blocks)
    capsule = seal(public_key, bytes(32), record_info(root, signed, EPOCH))
    with pytest.raises(RecordCorrupt):
        read(Published(root=root, header=signed, capsule=capsule, epoch=EPOCH))


def rotten(blocks: MemoryBlockStore, published: Published) -> None:
    last = [cid for cid, _ in walk(published.root, blocks)][-1]
    blocks._blocks[last] = blocks._blocks[last][:-1] + b"x"


def absent(blocks: MemoryBlockStore, published: Published) -> None:
    blocks.delete([cid for cid, _ in walk(published.root, blocks)][-1])


@pytest.mark.parametrize(("harm", "error"), [(rotten, BlockCorrupt), (absent, BlockMissing)])
def test_a_record_that_is_not_whole_leaves_no_file(
    header: RecordHeader,
    write: Write,
    read: Read,
    blocks: MemoryBlockStore,
    tmp_path: Path,
    harm: Callable[[MemoryBlockStore, Published], None],
    error: type[Exception],
) -> None:
    published = write(sized(header, 2 * CHUNK), [bytes(2 * CHUNK)])
    harm(blocks, published)
    with pytest.raises(error):
        read(published)
    assert list(tmp_path.iterdir()) == []


def opened_to_stream(
    published: Published, secret: bytes, blocks: BlockStore, sink: io.BytesIO, *, streaming: bool
) -> None:
    open_record(
        published.root,
        published.header,
        published.capsule,
        secret=secret,
        epoch=published.epoch,
        blocks=blocks,
        sink=sink,
        streaming=streaming,
    )


@pytest.mark.parametrize("streaming", [False, True])
def test_a_stream_gets_the_whole_record(
    header: RecordHeader, write: Write, secret: bytes, blocks: MemoryBlockStore, streaming: bool
) -> None:
    data = os.urandom(2 * CHUNK)
    sink = io.BytesIO()
    opened_to_stream(write(sized(header, len(data)), [data]), secret, blocks, sink, streaming=streaming)
    assert sink.getvalue() == data


def test_a_stream_gets_nothing_of_a_broken_record_unless_it_wants_to(
    header: RecordHeader, write: Write, secret: bytes, blocks: MemoryBlockStore
) -> None:
    published = write(sized(header, 3 * CHUNK), [bytes(3 * CHUNK)])
    rotten(blocks, published)
    careful, hasty = io.BytesIO(), io.BytesIO()
    with pytest.raises(BlockCorrupt):
        opened_to_stream(published, secret, blocks, careful, streaming=False)
    with pytest.raises(BlockCorrupt):
        opened_to_stream(published, secret, blocks, hasty, streaming=True)
    assert careful.getvalue() == b""
    assert len(hasty.getvalue()) > CHUNK


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peaks_of_a_file(header: RecordHeader, path: Path, public_key: bytes, secret: bytes) -> tuple[int, int]:
    """Peak memory of publishing and of opening a file, which comes back as it was."""
    blocks = LocalBlockStore(path.with_suffix(".blocks"))
    opened = path.with_suffix(".opened")
    made: list[Published] = []

    def writing() -> None:
        pieces = file_pieces(path)
        made.append(publish(header, pieces, public_key=public_key, epoch=EPOCH, blocks=blocks))

    def reading() -> None:
        root, capsule = made[0].root, made[0].capsule
        open_record(root, header, capsule, secret=secret, epoch=EPOCH, blocks=blocks, sink=opened)

    peaks = peak(writing), peak(reading)
    assert opened.read_bytes() == path.read_bytes()
    return peaks


@pytest.mark.parametrize("media_type", ["application/octet-stream", "text/plain"])
def test_memory_does_not_grow_with_the_file(
    patient: Did, public_key: bytes, secret: bytes, tmp_path: Path, media_type: str
) -> None:
    measured = []
    for mebibytes in (24, 72):
        path = tmp_path / f"{mebibytes}.bin"
        path.write_bytes(os.urandom(mebibytes << 20))
        header = file_record(path, patient=patient, record_class="imaging", media_type=media_type)
        measured.append(peaks_of_a_file(header, path, public_key, secret))
    for small, large in zip(*measured, strict=True):
        assert large < small + (4 << 20)  # a few pieces lie between two threads
        assert large < 12 << 20

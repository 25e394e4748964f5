"""What the product writes, a reader made from FORMATS.md alone opens; what is wrong it refuses, by step."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.ids import Cid, Did
from ledger.records.blocks import MemoryBlockStore
from ledger.records.bundle import read_bundle
from ledger.records.cid import Codec, cid_of
from ledger.records.header import RecordHeader
from ledger.records.manifest import CHUNK
from ledger.records.publish import Published, publish
from ledger.records.samples import sample_bundle
from ledger.records.segments import segment
from tests.records.second_reader import Refused, open_record

EPOCH = 3
VECTORS = Path(__file__).parents[1] / "vectors" / "record.json"


@pytest.fixture
def write(public_key: bytes, blocks: MemoryBlockStore) -> Callable[[RecordHeader, bytes], Published]:
    def written(header: RecordHeader, plaintext: bytes) -> Published:
        return publish(header, [plaintext], public_key=public_key, epoch=EPOCH, blocks=blocks)

    return written


Write = Callable[[RecordHeader, bytes], Published]


def read(record: Published, secret: bytes, blocks: MemoryBlockStore, epoch: int = EPOCH) -> bytes:
    header = record.header.to_bytes()
    return open_record(record.root, header, record.capsule, secret, epoch, lambda cid: blocks.get(Cid(cid)))


def test_segments_of_a_bundle(patient: Did, write: Write, secret: bytes, blocks: MemoryBlockStore) -> None:
    found = segment(read_bundle(sample_bundle()), patient)
    assert len(found) > 10
    for one in found:
        assert read(write(one.header, one.plaintext), secret, blocks) == one.plaintext


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("size", [0, 1, 1000, CHUNK - 1, 3 * CHUNK + 17])
def test_files_of_every_size(
    header: RecordHeader, write: Write, secret: bytes, blocks: MemoryBlockStore, size: int, compression: str
) -> None:
    plaintext = bytes(place % 251 for place in range(1000)) * (size // 1000 + 1)
    named = replace(header, size=size, compression=compression)
    assert read(write(named, plaintext[:size]), secret, blocks) == plaintext[:size]


def test_every_vector() -> None:
    shipped = json.loads(VECTORS.read_text())
    assert shipped["cases"]
    for case in shipped["cases"]:
        ciphertext = b64decode(case["ciphertext"])
        pieces = [ciphertext[at : at + CHUNK] for at in range(0, len(ciphertext), CHUNK)]
        kept = {cid_of(Codec.RAW, piece): piece for piece in pieces}
        manifest = b64decode(case["manifest"])
        kept[cid_of(Codec.DAG_CBOR, manifest)] = manifest
        opened = open_record(
            case["root"],
            case["header"].encode(),
            b64decode(case["capsule"]),
            bytes.fromhex(case["secret"][2:]),
            case["epoch"],
            {str(cid): data for cid, data in kept.items()}.__getitem__,
        )
        assert opened == b64decode(case["plaintext"])


class TestRefusals:
    def test_a_block_that_was_swapped(
        self, header: RecordHeader, write: Write, secret: bytes, blocks: MemoryBlockStore
    ) -> None:
        record = write(replace(header, size=10, compression="none"), b"0123456789")
        data = b"another block"
        with pytest.raises(Refused, match="manifest: hash"):
            open_record(
                record.root,
                record.header.to_bytes(),
                record.capsule,
                secret,
                EPOCH,
                lambda cid: blocks.get(Cid(cid)) if cid == record.root else data,
            )

    def test_another_epoch(
        self, header: RecordHeader, write: Write, secret: bytes, blocks: MemoryBlockStore
    ) -> None:
        record = write(replace(header, size=1, compression="none"), b"x")
        with pytest.raises(Refused, match="capsule: opens"):
            read(record, secret, blocks, EPOCH + 1)

    def test_another_label(
        self, header: RecordHeader, write: Write, secret: bytes, blocks: MemoryBlockStore
    ) -> None:
        record = write(replace(header, size=1, compression="none"), b"x")
        forged = replace(record, header=replace(record.header, confidentiality="L"))
        with pytest.raises(Refused, match="body: decryption"):
            read(forged, secret, blocks)

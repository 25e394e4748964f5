"""records: publish and open one file of 256 MiB on local blocks, with the peak of memory."""

import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ledger.crypto.sealing import KeyPair
from ledger.ids import Address, did_of
from ledger.records.blocks import LocalBlockStore
from ledger.records.header import RecordHeader
from ledger.records.opening import open_record
from ledger.records.publish import publish
from tests.bench.measure import Figures, median_seconds

SIZE = 256 << 20
PIECE = 1 << 20


def run() -> Figures:
    """Throughput in MiB/s (median of three) and the process's peak in MiB."""
    header = RecordHeader(
        kind="file",
        patient=did_of(31337, Address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94")),
        record_class="18748-4",
        confidentiality="N",
        media_type="application/octet-stream",
        compression="none",
        size=SIZE,
    )
    secret = os.urandom(32)
    key = KeyPair.from_secret(secret).public
    with tempfile.TemporaryDirectory() as directory:
        blocks = LocalBlockStore(Path(directory) / "blocks")
        source = Path(directory) / "source"
        _fill(source)
        put = median_seconds(
            lambda: publish(header, _pieces(source), public_key=key, epoch=0, blocks=blocks), runs=3
        )
        kept = publish(header, _pieces(source), public_key=key, epoch=0, blocks=blocks)

        def read() -> None:
            target = Path(directory) / "target"
            open_record(kept.root, header, kept.capsule, secret=secret, epoch=0, blocks=blocks, sink=target)
            target.unlink()

        got = median_seconds(read, runs=3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"publish_mb_s": SIZE / put / 2**20, "open_mb_s": SIZE / got / 2**20, "peak_mb": peak}


def _fill(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(SIZE // PIECE):
            file.write(os.urandom(PIECE))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece

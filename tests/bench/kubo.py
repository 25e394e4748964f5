"""kubo: a record of 256 MiB into a Kubo node, next to `ipfs add` of as many bytes on the same daemon."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.records import manifest
from ledger.records.blocks import LocalBlockStore
from ledger.records.kubo import KuboBlockStore
from tests.bench.measure import Figures
from tests.nodes.daemon import Kubo

SIZE = 256 << 20
PIECE = 1 << 20
RUNS = 3


def run() -> Figures:
    """Throughput in MiB/s, medians of three runs in turn; no run finds blocks of another.

    Ours starts from a staged record and ends when all of it is pinned, read back and hashed; `ipfs add`
    starts from a file and ends when it is pinned.
    """
    ours, adding = [], []
    with tempfile.TemporaryDirectory() as place, Kubo(Path(place) / "kubo") as node:
        store = KuboBlockStore(node.url)
        for number in range(RUNS):
            staged, file = LocalBlockStore(Path(place) / f"staged{number}"), Path(place) / f"file{number}"
            root = manifest.store(_ciphertext(), staged)
            with file.open("wb") as target:
                target.writelines(_ciphertext())
            ours.append(_seconds(store.adopt, root, staged))
            adding.append(_seconds(node.run, "add", "--quieter", str(file)))
        store.close()
    return {
        "kubo_publish_mb_s": SIZE / statistics.median(ours) / 2**20,
        "ipfs_add_mb_s": SIZE / statistics.median(adding) / 2**20,
    }


def _ciphertext() -> Iterator[bytes]:
    return (os.urandom(PIECE) for _ in range(SIZE // PIECE))


def _seconds(act: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - started

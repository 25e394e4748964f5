"""log: durable appends in batches of 200 on SQLite, and one inclusion proof in a tree of a million leaves."""

import tempfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from ledger.log.checkpoint import LogKey
from ledger.log.entry import NO_PATIENT
from ledger.log.journal import Draft, Journal
from ledger.log.merkle import Tree
from ledger.store.database import Database, upgrade
from ledger.store.vault import MemoryDataKeys, Vault
from tests.bench.measure import Figures, median_seconds

BATCH = 200
LEAVES = 1_000_000


def run() -> Figures:
    """Entries a second, and milliseconds for a proof."""
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory) / 'log.sqlite'}"
        upgrade(url)
        database = Database(url)
        journal = Journal(
            database,
            Vault(MemoryDataKeys(), bytes(32)),
            LogKey("bench.example/log", bytes(32)),
            clock=lambda: datetime.now(UTC),
        )
        drafts = [Draft(tag=NO_PATIENT, entry={"kind": "decision", "outcome": "PERMIT"})] * BATCH
        taken = median_seconds(lambda: journal.append_many(drafts), runs=20)
        database.close()
    tree = Tree()
    for number in range(LEAVES):
        tree.append(sha256(number.to_bytes(8, "big")).digest())
    proof = median_seconds(lambda: tree.inclusion_proof(LEAVES // 3, LEAVES), runs=20)
    return {"append_s": BATCH / taken, "proof_ms": proof * 1000}

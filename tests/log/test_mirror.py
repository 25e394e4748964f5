"""The tree in memory and the database, when a commit and the next writer's reading of it cross."""

from ledger.log.checkpoint import LogKey
from ledger.log.journal import Journal
from ledger.log.mirror import Mirror
from ledger.store.database import Database
from ledger.store.log import LogStore
from ledger.store.vault import MemoryDataKeys, Vault

ALICE = b"\xa1" * 20
"""A patient whom `enrolled` makes."""


def test_a_commit_that_the_next_writer_has_read_already_is_not_added_twice(
    journal: Journal, db: Database
) -> None:
    leaves = [journal.append(ALICE, {"number": number}).leaf for number in range(5)]
    mirror = Mirror(LogStore(Vault(MemoryDataKeys(), bytes(32))), LogKey("log", bytes(32)))
    mirror.advance(0, leaves[:2])
    with db.read() as connection:
        assert mirror.follow(connection) == 5
    mirror.advance(0, leaves[:2])
    mirror.advance(2, leaves[2:])
    mirror.advance(3, [*leaves[3:], bytes(32)])
    assert mirror.size == 6
    mirror.advance(5, [bytes(32)])
    assert mirror.size == 6
    assert mirror.root(5) == journal.root()

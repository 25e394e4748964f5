"""What is kept of transactions that carry several acts, and what holds of the relayer."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert

from ledger.chain.facts import Receipt
from ledger.ids import Digest
from ledger.store.acts import Attempt, Fate, News, State, Submission
from ledger.store.backlog import backlog
from ledger.store.database import Database, upgrade
from ledger.store.marks import Mark, Marked
from ledger.store.relay import RelayStore
from ledger.store.tables import submissions
from tests.databases import made_at


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = made_at(tmp_path / "ledger.db")
    found = Database(url)
    yield found
    found.close()


@pytest.fixture
def store(database: Database) -> RelayStore:
    return RelayStore(database)


def act(subject: str, *, lane: bytes | None = None, urgent: bool = False, created: int = 0) -> Submission:
    return Submission(
        id=0,
        kind="recording",
        subject=subject,
        to=bytes(20),
        data=b"",
        urgent=urgent,
        state=State.INTENDED,
        not_before=0,
        created=created,
        lane=lane,
    )


def attempt(number: int, *acts: int, nonce: int = 0, created: int = 0) -> Attempt:
    return Attempt(
        hash=name(number),
        submissions=acts,
        nonce=nonce,
        raw=b"raw",
        max_fee=number,
        priority_fee=1,
        created=created,
    )


def name(number: int) -> Digest:
    return Digest(f"0x{number:064x}")


def fate(number: int, *skipped: int, succeeded: bool = True) -> Fate:
    receipt = Receipt(
        transaction=name(number), number=7, block_hash=name(99), succeeded=succeeded, gas_used=1000
    )
    return Fate(receipt=receipt, skipped=frozenset(skipped))


def test_a_transaction_is_found_with_all_its_acts_in_their_order(store: RelayStore) -> None:
    acts = [store.submit(act(subject, lane=subject.encode() * 32)) for subject in "abc"]
    order = (acts[2], acts[0], acts[1])
    assert store.sign([attempt(1, *order)]) == [attempt(1, *order)]
    work = store.work(0)
    assert work.attempts == [attempt(1, *order)]
    assert {one.state for one in work.submissions.values()} == {State.SENT}
    assert [found for _, found in work.by_submission()] == [work.attempts] * 3
    assert [found for _, found in store.find("b")] == [work.attempts]


def test_what_was_withdrawn_keeps_the_whole_transaction_from_being_sent(store: RelayStore) -> None:
    first, second = store.submit(act("a")), store.submit(act("b"))
    assert store.withdraw("recording", "b") == 1
    assert store.sign([attempt(1, first, second), attempt(2, first, nonce=1)]) == [attempt(2, first, nonce=1)]
    assert [one.hash for one in store.work(0).attempts] == [name(2)]


def test_each_act_has_a_state_of_its_own_and_the_block_is_of_all(store: RelayStore) -> None:
    first, second = (store.submit(act(subject, lane=subject.encode() * 32)) for subject in "ab")
    store.sign([attempt(1, first, second)])
    store.settle(News(states={first: State.FINAL, second: State.FAILED}, fates={name(1): fate(1, second)}))
    ((one, (kept,)),) = store.find("a")
    ((other, _),) = store.find("b")
    assert (one.state, other.state) == (State.FINAL, State.FAILED)
    assert (one.lane, other.lane) == (None, b"b" * 32)
    assert (kept.block_number, kept.gas_used, kept.skipped) == (7, 1000, frozenset({second}))
    store.settle(News(states={first: State.SENT}, fates={name(1): None}))
    ((_, (kept,)),) = store.find("a")
    assert (kept.block_number, kept.gas_used, kept.skipped) == (None, None, frozenset())


def test_an_act_that_is_intended_again_is_found_with_the_batch_it_fell_with(store: RelayStore) -> None:
    acts = [store.submit(act(subject)) for subject in "ab"]
    store.sign([attempt(1, *acts)])
    store.settle(News(states=dict.fromkeys(acts, State.INTENDED), fates={name(1): fate(1, succeeded=False)}))
    (kept,) = store.work(5).attempts
    assert kept.fell


def test_nonces_and_gas_are_counted_over_everything_that_was_signed(store: RelayStore) -> None:
    assert (store.first_nonce(), store.used_nonces(0, 9), store.gas_since(0)) == (None, set(), 0)
    one = store.submit(act("a"))
    store.sign([attempt(n, one, nonce=n, created=n * 10) for n in (3, 4, 6)])
    store.settle(News(fates={name(3): fate(3), name(6): fate(6)}))
    assert (store.first_nonce(), store.used_nonces(4, 7)) == (3, {4, 6})
    assert [store.gas_since(moment) for moment in (0, 31, 61)] == [2000, 1000, 0]


def test_a_mark_holds_until_it_is_taken_and_keeps_its_time(store: RelayStore, database: Database) -> None:
    store.marks.put(Mark.DRAINED, since=1)
    store.marks.put(Mark.DRAINED, since=2)
    store.marks.put(Mark.FOREIGN_NONCE, since=3, detail="7")
    store.marks.put(Mark.FOREIGN_NONCE, since=4, detail="8")
    assert RelayStore(database).marks.all() == {
        Mark.DRAINED: Marked(since=1),
        Mark.FOREIGN_NONCE: Marked(since=4, detail="8"),
    }
    assert store.marks.take([Mark.DRAINED, Mark.OVER_QUOTA]) == [Mark.DRAINED]
    assert store.marks.take([Mark.DRAINED]) == []


def test_the_backlog_counts_what_is_in_no_block(store: RelayStore, database: Database) -> None:
    empty = backlog(database, 100)
    assert (empty.oldest, empty.stops, empty.next_nonce) == (None, 0, 0)
    assert set(empty.acts.values()) == {0}
    sent, _, _ = (
        store.submit(one)
        for one in (act("a", created=10), act("b", created=20), act("c", urgent=True, created=30))
    )
    store.sign([attempt(1, sent, nonce=4)])
    found = backlog(database, 100)
    assert (found.acts[State.INTENDED], found.acts[State.SENT]) == (2, 1)
    assert (found.oldest, found.stops, found.next_nonce) == (10, 1, 5)


def test_transactions_of_an_older_database_carry_the_act_that_they_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    url = f"sqlite:///{path}"
    migrated_to(url, "0006")
    database = Database(url)
    with database.write() as connection:
        row = {"id": 5, "kind": "recording", "subject": "a", "to": bytes(20), "data": b"", "urgent": False}
        connection.execute(insert(submissions).values(**row, state="sent", not_before=0, created=0))
    database.close()
    raw = sqlite3.connect(path)
    raw.execute(
        "INSERT INTO transactions (hash, submission, nonce, raw, max_fee, priority_fee, created) "
        "VALUES (?, 5, 3, x'02', 9, 1, 4)",
        (bytes(31) + b"\x01",),
    )
    raw.commit()
    raw.close()
    upgrade(url)
    database = Database(url)
    (kept,) = RelayStore(database).work(0).attempts
    database.close()
    assert (kept.hash, kept.submissions, kept.nonce, kept.raw, kept.max_fee) == (name(1), (5,), 3, b"\x02", 9)


def migrated_to(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "ledger.store:migrations")
    database = Database(url)
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    database.close()

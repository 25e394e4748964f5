"""The journal: sequencing, what is on disk when it returns, and what a damaged database is good for."""

import json
import threading
from collections.abc import Callable
from typing import Protocol

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from ledger.errors import Bug, Conflict, InvalidInput, NotFound, ProofInvalid, StoreUnavailable
from ledger.log.checkpoint import Checkpoint, LogKey, open_note
from ledger.log.entry import NO_PATIENT, EntryKind, decode, inner, leaf_data
from ledger.log.journal import Appended, Draft, Journal, PatientChanged
from ledger.log.merkle import leaf_hash, root_of, verify_consistency
from ledger.log.receipt import verify
from ledger.store.database import Database
from ledger.store.tables import access_nonces, checkpoints, log_entries, patients
from ledger.store.vault import FileDataKeys
from tests.databases import ONLY_SQLITE, Databases

ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20
"""The two patients whom `enrolled` makes."""

Restart = Callable[[], Journal]


class Clock(Protocol):
    """The clock of the journal, which stands still until it is moved."""

    def move(self, seconds: int) -> None: ...


def entry(number: int = 0) -> dict[str, object]:
    return {"kind": EntryKind.DECISION, "number": number}


def append(journal: Journal, count: int, tag: bytes = ALICE) -> list[Appended]:
    return [journal.append(tag, entry(number)) for number in range(count)]


def version(db: Database, tag: bytes) -> int:
    with db.read() as connection:
        return int(connection.execute(select(patients.c.version).where(patients.c.tag == tag)).scalar_one())


def spend_nonce(connection: Connection, _index: int) -> None:
    connection.execute(insert(access_nonces).values(nonce=b"n" * 32, expires=1))


def nonces(db: Database) -> int:
    with db.read() as connection:
        return len(connection.execute(select(access_nonces)).all())


class TestSequencing:
    def test_entries_are_numbered_from_zero_and_read_back(self, journal: Journal) -> None:
        appended = [
            journal.append(ALICE, entry(1)),
            journal.append(NO_PATIENT, {"kind": EntryKind.LOG_OPENED}),
        ]
        assert [each.index for each in appended] == [0, 1]
        for each, opened in zip(appended, journal.entries(), strict=True):
            assert (opened.index, opened.tag, opened.salt, opened.entry) == (
                each.index,
                each.tag,
                each.salt,
                each.entry,
            )
            assert opened.inner == inner(each.salt, each.entry)
            assert opened.leaf == each.leaf == leaf_hash(leaf_data(each.tag, opened.inner))

    def test_an_entry_may_name_the_one_before_it_whatever_its_index_is(self, journal: Journal) -> None:
        append(journal, 3)
        first, second = journal.append_many(
            [Draft(tag=ALICE, entry=entry()), Draft(tag=ALICE, entry=entry(), follows="before")]
        )
        assert (first.index, decode(second.entry)["before"]) == (3, 3)

    def test_no_two_entries_share_a_salt(self, journal: Journal) -> None:
        assert len({each.salt for each in append(journal, 20)}) == 20

    def test_a_patient_reads_their_own_entries(self, journal: Journal) -> None:
        append(journal, 2, ALICE)
        append(journal, 1, BOB)
        append(journal, 1, ALICE)
        assert [each.index for each in journal.entries(tag=ALICE)] == [0, 1, 3]
        assert [each.index for each in journal.entries(1, 3)] == [1, 2]

    def test_the_log_sets_the_time_and_it_never_decreases(
        self, journal: Journal, open_journal: Restart, clock: Clock
    ) -> None:
        first = journal.append(ALICE, entry())
        clock.move(-3600)
        second = journal.append(ALICE, entry())
        third = open_journal().append(NO_PATIENT, entry())
        clock.move(7200)
        fourth = journal.append(ALICE, entry())
        times = [decode(each.entry)["time"] for each in (first, second, third, fourth)]
        assert times == [1772366400000, 1772366400000, 1772366400000, 1772370000000]
        with pytest.raises(InvalidInput):
            journal.append(ALICE, {**entry(), "time": 1})

    def test_a_decision_on_an_old_version_is_not_sequenced(self, journal: Journal, db: Database) -> None:
        journal.append(ALICE, entry(), expect={ALICE: 0}, within=lambda c, _: journal.bump(c, ALICE))
        with pytest.raises(PatientChanged):
            journal.append(ALICE, entry(), expect={ALICE: 0}, within=spend_nonce)
        with pytest.raises(PatientChanged):
            journal.append(ALICE, entry(), expect={b"?" * 20: 0})
        assert (journal.size, len(journal.entries()), nonces(db)) == (1, 1, 0)
        assert journal.append(ALICE, entry(), expect={ALICE: 1, BOB: 0}).index == 1

    def test_the_callers_rows_are_written_with_the_entry_or_not_at_all(
        self, journal: Journal, db: Database
    ) -> None:
        seen: list[int] = []

        def fail(connection: Connection, index: int) -> None:
            seen.append(index)
            spend_nonce(connection, index)
            raise NotFound("no")

        with pytest.raises(NotFound):
            journal.append(ALICE, entry(), within=fail)
        assert (seen, journal.size, journal.entries(), nonces(db)) == ([0], 0, [], 0)
        journal.append(ALICE, entry(), within=spend_nonce)
        with pytest.raises(Conflict):
            journal.append(ALICE, entry(), within=spend_nonce)
        assert (journal.size, len(journal.entries()), nonces(db)) == (1, 1, 1)

    def test_many_are_appended_together_or_not_at_all(self, journal: Journal, db: Database) -> None:
        def raise_version(connection: Connection, _index: int) -> None:
            journal.bump(connection, ALICE)

        drafts = [
            Draft(tag=ALICE, entry=entry(number), expect={ALICE: number}, within=raise_version)
            for number in range(5)
        ]
        assert [each.index for each in journal.append_many(drafts)] == [0, 1, 2, 3, 4]
        with pytest.raises(PatientChanged):
            journal.append_many(
                [Draft(tag=BOB, entry=entry()), Draft(tag=BOB, entry=entry(), expect={ALICE: 4})]
            )
        assert (journal.size, len(journal.entries()), version(db, ALICE)) == (5, 5, 5)
        assert journal.append_many([]) == []

    def test_a_patient_without_a_data_key_gets_no_entry(self, journal: Journal) -> None:
        with pytest.raises(NotFound) as caught:
            journal.append(b"?" * 20, entry())
        assert caught.value.reason == "no_data_key"
        assert journal.size == 0

    def test_raising_the_version_of_nobody_is_refused(self, journal: Journal, db: Database) -> None:
        with db.write() as connection, pytest.raises(NotFound):
            journal.bump(connection, b"?" * 20)

    def test_appending_inside_a_transaction_is_a_bug_and_not_a_deadlock(
        self, journal: Journal, db: Database
    ) -> None:
        with db.read(), pytest.raises(Bug):
            journal.append(ALICE, entry())
        with pytest.raises(Bug):
            journal.append(ALICE, entry(), within=lambda _c, _i: journal.append(ALICE, entry()))
        assert journal.entries() == []

    def test_many_threads_append_and_none_is_lost(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        given: list[Appended] = []
        failed: list[BaseException] = []

        def work(tag: bytes) -> None:
            try:
                for number in range(15):
                    appended = journal.append(
                        tag, entry(number), within=lambda c, _: journal.bump(c, tag) and None
                    )
                    given.append(appended)
                    assert verify(journal.receipt(appended.index), journal.verifier)["number"] == number
            except BaseException as exc:  # a thread's failure is the test's
                failed.append(exc)
                raise

        threads = [threading.Thread(target=work, args=(tag,)) for tag in (ALICE, BOB, ALICE, BOB)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert sorted(each.index for each in given) == list(range(60))
        assert {each.index: each.entry for each in given} == {e.index: e.entry for e in journal.entries()}
        assert (version(db, ALICE), version(db, BOB)) == (30, 30)
        assert open_journal().root() == journal.root()

    def test_two_journals_over_one_database_keep_one_order(
        self, journal: Journal, open_journal: Restart
    ) -> None:
        other = open_journal()
        indices = [each.append(ALICE, entry()).index for each in (journal, other, other, journal, other)]
        assert indices == [0, 1, 2, 3, 4]
        assert open_note(journal.checkpoint(), journal.verifier).size == 5
        assert other.checkpoint() == journal.checkpoint()

    def test_what_another_journal_appended_is_vouched_for(
        self, journal: Journal, open_journal: Restart
    ) -> None:
        other = open_journal()
        journal.checkpoint()
        index = append(other, 3)[-1].index
        assert verify(journal.receipt(index), journal.verifier)["number"] == 2

    def test_proofs_reach_what_another_journal_appended(
        self, journal: Journal, open_journal: Restart
    ) -> None:
        other = open_journal()
        append(other, 3)
        assert journal.inclusion_proof(1, 3) == other.inclusion_proof(1, 3)
        append(other, 2)
        assert journal.consistency_proof(3, 5) == other.consistency_proof(3, 5)
        append(other, 1)
        assert journal.root(6) == other.root(6)
        append(other, 1)
        journal.follow()
        assert journal.size == 7
        with pytest.raises(InvalidInput):
            journal.root(8)

    def test_the_time_never_decreases_over_journals_whose_clocks_differ(
        self, journal: Journal, open_journal: Restart, clock: Clock
    ) -> None:
        other = open_journal()
        clock.move(3600)
        ahead = other.append(ALICE, entry())
        journal.follow()
        clock.move(-3600)
        assert decode(journal.append(ALICE, entry()).entry)["time"] == decode(ahead.entry)["time"]


class TestSigning:
    def test_a_checkpoint_covers_everything_and_is_stored_once(self, journal: Journal, db: Database) -> None:
        append(journal, 3)
        note = journal.checkpoint()
        assert open_note(note, journal.verifier) == Checkpoint(
            origin=journal.origin, size=3, root=journal.root()
        )
        assert journal.checkpoint() == note == journal.last_checkpoint()
        with db.read() as connection:
            assert len(connection.execute(select(checkpoints)).all()) == 1

    def test_an_empty_log_has_a_checkpoint(self, journal: Journal) -> None:
        assert journal.last_checkpoint() is None
        assert open_note(journal.checkpoint(), journal.verifier).size == 0

    def test_checkpoints_are_consistent_across_a_restart(
        self, journal: Journal, open_journal: Restart
    ) -> None:
        append(journal, 3)
        first = open_note(journal.checkpoint(), journal.verifier)
        again = open_journal()
        append(again, 4)
        second = open_note(again.checkpoint(), again.verifier)
        proof = again.consistency_proof(first.size, second.size)
        verify_consistency(first.size, first.root, second.size, second.root, proof)

    def test_every_entry_has_a_receipt(self, journal: Journal) -> None:
        append(journal, 6)
        for index in range(6):
            assert verify(journal.receipt(index), journal.verifier)["number"] == index
        for index in (-1, 6):
            with pytest.raises(NotFound):
                journal.receipt(index)

    def test_a_log_that_is_refused_hands_out_nothing_not_even_what_was_signed_before(
        self, journal: Journal
    ) -> None:
        append(journal, 2)
        journal.checkpoint()
        journal.refuse("the chain's anchor is not of this log")
        for give in (journal.checkpoint, lambda: journal.receipt(0)):
            with pytest.raises(ProofInvalid):
                give()

    def test_a_note_is_not_given_out_unless_it_is_stored(self, journal: Journal, db: Database) -> None:
        append(journal, 1)
        with db.write() as connection:
            connection.exec_driver_sql("ALTER TABLE checkpoints RENAME TO hidden")
        with pytest.raises(StoreUnavailable):
            journal.checkpoint()


class TestDamage:
    """What the database may suffer while the gateway runs or is down."""

    def alter(self, db: Database, index: int, **values: object) -> None:
        with db.write() as connection:
            connection.execute(update(log_entries).where(log_entries.c.position == index).values(**values))

    def refuses(self, journal: Journal, size: int) -> None:
        """It signs and appends nothing, says why, and can be read."""
        assert journal.damage is not None
        for act in (
            journal.checkpoint,
            lambda: journal.append(ALICE, entry()),
            lambda: journal.receipt(0),
        ):
            with pytest.raises(ProofInvalid):
                act()
        assert len(journal.entries()) == size
        assert journal.last_checkpoint() is not None

    def test_a_flipped_byte_in_a_row_leaves_it_unopened_and_the_rest_readable(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        append(journal, 3)
        sealed = bytearray(self.sealed(db, 1))
        sealed[len(sealed) // 2] ^= 1
        self.alter(db, 1, sealed=bytes(sealed))
        for each in (journal, open_journal()):
            opened = each.entries()
            assert [row.index for row in opened if row.entry is None] == [1]
            assert opened[1].salt is None
            assert each.append(NO_PATIENT, {"kind": EntryKind.LOG_READ}).index >= 3
            with pytest.raises(NotFound):
                each.receipt(1)

    @pytest.mark.parametrize("column", ["tag", "inner", "leaf", "sealed"])
    @pytest.mark.parametrize("value", [b"", b"\x00" * 20, b"\x01" * 32, b"x" * 5000])
    def test_reading_survives_whatever_stands_in_a_row(
        self, journal: Journal, open_journal: Restart, db: Database, column: str, value: bytes
    ) -> None:
        append(journal, 2)
        journal.checkpoint()
        self.alter(db, 0, **{column: value})
        self.still_reads(journal, open_journal)

    @ONLY_SQLITE
    @pytest.mark.parametrize("column", ["tag", "inner", "leaf", "sealed"])
    @pytest.mark.parametrize("value", ["text", 7, 1.5])
    def test_reading_survives_whatever_type_stands_in_a_row(
        self, journal: Journal, open_journal: Restart, db: Database, column: str, value: object
    ) -> None:
        append(journal, 2)
        journal.checkpoint()
        with db.write() as connection:
            connection.exec_driver_sql(f"UPDATE log_entries SET {column} = ? WHERE position = 0", (value,))  # noqa: S608
        self.still_reads(journal, open_journal)

    def still_reads(self, journal: Journal, open_journal: Restart) -> None:
        """Both of two entries, whatever became of the first one."""
        for each in (journal, open_journal()):
            opened = each.entries()
            assert [row.index for row in opened] == [0, 1]
            assert opened[1].entry is not None

    def test_rows_that_changed_places_do_not_open(self, journal: Journal, db: Database) -> None:
        append(journal, 2)
        first, second = self.sealed(db, 0), self.sealed(db, 1)
        self.alter(db, 0, sealed=second)
        self.alter(db, 1, sealed=first)
        assert [row.entry for row in journal.entries()] == [None, None]

    def test_a_row_given_to_another_patient_does_not_open(self, journal: Journal, db: Database) -> None:
        append(journal, 1)
        self.alter(db, 0, tag=BOB)
        assert [row.entry for row in journal.entries()] == [None]

    def test_no_receipt_is_given_for_a_row_that_was_replaced(self, journal: Journal, db: Database) -> None:
        appended = append(journal, 2)[0]
        vault = journal._rows._vault
        self.alter(db, 0, sealed=vault.seal(ALICE, "log/0", appended.salt + b'{"kind":"release"}'))
        with pytest.raises(ProofInvalid):
            journal.receipt(0)

    def test_a_changed_leaf_is_found_at_start(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        append(journal, 5)
        journal.checkpoint()
        self.alter(db, 2, leaf=b"\x00" * 32)
        self.refuses(open_journal(), 5)

    def test_a_malformed_leaf_is_found_at_start(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        append(journal, 5)
        journal.checkpoint()
        self.alter(db, 2, leaf=b"\x00" * 31)
        self.refuses(open_journal(), 5)

    def test_a_gap_is_found_at_start_even_if_nothing_was_signed(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        append(journal, 3)
        with db.write() as connection:
            connection.execute(delete(log_entries).where(log_entries.c.position == 1))
        assert open_journal().damage is not None

    def test_a_changed_log_is_found_though_the_root_beside_the_note_was_changed_with_it(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        append(journal, 3)
        journal.checkpoint()
        self.alter(db, 1, leaf=bytes(32))
        forged = root_of(row.leaf for row in journal.entries())
        with db.write() as connection:
            connection.execute(update(checkpoints).values(root=forged))
        self.refuses(open_journal(), 3)

    def test_nothing_is_signed_after_a_checkpoint_disappeared(self, journal: Journal, db: Database) -> None:
        append(journal, 3)
        journal.checkpoint()
        with db.write() as connection:
            connection.execute(delete(checkpoints))
        append(journal, 1)
        with pytest.raises(ProofInvalid):
            journal.checkpoint()

    @pytest.mark.parametrize("gone", [0, 2, 4])
    def test_a_missing_entry_is_found_at_start(
        self, journal: Journal, open_journal: Restart, db: Database, gone: int
    ) -> None:
        append(journal, 5)
        journal.checkpoint()
        with db.write() as connection:
            connection.execute(delete(log_entries).where(log_entries.c.position == gone))
        self.refuses(open_journal(), 4)

    def test_a_log_cut_below_its_checkpoint_is_never_signed_for_again(
        self, journal: Journal, db: Database
    ) -> None:
        append(journal, 5)
        journal.checkpoint()
        with db.write() as connection:
            connection.execute(delete(log_entries).where(log_entries.c.position >= 3))
        with pytest.raises(ProofInvalid):
            journal.append(ALICE, entry())
        assert len(journal.entries()) == 3

    def test_an_older_copy_of_the_log_with_new_entries_is_a_fork(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        append(journal, 3)
        journal.checkpoint()
        with db.write() as connection:
            connection.execute(delete(log_entries).where(log_entries.c.position == 2))
            connection.execute(delete(checkpoints))
        forked = open_journal()
        append(forked, 3)
        for act in (lambda: journal.append(ALICE, entry()), journal.checkpoint):
            with pytest.raises(ProofInvalid):
                act()

    def test_a_stored_checkpoint_that_contradicts_its_note_is_found_at_start(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        append(journal, 3)
        journal.checkpoint()
        with db.write() as connection:
            connection.execute(update(checkpoints).values(size=2))
        self.refuses(open_journal(), 3)

    def test_a_checkpoint_by_another_key_is_found_at_start(
        self, journal: Journal, open_journal: Restart, db: Database
    ) -> None:
        append(journal, 3)
        journal.checkpoint()
        mine = open_note(journal.checkpoint(), journal.verifier)
        forged = LogKey(journal.origin, b"x" * 32).sign(mine)
        with db.write() as connection:
            connection.execute(update(checkpoints).values(note=forged))
        self.refuses(open_journal(), 3)

    def test_an_erased_patients_entries_keep_their_leaves_and_say_nothing(
        self, journal: Journal, open_journal: Restart, data_keys: FileDataKeys
    ) -> None:
        append(journal, 2, ALICE)
        append(journal, 1, BOB)
        root = journal.root()
        data_keys.destroy(ALICE)
        opened = open_journal().entries()
        assert [row.entry is None for row in opened] == [True, True, False]
        assert all(row.leaf == leaf_hash(leaf_data(row.tag, row.inner)) for row in opened)
        assert open_journal().root() == root
        with pytest.raises(NotFound):
            journal.receipt(0)

    def sealed(self, db: Database, index: int) -> bytes:
        with db.read() as connection:
            query = select(log_entries.c.sealed).where(log_entries.c.position == index)
            return bytes(connection.execute(query).scalar_one())


def test_the_database_holds_no_entry_in_clear(journal: Journal, databases: Databases, url: str) -> None:
    journal.append(ALICE, {"kind": EntryKind.DECISION, "purpose": "needle-in-the-database"})
    journal.append(NO_PATIENT, {"kind": EntryKind.LOG_READ, "purpose": "needle-in-the-database"})
    assert ALICE in databases.content(url), "that is where the entry is"
    assert b"needle" not in databases.content(url)


def test_nothing_of_an_entry_shows_in_a_repr(journal: Journal) -> None:
    appended = journal.append(ALICE, {"kind": EntryKind.DECISION, "purpose": "needle"})
    shown = repr([appended, journal.entries(), journal.receipt(0), Draft(tag=ALICE, entry={"a": "needle"})])
    assert "needle" not in shown
    assert json.loads(appended.entry)["purpose"] == "needle"

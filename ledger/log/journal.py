"""The disclosure log of a gateway: entries are sequenced in the database, and signed for.

`Journal.append` is one write transaction: the patients' versions are compared with those the caller decided
on, the entry gets the next index and its time, and the caller's own rows are written beside it. The order of
the log is the order of effect. When it returns, all of that is on disk. The journals of several gateways over
one database keep one log together: each takes in what the others have appended before it goes on.

A database that does not hold the log that was signed for refuses to append and to sign (`ProofInvalid`), but
can be read, so that an auditor can see the damage.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from ledger.errors import InvalidInput, NotFound, ProofInvalid
from ledger.log import sequencing
from ledger.log.checkpoint import LogKey
from ledger.log.drafts import Draft, PatientChanged, Within
from ledger.log.entry import decode, encode, inner, leaf_data
from ledger.log.merkle import leaf_hash
from ledger.log.mirror import Mirror
from ledger.log.receipt import Receipt
from ledger.store.database import Database
from ledger.store.log import SALT, LogStore, OpenedEntry, StoredCheckpoint
from ledger.store.log import NewEntry as Appended
from ledger.store.tables import patients
from ledger.store.vault import Vault

__all__ = ["Admit", "Appended", "Draft", "Journal", "OpenedEntry", "PatientChanged", "Within"]

Admit = Callable[[Sequence[Draft]], object]
"""Asked before entries are written; what it raises keeps all of them out of the log."""


class Journal:
    """The log of one gateway over one database. Safe to share between threads."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        key: LogKey,
        *,
        clock: Callable[[], datetime],
        randomness: Callable[[int], bytes] = os.urandom,
        admit: Admit = lambda _: None,
        committed: Callable[[Sequence[Draft]], None] = lambda _: None,
    ) -> None:
        """Rebuild the tree from the database and compare it with the last checkpoint stored there.

        A database that does not match is opened all the same, for reading; `damage` says why. `committed` is
        told what each transaction has brought into the log, once it is durable.
        """
        self._db = db
        self._rows = LogStore(vault)
        self._mirror = Mirror(self._rows, key)
        self._key = key
        self._clock = clock
        self._randomness = randomness
        self._admit = admit
        self._committed = committed
        with db.read() as connection:
            self._mirror.load(connection)
            self._time = self._latest_time(connection)
        self._timed = self._mirror.size

    @property
    def origin(self) -> str:
        """The origin of the log."""
        return self._key.origin

    @property
    def verifier(self) -> str:
        """The public half of the log's key, as `open_note` takes it."""
        return self._key.verifier

    @property
    def size(self) -> int:
        """How many entries are known to be in the log; of a damaged one, how many there are without a gap."""
        return self._mirror.size

    @property
    def damage(self) -> str | None:
        """What is wrong with the database; if anything is, nothing is appended or signed."""
        return self._mirror.damage

    @property
    def time(self) -> int:
        """The time of the last entry that was appended here or found at start, Unix milliseconds."""
        return self._time

    def refuse(self, why: str) -> None:
        """Append and sign nothing from now on: something outside shows that this is not the whole log."""
        self._mirror.refuse(why)

    def follow(self) -> None:
        """Take in what other gateways have appended.

        Raises:
            ProofInvalid: the database does not hold the log that was read before.
            StoreUnavailable: the database does not answer.
        """
        with self._db.read() as connection:
            self._mirror.catch_up(connection)

    def append(
        self,
        tag: bytes,
        entry: Mapping[str, Any],
        *,
        expect: Mapping[bytes, int] | None = None,
        within: Within | None = None,
    ) -> Appended:
        """Sequence one entry; see `append_many` and `Draft`."""
        return self.append_many([Draft(tag=tag, entry=entry, expect=expect or {}, within=within)])[0]

    def append_many(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Sequence entries one after the other in one transaction: all or none.

        A later draft sees what the earlier ones wrote, versions included.

        Raises:
            PatientChanged: a patient's version is not the expected one, or they were erased.
            InvalidInput: an entry without canonical form, or with a time of its own.
            NotFound: the patient has no data key.
            ProofInvalid: the database does not hold the log that was signed for.
            StoreUnavailable: the database or the key store does not answer.
        """
        return self.append_decided(lambda _: drafts)

    def append_decided(self, decide: Callable[[Connection], Sequence[Draft]]) -> list[Appended]:
        """Sequence what `decide` makes of what it reads in the very transaction: all or none.

        Nothing is committed between what it reads and its entries. The errors are its own and those of
        `append_many`.
        """
        with self._db.write() as connection:
            start = self._mirror.follow(connection)
            if start != self._timed:  # by another gateway, whose clock may be ahead of ours
                self._time = max(self._time, self._latest_time(connection))
            drafts = decide(connection)
            self._admit(drafts)
            appended = self._insert(connection, start, drafts)
        self._mirror.advance(start, [each.leaf for each in appended])
        self._timed = start + len(appended)
        self._committed(drafts)
        return appended

    def bump(self, connection: Connection, tag: bytes) -> int:
        """Raise the patient's version, so that decisions made before are made again; the new version.

        Raises:
            NotFound: no such patient.
        """
        raised = connection.execute(
            update(patients).where(patients.c.tag == tag).values(version=patients.c.version + 1)
        )
        if raised.rowcount != 1:
            raise NotFound("no such patient", reason="no_patient")
        version = select(patients.c.version).where(patients.c.tag == tag)
        return int(connection.execute(version).scalar_one())

    def checkpoint(self) -> str:
        """A signed note over all entries there are, stored before it is given out.

        Raises:
            ProofInvalid: the database does not hold the log that was signed for.
            StoreUnavailable: the database does not answer.
        """
        return self._sign().note

    def last_checkpoint(self) -> str | None:
        """The newest note that was given out, from the database, unchecked."""
        with self._db.read() as connection:
            stored = self._rows.last_checkpoint(connection)
        return None if stored is None else stored.note

    def receipt(self, index: int) -> Receipt:
        """The receipt of an entry, under a checkpoint of the log as it is now.

        Raises:
            NotFound: no such entry, or one that was erased.
            ProofInvalid: the row does not match the tree, or the log is damaged.
            StoreUnavailable: the database does not answer.
        """
        signed = self._sign()
        found = self.entries(index, index + 1)
        if index >= signed.size or not found or found[0].salt is None or found[0].entry is None:
            raise NotFound("no such log entry, or it cannot be read any more", reason="no_entry")
        receipt = Receipt(
            index=index,
            tag=found[0].tag,
            salt=found[0].salt,
            entry=found[0].entry,
            checkpoint=signed.note,
            proof=tuple(self._mirror.inclusion_proof(index, signed.size)),
        )
        if receipt.leaf() != self._mirror.leaf(index):
            raise ProofInvalid("a stored log entry is not the one that was logged", reason="entry_changed")
        return receipt

    def entries(
        self, start: int = 0, end: int | None = None, *, tag: bytes | None = None
    ) -> list[OpenedEntry]:
        """The rows from index `start` up to, not including, `end`; of one patient with `tag`. In order.

        Reads the database every time and never fails for what a row holds; a row that is gone is not listed.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        with self._db.read() as connection:
            rows = self._rows.rows(connection, start, end, tag)
        return [self._rows.opened(row) for row in rows]  # outside: a commit waits for readers

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` entries, of all without. InvalidInput if there are fewer."""
        self._reach(size or 0)
        return self._mirror.root(size)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """See `Tree.inclusion_proof`."""
        self._reach(size)
        return self._mirror.inclusion_proof(index, size)

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """See `Tree.consistency_proof`."""
        self._reach(new)
        return self._mirror.consistency_proof(old, new)

    def _reach(self, size: int) -> None:
        """Look whether others have appended, if that many entries are not known here."""
        if size > self._mirror.size and self._mirror.damage is None:
            self.follow()

    def _latest_time(self, connection: Connection) -> int:
        latest = self._rows.latest_opened(connection)
        return 0 if latest is None else _time_of(latest)

    def _sign(self) -> StoredCheckpoint:
        with self._db.read() as connection:
            signed = self._mirror.covering(connection)
        if signed is None:
            with self._db.write() as connection:
                signed = self._mirror.sign(connection)
            self._mirror.remember(signed)
        return signed

    def _insert(self, connection: Connection, start: int, drafts: Sequence[Draft]) -> list[Appended]:
        appended: list[Appended] = []
        for run in sequencing.runs(drafts):
            sequencing.require_current(connection, run)
            first = start + len(appended)
            salts = self._randomness(SALT * len(run))
            time = self._time = max(self._time, int(self._clock().timestamp() * 1000))
            made = [
                _made(draft, first + place, time, salts[SALT * place : SALT * (place + 1)])
                for place, draft in enumerate(run)
            ]
            self._rows.add(connection, made)
            for each, draft in zip(made, run, strict=True):
                if draft.within is not None:
                    draft.within(connection, each.index)
            appended += made
        return appended


def _made(draft: Draft, index: int, time: int, salt: bytes) -> Appended:
    entry = encode(draft.stamped(index, time))
    inside = inner(salt, entry)
    leaf = leaf_hash(leaf_data(draft.tag, inside))
    return Appended(index=index, tag=draft.tag, salt=salt, entry=entry, inner=inside, leaf=leaf)


def _time_of(opened: OpenedEntry) -> int:
    """The time of an entry of ours; 0 if it is none (an auditor will say so)."""
    try:
        at = decode(opened.entry or b"").get("time")
    except InvalidInput:
        return 0
    return at if type(at) is int else 0

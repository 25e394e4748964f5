"""The tree in memory: it follows what the database has committed, and knows what was signed for.

A checkpoint is signed only over a tree that extends the last one stored, so that this key never vouches for
two histories. Where the database does not match, following and signing raise `ProofInvalid`.
"""

import threading
from collections.abc import Sequence

from sqlalchemy import Connection

from ledger.errors import ProofInvalid
from ledger.log.checkpoint import Checkpoint, LogKey, open_note
from ledger.log.merkle import HASH, Tree
from ledger.store.log import LogStore, StoredCheckpoint


class Mirror:
    """Tree and last checkpoint of one log; its lock is never held across a commit."""

    def __init__(self, rows: LogStore, key: LogKey) -> None:
        self._rows = rows
        self._key = key
        self._lock = threading.Lock()
        self._tree = Tree()
        self._signed: StoredCheckpoint | None = None
        self._damage: str | None = None

    @property
    def damage(self) -> str | None:
        """Why nothing is signed any more, or None."""
        return self._damage

    @property
    def size(self) -> int:
        """How many leaves are committed, as far as known here."""
        with self._lock:
            return self._tree.size

    def leaf(self, index: int) -> bytes:
        """See `Tree.leaf`."""
        with self._lock:
            return self._tree.leaf(index)

    def root(self, size: int | None) -> bytes:
        """See `Tree.root`."""
        with self._lock:
            return self._tree.root(size)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """See `Tree.inclusion_proof`."""
        with self._lock:
            return self._tree.inclusion_proof(index, size)

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """See `Tree.consistency_proof`."""
        with self._lock:
            return self._tree.consistency_proof(old, new)

    def refuse(self, why: str) -> None:
        """Sign and follow nothing from now on, for a reason that the database itself does not show."""
        with self._lock:
            self._damage = self._damage or why

    def load(self, connection: Connection) -> None:
        """Rebuild the tree and compare it with the last checkpoint; what does not match becomes `damage`."""
        try:
            self.follow(connection)
            self._signed = self._stored(connection)
        except ProofInvalid as exc:
            self._damage = exc.message

    def follow(self, connection: Connection) -> int:
        """Bring the tree up to what is committed; the next index.

        Raises:
            ProofInvalid: damaged at load, entries missing at the end, a gap, or a malformed leaf.
        """
        self._require_sound()
        committed = self._rows.count(connection)
        with self._lock:
            if committed < self._tree.size:
                raise ProofInvalid("entries are missing at the end of the log", reason="log_truncated")
            if committed > self._tree.size:
                self._extend(connection)
            return self._tree.size

    def catch_up(self, connection: Connection) -> None:
        """Take in what others have committed, from a reader, which may see less than is known here.

        Raises:
            ProofInvalid: damaged at load, a gap, a malformed leaf, or another log than the one known here.
        """
        self._require_sound()
        committed = self._rows.count(connection)
        with self._lock:
            if committed > self._tree.size:
                self._extend(connection)

    def advance(self, start: int, leaves: Sequence[bytes]) -> None:
        """Add what was just committed at `start`, unless a later writer's `follow` has read it already."""
        with self._lock:
            for leaf in leaves[self._tree.size - start :]:
                self._tree.append(leaf)

    def covering(self, connection: Connection) -> StoredCheckpoint | None:
        """The last checkpoint, if it is over all that is committed and the log is still gone on with."""
        committed = self._rows.count(connection)
        with self._lock:
            sound = self._damage is None
            covers = self._signed is not None and self._signed.size == self._tree.size == committed
            return self._signed if sound and covers else None

    def sign(self, connection: Connection) -> StoredCheckpoint:
        """A checkpoint over what is committed, stored in the caller's transaction; give it out after that.

        Raises:
            ProofInvalid: the database does not hold the log that was signed for.
        """
        size = self.follow(connection)
        last = self._stored(connection)
        if last is not None and last.size == size:
            return last
        root = self.root(size)
        note = self._key.sign(Checkpoint(origin=self._key.origin, size=size, root=root))
        signed = StoredCheckpoint(size=size, root=root, note=note)
        self._rows.add_checkpoint(connection, signed)
        return signed

    def remember(self, signed: StoredCheckpoint) -> None:
        """`signed` is committed: nothing smaller may be signed from now on."""
        with self._lock:
            if self._signed is None or self._signed.size < signed.size:
                self._signed = signed

    def _require_sound(self) -> None:
        if self._damage is not None:
            raise ProofInvalid(self._damage, reason="log_damaged", fix="restore the database")

    def _extend(self, connection: Connection) -> None:
        """Read what the database has beyond the tree; its rows must go on from the tree's last leaf."""
        rows = self._rows.leaves(connection, max(self._tree.size - 1, 0))
        if self._tree.size and next(rows, None) != (
            self._tree.size - 1,
            self._tree.leaf(self._tree.size - 1),
        ):
            raise ProofInvalid("the stored log is not the one that was read before", reason="log_forked")
        for index, leaf in rows:
            if index != self._tree.size or len(leaf) != HASH:
                raise ProofInvalid("the stored log has a gap or a malformed leaf", reason="log_damaged")
            self._tree.append(leaf)

    def _stored(self, connection: Connection) -> StoredCheckpoint | None:
        """The last checkpoint in the database, which the tree must extend."""
        stored = self._rows.last_checkpoint(connection)
        with self._lock:
            if self._signed is not None and (stored is None or stored.size < self._signed.size):
                raise ProofInvalid("a checkpoint that was given out is missing", reason="log_damaged")
            if stored is not None:
                self._require_extends(stored)
        return stored

    def _require_extends(self, stored: StoredCheckpoint) -> None:
        checkpoint = open_note(stored.note, self._key.verifier)
        if (checkpoint.size, checkpoint.root) != (stored.size, stored.root):
            raise ProofInvalid("a stored checkpoint contradicts its note", reason="log_damaged")
        if stored.size > self._tree.size or self._tree.root(stored.size) != stored.root:
            raise ProofInvalid("the log is not the one that was signed for", reason="log_forked")

"""Where acts are handed in that are to be brought on chain, and asked after."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from ledger.chain.standing import SubmissionStatus, status_of
from ledger.ids import Address
from ledger.store.acts import State, Submission
from ledger.store.relay import RelayStore


class Intake:
    """Keeps intents durably; whoever relays takes them from the store. Any thread may use it."""

    def __init__(self, store: RelayStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def submit(
        self,
        connection: Connection | None,
        *,
        kind: str,
        subject: str,
        to: Address,
        data: bytes,
        urgent: bool = False,
        not_before: int = 0,
        lane: bytes | None = None,
    ) -> int:
        """Keep an act to bring on chain; it is durable when `connection`'s transaction commits (or at once).

        Args:
            connection: the caller's write transaction; None for one of its own.
            kind: what it is, at most 24 characters.
            subject: what it is about, at most 66 characters; `status` asks by it.
            to: the contract.
            data: calldata (`ledger.chain.calls`).
            urgent: goes before everything that is not, also what is sent already and not yet in a block.
            not_before: Unix milliseconds before which it is not sent.
            lane: 32 bytes that acts have in common which must not share a block.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        intent = Submission(
            id=0,
            kind=kind,
            subject=subject,
            to=bytes.fromhex(to[2:]),
            data=data,
            urgent=urgent,
            state=State.INTENDED,
            not_before=not_before,
            created=self._now(),
            lane=lane,
        )
        return self._store.submit(intent, connection)

    def withdraw(self, connection: Connection | None, *, kind: str, subject: str) -> int:
        """Give up acts of a kind about a subject of which nothing is on its way; how many those were."""
        return self._store.withdraw(kind, subject, connection)

    def hurry(self, *, kind: str, subject: str | None = None, due_by: int | None = None) -> int:
        """Make acts of a kind urgent that are in no block yet; how many those were.

        Args:
            kind: what they are.
            subject: only those about it.
            due_by: only those that wait for no time after this one, in Unix milliseconds.

        Raises:
            StoreUnavailable: nothing was changed.
        """
        return self._store.hurry(kind, subject=subject, due_by=due_by)

    def forget(self, kind: str) -> None:
        """Forget the lanes of failed acts of a kind, of which none is sent again."""
        self._store.forget(kind)

    def failed(self, kind: str) -> list[Submission]:
        """The acts of a kind whose transaction the chain refused for good and that were not sent again."""
        return self._store.failed(kind)

    def retry(self, submission: Submission, *, not_before: int) -> int:
        """Send a failed act again as a new one, from `not_before` on (Unix milliseconds); its id."""
        return self._store.retry(submission, not_before=not_before, created=self._now())

    def status(self, subject: str, kind: str | None = None) -> SubmissionStatus | None:
        """Where the last act about a subject (of a kind) stands; None if there was none."""
        found = self._store.find(subject, kind)
        return status_of(*found[-1]) if found else None

    def is_due(self) -> bool:
        """Whether any act is to be sent now, or was sent and is in no block."""
        return self._store.is_due(self._now())

    def _now(self) -> int:
        return int(self._clock().timestamp() * 1000)

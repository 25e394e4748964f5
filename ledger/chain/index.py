"""What the chain says, by block: a pure function of the canonical chain, and queries as of a block number.

Blocks are added in order; a reorg rolls back to the last block that still stands. Blocks without events may
be left out where a gap is final; every block with an event is there. An index may be read by any thread while
one adds to it: every call sees whole blocks, and several calls see the same ones inside ``with index.lock``.
"""

import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.chain.deployment import Deployment
from ledger.chain.events import Anchored, Event, Revoked
from ledger.chain.facts import BlockHeader
from ledger.chain.history import History, ParticipantState, up_to
from ledger.errors import Bug, InvalidInput, Undecidable
from ledger.ids import Address, ConsentId, Digest

__all__ = ["ChainConsent", "ChainIndex", "ChainState", "ParticipantState"]


class ChainState(StrEnum):
    """A consent in the contract's words (``stateOf``)."""

    NONE = "none"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainConsent:
    """A recorded consent as of some block; ``until`` (exclusive) and ``recorded_at`` in Unix seconds."""

    id: ConsentId
    controller: Address
    epoch: int
    until: int
    recorded_number: int
    recorded_hash: Digest
    recorded_at: int
    transaction: Digest
    ended_number: int | None = None


class ChainIndex:
    """The three contracts as of any block up to the tip."""

    def __init__(
        self, deployment: Deployment, *, fetch: Callable[[int], BlockHeader | None] | None = None
    ) -> None:
        """An empty index; `fetch` finds headers that were left out, for `header`."""
        self.deployment = deployment
        self.lock = threading.RLock()
        self._fetch = fetch
        self._headers: dict[int, BlockHeader] = {}
        self._numbers: list[int] = []
        self._marks: dict[str, BlockHeader] = {}
        self._history = History()
        self.changes = 0
        """Rises with whatever changes an answer, so that answers can be kept until it does."""

    # What the chain's reader writes

    def add_block(self, header: BlockHeader, events: Sequence[Event]) -> None:
        """Append a block above the tip with its events in order.

        Raises:
            Bug: not above the tip, not its child though the next number, or events of another block.
        """
        with self.lock:
            tip = self.tip
            if tip is not None and header.number <= tip.number:
                raise Bug("a block was added below the tip of the chain index", reason="block_order")
            if tip is not None and header.number == tip.number + 1 and header.parent != tip.hash:
                raise Bug(
                    "a block was added to the chain index that is no child of the tip", reason="block_parent"
                )
            if any((event.number, event.block_hash) != (header.number, header.hash) for event in events):
                raise Bug("an event was added to the chain index with another block", reason="block_events")
            self.changes += 1
            self._headers[header.number] = header
            self._numbers.append(header.number)
            for event in events:
                self._history.add(event)

    def rollback(self, number: int) -> None:
        """Forget every block above `number`, as if it had never been added."""
        with self.lock:
            self.changes += 1
            self._history.forget_after(number)
            while self._numbers and self._numbers[-1] > number:
                del self._headers[self._numbers.pop()]
            self._marks = {level: mark for level, mark in self._marks.items() if mark.number <= number}

    def mark(self, *, safe: BlockHeader | None, final: BlockHeader | None) -> None:
        """Say how deep ``safe`` and ``finalized`` are."""
        marks = {"safe": safe, "final": final}
        found = {level: header for level, header in marks.items() if header is not None}
        with self.lock:
            self.changes += found != self._marks
            self._marks = found

    def prune(self, number: int) -> None:
        """Forget headers below `number` that have no events; what is asked as of a number stays the same."""
        with self.lock:
            kept = {event.number for event in self._history.events}
            self._numbers = [known for known in self._numbers if known >= number or known in kept]
            self._headers = {known: self._headers[known] for known in self._numbers}

    # Blocks

    @property
    def tip(self) -> BlockHeader | None:
        """The last block; None before the first."""
        with self.lock:
            return self._headers[self._numbers[-1]] if self._numbers else None

    @property
    def finalized(self) -> BlockHeader | None:
        """The last final block that is known."""
        return self.head("final")

    def head(self, level: str = "seen") -> BlockHeader | None:
        """The last block at a confirmation level: ``seen``, ``safe`` or ``final``; None if there is none yet.

        Raises:
            InvalidInput: another level.
        """
        if level not in ("seen", "safe", "final"):
            raise InvalidInput("a confirmation level is seen, safe or final", reason="bad_level")
        with self.lock:
            return self.tip if level == "seen" else self._marks.get(level)

    def header(self, number: int) -> BlockHeader | None:
        """The canonical block with a number; None above the tip, or where it was left out for good."""
        with self.lock:
            found, tip, fetch = self._headers.get(number), self.tip, self._fetch
        if found is None and fetch is not None and tip is not None and 0 <= number < tip.number:
            return fetch(number)
        return found

    def headers(self) -> list[BlockHeader]:
        """The blocks that are held, lowest first."""
        with self.lock:
            return [self._headers[number] for number in self._numbers]

    def events(self, first: int = 0) -> list[Event]:
        """Every event from block `first` on, in chain order."""
        with self.lock:
            known = self._history.events
            return known[bisect_right(known, first - 1, key=lambda event: event.number) :]

    # Consents

    def consent(self, consent: ConsentId, at: int | None = None) -> ChainConsent | None:
        """The consent as of block `at` (default: the tip); None unless it was recorded up to there.

        Raises:
            Undecidable: `at` is above the tip.
        """
        with self.lock:
            number = self._as_of(at)
            recordings = up_to(number, self._history.recorded.get(consent))
            if not recordings:
                return None
            recorded = recordings[0]
            return ChainConsent(
                id=consent,
                controller=recorded.controller,
                epoch=recorded.epoch,
                until=recorded.until,
                recorded_number=recorded.number,
                recorded_hash=recorded.block_hash,
                recorded_at=self._headers[recorded.number].timestamp,
                transaction=recorded.transaction,
                ended_number=self._ended(consent, number),
            )

    def is_active(self, consent: ConsentId, at_number: int, at_time: datetime | int) -> bool:
        """Whether the consent was recorded up to a block, not ended up to there, and ``until`` is later.

        Args:
            consent: which consent.
            at_number: the block, at most the tip.
            at_time: an aware time, or Unix seconds, that ``until`` must be after.

        Raises:
            Undecidable: `at_number` is above the tip.
        """
        seconds = at_time.timestamp() if isinstance(at_time, datetime) else at_time
        found = self.consent(consent, at_number)
        return found is not None and found.ended_number is None and seconds < found.until

    def state(self, consent: ConsentId, level: str = "seen") -> ChainState:
        """What the contract answers for ``stateOf`` at the last block of a confirmation level."""
        with self.lock:
            head = self.head(level)
            if head is None:
                return ChainState.NONE
            if self.is_active(consent, head.number, head.timestamp):
                return ChainState.ACTIVE
            known = self.consent(consent, head.number) or self.revocation(consent, head.number)
            return ChainState.NONE if known is None else ChainState.ENDED

    def ended_number(self, consent: ConsentId, at: int | None = None) -> int | None:
        """The block up to `at` in which the consent was stopped, by itself or with its epoch; None if never.

        A tombstone counts, also for a consent that was never recorded. An epoch counts once the consent was
        recorded; for one that was not, compare its epoch with `epoch_of`.
        """
        with self.lock:
            return self._ended(consent, self._as_of(at))

    def revocation(self, consent: ConsentId, at: int | None = None) -> Revoked | None:
        """The event that ended this consent by its id (a tombstone if it was not recorded), not by epoch."""
        with self.lock:
            number = self._as_of(at)
            revocations = up_to(number, self._history.revoked.get(consent))
            return revocations[0] if revocations else None

    def epoch_of(self, controller: Address, at: int | None = None) -> int:
        """The controller's ``revokeAll`` counter as of a block."""
        with self.lock:
            number = self._as_of(at)
            raises = up_to(number, self._history.epochs.get(controller))
            return raises[-1].new_epoch if raises else 0

    def controllers_seen(self) -> set[Address]:
        """Every address that ever recorded or ended a consent."""
        with self.lock:
            return self._history.controllers()

    # Participants and anchors

    def participant(self, account: Address, at: int | None = None) -> ParticipantState | None:
        """A participant as of a block; None if it was not admitted up to there."""
        with self.lock:
            number = self._as_of(at)
            changes = up_to(number, self._history.participants.get(account))
            return changes[-1].state if changes else None

    def ever_had_role(self, account: Address, role: int) -> bool:
        """Whether the directory ever admitted an account with a role, whatever it is now."""
        with self.lock:
            changes = self._history.participants.get(account, [])
            return any(change.state.roles & role for change in changes)

    def participants(self, at: int | None = None) -> Mapping[Address, ParticipantState]:
        """Every participant as of a block, suspended ones too."""
        with self.lock:
            number = self._as_of(at)
            states = {account: self.participant(account, number) for account in self._history.participants}
            return {account: state for account, state in states.items() if state is not None}

    def anchors(self, sender: Address, at: int | None = None) -> list[Anchored]:
        """The anchors of a sender up to a block, oldest first."""
        with self.lock:
            number = self._as_of(at)
            return up_to(number, self._history.anchors.get(sender))

    # Within

    def _as_of(self, at: int | None) -> int:
        tip = self.tip
        if at is None:
            return -1 if tip is None else tip.number
        if tip is None or at > tip.number:
            raise Undecidable(
                f"block {at} is not known yet",
                reason="beyond_head",
                fix="try again when the chain has been read",
            )
        return at

    def _ended(self, consent: ConsentId, number: int) -> int | None:
        ends = [event.number for event in up_to(number, self._history.revoked.get(consent))[:1]]
        for recorded in up_to(number, self._history.recorded.get(consent))[:1]:
            raises = up_to(number, self._history.epochs.get(recorded.controller))
            ends += [event.number for event in raises if event.new_epoch > recorded.epoch][:1]
        return min(ends, default=None)

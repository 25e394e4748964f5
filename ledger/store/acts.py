"""Acts on their way to the chain, as data: what is to be done, what was signed for it, what became of it.

``intended`` → ``sent`` → ``seen`` → ``final`` or ``failed``; ``superseded`` if it was withdrawn while nothing
signed for it could reach a block. A reorg leads back to ``sent``. A nonce that went to another transaction
leads back to ``intended``, or to ``superseded`` if nobody needs the act any more: if it only stood in for
another, or if an act of another kind about the same subject came after it, as a stop comes after a recording.
What is superseded stays so, whatever a reorg does.

A transaction carries a *batch*: several recordings, or a single act of any kind. Each act has a state of its
own. A batch whose transaction was reverted says nothing about its members, which are intended again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ledger.chain.facts import Receipt
from ledger.ids import Digest

FILL = "fill"
"""The kind of empty transaction that stands in where a nonce was lost or must be given up."""


class State(StrEnum):
    """Where a submission stands."""

    INTENDED = "intended"
    SENT = "sent"
    SEEN = "seen"
    FINAL = "final"
    FAILED = "failed"
    SUPERSEDED = "superseded"


OPEN = (State.INTENDED, State.SENT, State.SEEN)
"""What the relayer still has to do with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One act to bring on chain; times in Unix milliseconds, ``lane`` 32 bytes if it keeps to one."""

    id: int
    kind: str
    subject: str
    to: bytes
    data: bytes
    urgent: bool
    state: State
    not_before: int
    created: int
    lane: bytes | None = None


Batch = Sequence[Submission]
"""What one transaction carries, in the order in which it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One signed transaction; the block is there once it is in one.

    submissions: the ids of the acts that it carries, in their order.
    skipped: those of them that the contract passed over.
    """

    hash: Digest
    submissions: tuple[int, ...]
    nonce: int
    raw: bytes
    max_fee: int
    priority_fee: int
    created: int
    block_number: int | None = None
    block_hash: Digest | None = None
    gas_used: int | None = None
    succeeded: bool | None = None
    skipped: frozenset[int] = frozenset()

    @property
    def fell(self) -> bool:
        """Whether it is a batch that was reverted as a whole."""
        return len(self.submissions) > 1 and self.succeeded is False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the chain says of an attempt: its receipt, and the submissions that the contract passed over."""

    receipt: Receipt
    skipped: frozenset[int] = frozenset()

    def fulfils(self, submission: int) -> bool:
        """Whether an act that the attempt carries has its effect."""
        return self.receipt.succeeded and submission not in self.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Submissions with something to do, and the attempts at every nonce that matters to them.

    Attempts are in the order of nonces and, at one nonce, of fees.
    """

    submissions: dict[int, Submission]
    attempts: list[Attempt]

    def by_submission(self) -> list[tuple[Submission, list[Attempt]]]:
        """Each submission with its attempts."""
        found: dict[int, list[Attempt]] = {number: [] for number in self.submissions}
        for attempt in self.attempts:
            for number in attempt.submissions:
                if number in found:
                    found[number].append(attempt)
        return [(self.submissions[number], attempts) for number, attempts in found.items()]

    def concerns(self, attempt: Attempt) -> bool:
        """Whether any act that an attempt carries still has something to do."""
        return any(number in self.submissions for number in attempt.submissions)

    def carried_by(self, attempt: Attempt) -> list[Submission]:
        """Those acts that an attempt carries which still have something to do."""
        return [self.submissions[number] for number in attempt.submissions if number in self.submissions]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What has changed: states of submissions, and fates of attempts, None for one that is in no block."""

    states: dict[int, State] = field(default_factory=dict)
    fates: dict[Digest, Fate | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.states or self.fates)

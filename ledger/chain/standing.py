"""Where an act stands on its way to the chain, as whoever submitted it is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.ids import Digest
from ledger.store.acts import Attempt, State, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionStatus:
    """Where an act stands; ``transaction`` once it is signed, the rest once it is in a block.

    The gas is that of the whole transaction, which may carry other acts too.
    """

    id: int
    kind: str
    subject: str
    state: State
    transaction: Digest | None = None
    block: int | None = None
    block_hash: Digest | None = None
    gas_used: int | None = None
    succeeded: bool | None = None


def status_of(submission: Submission, attempts: Sequence[Attempt]) -> SubmissionStatus:
    """The status of a submission, told by the attempt that got into a block, else by the last."""
    mined = [one for one in attempts if one.block_number is not None and not one.fell]
    shown = mined[0] if mined else attempts[-1] if attempts else None
    if shown is None:
        return SubmissionStatus(
            id=submission.id, kind=submission.kind, subject=submission.subject, state=submission.state
        )
    return SubmissionStatus(
        id=submission.id,
        kind=submission.kind,
        subject=submission.subject,
        state=submission.state,
        transaction=shown.hash,
        block=shown.block_number,
        block_hash=shown.block_hash,
        gas_used=shown.gas_used,
        succeeded=None if shown.succeeded is None else shown.succeeded and submission.id not in shown.skipped,
    )

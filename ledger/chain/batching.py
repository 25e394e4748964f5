"""Several recordings in one transaction: which travel together, and what became of each.

Recordings of different lanes travel together; whatever is urgent, without a lane, or no recording travels
alone. The registry passes over an item that it cannot record and says so, so that one bad act costs the
others nothing. If all the same a batch is reverted as a whole (a wallet that takes all gas can do that), the
acts in it travel in batches of half its size from then on, down to one.

The registry emits exactly one event for each item of a batch, in their order.
"""

from collections.abc import Iterable, Mapping, Sequence

from ledger.chain import calls
from ledger.chain.answers import Answer, logs_in, receipt_in
from ledger.chain.events import Skipped, decode
from ledger.chain.facts import RawLog
from ledger.chain.reverts import refused
from ledger.keccak import keccak256
from ledger.store.acts import Attempt, Batch, Fate, Submission, Work

ITEM_GAS = 50_000
"""What one item of a batch may need: recording it costs some 34,000."""

MOST_GAS = 2**24
"""No transaction may have more (EIP-7825)."""

_RECORDED = keccak256(b"Recorded(bytes32,address,uint16,uint40)")


def most_items(wanted: int, block_gas: int) -> int:
    """How many acts a batch may have where a block has so much gas; `wanted` at most."""
    return max(1, min(wanted, most_gas(block_gas) // ITEM_GAS))


def most_gas(block_gas: int) -> int:
    """The gas that a batch may have: half a block's, and what a transaction may have."""
    return min(block_gas // 2, MOST_GAS)


def grouped(acts: Iterable[Submission], sizes: Mapping[int, int], most: int) -> Sequence[Batch]:
    """Acts in the order in which they wait, those that may travel together in batches.

    Within a batch they have the order of their calldata: any other would tell which waited longer, for their
    lane or another reason.

    Args:
        acts: no two of one lane.
        sizes: the largest batch for acts of which a batch was reverted, by their ids (`halved`).
        most: the largest batch for all others.
    """
    batches: list[list[Submission]] = []
    filling: dict[tuple[bytes, int], list[Submission]] = {}
    for act in acts:
        size = min(sizes.get(act.id, most), most)
        batch = filling.get((act.to, size))
        if not _travels_with_others(act):
            batches.append([act])
        elif batch is not None and len(batch) < size:
            batch.append(act)
        else:
            filling[act.to, size] = [act]
            batches.append(filling[act.to, size])
    return [sorted(batch, key=lambda act: act.data) for batch in batches]


def halved(work: Work) -> dict[int, int]:
    """The size of the largest batch that each act may travel in of which a batch was reverted."""
    found: dict[int, int] = {}
    for attempt in work.attempts:
        if attempt.fell:
            size = len(attempt.submissions) // 2
            found.update({number: min(found.get(number, size), size) for number in attempt.submissions})
    return found


def call_of(batch: Batch) -> tuple[bytes, bytes]:
    """Contract and calldata of the transaction that carries a batch."""
    data = batch[0].data if len(batch) == 1 else calls.recorded_together([one.data for one in batch])
    return batch[0].to, data


def fate_in(answer: Answer, attempt: Attempt, to: bytes) -> Fate | None:
    """What an answer to `receipt_call` says of an attempt that calls `to`; None unless it is in a block.

    Of a batch that the receipt does not account for item by item nothing is believed.
    """
    receipt = receipt_in(answer)
    if receipt is None or receipt.transaction != attempt.hash:
        return None
    if len(attempt.submissions) == 1 or not receipt.succeeded:
        return Fate(receipt=receipt)
    logs = logs_in(Answer(result=answer.value().get("logs", [])))
    told = [_is_recorded(log) for log in logs if log.address == to]
    if len(told) != len(attempt.submissions) or None in told:
        return None
    skipped = [number for number, recorded in zip(attempt.submissions, told, strict=True) if not recorded]
    return Fate(receipt=receipt, skipped=frozenset(skipped))


def _is_recorded(log: RawLog) -> bool | None:
    """Whether an event says that an item is recorded, now or before; None if it says nothing of an item."""
    if log.topics[:32] == _RECORDED:
        return True
    event = decode(log)
    if not isinstance(event, Skipped):
        return None
    why = refused(event.reason)
    return why is not None and why.reason == "already_recorded"


def _travels_with_others(act: Submission) -> bool:
    return not act.urgent and act.lane is not None and calls.is_recording(act.data)

"""A patient's own entries of the log, each with its proof: what a gateway says of them is not believed."""

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.canonical import unhex
from ledger.client.context import Context
from ledger.errors import ProofInvalid
from ledger.log.receipt import Receipt, verify

PAGE = 512
"""How many entries a gateway gives at once."""


def own_indices(context: Context) -> list[int]:
    """Where the patient's entries stand, as the gateway tells it, up to a checkpoint that was checked."""
    size = context.log.see(context.gateway.checkpoint()).size
    return [
        one.index
        for start in range(0, size, PAGE)
        for one in context.gateway.entries(start, min(start + PAGE, size))
        if unhex(one.tag) == context.tag
    ]


def proven(context: Context, receipt: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The entry that a receipt proves to be the patient's own, at this place of the log.

    Raises:
        ProofInvalid: it does not verify, or is of another place or person (``receipt_of_other_act``).
        InvalidInput: it is malformed.
    """
    parsed = Receipt.from_json(dict(receipt))
    entry = verify(parsed, context.log.verifier())
    if parsed.index != index or parsed.tag != context.tag:
        raise ProofInvalid("the receipt is of another entry", reason="receipt_of_other_act")
    return entry


def settled(context: Context, notes: Iterator[str]) -> None:
    """Hold checkpoints against the one that is remembered; raises as `LogWatch.see`."""
    for note in sorted(set(notes)):
        context.log.see(note)

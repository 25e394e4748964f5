"""Keeping the acts of one lane apart: two of them in one block would tell everyone that they belong together.

What is not urgent waits until every earlier act of its lane is deep enough in the chain: final or, where the
node names no final block, `DEEP` blocks below the head. A stop waits for nothing: an act of its lane that is
broadcast but in no block gives up its nonce to something else, and waits in turn. Whether a builder hears of
that in time is not in our hands.
"""

from collections.abc import Mapping
from typing import Literal

from ledger.store.acts import Batch, State, Work

Depth = Literal["seen", "final"]
"""How deep an act must be before the next of its lane: in a block, or in one that no reorg takes out."""

DEEP = 64
"""So many blocks below the head no reorg takes a block out, as far as we care where finality is unknown."""


def held(work: Work, depth: Depth, deep_number: int) -> set[bytes]:
    """The lanes in which an act is on its way, so that nothing may follow yet.

    `deep_number` is the last block that no reorg takes out.
    """
    shallow = {
        number
        for one in work.attempts
        if depth == "final" and one.block_number is not None and one.block_number > deep_number
        for number in one.submissions
    }
    return {
        one.lane
        for one in work.submissions.values()
        if one.lane is not None
        and (
            one.state == State.SENT
            or (one.state == State.SEEN and one.id in shallow)
            or (one.urgent and one.state == State.INTENDED)
        )
    }


def stopping(standing: Mapping[int, Batch]) -> set[bytes]:
    """The lanes of the stops among what stands at open nonces."""
    acts = (one for batch in standing.values() for one in batch)
    return {one.lane for one in acts if one.urgent and one.lane is not None}


def in_the_way(standing: Mapping[int, Batch]) -> list[int]:
    """The open nonces with an act that could share a block with a stop of its lane, lowest first."""
    lanes = stopping(standing)
    return sorted(
        nonce
        for nonce, batch in standing.items()
        if any(not one.urgent and one.lane in lanes for one in batch)
    )

"""Epochs as the registry gives them: a recording is of the current one, a stop of all begins the next.

An event's data is not in the filter of its block, so that a node could name another epoch in it and make a
stop of all, or a recording after it, count for nothing. Where blocks are not asked for whole, this shows it.
"""

from collections.abc import Iterable

from ledger.chain.events import Event, Recorded, RevokedAll
from ledger.chain.index import ChainIndex
from ledger.errors import ChainUnreachable
from ledger.ids import Address


def require_epochs(index: ChainIndex, keep: int, events: Iterable[Event]) -> None:
    """Refuse events that cannot follow, in this order, on what `index` has up to block `keep` (-1: nothing).

    Raises:
        ChainUnreachable: (``bad_epoch``) the registry cannot have emitted one of them.
    """
    current: dict[Address, int] = {}
    for event in events:
        if not isinstance(event, Recorded | RevokedAll):
            continue
        controller = event.controller
        if controller not in current:
            current[controller] = 0 if keep < 0 else index.epoch_of(controller, keep)
        if isinstance(event, RevokedAll):
            current[controller] += 1
        named = event.new_epoch if isinstance(event, RevokedAll) else event.epoch
        if named != current[controller]:
            raise ChainUnreachable(
                f"the chain RPC gives an event in block {event.number} that the contract cannot have emitted",
                reason="bad_epoch",
                fix="use another node",
                block=event.number,
            )

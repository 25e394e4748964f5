"""A relayer in a process of its own that is killed at a point of its work, as by a power cut.

::

    python -m tests.chain.killed POINT < order.json

The order names node, database and chain, and the acts to submit. Then the process steps, and has a block
mined after each step, until it gets to the point; there it sends itself SIGKILL.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ledger.chain.relayer import Relayer
from ledger.chain.rpc import Rpc
from ledger.ids import parse_address
from ledger.store.acts import State
from ledger.store.database import Database
from ledger.store.relay import RelayStore
from tests.chain.conftest import account

POINTS = ("intended", "signed", "kept", "broadcast", "seen")
STEPS = 20


def die() -> None:
    """End as if the machine had lost power."""
    os.kill(os.getpid(), signal.SIGKILL)


def around(
    owner: type, name: str, *, before: bool = False, when: Callable[[Any], bool] = lambda _: True
) -> None:
    """Die at a call of a method whose argument `when` holds of: before the call, or after it."""
    act = getattr(owner, name)

    def deadly(self: Any, argument: Any) -> Any:  # noqa: ANN401
        if before and when(argument):
            die()
        found = act(self, argument)
        if when(argument):
            die()
        return found

    setattr(owner, name, deadly)


def arm(point: str) -> None:
    """See to it that this process gets to `point` and no further."""
    if point == "signed":
        around(RelayStore, "sign", before=True)
    if point == "kept":
        around(RelayStore, "sign")
    if point == "broadcast":
        around(
            Rpc,
            "batch",
            when=lambda calls: any(method == "eth_sendRawTransaction" for method, _ in calls),
        )
    if point == "seen":
        around(RelayStore, "settle", when=lambda news: State.SEEN in news.states.values())


def main(point: str) -> None:
    """Submit the acts of the order on stdin, then step until the point."""
    order = json.load(sys.stdin)
    database, rpc = Database(order["database"]), Rpc(order["rpc"])
    relayer = Relayer(
        rpc, RelayStore(database), account("relayer"), order["chain_id"], lambda: datetime.now(UTC), batch=2
    )
    with database.write() as connection:
        for act in order["acts"]:
            to, data, lane = (act.pop(name) for name in ("to", "data", "lane"))
            relayer.submit(
                connection, to=parse_address(to), data=bytes.fromhex(data), lane=bytes.fromhex(lane), **act
            )
    if point == "intended":
        die()
    arm(point)
    for _ in range(STEPS):
        relayer.step()
        rpc.request("evm_mine")


if __name__ == "__main__":
    main(sys.argv[1])

"""The networks that have a name here, and what is known of each.

Which node to ask is never written down: everybody names their own.
"""

from dataclasses import dataclass
from typing import Literal

from ledger.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A chain by name, and the limits by which it is read.

    settles: how deep a deployment must be on it before anyone relies on it.
    public: nobody here decides what is mined, so that a chain never gets shorter and final stays final.
    block_seconds: how often there is a block.
    final_behind: by how many blocks ``finalized`` is behind the head when all is well.
    head_age: seconds after which the last known block is too old to decide on, unless an operator says else.
    largest_range: the most blocks to ask for the events of at once.
    looked_through: how many blocks behind the head are each judged by their filter; of earlier ones, some.
    look_seconds: how often its nodes are asked for their head.
    """

    name: str
    chain_id: int
    settles: Literal["seen", "final"]
    public: bool
    block_seconds: int = 12
    final_behind: int = 96
    head_age: int = 60
    largest_range: int = 10_000
    looked_through: int = 50_000
    look_seconds: float = 1.0


NETWORKS = (
    Network(
        name="devnet",
        chain_id=31337,
        settles="seen",
        public=False,
        block_seconds=5,
        final_behind=2,
        look_seconds=0.1,
    ),
    Network(name="sepolia", chain_id=11155111, settles="final", public=True),
    Network(name="hoodi", chain_id=560048, settles="final", public=True),
)


def network_named(name: str) -> Network:
    """The network of that name.

    Raises:
        InvalidInput: there is none.
    """
    found = next((network for network in NETWORKS if network.name == name), None)
    if found is None:
        names = ", ".join(network.name for network in NETWORKS)
        raise InvalidInput(
            f"there is no network {name!r}",
            reason="unknown_network",
            fix=f"Name one of {names}, or the URL of a node.",
        )
    return found


def network_of(chain_id: int, name: str = "") -> Network:
    """The network of that chain id; a chain without a name here goes by `name`.

    Nothing is known of such a chain, so it counts as public, and is not waited for to be final: it may never
    call a block so.
    """
    found = next((network for network in NETWORKS if network.chain_id == chain_id), None)
    return found or Network(name=name or f"chain {chain_id}", chain_id=chain_id, settles="seen", public=True)

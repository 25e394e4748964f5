"""Who has a role in the participant directory: named by its events, confirmed by its state.

Roles are public; the rule that no query names an id is about consents and their controllers.
"""

from ledger.canonical import hexed
from ledger.chain.answers import logs_in, nonsense
from ledger.chain.calls import DIRECTORY, encode
from ledger.chain.facts import RawLog
from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable
from ledger.ids import Address, address_from_bytes
from ledger.keccak import keccak256

_NOBODY = address_from_bytes(bytes(20))
_GRANTED = keccak256(b"RoleGranted(bytes32,address,address)")


def holders(rpc: Rpc, directory: Address, role: bytes, end: int) -> list[Address]:
    """Who has the role in the state of block `end`, of all to whom it was ever given.

    The events are read from the beginning of the chain: whoever names a later block could hide a grant.

    Raises:
        ChainUnreachable: the node does not answer, or does not give the events of some block
            (``events_refused``), or there is no directory at that address.
    """
    granted = _granted(rpc, directory, role, 0, end)
    named = {address_from_bytes(log.topics[76:96]) for log in granted}
    asked = sorted(named | {_NOBODY})  # so that what is no directory is noticed even if it never gave a role
    return [who for who in asked if _has_role(rpc, directory, role, who, end)]


def _has_role(rpc: Rpc, directory: Address, role: bytes, who: Address, block: int) -> bool:
    answer = rpc.call(directory, encode(DIRECTORY, "hasRole", role, who), at=block)
    if len(answer) != 32:
        raise nonsense()
    return any(answer)


def _granted(rpc: Rpc, directory: Address, role: bytes, start: int, end: int) -> list[RawLog]:
    """The events; a range that the node finds too large is halved until it does not."""
    asked = {
        "fromBlock": hex(start),
        "toBlock": hex(end),
        "address": directory,
        "topics": [hexed(_GRANTED), hexed(role)],
    }
    try:
        return logs_in(rpc.batch([("eth_getLogs", (asked,))])[0])
    except ChainUnreachable as exc:
        if exc.reason != "rpc_error":
            raise
        if start == end:
            raise ChainUnreachable(
                f"the node does not give the events of block {start}",
                reason="events_refused",
                fix="Name a node that keeps all events: --rpc URL",
            ) from exc
        middle = (start + end) // 2
        earlier = _granted(rpc, directory, role, start, middle)
        return earlier + _granted(rpc, directory, role, middle + 1, end)

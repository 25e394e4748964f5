"""Since which block contracts are there, and whether that is final: by their code in the chain's states."""

import time
from collections.abc import Callable, Sequence

from ledger.chain.answers import octets, quantity
from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable
from ledger.ids import Address

_FINAL_PAUSE = 1.0


def first_block(rpc: Rpc, addresses: Sequence[Address]) -> int | None:
    """The first block in whose state any of the addresses has code; None if the node cannot tell.

    Code that is there stays there, so this is a search: backwards from the head in growing strides, because
    most nodes keep only the latest states, then by halves.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    present, stride = quantity(rpc.request("eth_blockNumber")), 1
    if not any_there(rpc, addresses, present):
        return None
    absent = -1
    while present > 0:
        probe = max(present - stride, 0)
        there = any_there(rpc, addresses, probe)
        if there is None:
            return None
        if not there:
            absent = probe
            break
        present, stride = probe, stride * 2
    while present - absent > 1:
        middle = (present + absent) // 2
        there = any_there(rpc, addresses, middle)
        if there is None:
            return None
        present, absent = (middle, absent) if there else (present, middle)
    return present


def any_there(rpc: Rpc, addresses: Sequence[Address], block: int) -> bool | None:
    """Whether any of the addresses has code in the state of a block; None if the node does not have it.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    answers = rpc.batch([("eth_getCode", (address, hex(block))) for address in addresses])
    if any(answer.error is not None for answer in answers):
        return None
    return any(octets(answer.result) for answer in answers)


def wait_final(rpc: Rpc, addresses: Sequence[Address], *, patience: float) -> None:
    """Return when all addresses have code in the final state of the chain.

    Raises:
        ChainUnreachable: the node does not answer, or `patience` seconds are not enough (``not_final``).
    """
    calls = [("eth_getCode", (address, "finalized")) for address in addresses]

    def are_final() -> bool:
        return all(answer.error is None and octets(answer.result) for answer in rpc.batch(calls))

    if not wait(are_final, patience, _FINAL_PAUSE):
        raise ChainUnreachable(
            "the contracts are on chain, but not final yet",
            reason="not_final",
            fix="Run the command again later; nothing is sent twice.",
        )


def wait(holds: Callable[[], bool], patience: float, pause: float) -> bool:
    """Ask every `pause` seconds until it holds; False if it does not within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(pause)
    return held

"""Reading the chain once, for a client or an auditor: all events by range, filtered only at home.

No question that goes to the node names a consent or a controller, so it does not learn who asks for what.
"""

from ledger.chain.answers import block_call, quantity, tagged_header_in
from ledger.chain.deployment import Deployment
from ledger.chain.epochs import require_epochs
from ledger.chain.facts import BlockHeader
from ledger.chain.index import ChainIndex
from ledger.chain.rpc import Rpc
from ledger.chain.scan import MAX_RANGE, read_events
from ledger.errors import ChainUnreachable, Undecidable

_ATTEMPTS = 5


def read_chain(rpc: Rpc, deployment: Deployment, to_block: int | None = None) -> ChainIndex:
    """Every event up to a block (default: the head). Headers of other blocks are fetched when asked for.

    The marks ``safe`` and ``final`` are set as far as they are at or below that block.

    Raises:
        ChainUnreachable: no answer, another chain (``wrong_chain``), no contracts there (``no_contract``), or
            a chain that moves faster than it can be read (``chain_moves``).
        Undecidable: the chain has not got to `to_block`.
    """
    for _ in range(_ATTEMPTS):
        index = _read(rpc, deployment, to_block)
        if index is not None:
            return index
    raise ChainUnreachable("the chain changed while it was read", reason="chain_moves", fix="try again")


def require_chain(found: int, expected: int) -> None:
    """Refuse a node of another chain.

    Raises:
        ChainUnreachable: (``wrong_chain``).
    """
    if found != expected:
        raise ChainUnreachable(
            f"the RPC is on chain {found}, not on {expected}",
            reason="wrong_chain",
            fix="set the RPC of the right network",
            expected=expected,
            found=found,
        )


def require_contracts(rpc: Rpc, deployment: Deployment) -> None:
    """Refuse a chain on which the contracts are not.

    Raises:
        ChainUnreachable: (``no_contract``).
    """
    if not all(rpc.code(address) for address in deployment.addresses):
        raise ChainUnreachable(
            "the contracts are not on this chain",
            reason="no_contract",
            fix="set the RPC of the right network; a devnet that was begun anew needs its contracts again",
        )


def _read(rpc: Rpc, deployment: Deployment, to_block: int | None) -> ChainIndex | None:
    answers = rpc.batch([("eth_chainId", ()), *(block_call(tag) for tag in ("latest", "safe", "finalized"))])
    require_chain(quantity(answers[0].value()), deployment.chain_id)
    require_contracts(rpc, deployment)
    latest, safe, final = (tagged_header_in(answer) for answer in answers[1:])
    end = latest.number if to_block is None and latest is not None else to_block
    if latest is None or end is None or end > latest.number:
        raise Undecidable(
            "the chain has not got to that block yet", reason="beyond_head", fix="try again later"
        )
    index = ChainIndex(deployment, fetch=rpc.block)
    for start in range(min(deployment.block, end), end + 1, MAX_RANGE):
        span = read_events(rpc, deployment, start, min(end, start + MAX_RANGE - 1))
        if span is None:
            return None
        events = span.events()
        before = -1 if index.tip is None else index.tip.number
        require_epochs(index, before, [event for header in span.headers for event in events[header.number]])
        for header in span.headers:
            index.add_block(header, events[header.number])
    tip = index.tip
    if tip is None or rpc.block(tip.number) != tip:
        return None
    index.mark(safe=capped(safe, tip), final=capped(final, tip))
    return index


def capped(mark: BlockHeader | None, tip: BlockHeader) -> BlockHeader | None:
    """A mark above the tip means that the tip is as deep."""
    return tip if mark is not None and mark.number > tip.number else mark

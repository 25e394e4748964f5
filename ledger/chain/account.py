"""What the relayer asks of the node: how its account stands, what is in blocks, what calls will cost."""

from collections.abc import Sequence

from ledger.chain.answers import (
    Answer,
    Call,
    base_fee_in,
    block_call,
    header_in,
    nonsense,
    priority_fee_in,
    quantity,
    receipt_call,
    tagged_header_in,
)
from ledger.chain.batching import ITEM_GAS, MOST_GAS, call_of, fate_in, most_gas
from ledger.chain.facts import FeeMarket
from ledger.chain.lanes import DEEP
from ledger.chain.networks import network_of
from ledger.chain.nonces import MOST_MISSING
from ledger.chain.placing import Placement
from ledger.chain.reader import require_chain
from ledger.chain.rpc import Rpc
from ledger.chain.slots import ChainView
from ledger.errors import ChainUnreachable
from ledger.ids import Address, Digest
from ledger.store.acts import Attempt, Batch, Fate, Work

LEAST_GAS = 150_000
"""At least this: the estimate may be of an act that has its effect already, in a block or in the pool, and
must have it again after a reorg or a replacement. What is not used costs nothing."""

FALLBACK_GAS = 1_000_000
"""For a call that the node cannot estimate; whether it fails, its receipt will tell."""

WALLET_GAS = 400_000
"""What a batch has beyond its items: so much must be left when a wallet is asked for its signature."""


def look(rpc: Rpc, account: Address, chain_id: int) -> ChainView:
    """The account and the market now, on the right chain.

    A node that calls no block final, or the first one only, says nothing of finality. A local chain says
    nothing by its first block either: a devnet makes that anew whenever it starts.

    Raises:
        ChainUnreachable: the node does not answer, or is on another chain (``wrong_chain``).
    """
    tags = ("latest", "pending", "finalized")
    answers = rpc.batch(
        [
            ("eth_chainId", ()),
            block_call("latest"),
            block_call("finalized"),
            block_call(0),
            ("eth_maxPriorityFeePerGas", ()),
            *(("eth_getTransactionCount", (account, tag)) for tag in tags),
        ]
    )
    require_chain(quantity(answers[0].value()), chain_id)
    head, final, genesis = header_in(answers[1]), tagged_header_in(answers[2]), tagged_header_in(answers[3])
    if head is None:
        raise ChainUnreachable("the chain RPC knows no block yet", reason="no_head", fix="try again later")
    if final is not None and final.number > head.number:
        raise nonsense()
    nonce, pending = _nonce(answers[5].value()), _nonce(answers[6].value())
    has_final = final is not None and final.number > 0
    deep_number = final.number if final is not None and has_final else head.number - DEEP
    return ChainView(
        genesis="" if genesis is None or not network_of(chain_id).public else genesis.hash,
        head=head.hash,
        nonce=nonce,
        pending=pending if pending <= nonce + MOST_MISSING else nonce,
        deep_nonce=_nonce_told(answers[7]) if has_final else _nonce_at(rpc, account, deep_number),
        deep_number=deep_number,
        market=FeeMarket(base_fee=base_fee_in(answers[1]), priority_fee=priority_fee_in(answers[4])),
        gas_limit=quantity(answers[1].value().get("gasLimit")),
    )


def fates_of(rpc: Rpc, work: Work, attempts: Sequence[Attempt]) -> tuple[dict[Digest, Fate], set[Digest]]:
    """What the chain says of those attempts, which the work has, that are in its blocks; what it leaves open.

    A receipt of a block that is not on the chain, as the node shows it right after, says nothing. An error
    leaves it open: nodes that still build their index answer so of what they do not find.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    answers = rpc.batch([receipt_call(one.hash) for one in attempts])
    unknown = {one.hash for one, answer in zip(attempts, answers, strict=True) if answer.error is not None}
    found = {
        one.hash: fate
        for one, answer in zip(attempts, answers, strict=True)
        if one.hash not in unknown and (fate := fate_in(answer, one, work.carried_by(one)[0].to)) is not None
    }
    numbers = sorted({fate.receipt.number for fate in found.values()})
    blocks = {number: block.hash for number, block in zip(numbers, rpc.blocks(numbers), strict=True) if block}
    fates = {
        hash_: fate
        for hash_, fate in found.items()
        if blocks.get(fate.receipt.number) == fate.receipt.block_hash
    }
    return fates, unknown


def with_gas(
    rpc: Rpc, account: Address, placements: Sequence[Placement], block_gas: int
) -> list[tuple[Placement, int]]:
    """Placements with their gas limits.

    A single act has a quarter and a little more than the estimate, for the state may change. A batch has what
    its items usually need, if that is enough now, for an estimate of a large batch takes a node long. One
    that needs more than a batch may have, or that would be reverted, is halved until it fits.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    usual = [min(len(one.batch) * ITEM_GAS + WALLET_GAS, most_gas(block_gas)) for one in placements]
    batches = [(one, gas) for one, gas in zip(placements, usual, strict=True) if len(one.batch) > 1]
    answers = rpc.batch([_trial(account, one.batch, gas) for one, gas in batches])
    fitting = {
        one.nonce: gas for (one, gas), answer in zip(batches, answers, strict=True) if answer.error is None
    }
    found = [(one, fitting[one.nonce]) for one in placements if one.nonce in fitting]
    return found + _estimated(
        rpc, account, [one for one in placements if one.nonce not in fitting], block_gas
    )


def _estimated(
    rpc: Rpc, account: Address, placements: Sequence[Placement], block_gas: int
) -> list[tuple[Placement, int]]:
    found, left = [], list(placements)
    while left:
        answers = rpc.batch([_estimate(account, one.batch) for one in left])
        limits = [
            _limit(answer, len(one.batch), block_gas) for one, answer in zip(left, answers, strict=True)
        ]
        pairs = list(zip(left, limits, strict=True))
        found += [(one, limit) for one, limit in pairs if limit is not None]
        left = [one.half() for one, limit in pairs if limit is None]
    return found


def _limit(answer: Answer, items: int, block_gas: int) -> int | None:
    """The gas limit for a batch by its estimate; None for one that must be halved."""
    estimate = None if answer.error is not None else quantity(answer.result) * 5 // 4 + 10_000
    if items == 1:
        return min(FALLBACK_GAS if estimate is None else max(estimate, LEAST_GAS), block_gas, MOST_GAS)
    if answer.reverted or (estimate or 0) > most_gas(block_gas):
        return None
    return min(max(estimate or 0, items * ITEM_GAS + WALLET_GAS), most_gas(block_gas))


def _estimate(account: Address, batch: Batch) -> Call:
    return ("eth_estimateGas", (_message(account, batch),))


def _trial(account: Address, batch: Batch, gas: int) -> Call:
    return ("eth_call", ({**_message(account, batch), "gas": hex(gas)}, "latest"))


def _message(account: Address, batch: Batch) -> dict[str, str]:
    to, data = call_of(batch)
    return {"from": account, "to": "0x" + to.hex(), "data": "0x" + data.hex()}


def _nonce(value: object) -> int:
    found = quantity(value)
    if found >> 63:  # no account comes that far, and no database takes it
        raise nonsense()
    return found


def _nonce_told(answer: Answer) -> int:
    return 0 if answer.error is not None else _nonce(answer.result)


def _nonce_at(rpc: Rpc, account: Address, number: int) -> int:
    """The account's nonce as of a block; 0 if the node does not tell."""
    if number < 0:
        return 0
    return _nonce_told(rpc.batch([("eth_getTransactionCount", (account, hex(number)))])[0])

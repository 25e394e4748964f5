"""What the relayer asks of the node: how its account stands, what is in blocks, what calls will cost."""

from collections.abc import Sequence

from ledger.chain.answers import (
    Answer,
    Call,
    base_fee_in,
    block_call,
    priority_fee_in,
    quantity,
    receipt_call,
    receipt_in,
    tagged_header_in,
)
from ledger.chain.facts import FeeMarket, Receipt
from ledger.chain.lanes import DEEP
from ledger.chain.reader import require_chain
from ledger.chain.rpc import Rpc
from ledger.chain.slots import ChainView
from ledger.ids import Address, Digest
from ledger.store.relay import Submission, Work

LEAST_GAS = 150_000
"""At least this: the estimate may be of an act that has its effect already, in a block or in the pool, and
must have it again after a reorg or a replacement. What is not used costs nothing."""

FALLBACK_GAS = 1_000_000
"""For a call that the node cannot estimate; whether it fails, its receipt will tell."""


def look(rpc: Rpc, account: Address, chain_id: int) -> ChainView:
    """The account and the market now, on the right chain.

    A node that calls no block final, or the first one only, says nothing of finality.

    Raises:
        ChainUnreachable: the node does not answer, or is on another chain (``wrong_chain``).
    """
    tags = ("latest", "pending", "finalized")
    answers = rpc.batch(
        [
            ("eth_chainId", ()),
            block_call("latest"),
            block_call("finalized"),
            ("eth_maxPriorityFeePerGas", ()),
            *(("eth_getTransactionCount", (account, tag)) for tag in tags),
        ]
    )
    require_chain(quantity(answers[0].value()), chain_id)
    final, head = tagged_header_in(answers[2]), quantity(answers[1].value().get("number"))
    return ChainView(
        nonce=quantity(answers[4].value()),
        pending=quantity(answers[5].value()),
        final_nonce=0 if answers[6].error is not None else quantity(answers[6].value()),
        final_number=-1 if final is None else final.number,
        deep_number=final.number if final is not None and final.number > 0 else head - DEEP,
        market=FeeMarket(base_fee=base_fee_in(answers[1]), priority_fee=priority_fee_in(answers[3])),
        gas_limit=quantity(answers[1].value().get("gasLimit")),
    )


def receipts_of(rpc: Rpc, work: Work) -> dict[Digest, Receipt]:
    """The receipts of those attempts at the work's submissions that are in blocks.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    asked = [one.hash for one in work.attempts if one.submission in work.submissions]
    found = [receipt_in(answer) for answer in rpc.batch([receipt_call(hash_) for hash_ in asked])]
    return {receipt.transaction: receipt for receipt in found if receipt is not None}


def gas_limits(rpc: Rpc, account: Address, submissions: Sequence[Submission], most: int) -> list[int]:
    """Gas limits, `most` at most: a quarter and a little above the estimates, since the state may yet change.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    answers = rpc.batch([_estimate(account, submission) for submission in submissions])
    return [min(_limit(answer), most) for answer in answers]


def _limit(answer: Answer) -> int:
    if answer.error is not None:
        return FALLBACK_GAS
    return max(quantity(answer.result) * 5 // 4 + 10_000, LEAST_GAS)


def _estimate(account: Address, submission: Submission) -> Call:
    call = {"from": account, "to": "0x" + submission.to.hex(), "data": "0x" + submission.data.hex()}
    return ("eth_estimateGas", (call,))

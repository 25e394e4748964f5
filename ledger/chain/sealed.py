"""Headers and receipts as the hash of a block commits to them: what is otherwise told of it is refused.

::

    block hash    = keccak256(rlp([parent, uncles, ..., up to the last field that the network has]))
    receipts root = root of the ordered trie over [type byte] ‖ rlp([status, gas so far, filter, events])

A field that this version does not know makes the hash another one, so that nothing is read on a network until
the program knows what is in its blocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain import rlp
from ledger.chain.answers import (
    Answer,
    Call,
    logs_of,
    numbered_header_in,
    octets,
    parsed,
    quantity,
    tagged_header_in,
)
from ledger.chain.facts import BlockHeader, RawLog
from ledger.chain.trie import ordered_root
from ledger.errors import ChainUnreachable
from ledger.ids import Digest, digest
from ledger.keccak import keccak256

_QUANTITIES = frozenset(
    {
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "baseFeePerGas",
        "blobGasUsed",
        "excessBlobGas",
        "slotNumber",
    }
)
_FIELDS = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
)
_LATER = (
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
    *("requestsHash", "blockAccessListHash", "slotNumber"),
)
"""Fields that networks got one after the other; a block has them up to some point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedHeader:
    """A header with what it commits to: ``bloom`` as a number of 2048 bits, ``receipts`` as 32 bytes."""

    header: BlockHeader
    bloom: int
    receipts: bytes


def receipts_call(block: Digest) -> Call:
    """The call for all receipts of a block."""
    return ("eth_getBlockReceipts", (block,))


def sealed_header_in(answer: Answer, number: int) -> SealedHeader | None:
    """The header in an answer to `block_call` for that number; None for no block.

    Raises:
        ChainUnreachable: an error, nonsense, or a header that does not hash to its hash (``bad_hash``).
    """
    header = numbered_header_in(answer, number)
    return None if header is None else parsed(lambda value: _sealed(header, value), answer.value())


def tagged_sealed_header_in(answer: Answer) -> SealedHeader | None:
    """As `sealed_header_in`, of a block that was asked for by a tag; None also for an error."""
    header = tagged_header_in(answer)
    return None if header is None else parsed(lambda value: _sealed(header, value), answer.value())


def hash_of(value: Mapping[str, Any]) -> Digest:
    """The hash that a block has by the fields of its header, as JSON-RPC writes them."""
    later = [name for name in _LATER if value.get(name) is not None]
    fields = [_field(name, value[name]) for name in (*_FIELDS, *later)]
    return digest(keccak256(rlp.encode(fields)))


def proved_logs_in(answer: Answer, sealed: SealedHeader) -> list[RawLog]:
    """The events of a whole block, from an answer to `receipts_call`.

    Raises:
        ChainUnreachable: an error (``receipts_refused``), nonsense, or receipts that are not the block's
            (``bad_receipts``).
    """
    if answer.error is not None:
        raise ChainUnreachable(
            "the chain RPC does not give the receipts of a block",
            reason="receipts_refused",
            fix="use a node that answers eth_getBlockReceipts",
            rpc_code=answer.error,
        )
    found = answer.value()
    receipts: list[Mapping[str, Any]] = found if isinstance(found, list) else []
    if ordered_root(parsed(lambda value: [_receipt(one) for one in value], receipts)) != sealed.receipts:
        raise _other("receipts", "bad_receipts", sealed.header.number)
    logs = [log for one in receipts for log in logs_of(one["logs"])]
    if any(log.block_hash != sealed.header.hash for log in logs):
        raise _other("receipts", "bad_receipts", sealed.header.number)
    return logs


def _sealed(header: BlockHeader, value: Mapping[str, Any]) -> SealedHeader:
    if hash_of(value) != header.hash:
        raise _other("header", "bad_hash", header.number)
    bloom, receipts = octets(value["logsBloom"]), octets(value["receiptsRoot"])
    return SealedHeader(header=header, bloom=int.from_bytes(bloom, "big"), receipts=receipts)


def _field(name: str, value: str) -> bytes | int:
    return quantity(value) if name in _QUANTITIES else octets(value)


def _receipt(value: Mapping[str, Any]) -> bytes:
    logs: Sequence[Mapping[str, Any]] = value["logs"]
    events: list[rlp.Item] = [
        [octets(log["address"]), [octets(one) for one in log["topics"]], octets(log["data"])] for log in logs
    ]
    outcome = quantity(value["status"]) if "status" in value else octets(value["root"])
    body = rlp.encode([outcome, quantity(value["cumulativeGasUsed"]), octets(value["logsBloom"]), events])
    kind = quantity(value.get("type", "0x0"))
    return bytes([kind]) + body if kind else body


def _other(what: str, reason: str, number: int) -> ChainUnreachable:
    return ChainUnreachable(
        f"the {what} that the chain RPC gives for block {number} is not what its hash commits to",
        reason=reason,
        fix="use another node; if it says the same, a newer version of this program may know more",
        block=number,
    )

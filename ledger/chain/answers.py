"""Calls of the JSON-RPC and what their answers mean: quantities, headers, events, receipts.

An answer that is not what the specification says is refused. Error texts of nodes are not passed on: they may
name accounts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ledger.chain.facts import BlockHeader, RawLog, Receipt
from ledger.errors import ChainUnreachable, InvalidInput
from ledger.ids import Address, Digest, digest, parse_word

T = TypeVar("T")
Call = tuple[str, Sequence[Any]]

GWEI = 10**9


_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a batch: a result, or the code of the node's error and what a contract reverted with."""

    result: Any = field(default=None, repr=False)
    error: int | None = None
    reverted: bytes = field(default=b"", repr=False)

    def value(self) -> Any:  # noqa: ANN401
        """The result.

        Raises:
            ChainUnreachable: (``rpc_error``) the node answered with an error.
        """
        if self.error is not None:
            raise ChainUnreachable(
                f"the chain RPC refused a call (code {self.error})", reason="rpc_error", rpc_code=self.error
            )
        return self.result


def block_call(number: int | str) -> Call:
    """The call for a block's header."""
    return ("eth_getBlockByNumber", (tag(number), False))


def logs_call(start: int, end: int, addresses: Sequence[Address]) -> Call:
    """The call for all events of some contracts in a closed range of blocks, not filtered any further."""
    return ("eth_getLogs", ({"fromBlock": hex(start), "toBlock": hex(end), "address": list(addresses)},))


def receipt_call(transaction: Digest) -> Call:
    """The call for a receipt."""
    return ("eth_getTransactionReceipt", (transaction,))


def tag(number: int | str) -> str:
    """A block number as the RPC wants it; tags stay."""
    return number if isinstance(number, str) else hex(number)


def header_in(answer: Answer) -> BlockHeader | None:
    """The header in an answer to `block_call`; None for no block."""
    value = answer.value()
    return None if value is None else _parsed(_header, value)


def tagged_header_in(answer: Answer) -> BlockHeader | None:
    """As `header_in`; some nodes answer with an error while ``safe`` or ``finalized`` is no block yet."""
    return None if answer.error is not None else header_in(answer)


def logs_in(answer: Answer) -> list[RawLog]:
    """The events in an answer to `logs_call`, in chain order."""
    logs = _parsed(lambda value: [_log(item) for item in value], answer.value())
    return sorted(logs, key=lambda log: (log.number, log.log_index))


def receipt_in(answer: Answer) -> Receipt | None:
    """The receipt in an answer to `receipt_call`; None unless the transaction is in a block."""
    value = answer.value()
    if value is None or value.get("blockNumber") is None:
        return None
    return _parsed(_receipt, value)


def base_fee_in(answer: Answer) -> int:
    """The base fee in an answer to `block_call`."""
    return quantity(answer.value().get("baseFeePerGas", "0x0"))


def priority_fee_in(answer: Answer) -> int:
    """The recommended tip; one gwei from a node that recommends none."""
    return GWEI if answer.error is not None else quantity(answer.result)


def quantity(value: Any) -> int:  # noqa: ANN401
    """The number in a hexadecimal quantity."""
    return _parsed(_quantity, value)


def octets(value: Any) -> bytes:  # noqa: ANN401
    """The bytes in hexadecimal data."""
    return _parsed(_octets, value)


def answers_in(answers: Any, count: int) -> list[Answer]:  # noqa: ANN401
    """The answers to a batch of `count` calls.

    Raises:
        ChainUnreachable: (``bad_answer``) not one answer to each call.
    """
    if not isinstance(answers, list) or not _are_in_order(answers, count):
        raise nonsense()
    return [_answer(answer) for answer in answers]


def _are_in_order(answers: Sequence[Any], count: int) -> bool:
    """Whether there is one answer to each call; web3 has sorted them by id, and ids are consecutive."""
    ids = [answer.get("id") if isinstance(answer, Mapping) else None for answer in answers]
    first = ids[0] if ids else None
    return isinstance(first, int) and ids == list(range(first, first + count))


def _answer(value: Any) -> Answer:  # noqa: ANN401
    if not isinstance(value, Mapping) or ("error" not in value and "result" not in value):
        raise nonsense()
    error = value.get("error")
    if error is None:
        return Answer(result=value["result"])
    code = error.get("code") if isinstance(error, Mapping) else None
    data = error.get("data") if isinstance(error, Mapping) else None
    reverted = _octets(data) if isinstance(data, str) and _HEX.fullmatch(data) else b""
    return Answer(error=code if isinstance(code, int) else -32603, reverted=reverted)


def _parsed(parse: Callable[[Any], T], value: Any) -> T:  # noqa: ANN401
    try:
        return parse(value)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidInput) as exc:
        raise nonsense() from exc


def _quantity(value: str) -> int:
    if not value.startswith("0x") or "_" in value:
        raise ValueError("not a hexadecimal quantity")
    return int(value[2:], 16)


def _octets(value: str) -> bytes:
    if not value.startswith("0x"):
        raise ValueError("not hexadecimal data")
    return bytes.fromhex(value[2:])


def _word(value: str) -> Digest:
    return digest(parse_word(value))


def _header(value: Mapping[str, Any]) -> BlockHeader:
    return BlockHeader(
        number=_quantity(value["number"]),
        hash=_word(value["hash"]),
        parent=_word(value["parentHash"]),
        timestamp=_quantity(value["timestamp"]),
    )


def _log(value: Mapping[str, Any]) -> RawLog:
    topics = [_octets(topic) for topic in value["topics"]]
    address = _octets(value["address"])
    if value.get("removed") or len(address) != 20 or any(len(topic) != 32 for topic in topics):
        raise ValueError("not an event of the canonical chain")
    return RawLog(
        number=_quantity(value["blockNumber"]),
        block_hash=_word(value["blockHash"]),
        log_index=_quantity(value["logIndex"]),
        address=address,
        topics=b"".join(topics),
        data=_octets(value["data"]),
        transaction=_word(value["transactionHash"]),
    )


def _receipt(value: Mapping[str, Any]) -> Receipt:
    created = value.get("contractAddress")
    return Receipt(
        transaction=_word(value["transactionHash"]),
        number=_quantity(value["blockNumber"]),
        block_hash=_word(value["blockHash"]),
        succeeded=_quantity(value["status"]) == 1,
        gas_used=_quantity(value["gasUsed"]),
        contract=None if created is None else _octets(created),
    )


def nonsense() -> ChainUnreachable:
    """The refusal of an answer that cannot be."""
    return ChainUnreachable(
        "the chain RPC gave an answer that is not JSON-RPC of an Ethereum node",
        reason="bad_answer",
        fix="check the RPC's URL, or use another node",
    )

"""Calls of the JSON-RPC and what their answers mean: quantities, headers, events, receipts.

An answer that is not what the specification says is refused. Error texts of nodes are not passed on: they may
name accounts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, TypeVar

import msgspec

from ledger.chain.facts import BlockHeader, RawLog, Receipt
from ledger.errors import ChainUnreachable, InvalidInput
from ledger.ids import Address, Digest, digest, parse_word

T = TypeVar("T")
Call = tuple[str, Sequence[Any]]

GWEI = 10**9

_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


class Answer:
    """One answer of a batch: a result, or the code of the node's error and what a contract reverted with.

    The result is decoded when it is asked for; events are read from its JSON.
    """

    __slots__ = ("_json", "_result", "error", "reverted")

    def __init__(
        self,
        *,
        result: Any = None,  # noqa: ANN401
        json: msgspec.Raw | None = None,
        error: int | None = None,
        reverted: bytes = b"",
    ) -> None:
        """A result, as it is or as JSON, or an error."""
        self.error = error
        self.reverted = reverted
        self._json = json
        self._result = result

    @property
    def result(self) -> Any:  # noqa: ANN401
        """The result; None with an error."""
        return self._result if self._json is None else parsed(msgspec.json.decode, self._json)

    @property
    def json(self) -> bytes | msgspec.Raw:
        """The result as JSON."""
        return msgspec.json.encode(self._result) if self._json is None else self._json

    def value(self) -> Any:  # noqa: ANN401
        """The result.

        Raises:
            ChainUnreachable: (``rpc_error``) the node answered with an error.
        """
        self.require()
        return self.result

    def require(self) -> None:
        """Refuse an error.

        Raises:
            ChainUnreachable: (``rpc_error``).
        """
        if self.error is not None:
            raise ChainUnreachable(
                f"the chain RPC refused a call (code {self.error})", reason="rpc_error", rpc_code=self.error
            )


class _Reply(msgspec.Struct):
    id: int
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: Any = None


_Word = Annotated[str, msgspec.Meta(min_length=66, max_length=66)]


class _Log(msgspec.Struct, rename="camel", gc=False):
    block_number: str
    block_hash: _Word
    log_index: str
    address: str
    topics: list[_Word]
    data: str
    transaction_hash: _Word
    removed: bool = False


_REPLIES = msgspec.json.Decoder(list[_Reply])
_LOGS = msgspec.json.Decoder(list[_Log])
_NONSENSE = (
    *(KeyError, TypeError, ValueError, AttributeError, RecursionError),
    *(InvalidInput, msgspec.MsgspecError),
)


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
    return None if value is None else parsed(_header, value)


def numbered_header_in(answer: Answer, number: int) -> BlockHeader | None:
    """As `header_in`; a block with another number than was asked for is refused."""
    header = header_in(answer)
    if header is not None and header.number != number:
        raise nonsense()
    return header


def tagged_header_in(answer: Answer) -> BlockHeader | None:
    """As `header_in`; some nodes answer with an error while ``safe`` or ``finalized`` is no block yet."""
    return None if answer.error is not None else header_in(answer)


def logs_in(answer: Answer) -> list[RawLog]:
    """The events in an answer to `logs_call`, in chain order.

    Raises:
        ChainUnreachable: an error, or events that cannot be: one removed, two at one place.
    """
    answer.require()
    logs = parsed(lambda value: [_log(item) for item in _LOGS.decode(value)], answer.json)
    logs.sort(key=_place)
    if any(_place(one) == _place(other) for one, other in pairwise(logs)):
        raise nonsense()
    return logs


def logs_of(value: Sequence[Any]) -> list[RawLog]:
    """The events in a list of them that was decoded already."""
    return parsed(lambda items: [_log(item) for item in msgspec.convert(items, list[_Log])], value)


def receipt_in(answer: Answer) -> Receipt | None:
    """The receipt in an answer to `receipt_call`; None unless the transaction is in a block."""
    value = answer.value()
    if value is None or parsed(lambda value: value.get("blockNumber"), value) is None:
        return None
    return parsed(_receipt, value)


def base_fee_in(answer: Answer) -> int:
    """The base fee in an answer to `block_call`."""
    return quantity(answer.value().get("baseFeePerGas", "0x0"))


def priority_fee_in(answer: Answer) -> int:
    """The recommended tip; one gwei from a node that recommends none."""
    return GWEI if answer.error is not None else quantity(answer.result)


def quantity(value: Any) -> int:  # noqa: ANN401
    """The number in a hexadecimal quantity."""
    return parsed(_quantity, value)


def octets(value: Any) -> bytes:  # noqa: ANN401
    """The bytes in hexadecimal data."""
    return parsed(_octets, value)


def answers_in(body: bytes, ids: Sequence[int]) -> list[Answer]:
    """The answers to a batch of calls with these rising ids, in their order.

    Raises:
        ChainUnreachable: not one answer to each call (``bad_answer``), or part of one (``cut_short``).
    """
    if body[:1] in (b"[", b"{") and body.rstrip()[-1:] not in (b"]", b"}"):
        raise cut_short()
    replies = sorted(parsed(_REPLIES.decode, body), key=lambda reply: reply.id)
    if [reply.id for reply in replies] != list(ids):
        raise nonsense()
    return [_answer(reply) for reply in replies]


def _answer(reply: _Reply) -> Answer:
    if reply.error is None:
        if reply.result is msgspec.UNSET:
            raise nonsense()
        return Answer(json=reply.result)
    error = reply.error if isinstance(reply.error, Mapping) else {}
    code, data = error.get("code"), error.get("data")
    reverted = _octets(data) if isinstance(data, str) and _HEX.fullmatch(data) else b""
    return Answer(error=code if isinstance(code, int) else -32603, reverted=reverted)


def parsed(parse: Callable[[Any], T], value: Any) -> T:  # noqa: ANN401
    """What `parse` makes of a value; ChainUnreachable (``bad_answer``) if it cannot."""
    try:
        return parse(value)
    except _NONSENSE as exc:
        raise nonsense() from exc


def _quantity(value: str) -> int:
    if not value.startswith("0x") or "_" in value or len(value) > 66:
        raise ValueError("not a hexadecimal quantity of at most 256 bits")
    return int(value[2:], 16)


def _count(value: str) -> int:
    """A quantity that numbers blocks, events, seconds or gas: of at most 63 bits, as databases count."""
    found = _quantity(value)
    if found >> 63:
        raise ValueError("not a number of anything")
    return found


def _octets(value: str) -> bytes:
    if not value.startswith("0x"):
        raise ValueError("not hexadecimal data")
    return bytes.fromhex(value[2:])


def _word(value: str) -> Digest:
    return digest(parse_word(value))


def _header(value: Mapping[str, Any]) -> BlockHeader:
    return BlockHeader(
        number=_count(value["number"]),
        hash=_word(value["hash"]),
        parent=_word(value["parentHash"]),
        timestamp=_count(value["timestamp"]),
    )


def _place(log: RawLog) -> tuple[int, int]:
    return log.number, log.log_index


def _log(value: _Log) -> RawLog:
    if value.removed:
        raise ValueError("not an event of the canonical chain")
    topics = bytes.fromhex("".join([topic[2:] for topic in value.topics]))
    if len(topics) != 32 * len(value.topics) or not all(map(_is_hex, value.topics)):
        raise ValueError("not topics")
    return RawLog(
        number=_count(value.block_number),
        block_hash=_name(value.block_hash),
        log_index=_count(value.log_index),
        address=_sized(value.address, 20),
        topics=topics,
        data=_octets(value.data),
        transaction=_name(value.transaction_hash),
    )


def _is_hex(value: str) -> bool:
    return value.startswith("0x")


@lru_cache(maxsize=256)
def _name(value: str) -> Digest:
    """As `_word`, for hashes that many events share."""
    return _word(value)


def _sized(value: str, size: int) -> bytes:
    found = _octets(value)
    if len(found) != size or len(value) != 2 + 2 * size:
        raise ValueError(f"not {size} bytes")
    return found


def _receipt(value: Mapping[str, Any]) -> Receipt:
    created = value.get("contractAddress")
    return Receipt(
        transaction=_word(value["transactionHash"]),
        number=_count(value["blockNumber"]),
        block_hash=_word(value["blockHash"]),
        succeeded=_quantity(value["status"]) == 1,
        gas_used=_count(value["gasUsed"]),
        contract=None if created is None else _octets(created),
    )


def nonsense() -> ChainUnreachable:
    """The refusal of an answer that cannot be."""
    return ChainUnreachable(
        "the chain RPC gave an answer that is not JSON-RPC of an Ethereum node",
        reason="bad_answer",
        fix="check the RPC's URL, or use another node",
    )


def cut_short() -> ChainUnreachable:
    """The refusal of an answer that breaks off."""
    return ChainUnreachable(
        "the chain RPC broke off in the middle of an answer",
        reason="cut_short",
        fix="Try again, or use another node.",
    )

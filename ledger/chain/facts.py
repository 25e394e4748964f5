"""What a chain tells: block headers, raw logs, receipts. Plain data that index, store and RPC share.

Hashes of blocks and transactions are `Digest` texts, the form in which log entries and the wire carry them;
topics, data and addresses of raw logs are bytes, as they are stored.
"""

from dataclasses import dataclass
from typing import Literal

from ledger.ids import Digest

Level = Literal["seen", "safe", "final"]
"""How deep a block is: the head, ``safe`` or ``finalized`` in the words of the RPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """A block by number and hash; ``timestamp`` in Unix seconds."""

    number: int
    hash: Digest
    parent: Digest
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLog:
    """One event as the node gives it; ``topics`` are concatenated, 32 bytes each."""

    number: int
    block_hash: Digest
    log_index: int
    address: bytes
    topics: bytes
    data: bytes
    transaction: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The fate of a mined transaction; ``contract`` is the 20-byte address that it created, if it did."""

    transaction: Digest
    number: int
    block_hash: Digest
    succeeded: bool
    gas_used: int
    contract: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeMarket:
    """What gas costs now, in wei: the head's base fee and the tip that the node recommends."""

    base_fee: int
    priority_fee: int

"""Reorganisations of a chain: what was in its last blocks stays, moves, is dropped or is replaced.

Transactions of one account depend on each other by their nonces: after one that is dropped, all of them are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from random import Random
from typing import Any

from ledger.chain.transactions import read_transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.ids import Address
from tests.chain.conftest import Chain

Placed = tuple[str, int]
"""A signed transaction, and the block of the new branch that it goes to, counted from the first."""


@dataclass(frozen=True, kw_only=True)
class Gone:
    """A transaction in a block that is taken out; ``offset`` is that of the block from the first one."""

    sender: Address
    nonce: int
    offset: int
    raw: str


@dataclass(kw_only=True)
class Reorganiser:
    """Takes out the last blocks of a chain, and puts as many others in their place.

    keys: accounts whose transactions may be replaced by others of theirs.
    other_call: what is called by a replacement.
    """

    chain: Chain
    dice: Random
    keys: Mapping[Address, Account]
    other_call: Callable[[], bytes]
    moved: int = 0
    dropped: int = 0
    replaced: int = 0

    def reorganise(self, depth: int) -> None:
        """Replace the last `depth` blocks."""
        by_sender = sorted(self._gone(depth), key=lambda one: (one.sender, one.nonce))
        pairs: list[Placed] = []
        for _, theirs in groupby(by_sender, key=lambda one: one.sender):
            pairs += self._fate(list(theirs), depth)
        self.chain.rpc.request("anvil_reorg", depth, [list(pair) for pair in pairs])

    def drop_waiting(self) -> None:
        """Let the node forget one of the transactions that are in no block yet."""
        waiting = self.chain.rpc.request("txpool_content")["pending"].values()
        hashes = sorted(one["hash"] for theirs in waiting for one in theirs.values())
        if hashes:
            self.dropped += 1
            self.chain.rpc.request("anvil_dropTransaction", self.dice.choice(hashes))

    def _gone(self, depth: int) -> Iterator[Gone]:
        rpc = self.chain.rpc
        last = int(rpc.request("eth_blockNumber"), 16)
        first = last - depth + 1
        blocks = rpc.batch([("eth_getBlockByNumber", (hex(n), True)) for n in range(first, last + 1)])
        found = [one for block in blocks for one in block.value()["transactions"]]
        raws = rpc.batch([("eth_getRawTransactionByHash", (one["hash"],)) for one in found])
        for one, raw in zip(found, raws, strict=True):
            yield Gone(
                sender=self._sender(one),
                nonce=int(one["nonce"], 16),
                offset=int(one["blockNumber"], 16) - first,
                raw=raw.value(),
            )

    def _sender(self, transaction: Mapping[str, Any]) -> Address:
        found = next((known for known in self.keys if known.lower() == transaction["from"].lower()), None)
        return found or Address(transaction["from"])

    def _fate(self, theirs: Sequence[Gone], depth: int) -> Iterator[Placed]:
        """Where the transactions of one account end up, lowest nonce first."""
        lowest = 0
        for one in theirs:
            chance = self.dice.random()
            if chance < 0.25:
                self.dropped += 1
                return
            if chance < 0.75:
                lowest = max(lowest, one.offset)
            else:
                self.moved += 1
                lowest = self.dice.randint(lowest, depth - 1)
            if chance > 0.9 and one.sender in self.keys:
                self.replaced += 1
                yield self._replacement(one), lowest
                return
            yield one.raw, lowest

    def _replacement(self, one: Gone) -> str:
        """Another transaction of the same account at the same nonce."""
        before = read_transaction(bytes.fromhex(one.raw[2:]))
        after = replace(before, data=self.other_call(), to=bytes.fromhex(self.chain.deployment.registry[2:]))
        return "0x" + sign_transaction(after, self.keys[one.sender]).raw.hex()

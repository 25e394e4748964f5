"""All that an observer of the chain has: transactions, events and storage of the three contracts.

Nothing of it comes from the ledger's own code but the list of addresses; words are cut as the ABI cuts them.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ledger.chain.deployment import Deployment
from ledger.chain.rpc import Rpc

WORD = 32
KEY = 20
"""Bytes of the windows that a dictionary is looked up in: an address, or most of a hash."""
SHORT = 5
"""Bytes below which a text is too short to be told from chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Some bytes on chain: at which contract, in which block (None for storage), in what part of what."""

    contract: str
    block: int | None
    part: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A transaction without its calldata."""

    hash: str
    block: int
    sender: str
    to: str | None
    nonce: int
    value: int
    gas: int
    access_list: tuple[Any, ...]
    data: bytes


@dataclass(frozen=True)
class View:
    """What the chain shows."""

    deployment: Deployment
    envelopes: list[Envelope]
    seen: list[Seen]
    times: tuple[int, ...] = ()
    """Unix seconds of every block."""

    @cached_property
    def blob(self) -> bytes:
        """Everything, to look for a text in."""
        return b"|".join(self._parts())

    @cached_property
    def keys(self) -> frozenset[bytes]:
        """Every run of `KEY` bytes, at any offset of anything."""
        return frozenset(windows(self._parts(), KEY))

    @cached_property
    def starts(self) -> frozenset[bytes]:
        """Every run of `SHORT` bytes."""
        return frozenset(windows(self._parts(), SHORT))

    @cached_property
    def words(self) -> frozenset[bytes]:
        """Every 32-byte word as the ABI and the storage cut them."""
        return frozenset(word for part in self._parts() for word in words_of(part))

    def at(self, *contracts: str) -> "View":
        """The same of some of the contracts only."""
        kept = [one for one in self.seen if one.contract in contracts]
        return View(self.deployment, self.envelopes, kept, self.times)

    @cached_property
    def facts(self) -> tuple[bytes, ...]:
        """What stands on chain for all to read, a few bytes each: addresses of 20 bytes, times of 32.

        These are the contracts, whoever sent anything, every controller in an event, and the blocks' times.
        """
        told = (word for one in self.seen if one.part == "event" for word in words_of(one.data))
        controllers = [word[-KEY:] for word in told if not any(word[:-KEY]) and any(word[-KEY:][:4])]
        named = [*self.deployment.addresses, *(one.sender for one in self.envelopes)]
        times = [time.to_bytes(WORD, "big") for time in self.times]
        return tuple(dict.fromkeys([*(bytes.fromhex(one[2:]) for one in named), *controllers, *times]))

    def has_text(self, text: bytes) -> bool:
        """Whether some bytes occur, at any offset."""
        return text[:SHORT] in self.starts and text in self.blob

    def _parts(self) -> Iterator[bytes]:
        return iter({one.data for one in self.seen})


def words_of(data: bytes) -> list[bytes]:
    """The 32-byte words of calldata (without its selector), an event, or a slot."""
    body = data[len(data) % WORD :]
    return [body[start : start + WORD] for start in range(0, len(body), WORD)]


def windows(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Every run of `size` bytes of each part."""
    for part in parts:
        for start in range(len(part) - size + 1):
            yield part[start : start + size]


def observe(rpc: Rpc, deployment: Deployment) -> View:
    """Read the chain from its first block: blocks, events, and all storage from a dump of the state."""
    names = dict(zip(deployment.addresses, ("registry", "directory", "anchor"), strict=True))
    by_address = {address.lower(): name for address, name in names.items()}
    blocks = list(_blocks(rpc))
    envelopes = [_envelope(one) for block in blocks for one in block["transactions"]]
    seen = [part for one in envelopes for part in _of_transaction(one, by_address)]
    head = int(rpc.request("eth_blockNumber"), 16)
    for log in rpc.logs(0, head, deployment.addresses):
        name = by_address["0x" + log.address.hex()]
        seen.append(Seen(contract=name, block=log.number, part="event", data=log.topics + log.data))
    for name, slots in _storage(rpc, by_address):
        for slot, value in slots.items():
            data = bytes.fromhex(slot[2:].zfill(64)) + bytes.fromhex(value[2:].zfill(64))
            seen.append(Seen(contract=name, block=None, part="storage", data=data))
    return View(deployment, envelopes, seen, tuple(int(block["timestamp"], 16) for block in blocks))


def _blocks(rpc: Rpc) -> Iterator[dict[str, Any]]:
    head = int(rpc.request("eth_blockNumber"), 16)
    calls = [("eth_getBlockByNumber", (hex(number), True)) for number in range(head + 1)]
    for answer in rpc.batch(calls):
        yield answer.value()


def _envelope(one: dict[str, Any]) -> Envelope:
    return Envelope(
        hash=one["hash"],
        block=int(one["blockNumber"], 16),
        sender=one["from"].lower(),
        to=None if one["to"] is None else one["to"].lower(),
        nonce=int(one["nonce"], 16),
        value=int(one["value"], 16),
        gas=int(one["gas"], 16),
        access_list=tuple(one.get("accessList") or ()),
        data=bytes.fromhex(one["input"][2:]),
    )


def _of_transaction(one: Envelope, names: dict[str, str]) -> Iterator[Seen]:
    """Calldata and the accounts of a transaction; creations show nothing but the compiled contracts."""
    if one.to is None:
        return
    name = names.get(one.to, "other")
    yield Seen(contract=name, block=one.block, part="calldata", data=one.data)
    yield Seen(contract=name, block=one.block, part="sender", data=bytes.fromhex(one.sender[2:]))
    yield Seen(contract=name, block=one.block, part="receiver", data=bytes.fromhex(one.to[2:]))


def _storage(rpc: Rpc, names: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    packed = bytes.fromhex(rpc.request("anvil_dumpState")[2:])
    accounts = json.loads(gzip.decompress(packed))["accounts"]
    for address, account in accounts.items():
        if address.lower() in names:
            yield names[address.lower()], account["storage"]

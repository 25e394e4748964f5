"""A chain with a past: dense, then nothing for a long time, then dense again; afterwards it stands still.

What is true of it is read here with plain JSON-RPC, not with the code that is under test.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from ledger.chain import calls
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.ids import Address
from tests.chain.conftest import Chain, account
from tests.faults.views import FINAL_DEPTH

Header = tuple[int, str, str, int]
"""Number, hash, parent and time of a block."""

Log = tuple[int, str, int, bytes, bytes, bytes, str]
"""An event: block, its hash, place in it, contract, topics, data, transaction."""

GAP = 270
"""More blocks than are read one by one when they are final."""
QUIET = FINAL_DEPTH + 4
"""Blocks before the first event, so that finality has begun."""
BUSY = 16
"""Blocks of the morning, and of the evening."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Every block since the contracts are there, and every event."""

    headers: Sequence[Header]
    logs: Sequence[Log]

    @property
    def first(self) -> int:
        return self.headers[0][0]

    @property
    def last(self) -> int:
        return self.headers[-1][0]

    def header(self, number: int) -> Header:
        return self.headers[number - self.first]

    def logs_up_to(self, number: int) -> list[Log]:
        return list(self.logs[: bisect_right(self.logs, number, key=lambda log: log[0])])

    def crowded(self) -> list[int]:
        """The blocks with two events or more, the first of which is a recording."""
        numbers = [log[0] for log in self.logs]
        return sorted({number for number in numbers if numbers.count(number) > 1})


def live(chain: Chain, dice: Random) -> Truth:
    """Give a chain its past."""
    busy(chain, dice, "morning")
    chain.rpc.request("anvil_mine", hex(GAP))
    busy(chain, dice, "evening")
    return truth(chain)


def busy(chain: Chain, dice: Random, when: str) -> None:
    """Blocks with recordings, most with stops too, some with nothing."""
    chain.mine(QUIET)
    for number in range(BUSY):
        if dice.random() < 0.85:
            fill(chain, dice, f"{when} {number}")
        chain.mine()


def fill(chain: Chain, dice: Random, name: str) -> None:
    """Hand the node transactions for the next block: first recordings, then what else there is."""
    registry, anchor = chain.deployment.registry, chain.deployment.anchor
    people = [account(f"{name} {n}") for n in range(dice.randint(2, 4))]
    terms = {one.address: sha256(one.address.encode()).digest() for one in people}
    todo: list[tuple[Address, bytes]] = [
        (registry, calls.record_batch([chain.consent(one, terms[one.address]) for one in people]))
    ]
    if dice.random() < 0.7:
        stopped = dice.choice(people)
        consent = chain.consent(stopped, terms[stopped.address])
        signature = chain.revocation(stopped, chain.id(stopped, terms[stopped.address]))
        revoking = calls.revoke_with_preimage(
            controller=stopped.address,
            epoch=0,
            terms_hash=consent.terms_hash,
            until=consent.until,
            signature=signature,
        )
        todo.append((registry, revoking))
    if dice.random() < 0.3:
        signature = chain.stop_all(people[0], 0)
        todo.append(
            (registry, calls.revoke_all_signed(controller=people[0].address, epoch=0, signature=signature))
        )
    if dice.random() < 0.3:
        size = int.from_bytes(chain.rpc.call(anchor, latest_of(chain.owner.address))[:32], "big")
        root = sha256(name.encode()).digest()
        todo.append((anchor, calls.anchor(old_size=size, new_size=size + 1, root=root)))
    nonce, fees = chain.rpc.nonce(chain.owner.address), Fees.at(chain.rpc.fees(), urgent=False)
    for place, (to, data) in enumerate(todo):
        signed = sign_transaction(
            Transaction(
                chain_id=chain.deployment.chain_id,
                nonce=nonce + place,
                fees=fees,
                gas=1_000_000,
                to=bytes.fromhex(to[2:]),
                data=data,
            ),
            chain.owner,
        )
        chain.rpc.send_raw(signed.raw)


def latest_of(sender: Address) -> bytes:
    return calls.encode(calls.ANCHOR, "latestOf", sender)


def truth(chain: Chain) -> Truth:
    """All of the chain, as the node tells it to whoever asks plainly."""
    first, last = chain.deployment.block, int(chain.rpc.request("eth_blockNumber"), 16)
    span = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(chain.deployment.addresses)}
    blocks = [
        chain.rpc.request("eth_getBlockByNumber", hex(number), False) for number in range(first, last + 1)
    ]
    return Truth(
        headers=[_header(block) for block in blocks],
        logs=sorted(_log(log) for log in chain.rpc.request("eth_getLogs", span)),
    )


def _header(block: dict[str, Any]) -> Header:
    return int(block["number"], 16), block["hash"], block["parentHash"], int(block["timestamp"], 16)


def _log(log: dict[str, Any]) -> Log:
    return (
        int(log["blockNumber"], 16),
        log["blockHash"],
        int(log["logIndex"], 16),
        bytes.fromhex(log["address"][2:]),
        b"".join(bytes.fromhex(topic[2:]) for topic in log["topics"]),
        bytes.fromhex(log["data"][2:]),
        log["transactionHash"],
    )

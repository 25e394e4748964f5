"""chain: reading 100,000 recorded consents from one anvil: fetched, checked, decoded, stored, in the index.

The events are the registry's own: signed consents of as many controllers, recorded in batches of a hundred,
eight of which fill a block. Making them is not timed. The peer asks for the same events with web3's
`get_logs` of the contract's event, which fetches and decodes but stores nothing; it gets a tenth of the blocks,
and its time is multiplied by the share of the events in them.

``calls`` are JSON-RPC calls, however many went into one HTTP request. The least that any reader needs is the
chain id, the three marks, one `eth_getLogs` for each range of the largest size that the node allows (anvil
allows any, so it is the network's), and the header of each block with events, for the time of recording.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from contracts import artifact
from ledger.chain import calls
from ledger.chain.answers import Answer, Call
from ledger.chain.calls import REGISTRY, SignedConsent
from ledger.chain.deploying import deploy
from ledger.chain.deployment import Deployment
from ledger.chain.devnet import CHAIN_ID, Devnet
from ledger.chain.follower import Follower
from ledger.chain.networks import network_of
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.crypto.typed import consent_digest, consent_domain
from ledger.errors import Bug
from ledger.store.chain import ChainStore
from ledger.store.database import Database, upgrade
from tests.bench.measure import Figures

EVENTS = 100_000
EACH = 100
PER_BLOCK = 8
PEER_SHARE = 10
UNTIL = 1_900_000_000
_GAS = 3_750_000
_BLOCK_GAS = 2 * PER_BLOCK * _GAS  # blocks that are at most half full keep the base fee where it is
PEERS = {"index_s": "web3_s", "calls": "calls_least"}


def run() -> Figures:
    """Seconds and calls for all events, and what web3 takes to decode as many."""
    with _chain() as (rpc, deployment):
        blocks = _record(rpc, deployment)
        rpc.request("anvil_mine", "0x4")
        taken, asked = _indexed(rpc.urls[0], deployment)
        ranges = -(-blocks // network_of(CHAIN_ID, "").largest_range)
        return {
            "index_s": taken,
            "web3_s": _web3_seconds(rpc, deployment),
            "calls": asked,
            "calls_least": 4 + ranges + blocks,
        }


@contextmanager
def _chain() -> Iterator[tuple[Rpc, Deployment]]:
    with tempfile.TemporaryDirectory() as directory, Devnet(Path(directory), mining=False) as devnet:
        with closing(Rpc(devnet.url)) as rpc:
            owner = Account.from_key(bytes([1]) * 32)
            devnet.fund(owner.address, 10**24)
            rpc.request("evm_setAutomine", True)
            deployment = deploy(devnet.url, owner)
            rpc.request("evm_setAutomine", False)
            rpc.request("evm_setBlockGasLimit", hex(_BLOCK_GAS))
            yield rpc, deployment


def _record(rpc: Rpc, deployment: Deployment) -> int:
    """Put the events on the chain; in how many blocks they are."""
    payer = Account.from_key(bytes([1]) * 32)
    nonce, fees = rpc.nonce(payer.address), Fees(max_fee=10**12, tip=10**9)
    blocks = 0
    for start in range(0, EVENTS // EACH, PER_BLOCK):
        count = min(PER_BLOCK, EVENTS // EACH - start)
        raws = [
            sign_transaction(
                Transaction(
                    chain_id=deployment.chain_id,
                    nonce=nonce + start + number,
                    fees=fees,
                    gas=_GAS,
                    to=bytes.fromhex(deployment.registry[2:]),
                    data=_calldata([_signed(deployment) for _ in range(EACH)]),
                ),
                payer,
            ).raw
            for number in range(count)
        ]
        for answer in rpc.batch([("eth_sendRawTransaction", ("0x" + raw.hex(),)) for raw in raws]):
            answer.value()
        rpc.request("evm_mine")
        blocks += 1
    return blocks


def _signed(deployment: Deployment) -> SignedConsent:
    controller, terms = Account.from_key(os.urandom(32)), os.urandom(32)
    digest = consent_digest(
        consent_domain(deployment.chain_id, deployment.registry),
        controller=controller.address,
        epoch=0,
        terms_hash=terms,
        until=UNTIL,
    )
    return SignedConsent(
        controller=controller.address, epoch=0, terms_hash=terms, until=UNTIL, signature=controller.sign(digest)
    )


def _calldata(consents: Sequence[SignedConsent]) -> bytes:
    """What `calls.record_batch` gives, a hundred times as fast."""
    selector = calls.record_batch([])[:4]
    items = [
        b"".join(
            (
                bytes.fromhex(one.controller[2:]).rjust(32, b"\0"),
                one.epoch.to_bytes(32, "big"),
                one.terms_hash,
                one.until.to_bytes(32, "big"),
                (160).to_bytes(32, "big"),
                len(one.signature).to_bytes(32, "big"),
                one.signature.ljust(96, b"\0"),
            )
        )
        for one in consents
    ]
    places = [32 * len(items) + number * len(items[0]) for number in range(len(items))]
    words = [32, len(items), *places]
    return selector + b"".join(word.to_bytes(32, "big") for word in words) + b"".join(items)


class _Counting(Rpc):
    asked = 0

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        self.asked += len(calls_)
        return super().batch(calls_)


def _indexed(url: str, deployment: Deployment) -> tuple[float, int]:
    """Seconds and calls until a follower with an empty SQLite database is at the head."""
    with tempfile.TemporaryDirectory() as directory, closing(_Counting(url)) as rpc:
        address = f"sqlite:///{Path(directory) / 'chain.sqlite'}"
        upgrade(address)
        with closing(Database(address)) as database:
            rpc.chain_id()  # the import of web3 is not what is measured
            rpc.asked = 0
            started = time.perf_counter()
            follower = Follower(rpc, deployment, ChainStore(database), lambda: datetime.now(UTC))
            follower.catch_up()
            taken = time.perf_counter() - started
            held = len(follower.index.controllers_seen()), len(ChainStore(database).load()[1])
    if held[0] != EVENTS or held[1] < EVENTS:
        raise Bug(f"the index holds {held[0]} and the store {held[1]} events of {EVENTS}")
    return taken, rpc.asked


def _web3_seconds(rpc: Rpc, deployment: Deployment) -> float:
    """Seconds that web3 takes to fetch and decode the events of the first tenth, times ten."""
    from web3 import HTTPProvider, Web3

    web3 = Web3(HTTPProvider(rpc.urls[0], request_kwargs={"timeout": 600}))
    registry = web3.eth.contract(Web3.to_checksum_address(deployment.registry), abi=artifact(REGISTRY).abi)
    first = deployment.block
    while not rpc.logs(first, first, [deployment.registry]):
        first += 1
    last = first + EVENTS // PEER_SHARE // (EACH * PER_BLOCK)
    started = time.perf_counter()
    found = registry.events.Recorded().get_logs(from_block=first, to_block=last)
    return (time.perf_counter() - started) * EVENTS / len(found)

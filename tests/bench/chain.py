"""chain: reading 100,000 recorded consents from one anvil: fetched, checked, decoded, stored, in the index.

The events are the registry's own: signed consents of as many controllers, recorded in batches of a hundred,
one in a block. Making them is not timed. The peer asks for the same events with web3's `get_logs` of the
contract's event, which fetches and decodes but stores nothing; it gets a tenth of the blocks, and its time is
multiplied by ten.

``calls`` are JSON-RPC calls, however many went into one HTTP request. The least that any reader needs is the
chain id, the three marks, one `eth_getLogs` for each range of the largest size that the node allows (anvil
allows any, so it is the network's), and the header of each block with events, for the time of recording.
"""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from contracts import artifact
from ledger.chain import calls
from ledger.chain.answers import Answer, Call
from ledger.chain.calls import REGISTRY, SignedConsent
from ledger.chain.deploying import deploy
from ledger.chain.deployment import Deployment
from ledger.chain.devnet import CHAIN_ID, find_anvil
from ledger.chain.follower import Follower
from ledger.chain.guard import LISTENING
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
PEER_SHARE = 10
UNTIL = 1_900_000_000
_GAS = 3_750_000
_OWNER = Account.from_key(bytes([1]) * 32)
PEERS = {"index_s": "web3_s", "calls": "calls_least"}


def run() -> Figures:
    """Seconds and calls for all events, and what web3 takes to decode as many."""
    with _chain() as (rpc, deployment):
        blocks = _record(rpc, deployment)
        rpc.request("anvil_mine", "0x4")
        taken, asked = _indexed(rpc.urls[0], deployment)
        ranges = -(-blocks // network_of(CHAIN_ID).largest_range)
        return {
            "index_s": taken,
            "web3_s": _web3_seconds(rpc, deployment),
            "calls": asked,
            "calls_least": 4 + ranges + blocks,
        }


@contextmanager
def _chain() -> Iterator[tuple[Rpc, Deployment]]:
    """An anvil that writes no state to disk, and the contracts on it."""
    command = [str(find_anvil()), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(CHAIN_ID)]
    with subprocess.Popen(  # noqa: S603 - the command line is ours
        [*command, "--no-mining", "--slots-in-an-epoch", "1"], stdout=subprocess.PIPE, text=True
    ) as anvil:
        try:
            with closing(Rpc(_listening(anvil))) as rpc:
                rpc.request("anvil_setBalance", _OWNER.address, hex(10**24))
                rpc.request("evm_setAutomine", True)
                deployment = deploy(rpc.urls[0], _OWNER)
                rpc.request("evm_setAutomine", False)
                yield rpc, deployment
        finally:
            anvil.terminate()


def _listening(anvil: "subprocess.Popen[str]") -> str:
    """Anvil's URL once it listens; what it prints later is read and forgotten."""
    output = anvil.stdout
    if output is None:
        raise Bug("anvil was started without a pipe")
    port = next(match[1] for line in output if (match := LISTENING.search(line)))
    threading.Thread(target=lambda: [None for _ in output], daemon=True).start()
    return f"http://127.0.0.1:{port}"


def _record(rpc: Rpc, deployment: Deployment) -> int:
    """Put the events on the chain, signing the next block while anvil works on one; in how many they are."""
    nonce, blocks = rpc.nonce(_OWNER.address), EVENTS // EACH
    with ThreadPoolExecutor(1) as anvil:
        mined: list[Future[None]] = []
        for number in range(blocks):
            transaction = Transaction(
                chain_id=deployment.chain_id,
                nonce=nonce + number,
                fees=Fees(max_fee=10**10, tip=10**9),
                gas=_GAS,
                to=bytes.fromhex(deployment.registry[2:]),
                data=_calldata([_signed(deployment) for _ in range(EACH)]),
            )
            mined.append(anvil.submit(_mine, rpc, sign_transaction(transaction, _OWNER).raw))
        for one in mined:
            one.result()
    return blocks


def _mine(rpc: Rpc, raw: bytes) -> None:
    for answer in rpc.batch([("eth_sendRawTransaction", ("0x" + raw.hex(),)), ("evm_mine", ())]):
        answer.value()


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
        controller=controller.address,
        epoch=0,
        terms_hash=terms,
        until=UNTIL,
        signature=controller.sign(digest),
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
    last = first + EVENTS // PEER_SHARE // EACH - 1
    started = time.perf_counter()
    found = registry.events.Recorded().get_logs(from_block=first, to_block=last)
    return (time.perf_counter() - started) * EVENTS / len(found)

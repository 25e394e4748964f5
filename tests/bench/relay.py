"""relay: signed consents of as many accounts brought on chain in batches, on one anvil that mines at will.

Signing the consents is not measured: patients do that. A run ends when the relayer has seen every act final.
"""

import statistics
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from ledger.chain import calls
from ledger.chain.deploying import deploy
from ledger.chain.deployment import Deployment
from ledger.chain.devnet import Devnet
from ledger.chain.reader import read_chain
from ledger.chain.relayer import Relayer
from ledger.chain.rpc import Rpc
from ledger.crypto.identity import Account
from ledger.crypto.typed import consent_digest, consent_domain
from ledger.ids import consent_id
from ledger.service.gateway import system_clock
from ledger.store.acts import State
from ledger.store.database import Database, upgrade
from ledger.store.relay import RelayStore
from tests.bench.measure import Figures

CONSENTS = 10_000
RUNS = 3
UNTIL = 2**40 - 1


def run() -> Figures:
    """Seconds, transactions and gas for all consents; medians of several runs, each on a chain of its own."""
    found = [_once(CONSENTS) for _ in range(RUNS)]
    return {key: statistics.median(figures[key] for figures in found) for key in found[0]}


def _once(count: int) -> Figures:
    with tempfile.TemporaryDirectory() as directory, Devnet(Path(directory) / "devnet") as devnet:
        key = Account.from_key(sha256(b"tests/bench relayer").digest())
        devnet.fund(key.address, 10**21)
        deployment = deploy(devnet.url, key)
        rpc, url = Rpc(devnet.url), f"sqlite:///{Path(directory) / 'gateway.db'}"
        before = rpc.nonce(key.address)
        upgrade(url)
        database = Database(url)
        store = RelayStore(database)
        relayer = Relayer(rpc, store, key, deployment.chain_id, system_clock)
        _submit(relayer, database, deployment, count)
        started = time.perf_counter()
        _relay(relayer, store)
        seconds = time.perf_counter() - started
        _require_all(rpc, deployment, count)
        transactions = rpc.nonce(key.address) - before
        gas = store.gas_since(0)
        rpc.close()
        database.close()
    return {
        "relay_10k_s": seconds,
        "relay_10k_transactions": transactions,
        "relay_10k_gas": gas,
        "relay_10k_gas_each": gas / count,
    }


def _submit(relayer: Relayer, database: Database, deployment: Deployment, count: int) -> None:
    """Hand in consents, each of an account of its own."""
    domain = consent_domain(deployment.chain_id, deployment.registry)
    with database.write() as connection:
        for number in range(count):
            seed = sha256(f"tests/bench controller {number}".encode()).digest()
            controller = Account.from_key(seed)
            digest = consent_digest(
                domain, controller=controller.address, epoch=0, terms_hash=seed, until=UNTIL
            )
            relayer.submit(
                connection,
                kind="recording",
                subject=consent_id(digest),
                to=deployment.registry,
                data=calls.record_signed(
                    controller=controller.address,
                    epoch=0,
                    terms_hash=seed,
                    until=UNTIL,
                    signature=controller.sign(digest),
                ),
                lane=seed,
            )


def _relay(relayer: Relayer, store: RelayStore) -> None:
    """Step until nothing is left to do."""
    while relayer.step() or store.count(State.INTENDED, State.SENT, State.SEEN):
        pass


def _require_all(rpc: Rpc, deployment: Deployment, count: int) -> None:
    """A bench that measures too little is worth nothing."""
    events = read_chain(rpc, deployment).events()
    if len(events) != count:
        raise SystemExit(f"relay: {len(events)} of {count} consents are on the chain")

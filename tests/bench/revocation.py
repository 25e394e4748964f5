"""revocation: from a stop on chain, sent past the gateway, to the first access check that is refused for it.

A stack runs in a process of its own, as `consent up` starts it. One provider asks over HTTP, without a pause,
whether it may see the records of a patient; the patient's signed stop is sent to the node by an account that
has nothing to do with the gateway. ``sent`` begins when it is handed to the node, ``bound`` when the node was
last asked in vain for its receipt; both end when the first refusal has arrived. The devnet makes a block at
once: what another chain takes to make one comes on top of ``sent``.
"""

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from ledger.chain import calls
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from ledger.crypto.identity import Account
from ledger.crypto.typed import Revocation, consent_domain
from ledger.ids import ConsentId, Digest
from tests.bench.measure import Figures
from tests.bench.stack import served
from tests.network import Network, Person, eventually, small_bundle

STOPS = 60
PATIENCE = 60.0


def run() -> Figures:
    """Seconds, in the middle and of the slowest in a hundred."""
    with tempfile.TemporaryDirectory() as directory, served(Path(directory)) as network:
        scene = _Scene.in_(network)
        taken = [scene.stop() for _ in range(STOPS)]
    bound, sent = ([getattr(one, name) for one in taken] for name in ("bound", "sent"))
    return {
        "revocation_bound_p50_s": _percentile(bound, 50),
        "revocation_bound_p99_s": _percentile(bound, 99),
        "revocation_sent_p50_s": _percentile(sent, 50),
        "revocation_sent_p99_s": _percentile(sent, 99),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """Seconds until the first refusal: since the stop was in a block, and since it was sent."""

    bound: float
    sent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A patient with a record, a provider who asks for it, and somebody with ether."""

    network: Network
    rpc: Rpc
    alice: Person
    clinic: Person
    asking: GatewayClient
    payer: Account

    @classmethod
    def in_(cls, network: Network) -> "_Scene":
        rpc = Rpc(network.config.rpc)
        network.closing.callback(rpc.close)
        payer = Account.from_key(os.urandom(32))
        rpc.request("anvil_setBalance", payer.address, hex(10**20))
        clinic, alice = network.admitted("Bench Clinic"), network.enrolled()
        network.patient(alice).publish_bundle(small_bundle())
        asking = network.gateway(clinic)
        return cls(network=network, rpc=rpc, alice=alice, clinic=clinic, asking=asking, payer=payer)

    def stop(self) -> _Taken:
        """Share, wait until that is permitted, and stop it on chain."""
        patient = self.network.patient(self.alice)
        consent = patient.file(patient.draft(Wish(grantees=[self.clinic.did], purposes=["TREAT"]))).consent
        eventually(self.permitted)
        raw, transaction = self._signed(consent)
        with ThreadPoolExecutor(1) as pool:
            refused = pool.submit(self._first_refusal)
            sent = time.monotonic()
            self.rpc.send_raw(raw)
            in_block = self._in_block(transaction, sent)
            end = refused.result(PATIENCE)
        return _Taken(bound=end - in_block, sent=end - sent)

    def permitted(self) -> bool:
        """Whether the provider may see the records now."""
        return self.asking.evaluate(self._question()).decision

    def _question(self) -> dict[str, Any]:
        return {
            "subject": {"type": "participant", "id": self.clinic.did},
            "action": {"name": "access"},
            "resource": {"type": "patient", "id": self.alice.did},
            "context": {"purpose": ["TREAT"]},
        }

    def _first_refusal(self) -> float:
        while self.permitted():
            pass
        return time.monotonic()

    def _in_block(self, transaction: Digest, sent: float) -> float:
        """When the node was last asked in vain for the receipt, or when the transaction was sent."""
        latest = sent
        asked = time.monotonic()
        while self.rpc.receipt(transaction) is None:
            latest, asked = asked, time.monotonic()
        return latest

    def _signed(self, consent: ConsentId) -> tuple[bytes, Digest]:
        deployment = self.network.config.deployment
        domain = consent_domain(deployment.chain_id, deployment.registry)
        controller = self.alice.identity.controller(self.alice.state.filings[consent].controller)
        digest = Revocation(consent=bytes.fromhex(consent[2:])).digest(domain)
        signed = sign_transaction(
            Transaction(
                chain_id=deployment.chain_id,
                nonce=self.rpc.nonce(self.payer.address),
                fees=Fees.at(self.rpc.fees(), urgent=True),
                gas=200_000,
                to=bytes.fromhex(deployment.registry[2:]),
                data=calls.revoke_signed(consent=consent, signature=controller.sign(digest)),
            ),
            self.payer,
        )
        return signed.raw, signed.hash


def _percentile(values: list[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]

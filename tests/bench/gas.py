"""gas: transaction gas of recording and ending consents, here and on EAS, from receipts of one anvil.

`tests.bench.eas.peer` says what is attested there.
"""

import os
import tempfile
from pathlib import Path

from ledger.chain import calls
from ledger.chain.calls import SignedConsent
from ledger.chain.deploying import deploy
from ledger.chain.deployment import Deployment
from ledger.chain.devnet import Devnet
from ledger.chain.facts import Receipt
from ledger.chain.rpc import Rpc
from ledger.chain.sending import send
from ledger.crypto.identity import Account
from ledger.crypto.typed import Revocation, consent_digest, consent_domain
from ledger.ids import Address, consent_id
from tests.bench.eas.peer import Eas, install
from tests.bench.measure import Figures

UNTIL = 1_900_000_000
BATCH = 100
_EAS_GAS = 25_000_000
PEERS = {
    "record": "eas_attest",
    "record_batch_100_each": "eas_multi_attest_100_each",
    "revoke": "eas_revoke",
    "revoke_preimage": "eas_revoke",
}
"""The figure of EAS that each of ours is compared with."""


def run() -> Figures:
    """Gas of one transaction each, in a batch per consent; sent by the controller unless it says signed."""
    install()
    with tempfile.TemporaryDirectory() as directory, Devnet(Path(directory)) as devnet:
        key = Account.from_key(os.urandom(32))
        devnet.fund(key.address, 10**21)
        ours = _ours(_Registry(devnet.url, deploy(devnet.url, key), key))
        theirs = _theirs(devnet.url, key)
    return {**ours, **theirs}


def _ours(registry: "_Registry") -> Figures:
    return {
        "record": registry.record(),
        "record_batch_100_each": registry.batch() / BATCH,
        "revoke": registry.revoke(),
        "revoke_preimage": registry.revoke_preimage(),
        "revoke_preimage_signed": registry.revoke_preimage_signed(),
    }


def _theirs(url: str, key: Account) -> Figures:
    rpc = Rpc(url)
    chain_id = rpc.chain_id()

    def transact(to: bytes, data: bytes) -> Receipt:
        return send(rpc, key, chain_id=chain_id, to=to, data=data, gas=_EAS_GAS, patience=10)

    eas = Eas(rpc, transact)
    attested = eas.attest(os.urandom(32), UNTIL)
    batch = eas.multi_attest([(os.urandom(32), UNTIL) for _ in range(BATCH)])
    return {
        "eas_attest": attested.gas_used,
        "eas_multi_attest_100_each": batch.gas_used / BATCH,
        "eas_revoke": eas.revoke(attested).gas_used,
    }


class _Registry:
    def __init__(self, url: str, deployment: Deployment, key: Account) -> None:
        self._rpc = Rpc(url)
        self._deployment = deployment
        self._key = key
        self._controllers: dict[Address, Account] = {}
        self._domain = consent_domain(deployment.chain_id, deployment.registry)

    def record(self) -> int:
        return self._send(calls.record(epoch=0, terms_hash=os.urandom(32), until=UNTIL))

    def batch(self) -> int:
        return self._send(calls.record_batch([self._signed() for _ in range(BATCH)]))

    def revoke(self) -> int:
        terms = os.urandom(32)
        self._send(calls.record(epoch=0, terms_hash=terms, until=UNTIL))
        return self._send(calls.revoke(consent_id(self._digest(self._key.address, terms))))

    def revoke_preimage(self) -> int:
        terms = os.urandom(32)
        self._send(calls.record(epoch=0, terms_hash=terms, until=UNTIL))
        return self._send(
            calls.revoke_with_preimage(
                controller=self._key.address, epoch=0, terms_hash=terms, until=UNTIL, signature=b""
            )
        )

    def revoke_preimage_signed(self) -> int:
        consent = self._signed()
        self._send(calls.record_batch([consent]))
        signature = self._controllers[consent.controller].sign(
            Revocation(consent=self._digest(consent.controller, consent.terms_hash)).digest(self._domain)
        )
        return self._send(
            calls.revoke_with_preimage(
                controller=consent.controller,
                epoch=0,
                terms_hash=consent.terms_hash,
                until=UNTIL,
                signature=signature,
            )
        )

    def _signed(self) -> SignedConsent:
        controller, terms = Account.from_key(os.urandom(32)), os.urandom(32)
        self._controllers[controller.address] = controller
        return SignedConsent(
            controller=controller.address,
            epoch=0,
            terms_hash=terms,
            until=UNTIL,
            signature=controller.sign(self._digest(controller.address, terms)),
        )

    def _digest(self, controller: Address, terms: bytes) -> bytes:
        return consent_digest(self._domain, controller=controller, epoch=0, terms_hash=terms, until=UNTIL)

    def _send(self, data: bytes) -> int:
        return send(
            self._rpc,
            self._key,
            chain_id=self._deployment.chain_id,
            to=bytes.fromhex(self._deployment.registry[2:]),
            data=data,
            gas=10_000_000,
            patience=10,
        ).gas_used

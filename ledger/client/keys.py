"""A patient's compartment keys at a gateway: deposited one epoch ahead, never taken on its word.

Every key pair follows from the patient's words, so what the gateway returns is compared with what it must be.
"""

from ledger.canonical import b64, hexed, unb64, unhex
from ledger.client.gateway import GatewayClient
from ledger.client.wire import Compartment, DepositedKey
from ledger.crypto.identity import Identity
from ledger.crypto.sealing import KeyPair, key_digest
from ledger.crypto.signatures import verify
from ledger.crypto.typed import CompartmentKey, Domain
from ledger.errors import SignatureInvalid
from ledger.ids import Did, parse_word, word
from ledger.records.header import compartment_of


class CompartmentKeys:
    """The keys of one patient; `load` before the rest."""

    def __init__(self, identity: Identity, gateway: GatewayClient, domain: Domain, patient: Did) -> None:
        """Nothing is sent yet; `domain` is that of records."""
        self._identity = identity
        self._gateway = gateway
        self._domain = domain
        self._patient = patient
        self._current: dict[bytes, int | None] = {}
        self._deposited: dict[bytes, set[int]] = {}

    def load(self) -> None:
        """Ask the gateway which keys it holds, and check each.

        Raises:
            SignatureInvalid: a key that this patient did not make and sign (``foreign_key``).
        """
        self._current, self._deposited = {}, {}
        for found in self._gateway.compartments():
            self._take(found)

    def current(self, compartment: bytes) -> int | None:
        """The epoch to which writers seal now; None where nothing was deposited, or all of it has ended."""
        return self._current.get(compartment)

    def ensure(self, record_class: str, labels: tuple[str, ...]) -> int:
        """The current epoch of a compartment, after depositing what is missing: its key and the next one."""
        compartment = compartment_of(self._patient, record_class, labels)
        deposited, current = self._deposited.get(compartment, set()), self._current.get(compartment)
        if current is None:
            current = max(deposited, default=-1) + 1
        missing = [epoch for epoch in (current, current + 1) if epoch not in deposited]
        if missing:
            keys = [self._signed(compartment, epoch) for epoch in missing]
            self._gateway.deposit(word(compartment), record_class, list(labels), keys)
        self._deposited[compartment] = deposited | set(missing)
        self._current[compartment] = current
        return current

    def public(self, compartment: bytes, epoch: int) -> bytes:
        """The public key of an epoch, 1216 bytes."""
        return KeyPair.from_secret(self._identity.compartment_secret(compartment, epoch)).public

    def _signed(self, compartment: bytes, epoch: int) -> dict[str, str | int]:
        public = self.public(compartment, epoch)
        signature = self._identity.account.sign(self._claim(compartment, epoch, public))
        return {"epoch": epoch, "key": b64(public), "signature": hexed(signature)}

    def _claim(self, compartment: bytes, epoch: int, public: bytes) -> bytes:
        claim = CompartmentKey(
            patient=self._identity.account.address,
            compartment=compartment,
            epoch=epoch,
            key=key_digest(public),
        )
        return claim.digest(self._domain)

    def _take(self, found: Compartment) -> None:
        compartment = parse_word(found.compartment)
        for key in found.keys:
            self._check(compartment, key)
        self._deposited[compartment] = {key.epoch for key in found.keys}
        current = found.current
        if current is not None and current not in self._deposited[compartment]:
            raise SignatureInvalid("the gateway names an epoch without a key", reason="foreign_key")
        self._current[compartment] = current

    def _check(self, compartment: bytes, key: DepositedKey) -> None:
        public = self.public(compartment, key.epoch)
        if unb64(key.key) != public:
            raise SignatureInvalid(
                "the gateway holds a compartment key that this patient did not make",
                reason="foreign_key",
                fix="Do not publish there; tell the operator.",
            )
        digest = self._claim(compartment, key.epoch, public)
        verify(digest, unhex(key.signature), self._identity.account.address)

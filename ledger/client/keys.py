"""A patient's compartment keys at a gateway: deposited one epoch ahead, never taken on its word.

Every key pair follows from the patient's words, so what the gateway returns is compared with what it must be.
Which epoch is current is the gateway's to say, but never one that a consent since stopped has opened.
"""

from collections.abc import Callable, Mapping

from ledger.canonical import b64, hexed, unb64, unhex
from ledger.client.gateway import GatewayClient
from ledger.client.wire import Compartment, DepositedKey
from ledger.crypto.identity import Identity
from ledger.crypto.sealing import KeyPair, key_digest
from ledger.crypto.signatures import verify
from ledger.crypto.typed import CompartmentKey, Domain
from ledger.errors import ProofInvalid, SignatureInvalid
from ledger.ids import Did, parse_word, word
from ledger.records.header import compartment_of


class CompartmentKeys:
    """The keys of one patient; `load` before the rest."""

    def __init__(
        self,
        identity: Identity,
        gateway: GatewayClient,
        domain: Domain,
        patient: Did,
        closed: Callable[[], Mapping[bytes, int]],
    ) -> None:
        """Nothing is sent yet.

        Args:
            identity: whose keys they are.
            gateway: where they are deposited.
            domain: that of records.
            patient: who the identity is on this network.
            closed: up to which epoch a compartment must not be sealed to again; see `memory.closed_epochs`.
        """
        self._identity = identity
        self._gateway = gateway
        self._domain = domain
        self._patient = patient
        self._closed = closed
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
        """The epoch to which writers seal now; None where nothing was deposited, or all of it has ended.

        If it has ended since it was loaded, the gateway is asked again.

        Raises:
            ProofInvalid: the gateway names one that a stopped consent has opened (``epoch_stopped``).
        """
        if self.has_ended(compartment, self._current.get(compartment)):
            self.load()
        current = self._current.get(compartment)
        return None if current is None else self._open(compartment, current)

    def ensure(self, record_class: str, labels: tuple[str, ...]) -> int:
        """The current epoch of a compartment, after depositing what is missing: its key and the next one.

        Raises:
            ProofInvalid: the gateway names one that a stopped consent has opened (``epoch_stopped``).
        """
        compartment = compartment_of(self._patient, record_class, labels)
        current, deposited = self.current(compartment), self._deposited.get(compartment, set())
        if current is None:
            ended = self._closed().get(compartment, -1)  # also at a gateway that has no key of it yet
            current = self._open(compartment, max(deposited, default=ended) + 1)
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

    def has_ended(self, compartment: bytes, epoch: int | None) -> bool:
        """Whether somebody may hold the key of an epoch, if it is one, who has lost it by now."""
        return epoch is not None and epoch <= self._closed().get(compartment, -1)

    def _open(self, compartment: bytes, epoch: int) -> int:
        if not self.has_ended(compartment, epoch):
            return epoch
        raise ProofInvalid(
            "the gateway still seals new records to keys that somebody holds whom the patient has stopped",
            reason="epoch_stopped",
            fix="Nothing was sealed. Stop that choice again: consent revoke. If this stays, publish nothing "
            "there and tell the operator.",
        )

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

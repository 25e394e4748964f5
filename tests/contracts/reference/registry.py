"""ConsentRegistry, written from `IConsentRegistry`, contracts/README.md and DESIGN §4.

Where more than one thing stands against recording, the first of these is named: the consent's own end, the
terminal epoch, another epoch, its revocation, its being recorded already, the signature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ledger.crypto.typed import Domain, Revocation, RevokeAll, consent_digest
from ledger.ids import Address
from tests.contracts.reference.abi import Event, Refusal
from tests.contracts.reference.call import Call, Done, Refused
from tests.contracts.reference.signers import Signers

TERMINAL_EPOCH = 65535
NONE, ACTIVE, ENDED = range(3)


class SignedConsent(NamedTuple):
    controller: Address
    epoch: int
    terms_hash: bytes
    until: int
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A consent that was recorded or, if `recorded_at` is 0, revoked before it could be."""

    controller: Address
    epoch: int
    until: int
    recorded_at: int
    revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    domain: Domain
    signers: Signers
    epochs: Mapping[Address, int]
    consents: Mapping[bytes, Known]

    def record(self, call: Call, epoch: int, terms_hash: bytes, until: int) -> Done["Registry"]:
        consent = SignedConsent(call.sender, epoch, terms_hash, until, b"")
        return self._alone(call, consent, self._obstacle(call, consent))

    def record_signed(self, call: Call, consent: SignedConsent) -> Done["Registry"]:
        return self._alone(call, consent, self._obstacle(call, consent) or self._forgery(call, consent))

    def record_batch(self, call: Call, consents: Sequence[SignedConsent]) -> Done["Registry"]:
        registry, events = self, list[Event]()
        for index, consent in enumerate(consents):
            obstacle = registry._obstacle(call, consent) or registry._forgery(call, consent)
            if obstacle is None:
                registry = registry._with(call, consent)
                events.append(self._recorded(consent))
            else:
                skipped = (self.consent_id(*consent[:4]), obstacle.selector)
                events.append(Event("Skipped(uint256,bytes32,bytes4)", (index,), skipped))
        return Done(registry, tuple(events))

    def revoke(self, call: Call, consent: bytes) -> Done["Registry"]:
        known = self._known(consent)
        if known.controller != call.sender:
            arguments = (consent, known.controller, call.sender)
            raise Refused(Refusal("NotController(bytes32,address,address)", arguments))
        return self._revoke(consent, known)

    def revoke_signed(self, call: Call, consent: bytes, signature: bytes) -> Done["Registry"]:
        known = self._known(consent)
        if not known.revoked:
            self.signers.require(call, known.controller, self.revocation_digest(consent), signature)
        return self._revoke(consent, known)

    def revoke_with_preimage(
        self, call: Call, controller: Address, epoch: int, terms_hash: bytes, until: int, signature: bytes
    ) -> Done["Registry"]:
        consent = self.consent_id(controller, epoch, terms_hash, until)
        never = Known(controller=controller, epoch=epoch, until=until, recorded_at=0, revoked=False)
        known = self.consents.get(consent, never)
        in_person = call.sender == controller and not signature
        if not known.revoked and not in_person:
            self.signers.require(call, controller, self.revocation_digest(consent), signature)
        return replace(self._revoke(consent, known), returned=consent)

    def revoke_all(self, call: Call) -> Done["Registry"]:
        return self._end_epoch(call.sender)

    def revoke_all_signed(
        self, call: Call, controller: Address, epoch: int, signature: bytes
    ) -> Done["Registry"]:
        current = self.epoch_of(controller)
        if epoch < current:
            return Done(self)
        if epoch > current:
            raise Refused(self._wrong_epoch(controller, epoch))
        digest = RevokeAll(controller=controller, epoch=epoch).digest(self.domain)
        self.signers.require(call, controller, digest, signature)
        return self._end_epoch(controller)

    def epoch_of(self, controller: Address) -> int:
        return self.epochs.get(controller, 0)

    def state_of(self, consent: bytes, time: int) -> int:
        known = self.consents.get(consent)
        if known is None:
            return NONE
        over = known.revoked or time >= known.until or known.epoch != self.epoch_of(known.controller)
        return ENDED if over else ACTIVE

    def consent_of(self, consent: bytes) -> tuple[Address | int, int, int, int]:
        known = self.consents.get(consent)
        if known is None:
            return 0, 0, 0, 0
        return known.controller, 0 if known.revoked else known.until, known.recorded_at, known.epoch

    def consent_id(self, controller: Address, epoch: int, terms_hash: bytes, until: int) -> bytes:
        return consent_digest(
            self.domain, controller=controller, epoch=epoch, terms_hash=terms_hash, until=until
        )

    def revocation_digest(self, consent: bytes) -> bytes:
        return Revocation(consent=consent).digest(self.domain)

    def _alone(self, call: Call, consent: SignedConsent, obstacle: Refusal | None) -> Done["Registry"]:
        returned = self.consent_id(*consent[:4])
        if obstacle is None:
            return Done(self._with(call, consent), (self._recorded(consent),), returned)
        if obstacle.name == "AlreadyRecorded":
            return Done(self, (), returned)
        raise Refused(obstacle)

    def _obstacle(self, call: Call, consent: SignedConsent) -> Refusal | None:
        controller, epoch, _, until, _ = consent
        name = self.consent_id(*consent[:4])
        known = self.consents.get(name)
        if until <= call.time:
            return Refusal("Expired(bytes32,uint40)", (name, until))
        if epoch == TERMINAL_EPOCH:
            return Refusal("EpochIsTerminal(address)", (controller,))
        if epoch != self.epoch_of(controller):
            return self._wrong_epoch(controller, epoch)
        if known is None:
            return None
        return Refusal("ConsentEnded(bytes32)" if known.revoked else "AlreadyRecorded(bytes32)", (name,))

    def _forgery(self, call: Call, consent: SignedConsent) -> Refusal | None:
        digest = self.consent_id(*consent[:4])
        return self.signers.objection(call, consent.controller, digest, consent.signature)

    def _with(self, call: Call, consent: SignedConsent) -> "Registry":
        controller, epoch, _, until, _ = consent
        known = Known(controller=controller, epoch=epoch, until=until, recorded_at=call.time, revoked=False)
        return replace(self, consents={**self.consents, self.consent_id(*consent[:4]): known})

    def _recorded(self, consent: SignedConsent) -> Event:
        controller, epoch, _, until, _ = consent
        indexed = (self.consent_id(*consent[:4]), controller)
        return Event("Recorded(bytes32,address,uint16,uint40)", indexed, (epoch, until))

    def _revoke(self, consent: bytes, known: Known) -> Done["Registry"]:
        if known.revoked:
            return Done(self)
        consents = {**self.consents, consent: replace(known, revoked=True)}
        event = Event("Revoked(bytes32,address)", (consent, known.controller))
        return Done(replace(self, consents=consents), (event,))

    def _end_epoch(self, controller: Address) -> Done["Registry"]:
        epoch = self.epoch_of(controller)
        if epoch == TERMINAL_EPOCH:
            return Done(self)
        event = Event("RevokedAll(address,uint16)", (controller,), (epoch + 1,))
        return Done(replace(self, epochs={**self.epochs, controller: epoch + 1}), (event,))

    def _known(self, consent: bytes) -> Known:
        known = self.consents.get(consent)
        if known is None:
            raise Refused(Refusal("NotRecorded(bytes32)", (consent,)))
        return known

    def _wrong_epoch(self, controller: Address, epoch: int) -> Refusal:
        arguments = (controller, epoch, self.epoch_of(controller))
        return Refusal("WrongEpoch(address,uint16,uint16)", arguments)

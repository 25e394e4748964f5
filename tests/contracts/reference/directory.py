"""ParticipantDirectory, written from `IParticipantDirectory` and OpenZeppelin's `IAccessControl`.

Where more than one thing stands against a call, the first of these is named: the caller's role, the zero
address, bad roles, not admitted, suspended, a zero key, a stale version, the signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ledger.crypto.typed import Domain, EncryptionKey
from ledger.ids import Address
from ledger.keccak import keccak256
from tests.contracts.reference.abi import Event, Refusal
from tests.contracts.reference.call import Call, Done, Refused
from tests.contracts.reference.signers import Signers

ADMIN = bytes(32)
ACCREDITOR = keccak256(b"ACCREDITOR_ROLE")
NOBODY = Address("0x" + 40 * "0")


MAX_VERSION_STEP = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    roles: int = 0
    suspended: bool = False
    profile: bytes = bytes(32)
    key: bytes = bytes(32)
    key_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    domain: Domain
    signers: Signers
    holders: frozenset[tuple[bytes, Address]]
    participants: Mapping[Address, Participant] = field(default_factory=dict)

    def admit(self, call: Call, participant: Address, roles: int, profile: bytes) -> Done["Directory"]:
        self._require_role(call, ACCREDITOR)
        if participant == NOBODY:
            raise Refused(Refusal("ZeroAddress()", ()))
        if not 1 <= roles <= 7:
            raise Refused(Refusal("BadRoles(uint8)", (roles,)))
        known = self.participant_of(participant)
        self._require_not_suspended(participant, known)
        event = Event(
            "ParticipantAdmitted(address,address,uint8,bytes32)",
            (participant, call.sender),
            (roles, profile),
        )
        return self._changed(participant, replace(known, roles=roles, profile=profile), event)

    def suspend(self, call: Call, participant: Address) -> Done["Directory"]:
        self._require_role(call, ACCREDITOR)
        event = Event("ParticipantSuspended(address,address)", (participant, call.sender))
        return self._changed(participant, replace(self._admitted(participant), suspended=True), event)

    def reinstate(self, call: Call, participant: Address) -> Done["Directory"]:
        self._require_role(call, ACCREDITOR)
        event = Event("ParticipantReinstated(address,address)", (participant, call.sender))
        return self._changed(participant, replace(self._admitted(participant), suspended=False), event)

    def set_key(self, call: Call, key: bytes, version: int) -> Done["Directory"]:
        self._require_usable_key(call.sender, key, version)
        return self._with_key(call.sender, key, version)

    def set_key_signed(
        self, call: Call, participant: Address, key: bytes, version: int, signature: bytes
    ) -> Done["Directory"]:
        known = self._require_usable_key(participant, key, version)
        if (known.key, known.key_version) != (key, version):
            digest = EncryptionKey(participant=participant, key=key, version=version).digest(self.domain)
            self.signers.require(call, participant, digest, signature)
        return self._with_key(participant, key, version)

    def grant_role(self, call: Call, role: bytes, account: Address) -> Done["Directory"]:
        self._require_role(call, ADMIN)
        return self._with_holders(call, self.holders | {(role, account)}, "RoleGranted", role, account)

    def revoke_role(self, call: Call, role: bytes, account: Address) -> Done["Directory"]:
        self._require_role(call, ADMIN)
        return self._with_holders(call, self.holders - {(role, account)}, "RoleRevoked", role, account)

    def renounce_role(self, call: Call, role: bytes, confirmation: Address) -> Done["Directory"]:
        if confirmation != call.sender:
            raise Refused(Refusal("AccessControlBadConfirmation()", ()))
        return self._with_holders(
            call, self.holders - {(role, confirmation)}, "RoleRevoked", role, confirmation
        )

    def participant_of(self, participant: Address) -> Participant:
        return self.participants.get(participant, Participant())

    def _require_role(self, call: Call, role: bytes) -> None:
        if (role, call.sender) not in self.holders:
            arguments = (call.sender, role)
            raise Refused(Refusal("AccessControlUnauthorizedAccount(address,bytes32)", arguments))

    def _admitted(self, participant: Address) -> Participant:
        known = self.participant_of(participant)
        if not known.roles:
            raise Refused(Refusal("NotAdmitted(address)", (participant,)))
        return known

    def _require_not_suspended(self, participant: Address, known: Participant) -> None:
        if known.suspended:
            raise Refused(Refusal("Suspended(address)", (participant,)))

    def _require_usable_key(self, participant: Address, key: bytes, version: int) -> Participant:
        known = self._admitted(participant)
        self._require_not_suspended(participant, known)
        if key == bytes(32):
            raise Refused(Refusal("ZeroKey()", ()))
        if (known.key, known.key_version) == (key, version):
            return known
        arguments = (participant, version, known.key_version)
        if version <= known.key_version:
            raise Refused(Refusal("StaleKeyVersion(address,uint32,uint32)", arguments))
        if version - known.key_version > MAX_VERSION_STEP:
            raise Refused(Refusal("VersionLeaps(address,uint32,uint32)", arguments))
        return known

    def _with_key(self, participant: Address, key: bytes, version: int) -> Done["Directory"]:
        known = replace(self.participant_of(participant), key=key, key_version=version)
        event = Event("EncryptionKeySet(address,bytes32,uint32)", (participant,), (key, version))
        return self._changed(participant, known, event)

    def _changed(self, participant: Address, now: Participant, event: Event) -> Done["Directory"]:
        if now == self.participant_of(participant):
            return Done(self)
        return Done(replace(self, participants={**self.participants, participant: now}), (event,))

    def _with_holders(
        self, call: Call, now: frozenset[tuple[bytes, Address]], event: str, role: bytes, account: Address
    ) -> Done["Directory"]:
        if now == self.holders:
            return Done(self)
        emitted = Event(f"{event}(bytes32,address,address)", (role, account, call.sender))
        return Done(replace(self, holders=now), (emitted,))

"""Random careers of participants: admitted by whoever may, suspended, reinstated, with keys old and new."""

from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from ledger.crypto.typed import EncryptionKey, directory_domain
from ledger.ids import Address
from ledger.keccak import keccak256
from tests.contracts.reference.directory import ACCREDITOR, ADMIN, Directory
from tests.contracts.reference.forgeries import Hand, hands
from tests.contracts.reference.ground import CHAIN_ID, OWNER, PARTIES, SENDERS, Ground
from tests.contracts.reference.lockstep import AMPLE, SCARCE, Lockstep, Question, Tally, sights

SIGHTS = sights("ParticipantDirectory")
"""What the sequences must meet: every error that can be thrown, and every event."""

ROLES = st.sampled_from((ACCREDITOR, ACCREDITOR, ACCREDITOR, ADMIN, keccak256(b"NO_SUCH_ROLE")))
OWNERS = st.sampled_from(("owner",) * 6 + SENDERS)
ACCREDITORS = st.sampled_from(("ann",) * 10 + SENDERS)
PARTICIPANTS = st.sampled_from(("dora", "wallet", "ben", "ben") * 3 + ("nobody", *PARTIES))
WORDS = st.sampled_from([keccak256(b"one"), keccak256(b"two")] * 3 + [bytes(32)])
VERSIONS = st.sampled_from((0, 1, 1, 2, 2, 3, 65_536, 65_537, 65_538, 2**32 - 1))


class DirectorySequence(Lockstep[Directory]):
    contract = "ParticipantDirectory"

    def __init__(self, ground: Ground, tally: Tally) -> None:
        self.domain = directory_domain(CHAIN_ID, ground.directory)
        directory = Directory(
            domain=self.domain, signers=ground.signers, holders=frozenset({(ADMIN, OWNER.address)})
        )
        super().__init__(ground, ground.directory, directory, tally)

    @initialize(participant=PARTICIPANTS)
    def begin(self, participant: str) -> None:
        self.act(OWNER.address, self.state.grant_role, ACCREDITOR, self._address("ann"))
        self.act(self._address("ann"), self.state.admit, self._address(participant), 1, keccak256(b"one"))

    @rule(sender=OWNERS, role=ROLES, account=st.sampled_from(PARTIES))
    def grant_role(self, sender: str, role: bytes, account: str) -> None:
        self.act(self._address(sender), self.state.grant_role, role, self._address(account))

    @rule(sender=OWNERS, role=ROLES, account=st.sampled_from(PARTIES))
    def revoke_role(self, sender: str, role: bytes, account: str) -> None:
        self.act(self._address(sender), self.state.revoke_role, role, self._address(account))

    @rule(sender=st.sampled_from(SENDERS), role=ROLES, other=st.none() | st.sampled_from(PARTIES))
    def renounce_role(self, sender: str, role: bytes, other: str | None) -> None:
        self.act(self._address(sender), self.state.renounce_role, role, self._address(other or sender))

    @rule(
        sender=ACCREDITORS,
        participant=PARTICIPANTS,
        roles=st.sampled_from((1, 2, 4, 7, 0, 8, 255)),
        profile=WORDS,
    )
    def admit(self, sender: str, participant: str, roles: int, profile: bytes) -> None:
        self.act(self._address(sender), self.state.admit, self._address(participant), roles, profile)

    @rule(sender=ACCREDITORS, participant=PARTICIPANTS)
    def suspend(self, sender: str, participant: str) -> None:
        self.act(self._address(sender), self.state.suspend, self._address(participant))

    @rule(sender=ACCREDITORS, participant=PARTICIPANTS)
    def reinstate(self, sender: str, participant: str) -> None:
        self.act(self._address(sender), self.state.reinstate, self._address(participant))

    @precondition(lambda self: any(known.suspended for known in self.state.participants.values()))
    @rule(sender=ACCREDITORS)
    def reinstate_whoever_is_suspended(self, sender: str) -> None:
        suspended = (who for who, known in self.state.participants.items() if known.suspended)
        self.act(self._address(sender), self.state.reinstate, next(suspended))

    @rule(sender=PARTICIPANTS.filter(SENDERS.__contains__), key=WORDS, version=VERSIONS)
    def set_key(self, sender: str, key: bytes, version: int) -> None:
        self.act(self._address(sender), self.state.set_key, key, version)

    @rule(
        sender=st.sampled_from(SENDERS),
        participant=PARTICIPANTS,
        key=WORDS,
        version=VERSIONS,
        hand=hands(),
        gas=st.sampled_from((AMPLE, AMPLE, SCARCE)),
    )
    def set_key_signed(
        self, sender: str, participant: str, key: bytes, version: int, hand: Hand, gas: int
    ) -> None:
        party = self.ground.parties[participant]
        message = EncryptionKey(participant=party.address, key=key, version=version).digest
        signature = hand.sign(message, self.domain, party.keys)
        arguments = (party.address, key, version, signature)
        self.act(self._address(sender), self.state.set_key_signed, *arguments, gas=gas)

    @precondition(lambda self: self._address("wallet") in self.state.participants)
    @rule(sender=st.sampled_from(SENDERS), key=WORDS, hand=hands())
    def ask_the_wallet_with_little_gas(self, sender: str, key: bytes, hand: Hand) -> None:
        version = self.state.participants[self._address("wallet")].key_version + 1
        self.set_key_signed(sender, "wallet", key, version, hand, SCARCE)

    def questions(self) -> Iterable[Question]:
        for party in self.ground.parties.values():
            known = self.state.participant_of(party.address)
            answer = (known.roles, known.suspended, known.profile, known.key, known.key_version)
            yield ("participantOf", party.address), answer
            for role in (ADMIN, ACCREDITOR):
                yield ("hasRole", role, party.address), ((role, party.address) in self.state.holders,)

    def _address(self, party: str) -> Address:
        return self.ground.parties[party].address

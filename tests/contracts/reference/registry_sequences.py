"""Random lives of consents: signed, relayed, recorded, stopped in every form, run out, lost in a reorg."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, multiple, rule

from ledger.crypto.typed import Domain, Revocation, RevokeAll, consent_digest, consent_domain
from ledger.ids import Address
from ledger.keccak import keccak256
from tests.contracts.reference.forgeries import Hand, hands
from tests.contracts.reference.ground import (
    CHAIN_ID,
    ELDER,
    LATE_EPOCH,
    PARTIES,
    SENDERS,
    START,
    Ground,
)
from tests.contracts.reference.lockstep import (
    AMPLE,
    SCARCE,
    Lockstep,
    Question,
    Tally,
    sights,
)
from tests.contracts.reference.registry import (
    TERMINAL_EPOCH,
    Known,
    Registry,
    SignedConsent,
)

_SELECTORS = {
    keccak256(error.encode())[:4]: error.partition("(")[0]
    for error in (
        "AlreadyRecorded(bytes32)",
        "BadSignature(address,bytes32)",
        "ConsentEnded(bytes32)",
        "EpochIsTerminal(address)",
        "Expired(bytes32,uint40)",
        "NotDeployed(address,bytes32)",
        "WrongEpoch(address,uint16,uint16)",
    )
}
"""Why an item of a batch can be skipped."""

ENDS = ("revoked", "tombstone", "ran out", "epoch over")
SIGHTS = (
    sights("ConsentRegistry") - {"AlreadyRecorded"}
    | {f"Skipped for {reason}" for reason in _SELECTORS.values()}
    | {"None", "Active", *ENDS}
)
"""What the sequences must meet: every error that can be thrown, event, reason to skip, and state."""


class Preimage(NamedTuple):
    controller: Address
    epoch: int
    terms_hash: bytes
    until: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A consent that somebody may come to give; its epoch is counted from the controller's first."""

    controller: str
    epoch: int
    terms: int
    until: int


def wishes() -> st.SearchStrategy[Wish]:
    soon = [START + seconds for seconds in (0, 2, 4, 6, 9, 12)]
    return st.builds(
        Wish,
        controller=st.sampled_from((*SENDERS, "elder", "elder", "nobody")),
        epoch=st.sampled_from((0, 0, 0, 0, 1, 2, 2)),
        terms=st.integers(0, 1),
        until=st.sampled_from((START + 1000, START + 1000, 2**40 - 1, 0, *soon)),
    )


def relayers() -> st.SearchStrategy[str]:
    return st.sampled_from(SENDERS)


def gas() -> st.SearchStrategy[int]:
    return st.sampled_from((AMPLE,) * 4 + (SCARCE,))


class RegistrySequence(Lockstep[Registry]):
    contract = "ConsentRegistry"
    consents: Bundle[Wish] = Bundle("consents")

    def __init__(self, ground: Ground, tally: Tally) -> None:
        self.domain = consent_domain(CHAIN_ID, ground.registry)
        self.met: set[bytes] = set()
        registry = Registry(
            domain=self.domain, signers=ground.signers, epochs={ELDER.address: LATE_EPOCH}, consents={}
        )
        super().__init__(ground, ground.registry, registry, tally)

    @initialize(target=consents, first=st.lists(wishes(), min_size=1, max_size=3))
    def wish(self, first: list[Wish]) -> MultipleResults[Wish]:
        return multiple(*first)

    @rule(target=consents, another=wishes())
    def wish_more(self, another: Wish) -> Wish:
        return another

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds: int) -> None:
        self.pause += seconds
        self.tally.acts += 1

    @rule(consent=consents)
    def record(self, consent: Wish) -> None:
        controller, epoch, terms_hash, until = self._preimage(consent)
        sender = controller if consent.controller in SENDERS else self.ground.parties["ann"].address
        self._meet(Preimage(sender, epoch, terms_hash, until))
        self.act(sender, self.state.record, epoch, terms_hash, until)

    @rule(consent=consents, relayer=relayers(), hand=hands(), gas=gas())
    def record_signed(self, consent: Wish, relayer: str, hand: Hand, gas: int) -> None:
        signed = self._signed(consent, hand)
        self.act(self._address(relayer), self.state.record_signed, signed, gas=gas)

    @rule(items=st.lists(st.tuples(consents, hands()), max_size=4), relayer=relayers(), gas=gas())
    def record_batch(self, items: list[tuple[Wish, Hand]], relayer: str, gas: int) -> None:
        batch = [self._signed(consent, hand) for consent, hand in items]
        for event in self.act(self._address(relayer), self.state.record_batch, batch, gas=gas):
            if event.name == "Skipped":
                (_, reason) = event.data
                assert isinstance(reason, bytes)
                self.note(f"Skipped for {_SELECTORS[reason]}")

    @rule(consent=consents, stranger=st.none() | relayers())
    def revoke(self, consent: Wish, stranger: str | None) -> None:
        name = self._meet(self._preimage(consent))
        self.act(self._in_person(consent, stranger), self.state.revoke, name)

    @rule(consent=consents, relayer=relayers(), hand=hands(), gas=gas())
    def revoke_signed(self, consent: Wish, relayer: str, hand: Hand, gas: int) -> None:
        name = self._meet(self._preimage(consent))
        signature = self._revocation(consent, hand)
        self.act(self._address(relayer), self.state.revoke_signed, name, signature, gas=gas)

    @rule(consent=consents, stranger=st.none() | relayers())
    def revoke_with_preimage(self, consent: Wish, stranger: str | None) -> None:
        preimage = self._preimage(consent)
        self._meet(preimage)
        sender = self._in_person(consent, stranger)
        self.act(sender, self.state.revoke_with_preimage, *preimage, b"")

    @rule(consent=consents, relayer=relayers(), hand=hands(), gas=gas())
    def revoke_with_preimage_signed(self, consent: Wish, relayer: str, hand: Hand, gas: int) -> None:
        preimage = self._preimage(consent)
        self._meet(preimage)
        signature = self._revocation(consent, hand)
        self.act(self._address(relayer), self.state.revoke_with_preimage, *preimage, signature, gas=gas)

    @rule(controller=st.sampled_from((*SENDERS, "elder", "elder")))
    def revoke_all(self, controller: str) -> None:
        self.act(self._address(controller), self.state.revoke_all)

    @rule(
        controller=st.sampled_from((*PARTIES, "elder")),
        distance=st.sampled_from((0, 0, 0, -1, 1)),
        relayer=relayers(),
        hand=hands(),
        gas=gas(),
    )
    def revoke_all_signed(self, controller: str, distance: int, relayer: str, hand: Hand, gas: int) -> None:
        party = self.ground.parties[controller]
        epoch = min(max(self.state.epoch_of(party.address) + distance, 0), TERMINAL_EPOCH)

        def message(domain: Domain) -> bytes:
            return RevokeAll(controller=party.address, epoch=epoch).digest(domain)

        signature = hand.sign(message, self.domain, party.keys)
        sender = self._address(relayer)
        self.act(sender, self.state.revoke_all_signed, party.address, epoch, signature, gas=gas)

    def questions(self) -> Iterable[Question]:
        for name in sorted(self.met):
            state = self.state.state_of(name, self.time)
            self.note(_described(state, self.state.consents.get(name), self.time))
            yield ("stateOf", name), (state,)
            yield ("consentOf", name), self.state.consent_of(name)
        for party in self.ground.parties.values():
            yield ("epochOf", party.address), (self.state.epoch_of(party.address),)

    def _address(self, party: str) -> Address:
        return self.ground.parties[party].address

    def _in_person(self, consent: Wish, stranger: str | None) -> Address:
        mine = consent.controller if consent.controller in SENDERS else "ann"
        return self._address(stranger or mine)

    def _preimage(self, consent: Wish) -> Preimage:
        first = LATE_EPOCH if consent.controller == "elder" else 0
        terms_hash = keccak256(b"terms %d" % consent.terms)
        return Preimage(self._address(consent.controller), first + consent.epoch, terms_hash, consent.until)

    def _meet(self, preimage: Preimage) -> bytes:
        name = self.state.consent_id(*preimage)
        self.met.add(name)
        return name

    def _signed(self, consent: Wish, hand: Hand) -> SignedConsent:
        preimage = self._preimage(consent)
        self._meet(preimage)
        controller, epoch, terms_hash, until = preimage

        def message(domain: Domain) -> bytes:
            return consent_digest(
                domain, controller=controller, epoch=epoch, terms_hash=terms_hash, until=until
            )

        keys = self.ground.parties[consent.controller].keys
        return SignedConsent(*preimage, hand.sign(message, self.domain, keys))

    def _revocation(self, consent: Wish, hand: Hand) -> bytes:
        revocation = Revocation(consent=self.state.consent_id(*self._preimage(consent)))
        keys = self.ground.parties[consent.controller].keys
        return hand.sign(revocation.digest, self.domain, keys)


def _described(state: int, known: Known | None, time: int) -> str:
    if known is None:
        return "None"
    if known.revoked:
        return "revoked" if known.recorded_at else "tombstone"
    if time >= known.until:
        return "ran out"
    return "Active" if state == 1 else "epoch over"

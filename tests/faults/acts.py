"""What many people want done on chain through one relayer, and how often it was done in the end.

Each act is an intent of the relayer with an effect that the chain shows by an event: a consent recorded, a
consent stopped, all consents of a controller stopped, a participant's key published, a log anchored.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from ledger.chain import calls
from ledger.chain.events import Anchored, EncryptionKeySet, Event, Recorded, Revoked, RevokedAll
from ledger.chain.reader import read_chain
from ledger.chain.relayer import Relayer
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.crypto.typed import EncryptionKey, directory_domain
from ledger.ids import Address
from ledger.parties import Role
from ledger.store.relay import State
from tests.chain.conftest import FAR, OnChain, account

Effect = tuple[str, str]
"""The name of an event, and what it is about."""

STOPS = ("Revoked", "RevokedAll")


@dataclass(frozen=True, kw_only=True)
class Act:
    """A call, and the effect that it must have once."""

    to: Address
    data: bytes
    effect: Effect

    @property
    def kind(self) -> str:
        return self.effect[0]

    @property
    def subject(self) -> str:
        return self.effect[1][:66]


def effect_of(event: Event) -> Effect | None:
    """The effect that an event shows; None for one that no act here aims at."""
    match event:
        case Recorded() | Revoked():
            return type(event).__name__, event.consent
        case RevokedAll():
            return "RevokedAll", event.controller
        case EncryptionKeySet():
            return "EncryptionKeySet", event.participant
        case Anchored():
            return "Anchored", f"{event.sender} {event.new_size}"
    return None


@dataclass
class Acts:
    """Acts handed to a relayer, each of another account; only anchors follow each other.

    settled: the states in which an act is no longer outstanding.
    name: tells the accounts from those of others on the same chain.
    """

    chain: OnChain
    relayer: Relayer
    dice: Random
    settled: Collection[State] = (State.FINAL,)
    name: str = "act"
    done: list[Act] = field(default_factory=list)
    _admitted: list[Account] = field(default_factory=list)

    def admit(self, count: int) -> None:
        """Let so many participants be there to publish a key."""
        directory, owner = self.chain.deployment.directory, self.chain.owner
        granting = calls.grant_role(role=calls.ACCREDITOR_ROLE, account=owner.address)
        self.chain.send(owner, directory, granting)
        self._admitted = [account(f"participant {number}") for number in range(count)]
        roles, profile = int(Role.PROVIDER), bytes(32)
        nonce, fees = self.chain.rpc.nonce(owner.address), Fees.at(self.chain.rpc.fees(), urgent=False)
        for place, one in enumerate(self._admitted):
            admission = Transaction(
                chain_id=self.chain.deployment.chain_id,
                nonce=nonce + place,
                fees=fees,
                gas=200_000,
                to=bytes.fromhex(directory[2:]),
                data=calls.admit(participant=one.address, roles=roles, profile=profile),
            )
            self.chain.rpc.send_raw(sign_transaction(admission, owner).raw)
        self.chain.mine()

    def submit(self) -> None:
        """One more act, of any kind."""
        kinds: Mapping[Callable[[str], Act], int] = {
            self._record: 10,
            self._stop: 4,
            self._stop_all: 2,
            self._publish: 2 if self._admitted else 0,
            self._anchor: 1 if self._may_anchor() else 0,
        }
        (make,) = self.dice.choices(list(kinds), list(kinds.values()))
        act = make(f"{self.name} {len(self.done)}")
        urgent = act.kind in STOPS
        self.relayer.submit(None, kind=act.kind, subject=act.subject, to=act.to, data=act.data, urgent=urgent)
        self.done.append(act)

    def outstanding(self) -> list[Act]:
        """Those that are not settled yet."""
        return [act for act in self.done if not self._is_settled(act)]

    def effects(self) -> Counter[Effect]:
        """How often each effect is on chain."""
        return Counter(self.all_effects(self.chain))

    @staticmethod
    def all_effects(chain: OnChain) -> Iterator[Effect]:
        """The effects that a chain shows, in order."""
        found = (effect_of(event) for event in read_chain(chain.rpc, chain.deployment).events())
        return (effect for effect in found if effect is not None)

    def _is_settled(self, act: Act) -> bool:
        status = self.relayer.status(act.subject, act.kind)
        return status is not None and status.state in self.settled

    def _record(self, name: str) -> Act:
        controller, terms = account(name), sha256(name.encode()).digest()
        item = self.chain.consent(controller, terms)
        data = calls.record_signed(
            controller=controller.address,
            epoch=0,
            terms_hash=terms,
            until=FAR,
            signature=item.signature,
        )
        return self._of_registry(data, "Recorded", self.chain.id(controller, terms))

    def _stop(self, name: str) -> Act:
        """A stop of a consent that nobody has recorded."""
        controller, terms = account(name), sha256(name.encode()).digest()
        consent = self.chain.id(controller, terms)
        data = calls.revoke_with_preimage(
            controller=controller.address,
            epoch=0,
            terms_hash=terms,
            until=FAR,
            signature=self.chain.revocation(controller, consent),
        )
        return self._of_registry(data, "Revoked", consent)

    def _stop_all(self, name: str) -> Act:
        controller = account(name)
        signature = self.chain.stop_all(controller, 0)
        data = calls.revoke_all_signed(controller=controller.address, epoch=0, signature=signature)
        return self._of_registry(data, "RevokedAll", controller.address)

    def _publish(self, name: str) -> Act:
        one, deployment = self._admitted.pop(), self.chain.deployment
        key = sha256(name.encode()).digest()
        vouched = EncryptionKey(participant=one.address, key=key, version=1)
        signature = one.sign(vouched.digest(directory_domain(deployment.chain_id, deployment.directory)))
        data = calls.set_key_signed(participant=one.address, key=key, version=1, signature=signature)
        return Act(to=deployment.directory, data=data, effect=("EncryptionKeySet", one.address))

    def _anchor(self, name: str) -> Act:
        size = len(self._anchors())
        data = calls.anchor(old_size=size, new_size=size + 1, root=sha256(name.encode()).digest())
        sender = self.relayer.address
        return Act(to=self.chain.deployment.anchor, data=data, effect=("Anchored", f"{sender} {size + 1}"))

    def _may_anchor(self) -> bool:
        return all(self._is_settled(act) for act in self._anchors()[-1:])

    def _anchors(self) -> list[Act]:
        return [act for act in self.done if act.kind == "Anchored"]

    def _of_registry(self, data: bytes, kind: str, subject: str) -> Act:
        return Act(to=self.chain.deployment.registry, data=data, effect=(kind, subject))

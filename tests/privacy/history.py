"""A random history: patients who share and stop, a gateway that relays, and others who send for them."""

import dataclasses
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from api.settings import GatewaySettings
from api.wiring import open_gateway
from ledger.canonical import canonical, hexed
from ledger.chain import calls
from ledger.chain.calls import SignedConsent
from ledger.chain.deploying import deploy
from ledger.chain.deployment import Deployment
from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.consent.builder import Party, build
from ledger.consent.commitment import Filing, commit, filing_to_json
from ledger.consent.document import parse_document
from ledger.consent.selection import Selection, any_of
from ledger.crypto import typed
from ledger.crypto.identity import Account, Identity
from ledger.crypto.sealing import KeyPair
from ledger.crypto.typed import Enrolment, GrantCapsules, Revocation, RevokeAll
from ledger.ids import Address, Cid, ConsentId, Did, consent_id, did_of, parse_word
from ledger.parties import Profile, Role, VouchedKey
from ledger.records.cid import Codec, cid_of
from ledger.service import consents, participants, patients, stops
from ledger.service.gateway import Gateway
from ledger.store.relay import OPEN

ETHER = 10**18
BLOCK_SECONDS = 24
STEPS = 2
"""How often the relayer looks in the time of a block: what comes due meets what is broadcast already."""
DELAY = 600
FIRST = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gwen", "Hugo", "Ines", "Jon")
LAST = ("Abel", "Brook", "Carver", "Dale", "Eames", "Frost", "Grey", "Hale", "Ivory", "Jarvis")
CLINICS = ("City Clinic", "Hill Hospital", "Lake Laboratory", "North Imaging", "Dr. Kim Park", "River Health")
PURPOSES = ("TREAT", "HPAYMT", "HRESCH", "COC")
CLASSES = ("labs", "vitals", "allergies", "medications")


class Clock:
    """The time of everybody in the history, blocks included."""

    def __init__(self) -> None:
        self.now = datetime(2027, 3, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass(eq=False)
class Patient:
    """Somebody with a name, and how many controllers they have used."""

    identity: Identity
    name: str
    did: Did
    records: list[Cid]
    used: int = 0

    @property
    def account(self) -> Account:
        return self.identity.account


@dataclass(eq=False)
class Given:
    """A consent that its patient signed, wherever it went from there."""

    patient: Patient
    controller: Account
    filing: Filing
    id: ConsentId
    terms_hash: bytes
    filed_at: datetime

    @property
    def signed(self) -> SignedConsent:
        return SignedConsent(
            controller=self.filing.controller,
            epoch=self.filing.epoch,
            terms_hash=self.terms_hash,
            until=self.filing.until,
            signature=self.filing.signature,
        )

    @property
    def is_of_the_account(self) -> bool:
        return self.filing.controller == self.patient.account.address


@dataclass
class Sender:
    """An account with ether that brings anyone's signed acts on chain."""

    rpc: Rpc
    key: Account
    chain_id: int
    nonce: int = 0

    def send(self, to: Address, data: bytes) -> None:
        signed = sign_transaction(
            Transaction(
                chain_id=self.chain_id,
                nonce=self.nonce,
                fees=Fees.at(self.rpc.fees(), urgent=True),
                gas=150_000 + 60_000 * (len(data) // 320),
                to=bytes.fromhex(to[2:]),
                data=data,
            ),
            self.key,
        )
        self.rpc.send_raw(signed.raw)
        self.nonce += 1


@dataclass
class World:
    """A chain with the contracts, a gateway on it, clinics and patients."""

    dice: random.Random
    clock: Clock
    rpc: Rpc
    devnet: Devnet
    gateway: Gateway
    courier: Sender
    clinics: list[Party] = field(default_factory=list)
    patients: list[Patient] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)

    @property
    def deployment(self) -> Deployment:
        return self.gateway.deployment

    @property
    def domain(self) -> typed.Domain:
        return self.gateway.consent_domain

    def block(self) -> None:
        """What the gateway does in the time of one block, and the block."""
        for _ in range(STEPS):
            self.clock.now += timedelta(seconds=BLOCK_SECONDS / STEPS)
            self.gateway.relayer.step()
        stops.resend(self.gateway)
        self.mine()

    def mine(self) -> None:
        self.clock.now += timedelta(seconds=1)
        self.rpc.request("evm_setNextBlockTimestamp", int(self.clock.now.timestamp()))
        self.rpc.request("evm_mine")
        self.gateway.follower.catch_up()
        stops.take_over(self.gateway)

    def settle(self) -> None:
        """Blocks until the relayer has nothing left to do."""
        while any(one.state in OPEN for one in self.gateway.relayer._store.work(0).submissions.values()):
            self.block()

    def sign(
        self, patient: Patient, *, controller: Account | None = None, salt: bytes | None = None
    ) -> Given:
        """A consent like many others of this patient, under a fresh controller unless one is given."""
        if controller is None:
            controller = patient.identity.controller(patient.used)
            patient.used += 1
        now, dice = self.clock.now, self.dice
        lasting = dice.choice((None, 30, 90, 90, 365))
        json = build(
            patient=patient.did,
            patient_name=patient.name,
            grantees=dice.sample(self.clinics, dice.choice((1, 1, 1, 2))),
            purposes=[dice.choice(PURPOSES)],
            which=Selection(classes=dice.sample(CLASSES, dice.choice((0, 1, 2)))),
            exceptions=any_of(labels=dice.choice(((), (), ("PSY",)))),
            starts=now,
            until=None if lasting is None else now + timedelta(days=lasting),
            at=now,
        )
        document = parse_document(json)
        consent = commit(document, controller.address, 0, salt or dice.randbytes(32))
        digest = consent.digest(self.domain)
        binding = typed.Filing(consent=digest, controller=controller.address).digest(self.domain)
        own = controller.address == patient.account.address
        filing = Filing(
            document=document.canonical,
            statement=consent.terms.statement,
            salt=consent.terms.salt,
            controller=controller.address,
            epoch=0,
            until=consent.until,
            signature=controller.sign(digest),
            binding=None if own else patient.account.sign(binding),
        )
        given = Given(
            patient=patient,
            controller=controller,
            filing=filing,
            id=consent_id(digest),
            terms_hash=consent.terms_hash(),
            filed_at=now,
        )
        self.given.append(given)
        return given

    def file(self, given: Given) -> None:
        """File it at the gateway, which relays it."""
        nothing = GrantCapsules(consent=parse_word(given.id), capsules=()).digest(self.gateway.records_domain)
        capsules = {"list": [], "signature": hexed(given.patient.account.sign(nothing))}
        filing = filing_to_json(given.filing)
        self.gateway.states.sequenced(
            given.patient.account.address,
            lambda state: consents.file(self.gateway, state, filing=filing, capsules=capsules),
        )

    def stop(self, given: Given, *, spread: bool = False) -> None:
        """Stop it at the gateway, which relays that."""
        signature = hexed(self.revocation(given))
        self.gateway.states.sequenced(
            given.patient.account.address,
            lambda state: consents.stop(self.gateway, state, given.id, signature, spread=spread),
        )

    def revocation(self, given: Given) -> bytes:
        return given.controller.sign(Revocation(consent=parse_word(given.id)).digest(self.domain))

    def end_of_epoch(self, given: Given) -> bytes:
        struct = RevokeAll(controller=given.controller.address, epoch=0)
        return given.controller.sign(struct.digest(self.domain))

    def send(self, *data: bytes, sender: Sender | None = None) -> None:
        """Calls of the registry by an account that has nothing to do with the gateway, in one block."""
        for call in data:
            (sender or self.courier).send(self.deployment.registry, call)
        self.mine()

    def preimage(self, given: Given) -> bytes:
        return calls.revoke_with_preimage(
            controller=given.controller.address,
            epoch=0,
            terms_hash=given.terms_hash,
            until=given.filing.until,
            signature=self.revocation(given),
        )

    def add_patient(self) -> Patient:
        identity = Identity(_seed=self.dice.randbytes(64))
        number = len(self.patients)
        patient = Patient(
            identity=identity,
            name=f"{FIRST[number % 10]} {LAST[number // 10 % 10]}",
            did=did_of(self.deployment.chain_id, identity.account.address),
            records=[cid_of(Codec.DAG_CBOR, self.dice.randbytes(64)) for _ in range(3)],
        )
        self.patients.append(patient)
        self._enrol(patient)
        return patient

    def _enrol(self, patient: Patient) -> None:
        account, erasure = patient.account, patient.identity.erasure
        claim = Enrolment(patient=account.address, erasure=erasure.address)
        digest = claim.digest(self.gateway.records_domain)
        inbox = VouchedKey.inbox(
            account,
            KeyPair.from_secret(patient.identity.inbox_secret(0)).public,
            epoch=0,
            chain_id=self.deployment.chain_id,
            registry=self.deployment.registry,
        )
        patients.enrol(
            self.gateway,
            account.address,
            erasure=erasure.address,
            signature=hexed(account.sign(digest)),
            possession=hexed(erasure.sign(digest)),
            inbox=inbox.to_json("epoch"),
        )

    def admit_clinics(self, owner: Sender) -> None:
        directory = self.deployment.directory
        owner.send(
            directory,
            calls.grant_role(role=calls.ACCREDITOR_ROLE, account=owner.key.address),
        )
        profiles = []
        for name in CLINICS:
            account = Account.from_key(self.dice.randbytes(32)).address
            did = did_of(self.deployment.chain_id, account)
            profiles.append(Profile(participant=did, name=name, kind="organisation"))
            owner.send(
                directory,
                calls.admit(participant=account, roles=int(Role.PROVIDER), profile=profiles[-1].digest),
            )
            self.clinics.append(Party(did=did, display=name))
        self.mine()
        for profile in profiles:
            participants.bring(self.gateway, profile.text.decode())


@contextmanager
def world(state: Path, *, seed: int, people: int) -> Iterator[World]:
    """An empty history, everything in it drawn from `seed`; blocks come only when it says so."""
    dice, clock = random.Random(seed), Clock()  # noqa: S311 - a repeatable history
    owner, courier = (Account.from_key(sha256(name).digest()) for name in (b"owner", b"courier"))
    with Devnet(state / "chain", mining=False) as devnet:
        rpc = Rpc(devnet.url)
        for key in (owner, courier):
            devnet.fund(key.address, 100 * ETHER)
        rpc.request("evm_setAutomine", True)
        deployment = deploy(devnet.url, owner)
        rpc.request("evm_setAutomine", False)
        (state / "deployment.json").write_bytes(canonical(deployment.to_json()))
        settings = GatewaySettings(
            state=state, rpc=devnet.url, deployment=state / "deployment.json", relay_delay=DELAY
        )
        clock.now += timedelta(seconds=BLOCK_SECONDS)
        opened = open_gateway(settings, origin="http://127.0.0.1:1", clock=clock)
        try:
            gateway = dataclasses.replace(opened.gateway, randomness=dice.randbytes)
            devnet.fund(gateway.account, 100 * ETHER)
            chain_id = deployment.chain_id
            found = World(
                dice=dice,
                clock=clock,
                rpc=rpc,
                devnet=devnet,
                gateway=gateway,
                courier=Sender(rpc, courier, chain_id),
            )
            found.mine()
            found.admit_clinics(Sender(rpc, owner, chain_id, rpc.nonce(owner.address)))
            for _ in range(people):
                found.add_patient()
            yield found
        finally:
            opened.close()
            rpc.close()


def live(world: World, *, filed: int, batched: int, a_block: int = 16) -> None:
    """What patients do: file, stop some sooner or later, have others send for them, end an epoch."""
    dice = world.dice
    for start in range(0, filed, a_block):
        today = [_sign(world) for _ in range(start, min(start + a_block, filed))]
        for given in today:
            world.file(given)
        early = [one for one in today if dice.random() < 0.05]  # most of these leave a tombstone
        late = dice.sample(world.given[: start // 2], min(2, start // 2))
        stopped_today: set[Patient] = set()
        for given in [*early, *late]:
            if given.patient not in stopped_today:  # two stops at once tell that they belong together
                stopped_today.add(given.patient)
                world.stop(given, spread=dice.random() < 0.3)
        world.block()
    world.settle()
    _by_others(world, batched)


def _sign(world: World) -> Given:
    """A consent of anyone; every sixtieth is given with the account itself, as wallet users may."""
    patient = world.dice.choice(world.patients)
    if len(world.given) % 60 == 59:
        return world.sign(patient, controller=patient.account)
    return world.sign(patient)


def _by_others(world: World, batched: int) -> None:
    """Acts that come on chain without the gateway, never two of one patient in a block."""
    dice, chosen = world.dice, list(world.given)
    for start in range(0, batched, 20):
        group = [world.sign(patient) for patient in dice.sample(world.patients, min(20, batched - start))]
        world.send(calls.record_batch([given.signed for given in group]))
    tombs = [world.sign(patient) for patient in dice.sample(world.patients, 8)]
    world.send(*[world.preimage(given) for given in tombs])
    running = [one for one in chosen if world.gateway.follower.index.ended_number(one.id) is None]
    for given in _of_different_patients(dice.sample(running, 24)):
        call = (
            calls.revoke_signed(consent=given.id, signature=world.revocation(given)),
            calls.revoke_all_signed(
                controller=given.controller.address, epoch=0, signature=world.end_of_epoch(given)
            ),
            world.preimage(given),
        )
        world.send(dice.choice(call))
    _with_own_ether(world)


def _with_own_ether(world: World) -> None:
    """A wallet user who sends everything in person."""
    patient = world.add_patient()
    world.devnet.fund(patient.account.address, 10 * ETHER)
    wallet = Sender(world.rpc, patient.account, world.deployment.chain_id)
    first, second, third = (world.sign(patient, controller=patient.account) for _ in range(3))
    for given in (first, second, third):
        recording = calls.record(epoch=0, terms_hash=given.terms_hash, until=given.filing.until)
        world.send(recording, sender=wallet)
    world.send(calls.revoke(first.id), sender=wallet)
    world.send(world.preimage(second), sender=wallet)
    world.send(calls.revoke_all(), sender=wallet)


def _of_different_patients(given: Sequence[Given]) -> list[Given]:
    return list({one.patient: one for one in given}.values())

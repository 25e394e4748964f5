"""What a gateway makes of blocks that vanish after it relied on them: a stop stays, a consent comes back."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from api.stack import Stack
from ledger.audit import Report, Step
from ledger.audit.remote import GatewaySource
from ledger.audit.verify import verify
from ledger.chain import calls
from ledger.chain.index import ChainIndex
from ledger.chain.reader import read_chain
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.client.drafting import Wish
from ledger.client.gateway import system_clock
from ledger.crypto.identity import Account
from ledger.crypto.typed import Revocation
from ledger.ids import ConsentId, parse_word
from ledger.parties import Role
from ledger.policy.model import Outcome
from ledger.service import decisions
from ledger.service.decisions import Question
from ledger.service.gateway import Gateway
from ledger.service.keys import read_key
from tests.audit.findings import caught, passed
from tests.network import Network, Person, eventually, small_bundle

PATIENTS = int(os.environ.get("CONSENT_FAULT_PATIENTS", "12"))
ROUNDS = 3
MARGIN = 2
"""So many blocks more than needed: the devnet may add some while we count."""


@dataclass(frozen=True)
class Shared:
    """A patient with one consent that is on chain."""

    person: Person
    consent: ConsentId


@dataclass
class Town:
    """A network of its own, whose chain may lose blocks, and a clinic in it."""

    network: Network
    clinic: Person
    auditor: Person
    rpc: Rpc

    @property
    def gateway(self) -> Gateway:
        return self.network.stack.server.gateway

    @property
    def index(self) -> ChainIndex:
        return self.gateway.follower.index

    def share(self) -> Shared:
        person = self.network.enrolled()
        patient = self.network.patient(person)
        patient.publish_bundle(small_bundle("Observation"))
        done = patient.file(patient.draft(Wish(grantees=[self.clinic.did], purposes=["TREAT"])))
        return Shared(person, done.consent)

    def outcome(self, shared: Shared) -> Outcome:
        """What the gateway decides, and logs."""
        question = Question(subject=self.clinic.did, patient=shared.person.did, purpose=("TREAT",))
        return decisions.decide_and_log(self.gateway, question).outcome

    def is_stopped(self, shared: Shared) -> bool:
        """Whether the gateway has logged a stop."""
        state = self.gateway.states.need(shared.person.identity.account.address)
        return all(known.row.stopped is not None for known in state.consents)

    def stop_directly(self, everybody: Iterable[Shared]) -> None:
        """Stops on chain that the gateway is not told of."""
        key, deployment = self.network.accreditor.key, self.network.config.deployment
        nonce, fees = self.rpc.nonce(key.address, "pending"), Fees.at(self.rpc.fees(), urgent=True)
        for place, shared in enumerate(everybody):
            controller = shared.person.identity.controller(shared.person.state.next_controller - 1)
            signed = Revocation(consent=parse_word(shared.consent)).digest(self.gateway.consent_domain)
            stop = Transaction(
                chain_id=deployment.chain_id,
                nonce=nonce + place,
                fees=fees,
                gas=300_000,
                to=bytes.fromhex(deployment.registry[2:]),
                data=calls.revoke_signed(consent=shared.consent, signature=controller.sign(signed)),
            )
            self.rpc.send_raw(sign_transaction(stop, key).raw)

    def lose(self, since: int) -> None:
        """Put empty blocks in the place of all from a number on."""
        last = int(self.rpc.request("eth_blockNumber"), 16)
        self.rpc.request("anvil_reorg", last - since + 1 + MARGIN, [])

    def audit(self) -> Report:
        source = GatewaySource(self.network.gateway(self.auditor))
        index = read_chain(self.rpc, self.network.config.deployment)
        return verify(source, index, verifier=self.gateway.journal.verifier, now=system_clock())


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Stack(tmp_path_factory.mktemp("shaken") / "state") as stack, ExitStack() as closing:
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        network = Network(stack=stack, config=config, accreditor=accreditor, closing=closing)
        rpc = Rpc(stack.rpc_url)
        closing.callback(rpc.close)
        clinic, auditor = network.admitted("Hill Clinic"), network.admitted("Auditor", Role.AUDITOR)
        network.send_blocks(8)
        yield Town(network=network, clinic=clinic, auditor=auditor, rpc=rpc)


@pytest.fixture(scope="module")
def everybody(town: Town) -> Sequence[Shared]:
    shared = [town.share() for _ in range(PATIENTS)]
    for one in shared:
        town.network.wait_active(one.consent)
    town.network.send_blocks(8)
    return shared


def test_a_consent_whose_block_vanished_comes_back(town: Town) -> None:
    town.network.send_blocks(8)
    shared = town.share()
    town.network.wait_active(shared.consent)
    assert town.outcome(shared) is Outcome.PERMIT
    recorded = town.index.consent(shared.consent)
    assert recorded is not None
    town.lose(since=recorded.recorded_number)
    eventually(lambda: was_moved(town, shared, recorded.recorded_hash))
    assert town.outcome(shared) is Outcome.PERMIT
    passed(town.audit())


def was_moved(town: Town, shared: Shared, before: str) -> bool:
    """Whether a consent is on chain again, in another block."""
    found = town.index.consent(shared.consent)
    return found is not None and found.recorded_hash != before


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_stop_whose_block_vanished_still_stops(
    town: Town, everybody: Sequence[Shared], round_: int
) -> None:
    stopped = everybody[round_::ROUNDS]
    assert {town.outcome(one) for one in stopped} == {Outcome.PERMIT}
    town.stop_directly(stopped)
    eventually(lambda: all(town.is_stopped(one) for one in stopped))
    ends = [town.index.ended_number(one.consent) for one in stopped]
    town.lose(since=min(end for end in ends if end is not None))
    eventually(lambda: all(town.index.ended_number(one.consent) is None for one in stopped))
    assert {town.outcome(one) for one in stopped} == {Outcome.NO_CONSENT}
    assert all(town.is_stopped(one) for one in stopped)
    still = everybody[round_ + 1 :: ROUNDS] if round_ + 1 < ROUNDS else []
    assert {town.outcome(one) for one in still} <= {Outcome.PERMIT}


def test_a_permit_whose_consent_never_came_back_is_found(town: Town) -> None:
    town.network.send_blocks(8)
    shared = town.share()
    town.network.wait_active(shared.consent)
    assert town.outcome(shared) is Outcome.PERMIT
    permit = town.gateway.journal.size - 1
    recorded = town.index.consent(shared.consent)
    assert recorded is not None
    town.rpc.request("evm_setAutomine", False)
    town.lose(since=recorded.recorded_number)
    caught(town.audit(), Step.CONSENT, permit, first=False)
    town.rpc.request("evm_setAutomine", True)
    town.network.send_blocks()
    eventually(lambda: was_moved(town, shared, recorded.recorded_hash))

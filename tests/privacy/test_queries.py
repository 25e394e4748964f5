"""Whoever runs the node learns from no question which consents or patients it is asked for."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

import api.stack
from api.stack import Stack
from ledger.audit.remote import GatewaySource
from ledger.audit.verify import verify
from ledger.canonical import hexed
from ledger.chain import calls
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import read_transaction
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.client.drafting import Wish
from ledger.crypto.identity import Account
from ledger.ids import Cid, ConsentId, parse_word
from ledger.keccak import keccak256
from ledger.parties import Role
from ledger.service.keys import read_key
from tests.network import MemoryState, Network, Person, eventually, small_bundle
from tests.privacy.dictionary import attack
from tests.privacy.observer import observe
from tests.privacy.watched import Asked, WatchedDevnet

PUBLISHING = ("eth_sendRawTransaction", "eth_estimateGas")
"""Calls whose calldata is to be public, the second only just before the first."""

READING = {
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_getBalance",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getCode",
    "eth_getLogs",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_maxPriorityFeePerGas",
}


@dataclass
class Story:
    """Who there was, what they gave, and every call that the node got meanwhile."""

    network: Network
    patients: list[Person]
    clinic: Person
    consents: list[ConsentId]
    roots: list[Cid]
    asked: list[Asked]

    @property
    def people(self) -> set[str]:
        """The accounts of patients and their erasure addresses, as they would stand in a call."""
        accounts = [
            account
            for person in self.patients
            for account in (person.identity.account, person.identity.erasure)
        ]
        return {account.address[2:].lower() for account in accounts}

    @property
    def acts(self) -> set[str]:
        """Consent ids and controllers."""
        controllers = {
            person.identity.controller(index).address[2:].lower()
            for person in self.patients
            for index in range(person.state.next_controller)
        }
        return controllers | {consent[2:] for consent in self.consents}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with pytest.MonkeyPatch.context() as patch, ExitStack() as closing:
        patch.setattr(api.stack, "Devnet", WatchedDevnet)
        stack = closing.enter_context(Stack(tmp_path_factory.mktemp("watched") / "state"))
        watcher = WatchedDevnet.made.watcher
        assert watcher is not None
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        network = Network(stack=stack, config=config, accreditor=accreditor, closing=closing)
        yield _told(network, watcher.asked)


def _told(network: Network, asked: list[Asked]) -> Story:
    """Two patients share and stop, one restores from the words, a clinic reads, an auditor audits."""
    clinic, auditor = network.admitted("City Clinic"), network.admitted("Audit House", Role.AUDITOR)
    people = [network.enrolled(), network.enrolled()]
    roots, given = [], []
    for person in people:
        patient = network.patient(person)
        roots += [record.root for record in patient.publish_bundle(small_bundle("Observation"))]
        given += [
            patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=[purpose]))).consent
            for purpose in ("TREAT", "HRESCH")
        ]
    for consent in given:
        network.wait_active(consent)
    network.provider(clinic).read(people[0].did, purposes=["TREAT"])
    network.patient(people[0]).revoke(given[0])
    network.patient(people[1]).revoke(given[2], spread=True)
    restored = Person(identity=people[0].identity, did=people[0].did, state=MemoryState())
    again = network.patient(restored)
    again.consents()
    given.append(again.file(again.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))).consent)
    people[0].state.next_controller = restored.state.next_controller
    network.wait_active(given[-1])
    network.patient(people[1]).history()
    network.send_blocks()
    _audited(network, auditor)
    return Story(network, people, clinic, given, roots, asked)


def _audited(network: Network, auditor: Person) -> None:
    report = verify(
        GatewaySource(network.gateway(auditor)),
        network.directory().refresh(),
        verifier=network.stack.server.gateway.journal.verifier,
        now=datetime.now(UTC),
    )
    assert not report.findings


def published(story: "Story") -> list[Asked]:
    """What was asked about transactions, up to a moment at which all that was estimated has been sent.

    The gateway goes on anchoring, so there may be something that is estimated and not sent yet.
    """
    found: list[Asked] = []

    def is_sent() -> bool:
        found[:] = [one for one in story.asked if one.method in PUBLISHING]
        return found[-1].method == "eth_sendRawTransaction"

    eventually(is_sent)
    return found


def naming(asked: Iterable[Asked], names: set[str]) -> list[Asked]:
    """The calls that say one of some names anywhere."""
    return [one for one in asked if any(name in one.text for name in names)]


def test_the_story_is_on_chain_and_every_party_asked_the_node(story: Story) -> None:
    assert len(story.acts) == 2 * len(story.consents)
    methods = {one.method for one in story.asked}
    assert {"eth_getLogs", "eth_sendRawTransaction", "eth_estimateGas", "eth_call"} <= methods
    sent = [one for one in story.asked if one.method == "eth_sendRawTransaction"]
    assert naming(sent, story.acts), "the acts never passed the watcher"


def test_nothing_else_is_asked_than_what_is_known_here(story: Story) -> None:
    test_only = ("anvil_", "evm_")
    asked = {one.method for one in story.asked if not one.method.startswith(test_only)}
    assert asked <= READING | set(PUBLISHING)


def test_events_are_read_by_range_and_never_filtered(story: Story) -> None:
    """Except for who owns the directory, which whoever deploys looks up."""
    deployment = story.network.config.deployment
    asked = [one.params[0] for one in story.asked if one.method == "eth_getLogs"]
    granted = [hexed(keccak256(b"RoleGranted(bytes32,address,address)")), hexed(calls.ADMIN_ROLE)]
    of_owners = [one for one in asked if one.get("topics") == granted]
    assert {one["address"] for one in of_owners} <= {deployment.directory}
    filters = [one for one in asked if one not in of_owners]
    assert filters
    addresses = sorted(address.lower() for address in deployment.addresses)
    for one in filters:
        assert set(one) == {"fromBlock", "toBlock", "address"}
        assert sorted(address.lower() for address in one["address"]) == addresses


def test_receipts_are_asked_for_of_a_whole_block_that_has_events(story: Story) -> None:
    node, deployment = Rpc(story.network.stack.rpc_url), story.network.config.deployment
    events = node.logs(0, int(node.request("eth_blockNumber"), 16), deployment.addresses)
    node.close()
    asked = [one.params for one in story.asked if one.method == "eth_getBlockReceipts"]
    assert asked
    assert {block for (block,) in asked} <= {event.block_hash for event in events}


def test_no_question_names_a_consent_a_controller_or_a_patient(story: Story) -> None:
    questions = [one for one in story.asked if one.method not in PUBLISHING]
    assert naming(questions, story.acts | story.people) == []


def test_only_participants_are_asked_about_and_only_in_the_directory(story: Story) -> None:
    directory = story.network.config.deployment.directory.lower()
    assert {one.params[0]["to"].lower() for one in story.asked if one.method == "eth_call"} == {directory}


def test_what_is_published_names_no_patient(story: Story) -> None:
    assert naming((one for one in story.asked if one.method in PUBLISHING), story.people) == []


def test_what_is_estimated_is_sent_right_away(story: Story) -> None:
    relevant = published(story)
    for place, one in enumerate(relevant):
        if one.method == "eth_estimateGas":
            following = (later for later in relevant[place:] if later.method == "eth_sendRawTransaction")
            raws = [
                bytes.fromhex(later.params[0][2:]) for later, _ in zip(following, range(40), strict=False)
            ]
            assert bytes.fromhex(one.params[0]["data"][2:]) in {read_transaction(raw).data for raw in raws}


def test_a_question_that_names_a_consent_would_be_noticed(story: Story) -> None:
    registry, consent = story.network.config.deployment.registry, story.consents[0]
    data = calls.encode(calls.REGISTRY, "stateOf", parse_word(consent))
    controller = story.patients[0].identity.controller(0).address
    epoch = calls.encode(calls.REGISTRY, "epochOf", controller)
    bad = [
        Asked("eth_call", [{"to": registry, "data": "0x" + data.hex()}, "latest"]),
        Asked("eth_call", [{"to": registry, "data": "0x" + epoch.hex()}, "latest"]),
        Asked("eth_getLogs", [{"fromBlock": "0x0", "topics": [None, consent]}]),
        Asked("eth_getBalance", [story.patients[0].identity.account.address, "latest"]),
    ]
    assert naming([*bad, Asked("eth_chainId", [])], story.acts | story.people) == bad


def test_the_whole_story_left_nothing_on_chain_to_find(story: Story) -> None:
    node = Rpc(story.network.stack.rpc_url)
    view = observe(node, story.network.config.deployment).at("registry", "anchor", "other")
    node.close()
    texts = [root.encode() for root in story.roots]
    texts += [person.did.encode() for person in [*story.patients, story.clinic]]
    accounts = [bytes.fromhex(name) for name in story.people]
    accounts.append(bytes.fromhex(story.clinic.identity.account.address[2:]))
    assert attack(view, [*texts, *accounts]) == set()

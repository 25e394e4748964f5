"""Fail closed, and the order of effect: what is decided on an older state of a patient is never logged."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.canonical import hexed
from ledger.chain.calls import revoke_signed
from ledger.client.drafting import Wish
from ledger.crypto.typed import Revocation
from ledger.errors import Undecidable
from ledger.ids import ConsentId, parse_word
from ledger.log.journal import PatientChanged
from ledger.policy.model import Outcome
from ledger.service import consents, decisions
from ledger.service.decisions import Question
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState
from tests.network import Network, Person, eventually, small_bundle


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Lake Clinic")


def share(network: Network, clinic: Person) -> tuple[Person, ConsentId]:
    """A new patient with a record and a consent that is on chain."""
    alice = network.enrolled()
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Observation"))
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)
    return alice, done.consent


def need(gateway: Gateway, alice: Person) -> PatientState:
    return gateway.states.need(alice.identity.account.address)


def stop_signature(gateway: Gateway, alice: Person, consent: ConsentId) -> str:
    controller = alice.identity.controller(alice.state.next_controller - 1)
    return hexed(controller.sign(Revocation(consent=parse_word(consent)).digest(gateway.consent_domain)))


def test_a_decision_on_a_state_before_a_stop_is_not_logged(
    network: Network, gateway: Gateway, clinic: Person
) -> None:
    alice, consent = share(network, clinic)
    before = need(gateway, alice)
    question = Question(subject=clinic.did, patient=alice.did, purpose=("TREAT",))
    assert decisions.decide_and_log(gateway, question).outcome is Outcome.PERMIT
    consents.stop(gateway, before, consent, stop_signature(gateway, alice, consent))
    size = gateway.journal.size
    with pytest.raises(PatientChanged):
        decisions._decide_on(gateway, question, before)
    assert gateway.journal.size == size
    assert decisions.decide_and_log(gateway, question).outcome is Outcome.NO_CONSENT


def test_with_a_stale_head_nothing_is_decided_but_stops_are_taken(
    network: Network, gateway: Gateway, clinic: Person
) -> None:
    alice, consent = share(network, clinic)
    late = replace(gateway, clock=lambda: gateway.clock() + timedelta(minutes=5))
    question = Question(subject=clinic.did, patient=alice.did, purpose=("TREAT",))
    with pytest.raises(Undecidable) as caught:
        decisions.decide_and_log(late, question)
    assert caught.value.reason == "stale_head"
    stopped = consents.stop(late, need(late, alice), consent, stop_signature(gateway, alice, consent))
    again = consents.stop(late, need(late, alice), consent, stop_signature(gateway, alice, consent))
    assert stopped == again
    assert decisions.decide_and_log(gateway, question).outcome is Outcome.NO_CONSENT


def test_a_stop_closes_the_epoch_and_takes_the_capsules_away(
    network: Network, gateway: Gateway, clinic: Person
) -> None:
    alice, consent = share(network, clinic)
    state = need(gateway, alice)
    with gateway.db.read() as connection:
        sealed = gateway.stores.consents.capsules(connection, state.tag, consent)
        before = {
            row.compartment for row in gateway.stores.patients.keys(connection, state.tag) if row.current
        }
    assert sealed is not None
    consents.stop(gateway, state, consent, stop_signature(gateway, alice, consent))
    with gateway.db.read() as connection:
        assert gateway.stores.consents.capsules(connection, state.tag, consent) is None
        keys = gateway.stores.patients.keys(connection, state.tag)
    current = {row.compartment: row.epoch for row in keys if row.current}
    opened = {item["compartment"] for item in sealed["list"]}
    assert opened <= before
    assert all(current[compartment] == 1 for compartment in opened)


def test_a_stop_on_chain_alone_is_taken_over(network: Network, gateway: Gateway, clinic: Person) -> None:

    alice, consent = share(network, clinic)
    signature = bytes.fromhex(stop_signature(gateway, alice, consent)[2:])
    gateway.relayer.submit(
        None,
        kind="direct",
        subject=consent,
        to=gateway.deployment.registry,
        data=revoke_signed(consent=consent, signature=signature),
        urgent=True,
        not_before=0,
    )
    eventually(lambda: need(gateway, alice).consents[0].row.stopped is not None)
    question = Question(subject=clinic.did, patient=alice.did, purpose=("TREAT",))
    assert decisions.decide_and_log(gateway, question).outcome is Outcome.NO_CONSENT


def test_an_account_that_nobody_enrolled_is_refused_like_any_other(
    gateway: Gateway, network: Network
) -> None:
    clinic, nobody = network.admitted("Last Clinic"), network.person()
    question = Question(subject=clinic.did, patient=nobody.did, purpose=("TREAT",))
    for _ in range(2):
        decided = decisions.decide_and_log(gateway, question)
        assert decided.outcome is Outcome.NO_CONSENT
        assert gateway.journal.receipt(decided.appended.index).tag != bytes(20)

"""Who can open a patient's records now: counted by what opens, not by how many choices there are."""

from dataclasses import replace

import pytest

from ledger.chain.index import ChainState
from ledger.client.drafting import Wish
from ledger.client.own import STOPPING, OwnConsent
from ledger.consent.selection import Selection
from ledger.policy.model import Outcome
from tests.network import Network, Person, small_bundle


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Reach Clinic")


@pytest.fixture(scope="module")
def alice(network: Network) -> Person:
    """A patient with a condition among her records and no labs."""
    alice = network.enrolled()
    network.patient(alice).publish_bundle(small_bundle("Condition"))
    return alice


@pytest.fixture(scope="module")
def yes(network: Network, alice: Person, clinic: Person) -> OwnConsent:
    return filed(network, alice, Wish(grantees=[clinic.did], purposes=["TREAT"]))


def filed(network: Network, alice: Person, wish: Wish) -> OwnConsent:
    patient = network.patient(alice)
    done = patient.file(patient.draft(wish))
    network.wait_active(done.consent)
    return {one.id: one for one in patient.consents()}[done.consent]


def people(network: Network, alice: Person, *consents: OwnConsent) -> set[str]:
    return set(network.patient(alice).open_now(consents))


def test_a_running_yes_opens_records_to_whom_it_names(
    network: Network, alice: Person, clinic: Person, yes: OwnConsent
) -> None:
    (root,) = network.patient(alice).open_now([yes]).values()
    assert root == {record.root for record in network.patient(alice).records()}
    assert people(network, alice, yes) == {clinic.did}
    assert people(network, alice) == set()


@pytest.mark.parametrize("state", ["pending", "stopped", "expired", "unfiled"])
def test_a_yes_that_does_not_run_opens_nothing(
    network: Network, alice: Person, yes: OwnConsent, state: str
) -> None:
    assert people(network, alice, replace(yes, state=state)) == set()


def test_a_stop_that_gateway_and_chain_do_not_show_is_not_believed(
    network: Network, alice: Person, clinic: Person, yes: OwnConsent
) -> None:
    assert people(network, alice, replace(yes, state=STOPPING)) == {clinic.did}
    assert people(network, alice, replace(yes, state=STOPPING, on_chain=ChainState.ENDED)) == set()


def test_a_yes_that_no_record_fits_opens_nothing(network: Network, alice: Person, clinic: Person) -> None:
    labs = filed(
        network, alice, Wish(grantees=[clinic.did], purposes=["TREAT"], which=Selection(classes=["labs"]))
    )
    assert people(network, alice, labs) == set()


def test_a_no_opens_nothing_and_closes_what_a_yes_opens(
    network: Network, alice: Person, clinic: Person, yes: OwnConsent
) -> None:
    refusal = filed(network, alice, Wish(grantees=[clinic.did], purposes=[], deny=True))
    assert people(network, alice, refusal) == set()
    assert people(network, alice, yes, refusal) == set()


def test_what_a_no_excepts_is_open_until_the_no_is_stopped(network: Network) -> None:
    alice, clinic, other = (
        network.enrolled(),
        network.admitted("Kept Clinic"),
        network.admitted("Shut Clinic"),
    )
    patient, provider = network.patient(alice), network.provider(clinic)
    patient.publish_bundle(small_bundle("Condition"))
    wish = Wish(grantees=[clinic.did, other.did], purposes=["TREAT"], actions=["access"], deny=True)
    document = patient.draft(wish).document.json
    document["provision"]["provision"] = [{"type": "permit", "actor": document["provision"]["actor"][:1]}]
    done = patient.file(patient.draft(document))
    network.wait_active(done.consent)
    assert set(patient.open_now(patient.consents())) == {clinic.did}
    assert provider.read(alice.did, purposes=["TREAT"]).resources
    patient.revoke(done.consent)
    assert provider.evaluate(alice.did, purposes=["TREAT"]).outcome is not Outcome.PERMIT
    assert patient.open_now(patient.consents()) == {}

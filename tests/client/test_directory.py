"""The client's own view of the directory: who may be sealed to, whatever anybody says."""

from dataclasses import replace

import pytest

from ledger.chain.index import ChainState
from ledger.client.directory import DirectoryView
from ledger.crypto.sealing import KeyPair
from ledger.errors import ChainUnreachable, InvalidInput, NotAdmitted
from ledger.ids import ConsentId, did_of
from ledger.parties import Application, Profile, Role
from tests.network import Network


def test_an_admitted_provider_is_known_by_name_and_key(network: Network) -> None:
    clinic = network.admitted("Oak Clinic")
    text = network.application(clinic, "Oak Clinic").profile.text.decode()
    view = network.directory()
    found = view.recipient(clinic.did, text)
    assert found.name == "Oak Clinic"
    assert found.key == KeyPair.from_secret(clinic.identity.encryption_secret(1)).public
    assert view.key_version(clinic.did) == 1
    assert view.key_version(network.person().did) == 0


def test_only_the_profile_that_was_admitted_counts(network: Network) -> None:
    clinic = network.admitted("Elm Clinic")
    view = network.directory()
    renamed = network.application(clinic, "Elm Hospital").profile.text.decode()
    with pytest.raises(NotAdmitted) as caught:
        view.recipient(clinic.did, renamed)
    assert caught.value.reason == "profile_unknown"
    with pytest.raises(InvalidInput):
        view.recipient(clinic.did, renamed + " ")


def test_an_auditor_is_no_recipient_and_without_a_key_nobody_is(network: Network) -> None:
    auditor = network.person()
    profile = Profile(participant=auditor.did, name="Ash Audit", kind="person")
    application = Application.sign(profile, Role.AUDITOR, auditor.identity.account)
    network.accreditor.admit(application)
    view = network.directory()
    with pytest.raises(NotAdmitted) as role:
        view.recipient(auditor.did, profile.text.decode())
    assert role.value.reason == "role_missing"
    with pytest.raises(NotAdmitted) as key:
        view.recipient(auditor.did, profile.text.decode(), Role.AUDITOR)
    assert key.value.reason == "key_unknown"


def test_an_account_of_another_chain_is_nobody(network: Network) -> None:
    clinic = network.admitted("Fir Clinic")
    elsewhere = did_of(1, clinic.identity.account.address)
    text = network.application(clinic, "Fir Clinic").profile.text.decode()
    with pytest.raises(NotAdmitted):
        network.directory().recipient(elsewhere, text)


def test_the_listing_shows_names_only_where_the_directory_vouches(network: Network) -> None:
    clinic, other = network.admitted("Yew Clinic"), network.admitted("Bay Clinic")
    told = {
        clinic.did: network.application(clinic, "Yew Clinic").profile.text.decode(),
        other.did: network.application(other, "Best Clinic").profile.text.decode(),
    }
    network.accreditor.suspend(other.did)
    listed = {one.did: one for one in network.directory().listing(told)}
    assert listed[clinic.did].profile is not None
    assert (listed[clinic.did].roles, listed[clinic.did].suspended) == (Role.PROVIDER, False)
    assert (listed[other.did].profile, listed[other.did].suspended) == (None, True)


def test_nothing_is_known_of_a_consent_that_was_never_recorded(network: Network) -> None:
    view = network.directory()
    assert view.state(ConsentId("0x" + "ab" * 32)) is ChainState.NONE
    assert view.epoch_of(network.person().identity.account.address) == 0


def test_an_rpc_of_another_chain_is_refused(network: Network) -> None:
    view = DirectoryView(network.stack.rpc_url, replace(network.config.deployment, chain_id=1))
    network.closing.callback(view.close)
    with pytest.raises(ChainUnreachable):
        view.refresh()

"""Stops that prove themselves without a database, and what waits for them."""

import os

import pytest

from ledger.canonical import hexed
from ledger.client.drafting import Wish
from ledger.crypto.identity import Account
from ledger.crypto.typed import Revocation, consent_digest
from ledger.errors import SignatureInvalid, StoreUnavailable
from ledger.ids import ConsentId, consent_id, parse_word
from ledger.log.entry import EntryKind
from ledger.service import keptstops
from ledger.service.gateway import Gateway
from ledger.service.keptstops import SignedStop
from tests.network import Network, eventually, small_bundle

UNTIL = (1 << 40) - 1


def signed(gateway: Gateway, *, by: Account | None = None) -> SignedStop:
    """A stop of a consent that nobody has filed."""
    controller, terms = Account.from_key(os.urandom(32)), os.urandom(32)
    digest = consent_digest(
        gateway.consent_domain, controller=controller.address, epoch=0, terms_hash=terms, until=UNTIL
    )
    stop = Revocation(consent=digest).digest(gateway.consent_domain)
    return SignedStop(
        controller=controller.address,
        epoch=0,
        terms_hash=terms,
        until=UNTIL,
        signature=hexed((by or controller).sign(stop)),
    )


def kept(gateway: Gateway) -> ConsentId:
    stop = signed(gateway)
    consent = keptstops.proven(gateway, stop)
    keptstops.keep(gateway, consent, stop, spread=False)
    return consent


def test_while_a_stop_waits_only_what_takes_away_is_logged(alone: Gateway) -> None:
    kept(alone)
    size = alone.journal.size
    with pytest.raises(StoreUnavailable) as caught:
        alone.append(EntryKind.DECISION, head=None)
    assert caught.value.reason == "stops_waiting"
    assert alone.journal.size == size
    alone.append(EntryKind.CONSENT_REVOKED, head=None)
    assert keptstops.apply(alone) == 1
    alone.append(EntryKind.DECISION, head=None)


def test_a_stop_that_the_rules_refuse_is_kept_for_the_operator(alone: Gateway) -> None:
    consents = [kept(alone), kept(alone)]
    assert keptstops.apply(alone) == 2
    assert not alone.kept_stops.waiting
    assert [one.consent for one in alone.kept_stops.refused()] == consents


def test_a_stop_that_its_controller_did_not_sign_is_refused_at_once(alone: Gateway) -> None:
    with pytest.raises(SignatureInvalid):
        keptstops.proven(alone, signed(alone, by=Account.from_key(os.urandom(32))))


def test_without_its_terms_a_stop_that_nobody_knows_of_is_not_kept(alone: Gateway) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        keptstops.keep_known(alone, consent_id(bytes(32)), "0x" + "2b" * 65, spread=False)
    assert caught.value.reason == "stop_not_proven"
    assert not alone.kept_stops.waiting


def test_the_chain_says_whose_stop_it_is(network: Network, alone: Gateway) -> None:
    gateway, clinic, alice = network.stack.server.gateway, network.admitted("Kept Clinic"), network.enrolled()
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Observation"))
    consent = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))).consent
    network.wait_active(consent)
    alone.follower.catch_up()
    digest = Revocation(consent=parse_word(consent)).digest(gateway.consent_domain)
    with pytest.raises(SignatureInvalid):
        keptstops.keep_known(alone, consent, hexed(alice.identity.account.sign(digest)), spread=False)
    controller = alice.identity.controller(alice.state.next_controller - 1)
    for found in (alone, gateway):
        keptstops.keep_known(found, consent, hexed(controller.sign(digest)), spread=False)
    eventually(
        lambda: gateway.states.need(alice.identity.account.address).consents[0].row.stopped is not None
    )
    assert not gateway.kept_stops.refused()
    assert [one.consent for one in alone.kept_stops.read().stops] == [consent]

"""What a patient's client does beyond the main way: restoring, re-sealing, refusing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import data
from ledger.canonical import canonical
from ledger.chain.index import ChainState
from ledger.client.directory import DirectoryView
from ledger.client.drafting import Draft, Wish, wish_of
from ledger.client.own import UNFILED
from ledger.client.patient import PatientClient
from ledger.consent.selection import Selection, any_of
from ledger.crypto.sealing import KeyPair
from ledger.errors import (
    AccessDenied,
    BundleRejected,
    ChainUnreachable,
    CommitmentMismatch,
    Conflict,
    DocumentRejected,
    GatewayUnreachable,
    InvalidInput,
    NotAdmitted,
    NotFound,
    UnknownCode,
)
from ledger.ids import Cid, ConsentId
from ledger.policy.model import Outcome
from ledger.records.bundle import read_bundle
from ledger.records.samples import supplement_for
from tests.network import MemoryState, Network, Person, eventually, small_bundle

BUNDLE = data.read("bundle.json")


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Lake Clinic")


@pytest.fixture(scope="module")
def surgery(network: Network) -> Person:
    return network.admitted("Lake Surgery")


@pytest.fixture
def alice(network: Network) -> Person:
    return network.enrolled()


def share(network: Network, alice: Person, *grantees: Person, **more: Any) -> ConsentId:  # noqa: ANN401
    """File a consent and wait until it is on chain."""
    patient = network.patient(alice)
    wish = Wish(grantees=[person.did for person in grantees], purposes=["TREAT"], **more)
    done = patient.file(patient.draft(wish))
    network.wait_active(done.consent)
    return done.consent


def readable(network: Network, reader: Person, alice: Person) -> set[Cid]:
    try:
        report = network.provider(reader).read(alice.did, purposes=["TREAT"])
    except AccessDenied:
        return set()
    assert report.waiting == ()
    return {resource.root for resource in report.resources}


def test_a_restored_client_signs_with_no_controller_twice(
    network: Network, alice: Person, clinic: Person
) -> None:
    first = share(network, alice, clinic, which=Selection(classes=["labs"]))
    restored = Person(identity=alice.identity, did=alice.did, state=MemoryState())
    second = share(network, restored, clinic, which=Selection(classes=["vitals"]))
    third = share(network, restored, clinic, which=Selection(classes=["notes"]))
    shown = {one.id: one.controller for one in network.patient(restored).consents()}
    assert set(shown) == {first, second, third}
    assert len(set(shown.values())) == 3


def test_a_restored_client_finds_controllers_that_only_the_chain_knows(
    network: Network, alice: Person, clinic: Person
) -> None:
    share(network, alice, clinic, which=Selection(classes=["labs"]))
    used = {one.controller for one in network.patient(alice).consents()}
    restored = Person(identity=alice.identity, did=alice.did, state=MemoryState())

    def forgetful(asked: str, answer: Any) -> Any:  # noqa: ANN401
        return {"consents": []} if asked == "GET /v1/consents" else answer

    patient = network.patient(restored, forgetful)
    patient.file(
        patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"], which=Selection(classes=["notes"])))
    )
    assert restored.state.next_controller == 2
    assert restored.identity.controller(1).address not in used


def test_a_restored_client_can_stop_what_it_does_not_remember(
    network: Network, alice: Person, clinic: Person
) -> None:
    consent = share(network, alice, clinic)
    restored = Person(identity=alice.identity, did=alice.did, state=MemoryState())
    network.patient(restored).revoke(consent)
    assert network.provider(clinic).evaluate(alice.did, purposes=["TREAT"]).outcome == Outcome.NO_CONSENT


def test_a_filing_whose_answer_was_lost_can_still_be_stopped(
    network: Network, alice: Person, clinic: Person
) -> None:
    def lost(asked: str, answer: Any) -> Any:  # noqa: ANN401
        return "gone" if asked == "POST /v1/consents" else answer

    patient = network.patient(alice, lost)
    draft = patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))
    with pytest.raises(GatewayUnreachable):
        patient.file(draft)
    (consent,) = alice.state.filings
    network.wait_active(consent)
    network.patient(alice).revoke(consent)
    (shown,) = network.patient(alice).consents()
    assert shown.state == "stopped"


def test_a_consent_that_the_gateway_hides_is_shown_all_the_same(
    network: Network, alice: Person, clinic: Person
) -> None:
    consent = share(network, alice, clinic)

    def hiding(asked: str, answer: Any) -> Any:  # noqa: ANN401
        return {"consents": []} if asked == "GET /v1/consents" else answer

    (shown,) = network.patient(alice, hiding).consents()
    assert (shown.id, shown.state, shown.on_chain) == (consent, UNFILED, ChainState.ACTIVE)


def test_whoever_is_left_after_a_stop_reads_what_is_new(
    network: Network, alice: Person, clinic: Person, surgery: Person
) -> None:
    network.patient(alice).publish_bundle(small_bundle("Condition"))
    stopping, staying = share(network, alice, clinic), share(network, alice, surgery)
    assert readable(network, clinic, alice) == readable(network, surgery, alice) != set()
    patient = network.patient(alice)
    patient.revoke(stopping)
    new = patient.publish_bundle(small_bundle("Condition"), again=True)
    assert {record.epoch for record in new} == {1}
    assert readable(network, clinic, alice) == set()
    assert {record.root for record in new} < readable(network, surgery, alice)
    assert patient.reseal() == []  # everything is sealed already
    assert {grant.epoch for grant in alice.state.filings[staying].sealed} == {0, 1}
    assert alice.state.filings[stopping].sealed == frozenset()


def test_what_comes_after_the_end_of_a_consent_is_sealed_to_another_key(
    network: Network, alice: Person, clinic: Person
) -> None:
    network.patient(alice).publish_bundle(small_bundle("Condition"))
    consent = share(network, alice, clinic, until=datetime.now(UTC) + timedelta(days=2))
    held = alice.state.filings[consent].sealed
    assert {grant.epoch for grant in held} == {0}
    later = PatientClient(
        identity=alice.identity,
        gateway=network.gateway(alice),
        directory=network.directory(),
        state=alice.state,
        blocks=network.blocks(),
        clock=lambda: datetime.now(UTC) + timedelta(days=3),
    )
    assert {record.epoch for record in later.publish_bundle(small_bundle("Condition"), again=True)} == {1}
    assert alice.state.filings[consent].sealed == frozenset()


def test_records_of_a_new_kind_are_sealed_to_those_who_may_see_them(
    network: Network, alice: Person, clinic: Person, surgery: Person
) -> None:
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Condition"))
    share(network, alice, clinic)
    share(network, alice, surgery, exceptions=any_of(labels=["PSY", "ETH", "HIV"]))
    before = readable(network, surgery, alice)
    new = patient.publish_bundle(supplement_for(read_bundle(BUNDLE)))
    sensitive = {record.root for record in new if record.header.labels}
    plain = {record.root for record in new} - sensitive
    assert sensitive
    assert sensitive | plain <= readable(network, clinic, alice)
    assert readable(network, surgery, alice) == before | plain


def test_no_key_is_sealed_for_what_another_consent_closes(
    network: Network, alice: Person, clinic: Person
) -> None:
    network.patient(alice).publish_bundle(small_bundle("Condition", "Immunization"))
    refused = share(network, alice, clinic, which=Selection(classes=["problems"]), deny=True)
    consent = share(network, alice, clinic)
    records = network.patient(alice).records()
    closed = {record.compartment for record in records if record.header.record_class == "11450-4"}
    sealed = {grant.compartment for grant in alice.state.filings[consent].sealed}
    assert closed
    assert sealed == {record.compartment for record in records} - closed
    assert alice.state.filings[refused].sealed == frozenset()
    patient = network.patient(alice)
    patient.revoke(refused)
    eventually(lambda: patient.consents()[0].on_chain is ChainState.ENDED)
    network.send_blocks()
    eventually(lambda: [*patient.consents(), patient.reseal()][-1] == [consent])
    assert {grant.compartment for grant in alice.state.filings[consent].sealed} == sealed | closed


def test_the_clients_own_preview_is_that_of_an_honest_gateway(
    network: Network, alice: Person, clinic: Person, surgery: Person
) -> None:
    patient = network.patient(alice)
    patient.publish_bundle(supplement_for(read_bundle(BUNDLE)))
    share(network, alice, surgery, exceptions=any_of(labels=["PSY"]))
    draft = patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"], exceptions=any_of(labels=["HIV"])))
    told = network.gateway(alice).preview(draft.document.canonical.decode())
    assert {one.participant: (set(one.now), set(one.then)) for one in told} == {
        effect.participant: (set(effect.now), set(effect.then)) for effect in draft.effects
    }
    by_person = {effect.participant: effect for effect in draft.effects}
    assert by_person[surgery.did].gained == by_person[surgery.did].lost == frozenset()
    assert by_person[clinic.did].gained == by_person[clinic.did].then != frozenset()


def test_a_bundle_of_somebody_else_needs_a_word_from_the_user(network: Network, alice: Person) -> None:
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle())
    other = BUNDLE.replace(b"5d0c3a01-7b1e-4f6a-8c2d-90e1f2a3b401", b"00000000-7b1e-4f6a-8c2d-90e1f2a3b401")
    with pytest.raises(BundleRejected) as caught:
        patient.publish_bundle(other)
    assert caught.value.reason == "other_person"
    assert len(patient.records()) == 1
    known = alice.state.fingerprint
    patient.publish_bundle(other, same_person=True)
    assert alice.state.fingerprint == known


def test_what_is_no_bundle_changes_nothing(network: Network, alice: Person) -> None:
    for raw in (b"%PDF-1.7", b'{"resourceType":"Patient"}', b'{"resourceType":"Bundle","type":"collection"}'):
        with pytest.raises(BundleRejected):
            network.patient(alice).publish_bundle(raw)
    assert alice.state.fingerprint is None
    assert network.patient(alice).records() == []


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"which": Selection(classes=["potions"])}, UnknownCode),
        ({"purposes": ["FUN"]}, UnknownCode),
        ({"exceptions": [Selection(labels=["SECRET"])]}, UnknownCode),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, InvalidInput),
        ({"purposes": []}, InvalidInput),
        ({"grantees": []}, InvalidInput),
    ],
)
def test_a_wish_that_cannot_be_is_refused(
    network: Network, alice: Person, clinic: Person, more: dict[str, Any], error: type[Exception]
) -> None:
    options: dict[str, Any] = {"grantees": [clinic.did], "purposes": ["TREAT"], **more}
    with pytest.raises(error):
        network.patient(alice).draft(Wish(**options))
    assert alice.state.filings == {}


def test_nobody_outside_the_directory_can_be_named(network: Network, alice: Person) -> None:
    patient = network.patient(alice)
    for person in (network.person(), network.enrolled()):
        with pytest.raises((NotAdmitted, NotFound)):
            patient.draft(Wish(grantees=[person.did], purposes=["TREAT"]))


def test_a_suspended_provider_can_be_named_no_more_and_gets_no_new_keys(
    network: Network, alice: Person, surgery: Person
) -> None:
    suspended = network.admitted("Closed Clinic")
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Condition"))
    consent = share(network, alice, suspended)
    before = alice.state.filings[consent].sealed
    network.accreditor.suspend(suspended.did)
    with pytest.raises(NotAdmitted) as caught:
        network.patient(alice).draft(Wish(grantees=[suspended.did], purposes=["TREAT"]))
    assert caught.value.reason == "suspended"
    network.patient(alice).publish_bundle(small_bundle("Immunization"))
    assert alice.state.filings[consent].sealed == frozenset() != before


def document_of(draft: Draft) -> dict[str, Any]:
    return draft.document.json


def test_a_document_is_signed_only_as_it_stands(network: Network, alice: Person, clinic: Person) -> None:
    patient = network.patient(alice)
    draft = patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))
    document = document_of(draft)
    assert patient.draft(document).statement == draft.statement

    renamed = canonical(document).replace(b"Lake Clinic", b"Nice Clinic")
    with pytest.raises(NotAdmitted) as caught:
        patient.draft(renamed)
    assert caught.value.reason == "other_name"
    with pytest.raises(DocumentRejected):
        patient.draft({**document, "implicitRules": "urn:x"})
    with pytest.raises(InvalidInput) as other:
        patient.draft(canonical(document).replace(alice.did.encode(), network.person().did.encode()))
    assert other.value.reason == "other_patient"

    with pytest.raises(CommitmentMismatch):
        patient.file(replace(draft, statement=draft.statement + " "))
    person = draft.recipients[clinic.did]
    swapped = {clinic.did: replace(person, key=KeyPair.from_secret(bytes(32)).public)}
    with pytest.raises(NotAdmitted) as changed:
        patient.file(replace(draft, recipients=swapped))
    assert changed.value.reason == "key_changed"
    assert alice.state.filings == {}


def test_a_request_can_be_declined_or_taken_as_a_wish(
    network: Network, alice: Person, clinic: Person
) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)
    provider = network.provider(clinic)
    asked = provider.request_consent(alice.did, purposes=["TREAT"], classes=["labs"], until=until)
    patient = network.patient(alice)
    wish = wish_of(patient.request(asked.request))
    assert (wish.grantees, wish.which.classes, wish.until) == ((clinic.did,), ("30954-2",), until)
    assert patient.decline(asked.request) == "declined"
    assert [one.state for one in provider.requests() if one.request == asked.request] == ["declined"]
    with pytest.raises(Conflict):
        patient.file(patient.draft(wish, asked.request))


def test_a_request_to_nobody_looks_like_any_other(network: Network, clinic: Person) -> None:
    asked = network.provider(clinic).request_consent(network.person().did, purposes=["TREAT"])
    assert asked.state == "proposed"


def test_without_a_chain_nothing_is_signed(network: Network, alice: Person, clinic: Person) -> None:
    patient = PatientClient(
        identity=alice.identity,
        gateway=network.gateway(alice),
        directory=DirectoryView("http://127.0.0.1:9", network.config.deployment),
        state=alice.state,
        blocks=network.blocks(),
    )
    with pytest.raises(ChainUnreachable):
        patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))
    assert alice.state.filings == {}

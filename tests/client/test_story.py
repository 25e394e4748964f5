"""Patient and provider through a real gateway on a real chain: the whole way of a record and back."""

from dataclasses import dataclass

import pytest

from ledger import data
from ledger.chain.index import ChainState
from ledger.client.drafting import Wish
from ledger.client.patient import PatientClient
from ledger.client.provider import ProviderClient
from ledger.consent.selection import Selection, any_of
from ledger.errors import AccessDenied
from ledger.ids import ConsentId
from ledger.policy.model import Outcome
from ledger.records.bundle import read_bundle
from ledger.records.samples import supplement_for
from tests.network import Network, Person, eventually


@dataclass
class Story:
    """A patient with records, and two providers."""

    network: Network
    alice: Person
    clinic: Person
    other: Person
    published: int = 0

    @property
    def patient(self) -> PatientClient:
        return self.network.patient(self.alice)

    def provider(self, who: Person | None = None) -> ProviderClient:
        return self.network.provider(who or self.clinic)

    def share(self, *labels: str, classes: tuple[str, ...] = ()) -> ConsentId:
        patient = self.patient
        wish = Wish(
            grantees=[self.clinic.did],
            purposes=["TREAT"],
            which=Selection(classes=classes),
            exceptions=any_of(labels=labels),
        )
        done = patient.file(patient.draft(wish))
        self.network.wait_active(done.consent)
        return done.consent


@pytest.fixture(scope="module")
def story(network: Network) -> Story:
    alice, clinic, other = network.person(), network.admitted("City Clinic"), network.admitted("Other Clinic")
    story = Story(network=network, alice=alice, clinic=clinic, other=other)
    patient = story.patient
    patient.enrol()
    steps: list[tuple[int, int]] = []
    bundle = data.read("bundle.json")
    published = patient.publish_bundle(bundle, progress=lambda done, total: steps.append((done, total)))
    published += patient.publish_bundle(supplement_for(read_bundle(bundle)))
    assert steps == [(done, steps[-1][1]) for done in range(1, steps[-1][1] + 1)]
    story.published = len(published)
    return story


def test_enrolling_twice_is_success(story: Story) -> None:
    assert story.patient.enrol() == story.patient.enrol()


def test_the_patients_own_records_are_all_there(story: Story) -> None:
    assert len(story.patient.records()) == story.published


def test_without_a_consent_nothing_is_given(story: Story) -> None:
    decision = story.provider(story.other).evaluate(story.alice.did, purposes=["TREAT"])
    assert decision.outcome == Outcome.NO_CONSENT
    with pytest.raises(AccessDenied) as caught:
        story.provider(story.other).read(story.alice.did, purposes=["TREAT"])
    assert caught.value.reason == "no_consent"


def test_from_request_to_stop(story: Story) -> None:
    asked = story.provider().request_consent(story.alice.did, purposes=["TREAT"], note="for your visit")
    patient = story.patient
    request = patient.request(asked.request)
    assert (request.subject, request.note) == (story.clinic.did, "for your visit")

    wish = Wish(grantees=[story.clinic.did], purposes=request.purpose, exceptions=any_of(labels=["PSY"]))
    draft = patient.draft(wish, asked.request)
    (effect,) = draft.effects
    assert effect.participant == story.clinic.did
    assert effect.now == frozenset()
    assert '"City Clinic"' in draft.statement

    done = patient.file(draft)
    story.network.wait_active(done.consent)
    (mine,) = [one for one in patient.consents() if one.id == done.consent]
    assert (mine.state, mine.on_chain) == ("active", ChainState.ACTIVE)
    assert [one.state for one in story.provider().requests() if one.request == asked.request] == ["approved"]
    assert [one.statement for one in story.provider().consents() if one.id == done.consent] == [
        draft.statement
    ]

    report = story.provider().read(story.alice.did, purposes=["TREAT"])
    assert set(report.decision.permitted) == effect.then
    assert report.waiting == ()
    source = {
        resource.full_url: resource.raw
        for raw in (data.read("bundle.json"), supplement_for(read_bundle(data.read("bundle.json"))))
        for resource in read_bundle(raw).resources
    }
    assert {resource.full_url: resource.data for resource in report.resources} == {
        url: raw
        for url, raw in source.items()
        if b"PSY" not in raw and url in {one.full_url for one in report.resources}
    }
    withheld = [record for record in patient.records() if record.root not in effect.then]
    assert withheld
    assert all("PSY" in record.header.labels for record in withheld)

    with pytest.raises(AccessDenied):
        story.provider().read(story.alice.did, purposes=["HMARKT"])
    with pytest.raises(AccessDenied):
        story.provider(story.other).read(story.alice.did, purposes=["TREAT"])

    stopped = patient.revoke(done.consent)
    with pytest.raises(AccessDenied):
        story.provider().read(story.alice.did, purposes=["TREAT"])
    eventually(lambda: patient.consents()[-1].on_chain is ChainState.ENDED)
    assert stopped.consent == done.consent
    lines = patient.history()
    assert [line.kind for line in lines if line.outcome == "PERMIT"][-2:] == ["decision", "release"]
    assert lines[-1].outcome == "NO_CONSENT"

"""A stop in the middle of a long run of publishing: from then on nothing goes to whom it stopped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from ledger.client.home import ProfileDir
from ledger.client.patient import PatientClient
from ledger.client.state import SealedState, StopsOnly
from ledger.errors import ProofInvalid, StoreUnavailable
from ledger.ids import ConsentId
from tests.client.test_hostile_gateway import still_active, still_epoch_zero
from tests.network import Network, Person, Tamper, TamperingTransport, small_bundle


def _honest(asked: str, answer: Any) -> Any:  # noqa: ANN401
    """What the gateway really says."""
    return answer


class Heard(TamperingTransport):
    """A gateway that may lie, all that it was asked, and what happens when it is asked something."""

    def __init__(self, tamper: Tamper) -> None:
        super().__init__(tamper)
        self.asked: list[str] = []
        self.meanwhile: dict[str, Callable[[], None]] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = f"{request.method} {request.url.path}"
        self.asked.append(asked)
        for start in [start for start in self.meanwhile if asked.startswith(start)]:
            self.meanwhile.pop(start)()
        return super().handle_request(request)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A command that holds the profile of a patient who shares everything with a clinic."""

    network: Network
    person: Person
    profile: ProfileDir
    state: SealedState
    consent: ConsentId

    def through(self, transport: httpx2.BaseTransport) -> PatientClient:
        """The command's client."""
        return self._client(self.state, transport)

    def beside(self) -> PatientClient:
        """What another command has meanwhile."""
        path, receipts = self.profile.path / "state.sealed", self.profile.receipts
        return self._client(StopsOnly.load(path, receipts, self.person.identity), None)

    def stop(self) -> None:
        """Stop the consent in another command."""
        self.beside().revoke(self.consent)

    def _client(self, state: SealedState, transport: httpx2.BaseTransport | None) -> PatientClient:
        gateway = GatewayClient(
            self.network.stack.url,
            chain_id=self.network.config.deployment.chain_id,
            account=self.person.identity.account,
            transport=transport,
        )
        return PatientClient(
            identity=self.person.identity,
            gateway=self.network.closing.enter_context(gateway),
            directory=self.network.directory(),
            state=state,
            blocks=self.network.blocks(),
        )


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Urgent Clinic")


@pytest.fixture
def running(network: Network, clinic: Person, tmp_path: Path) -> Iterator[Running]:
    person, profile = network.enrolled(), ProfileDir(tmp_path / "alice")
    profile.create()
    with profile.state(person.identity) as state:
        running = Running(
            network=network, person=person, profile=profile, state=state, consent=ConsentId("0x" + "00" * 32)
        )
        patient = running.through(Heard(_honest))
        patient.publish_bundle(small_bundle("Condition"))
        done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
        network.wait_active(done.consent)
        assert set(state.filings[done.consent].opened.values()) == {0}
        yield Running(network=network, person=person, profile=profile, state=state, consent=done.consent)


def test_what_is_added_after_the_stop_is_sealed_to_the_next_epoch(running: Running) -> None:
    heard = Heard(_honest)
    patient = running.through(heard)
    with patient.publishing(again=True) as publisher:
        records = patient.bundle_records(small_bundle("Condition"))
        running.stop()
        heard.asked.clear()
        made = publisher.publish(records)
    assert {one.epoch for one in made} == {1}
    assert not [asked for asked in heard.asked if asked.endswith("/capsules")]
    kept = running.state.filings[running.consent]
    assert (kept.stopped, kept.sealed) == (True, frozenset())


def test_the_gateway_need_not_say_so(running: Running) -> None:
    heard = Heard(still_active)
    patient = running.through(heard)
    with patient.publishing(again=True) as publisher:
        running.stop()
        heard.asked.clear()
        made = publisher.publish(patient.bundle_records(small_bundle("Condition", "Immunization")))
    assert {one.epoch for one in made if one.header.record_class == "11450-4"} == {1}
    assert not [asked for asked in heard.asked if asked.endswith("/capsules")]


def test_a_gateway_that_conceals_the_stop_is_sent_nothing(running: Running) -> None:
    heard = Heard(still_epoch_zero)
    patient = running.through(heard)
    records = patient.bundle_records(small_bundle("Condition"))

    def add() -> None:
        with patient.publishing(again=True) as publisher:
            running.stop()
            heard.asked.clear()
            publisher.publish(records)

    with pytest.raises(ProofInvalid) as caught:
        add()
    assert caught.value.reason == "epoch_stopped"
    assert {asked.split()[0] for asked in heard.asked} == {"GET"}


def test_a_stop_while_keys_are_being_sealed_keeps_them_back(running: Running, clinic: Person) -> None:
    heard = Heard(still_active)
    patient = running.through(heard)
    with patient.publishing(again=True) as publisher:
        publisher.publish(patient.bundle_records(small_bundle("Immunization")))
        heard.asked.clear()
        heard.meanwhile["GET /v1/participants/"] = running.stop
    assert heard.meanwhile == {}
    assert not [asked for asked in heard.asked if asked.endswith("/capsules")]
    assert set(running.state.filings[running.consent].opened.values()) == {0}


def test_stopping_again_is_success_and_the_memory_is_the_same(running: Running) -> None:
    first = running.beside().revoke(running.consent)
    again = running.beside().revoke(running.consent)
    assert again.index == first.index
    running.state.heed_stops()
    assert running.state.filings[running.consent].stopped
    assert running.through(Heard(_honest)).revoke(running.consent).index == first.index


def test_whoever_only_may_stop_can_do_nothing_that_must_be_remembered(
    running: Running, clinic: Person
) -> None:
    beside = running.beside()
    draft = beside.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))
    acts: list[Callable[[], object]] = [
        lambda: beside.publish_bundle(small_bundle("Condition"), again=True),
        lambda: beside.file(draft),
        beside.reseal,
    ]
    for act in acts:
        with pytest.raises(StoreUnavailable) as caught:
            act()
        assert caught.value.reason == "profile_busy"

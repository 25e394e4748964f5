"""Nobody has the gateway spend ether without bound, and everybody can stop at any time."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

import pytest

from api.problems import problem, status_of
from cli.exits import Exit, exit_of
from ledger.client.drafting import Wish
from ledger.client.problems import error_of
from ledger.errors import RelayQuota
from ledger.service.gateway import Gateway
from ledger.service.quota import require_quota
from ledger.store.marks import Mark
from tests.network import Network, Person, small_bundle


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture(scope="module")
def alice(network: Network) -> Person:
    """A patient who filed two consents just now."""
    clinic, alice = network.admitted("Quota Clinic"), network.enrolled()
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Observation"))
    for _ in range(2):
        patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    return alice


def bounded(gateway: Gateway, acts_per_hour: int) -> Gateway:
    settings = dataclasses.replace(gateway.settings, acts_per_hour=acts_per_hour)
    return dataclasses.replace(gateway, settings=settings)


def refused(act: Callable[[], object]) -> RelayQuota:
    with pytest.raises(RelayQuota) as caught:
        act()
    return caught.value


def test_within_an_hour_a_patient_has_so_many_acts(gateway: Gateway, alice: Person) -> None:
    state = gateway.states.need(alice.identity.account.address)
    require_quota(bounded(gateway, 3), state)
    error = refused(lambda: require_quota(bounded(gateway, 2), state))
    assert (error.code, error.reason) == ("relay_quota", "account_quota")
    assert 3500 < int(error.fields["retry_after"] or 0) <= 3600


def test_after_the_hour_there_is_room_again(gateway: Gateway, alice: Person) -> None:
    state = gateway.states.need(alice.identity.account.address)
    filed = [known.row.sealed["filed"] for known in state.consents]
    an_hour_later = datetime.fromtimestamp(min(filed) / 1000 + 3600, UTC)
    require_quota(dataclasses.replace(bounded(gateway, 2), clock=lambda: an_hour_later), state)


def test_once_the_gas_of_the_day_is_spent_nothing_more_is_taken(
    gateway: Gateway, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = gateway.states.need(alice.identity.account.address)
    monkeypatch.setattr(gateway.relayer, "marks", frozenset({Mark.OVER_QUOTA}))
    assert refused(lambda: require_quota(gateway, state)).reason == "gas_quota"


def test_over_the_wire_it_says_when_to_come_back_and_a_stop_is_taken(
    network: Network, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = network.patient(alice)
    clinic = network.admitted("Late Quota Clinic")
    monkeypatch.setattr(
        "ledger.service.consents.require_quota", lambda found, state: require_quota(bounded(found, 2), state)
    )
    error = refused(lambda: patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))))
    assert error.reason == "account_quota"
    assert int(error.fields["retry_after"] or 0) > 0
    assert patient.revoke(patient.consents()[0].id)


def test_its_status_its_header_and_its_exit_code() -> None:
    assert status_of(RelayQuota) == HTTPStatus.TOO_MANY_REQUESTS
    answer = problem(429, "relay_quota", "later", request_id="", fields={"retry_after": 17})
    assert answer.headers["Retry-After"] == "17"
    assert exit_of(RelayQuota) == Exit.RETRY
    error = error_of(429, "application/problem+json", bytes(answer.body))
    assert isinstance(error, RelayQuota)
    assert error.fields["retry_after"] == 17

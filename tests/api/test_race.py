"""Revoke against access: whatever the clients are told could have been told one after the other."""

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
import uvicorn

from api.app import application
from api.server import serving
from ledger.client.drafting import Wish
from ledger.log import sequencing
from ledger.service.states import PatientStates
from tests.api.conftest import sign_in
from tests.linearizability import Act, Kind, violations
from tests.network import Network, Person, small_bundle
from tests.racing import Contested, contest, history

CLIENTS, CONSENTS = 32, 4
RACES = int(os.environ.get("CONSENT_RACES", "1"))


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Racing Clinic")


@pytest.fixture(scope="module")
def fronts(network: Network) -> Iterator[list[str]]:
    """Two ways to the same log, each with a memory of its own, as of two gateways."""
    gateway = network.stack.server.gateway
    states = PatientStates(gateway.db, gateway.stores, gateway.look_up)
    server = uvicorn.Server(serving(application(replace(gateway, states=states))))
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield [network.stack.url, f"http://127.0.0.1:{listener.getsockname()[1]}"]
        server.should_exit = True
        thread.join()


def raced(network: Network, fronts: list[str], clinic: Person) -> list[Act]:
    """One race, of new patients."""
    with httpx2.Client(base_url=network.stack.url, timeout=30) as client:
        contested = [shared(network, clinic, client) for _ in range(CONSENTS)]
        token = sign_in(client, clinic)
    return history(fronts, contested, token, clients=CLIENTS)


def shared(network: Network, clinic: Person, client: httpx2.Client) -> Contested:
    alice = network.enrolled()
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Observation"))
    consent = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))).consent
    network.wait_active(consent)
    return contest(network, clinic, alice, consent, sign_in(client, alice))


def test_no_access_after_an_acknowledged_stop(network: Network, fronts: list[str], clinic: Person) -> None:
    for _ in range(RACES):
        told = raced(network, fronts, clinic)
        kinds = [act.kind for act in told]
        assert kinds.count(Kind.REVOKE) == CONSENTS
        assert Kind.PERMITTED in kinds
        assert violations(told) == []


def test_without_the_sequencing_rule_there_is_access_after_a_stop(
    network: Network, fronts: list[str], clinic: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencing, "require_current", lambda connection, run: None)
    assert any(violations(raced(network, fronts, clinic)) for _ in range(3))

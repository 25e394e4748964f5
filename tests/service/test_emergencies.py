"""Emergencies at the gateway: used once, counted for operators, reviewed by others, gone with an erasure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import insert, select

from ledger.errors import Conflict, EmergencyQuota, Forbidden
from ledger.ids import Did, EmergencyId
from ledger.parties import Role
from ledger.service import emergencies, erasure, reviews
from ledger.service.gateway import Gateway
from ledger.store.tables import emergencies as table
from tests.network import Network, Person


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture(scope="module")
def ward(network: Network) -> Person:
    return network.admitted("Service Ward")


def declare(network: Network, ward: Person, patient: Did) -> EmergencyId:
    until = datetime.now(UTC) + timedelta(hours=1)
    declared = network.provider(ward).declare(patient, purpose="ETREAT", reason="A fall", until=until)
    return declared.id


def listed(gateway: Gateway, person: Person) -> list[str]:
    return [one["emergency"] for one in reviews.shown_to(gateway, person.identity.account.address)]


def test_a_declaration_is_good_once(network: Network, gateway: Gateway, ward: Person) -> None:
    alice = network.enrolled()
    declare(network, ward, alice.did)
    state = gateway.states.need(alice.identity.account.address)
    with gateway.db.read() as connection:
        (row,) = gateway.stores.emergencies.of_patient(connection, state.tag)
    again = emergencies.Declaration(**row.sealed["declaration"], signature=row.sealed["signature"])
    size = gateway.journal.size
    with pytest.raises(Conflict) as caught:
        emergencies.declare(gateway, ward.identity.account.address, again)
    assert caught.value.reason == "replayed"
    assert gateway.journal.size == size


def test_what_is_refused_for_its_number_leaves_no_trace(
    gateway: Gateway, ward: Person, network: Network
) -> None:
    none = replace(gateway, settings=replace(gateway.settings, emergencies_per_day=0))
    alice, account = network.enrolled(), ward.identity.account.address
    declare(network, ward, alice.did)
    state = gateway.states.need(alice.identity.account.address)
    with gateway.db.read() as connection:
        (row,) = gateway.stores.emergencies.of_patient(connection, state.tag)
    said = emergencies.Declaration(
        **row.sealed["declaration"] | {"nonce": "0x" + "07" * 32}, signature=row.sealed["signature"]
    )
    signed = replace(
        said, signature="0x" + ward.identity.account.sign(said.typed().digest(gateway.gateway_domain)).hex()
    )
    size = gateway.journal.size
    with pytest.raises(EmergencyQuota):
        emergencies.declare(none, account, signed)
    assert gateway.journal.size == size
    assert emergencies.declare(gateway, account, signed).entry == size


def test_nobody_reviews_what_they_declared_themselves(network: Network) -> None:
    both = network.admitted("Ward and auditor", Role.PROVIDER | Role.AUDITOR)
    emergency = declare(network, both, network.enrolled().did)
    with pytest.raises(Forbidden) as caught:
        network.patient(both).review(emergency, finding="justified", note="")
    assert caught.value.reason == "own_emergency"


def test_operators_see_how_many_wait_and_how_many_are_overdue(
    network: Network, gateway: Gateway, ward: Person
) -> None:
    before = reviews.backlog(gateway)
    alice = network.enrolled()
    emergency = declare(network, ward, alice.did)
    told = httpx2.get(f"{network.stack.url}/readyz").json()["emergencies"]
    assert told["unreviewed"] == before["unreviewed"] + 1
    later = replace(gateway, clock=lambda: datetime.now(UTC) + timedelta(days=8))
    assert reviews.backlog(later)["overdue"] == told["unreviewed"]
    assert network.patient(alice).enrol().emergencies == 1
    network.patient(alice).review(emergency, finding="justified", note="")
    assert network.patient(alice).enrol().emergencies == 0
    assert reviews.backlog(gateway)["unreviewed"] == before["unreviewed"]


def test_an_erasure_takes_them_along_also_those_from_before_the_patient_joined(
    network: Network, gateway: Gateway, ward: Person
) -> None:
    alice = network.person()
    before = declare(network, ward, alice.did)
    network.patient(alice).enrol()
    with gateway.db.read() as connection:
        restored = [
            dict(row)
            for row in connection.execute(select(table).where(table.c.emergency == before)).mappings()
        ]
    since = declare(network, ward, alice.did)
    assert {before, since} <= set(listed(gateway, ward))
    network.patient(alice).erase(lambda _: None)
    assert not {before, since} & set(listed(gateway, ward))
    with gateway.db.write() as connection:
        connection.execute(insert(table), restored)
    erasure.replay(gateway)
    assert before not in listed(gateway, ward)

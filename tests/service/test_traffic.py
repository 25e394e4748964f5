"""What the gateway gives its relayer: a wait for each recording, lanes that name nobody, stops at once."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from api.settings import GatewaySettings
from api.wiring import open_gateway
from ledger.canonical import hexed, parse_object
from ledger.client.drafting import Wish
from ledger.crypto.typed import Revocation
from ledger.ids import ConsentId, parse_word
from ledger.service import consents, traffic
from ledger.service.gateway import Gateway
from ledger.store.relay import Submission
from ledger.store.tables import lanes, submissions
from tests.network import Network, Person, small_bundle

HOUR = 3600


def with_delay(gateway: Gateway, randomness: Callable[[int], bytes]) -> Gateway:
    settings = dataclasses.replace(gateway.settings, relay_delay=HOUR)
    return dataclasses.replace(gateway, settings=settings, randomness=randomness)


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.mark.parametrize(
    ("chain_id", "wanted", "delay", "depth"),
    [
        (31337, "auto", 0, "seen"),
        (1337, "auto", 0, "seen"),
        (31337, 30, 30, "final"),
        (1, "auto", 600, "final"),
        (11155111, "auto", 600, "final"),
        (1, 0, 0, "final"),
        (560048, 86400, 86400, "final"),
    ],
)
def test_only_a_local_chain_is_in_a_hurry(chain_id: int, wanted: int | str, delay: int, depth: str) -> None:
    found = traffic.delay_on(chain_id, wanted)  # type: ignore[arg-type]
    assert found == delay
    assert traffic.depth_on(chain_id, found) == depth


def test_a_wait_is_anything_from_nothing_to_the_delay(gateway: Gateway) -> None:
    draws = itertools.cycle((0, HOUR * 1000, HOUR * 1000 + 1, 17))
    drawing = with_delay(gateway, lambda size: next(draws).to_bytes(size, "big"))
    assert [traffic.wait(drawing) for _ in range(4)] == [0, HOUR * 1000, 0, 17]
    assert traffic.wait(dataclasses.replace(drawing, settings=gateway.settings)) == 0


def test_what_is_filed_together_waits_each_its_own_time(network: Network, tmp_path: Path) -> None:
    settings = GatewaySettings(
        state=tmp_path,
        rpc=network.stack.rpc_url,
        deployment=network.stack.state / "deployment.json",
        relay_delay=HOUR,
    )
    opened = open_gateway(settings, origin="http://127.0.0.1:1")
    try:
        assert opened.gateway.settings.relay_delay == HOUR
        waits = [traffic.wait(opened.gateway) for _ in range(400)]
    finally:
        opened.close()
    assert max(waits) <= HOUR * 1000
    assert len(set(waits)) > 390
    assert all(any(low <= one < low + 900_000 for one in waits) for low in range(0, HOUR * 1000, 900_000))


def test_acts_of_one_patient_have_one_lane_and_it_names_nobody(network: Network, gateway: Gateway) -> None:
    clinic = network.admitted("Lane Clinic")
    alice, bob = network.enrolled(), network.enrolled()
    consents = [_filed(network, person, clinic) for person in (alice, alice, bob)]
    network.patient(alice).revoke(consents[0])
    kept = {(one.subject, one.kind): one for one in submitted(gateway) if one.subject in consents}
    assert all(not one.urgent for (_, kind), one in kept.items() if kind == "recording")
    assert kept[consents[0], "revocation"].urgent
    with gateway.db.read() as connection:
        stored = {bytes(row.lane) for row in connection.execute(select(lanes))}
    for person in (alice, bob):
        account, tag = person.identity.account.address, person.identity.erasure.address
        raw = [person.did.encode(), bytes.fromhex(account[2:]), bytes.fromhex(tag[2:])]
        assert not any(part in lane for lane in stored for part in raw)


def test_lanes_are_the_gateways_keyed_look_up(network: Network, gateway: Gateway) -> None:
    alice = network.enrolled()
    caught: list[dict[str, object]] = []

    class Catching:
        def submit(self, _connection: object, **act: object) -> int:
            caught.append(act)
            return 0

    catching = dataclasses.replace(gateway, relayer=Catching())  # type: ignore[arg-type]
    account = alice.identity.account.address
    for spread in (False, True):
        traffic.stop(
            with_delay(catching, lambda size: (5).to_bytes(size, "big")),
            None,  # type: ignore[arg-type]
            account,
            ConsentId("0x" + "1" * 64),
            controller=account,
            epoch=0,
            terms_hash=bytes(32),
            until=1,
            signature=bytes(65),
            spread=spread,
        )
    at_once, later = caught
    assert at_once["lane"] == later["lane"] == gateway.look_up(account)
    assert (at_once["urgent"], at_once["not_before"]) == (True, 0)
    assert not later["urgent"]
    assert later["not_before"] != 0


def test_a_patient_may_have_a_stop_reach_the_chain_later(network: Network, gateway: Gateway) -> None:
    clinic, alice = network.admitted("Late Clinic"), network.enrolled()
    consent = _filed(network, alice, clinic)
    patient = network.patient(alice)
    done = patient.revoke(consent, spread=True)
    entry = parse_object(done.receipt["entry"])
    assert entry["kind"] == "consent.revoked"
    (found,) = [one for one in submitted(gateway) if one.subject == consent and one.kind == "revocation"]
    assert not found.urgent


def test_a_stop_that_waits_is_hurried_by_stopping_again(network: Network, gateway: Gateway) -> None:
    clinic, alice = network.admitted("Hurried Clinic"), network.enrolled()
    consent = _filed(network, alice, clinic)
    slow = with_delay(gateway, lambda size: (HOUR * 1000).to_bytes(size, "big"))
    first = _stop(slow, alice, consent, spread=True)
    assert (_urgent(gateway, consent), _stop(slow, alice, consent, spread=True)) == (False, first)
    assert not _urgent(gateway, consent)
    assert network.patient(alice).revoke(consent).index == first
    assert _urgent(gateway, consent)


def _stop(gateway: Gateway, person: Person, consent: ConsentId, *, spread: bool) -> int:
    """Stop a consent at the gateway; its entry."""
    state = gateway.states.need(person.identity.account.address)
    filing = next(known.row.sealed["filing"] for known in state.consents if known.id == consent)
    controllers = (person.identity.controller(number) for number in range(8))
    controller = next(one for one in controllers if one.address == filing["controller"])
    signed = Revocation(consent=parse_word(consent)).digest(gateway.consent_domain)
    return consents.stop(gateway, state, consent, hexed(controller.sign(signed)), spread=spread).entry


def _urgent(gateway: Gateway, consent: ConsentId) -> bool:
    (found,) = [one for one, _ in gateway.relayer._store.find(consent, "revocation")]
    return found.urgent


def submitted(gateway: Gateway) -> list[Submission]:
    """Everything that the gateway ever gave its relayer."""
    return [
        one
        for kind in ("recording", "revocation")
        for subject in _subjects(gateway)
        for one, _ in gateway.relayer._store.find(subject, kind)
    ]


def _subjects(gateway: Gateway) -> set[str]:
    with gateway.db.read() as connection:
        return set(connection.execute(select(submissions.c.subject)).scalars())


def _filed(network: Network, person: Person, clinic: Person) -> ConsentId:
    patient = network.patient(person)
    if not patient.records():
        patient.publish_bundle(small_bundle("Observation"))
    return patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))).consent

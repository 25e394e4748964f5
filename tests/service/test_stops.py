"""What a stop does and how it reaches the chain, also when its first transaction fails."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from ledger.canonical import hexed
from ledger.client.drafting import Wish
from ledger.crypto.typed import GrantCapsules
from ledger.ids import parse_word
from ledger.service import consents, stops
from ledger.service.gateway import Gateway
from ledger.store.relay import State
from ledger.store.tables import lanes, submissions
from tests.network import Network, Person, small_bundle


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Wood Clinic")


SUBJECT = "0x" + "5" * 64


def submit(gateway: Gateway, kind: str, *, urgent: bool = False, not_before: int = 0) -> None:
    gateway.relayer.submit(
        None,
        kind=kind,
        subject=SUBJECT,
        to=gateway.deployment.registry,
        data=b"call",
        urgent=urgent,
        not_before=not_before,
        lane=bytes(32),
    )


def fail(gateway: Gateway) -> None:
    """Have everything that was ever submitted fail."""
    with gateway.db.write() as connection:
        connection.execute(update(submissions).values(state=State.FAILED))


def test_a_stop_whose_transaction_failed_is_sent_again(alone: Gateway) -> None:
    submit(alone, "revocation", urgent=True)
    assert stops.resend(alone) == 0
    fail(alone)
    assert stops.resend(alone) == 1
    status = alone.relayer.status(SUBJECT, kind="revocation")
    assert status is not None
    assert status.state is State.INTENDED
    assert stops.resend(alone) == 0
    with alone.db.read() as connection:
        rows = connection.execute(select(submissions.c.state, submissions.c.data)).all()
    assert [(row.state, row.data) for row in rows] == [("superseded", b"call"), ("intended", b"call")]


def test_even_an_urgent_stop_that_failed_is_not_sent_again_at_once(alone: Gateway) -> None:
    submit(alone, "revocation", urgent=True)
    fail(alone)
    now = alone.clock() + timedelta(days=1)
    stops.resend(dataclasses.replace(alone, clock=lambda: now))
    alone.relayer.step()
    status = alone.relayer.status(SUBJECT, kind="revocation")
    assert status is not None
    assert (status.state, status.transaction) == (State.INTENDED, None)


def test_a_spread_stop_that_waited_too_long_becomes_urgent(alone: Gateway) -> None:
    due = alone.now_ms()
    submit(alone, "revocation", not_before=due)
    submit(alone, "recording", not_before=due)

    def urgent(later: int) -> dict[str, bool]:
        at = datetime.fromtimestamp((due + later) / 1000, UTC)
        stops.resend(dataclasses.replace(alone, clock=lambda: at))
        with alone.db.read() as connection:
            rows = connection.execute(select(submissions.c.kind, submissions.c.urgent)).all()
        return {row.kind: row.urgent for row in rows}

    assert urgent(stops.LATEST_MS - 1000) == {"revocation": False, "recording": False}
    assert urgent(stops.LATEST_MS + 1000) == {"revocation": True, "recording": False}


def test_a_recording_that_failed_no_longer_says_of_whom_it_was(alone: Gateway) -> None:
    submit(alone, "recording")
    fail(alone)
    stops.resend(alone)
    with alone.db.read() as connection:
        assert connection.execute(select(lanes)).all() == []


def test_a_stop_that_the_chain_shows_first_gives_up_a_recording_that_waits(
    network: Network, gateway: Gateway
) -> None:
    state = gateway.states.need(network.enrolled().identity.account.address)
    gateway.relayer.submit(
        None,
        kind="recording",
        subject=SUBJECT,
        to=gateway.deployment.registry,
        data=b"call",
        not_before=gateway.now_ms() + 3_600_000,
    )
    with gateway.db.write() as connection:
        consents.withdraw(gateway, connection, state.tag, SUBJECT, 0)
    status = gateway.relayer.status(SUBJECT, kind="recording")
    assert status is not None
    assert status.state is State.SUPERSEDED


def test_a_compartment_that_a_reseal_drops_ends_its_epoch(
    network: Network, gateway: Gateway, clinic: Person
) -> None:
    alice = network.enrolled()
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Observation", "Condition"))
    consent = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))).consent
    state = gateway.states.need(alice.identity.account.address)
    with gateway.db.read() as connection:
        sealed = gateway.stores.consents.capsules(connection, state.tag, consent)
    assert sealed is not None
    dropped = sealed["list"][0]
    signed = GrantCapsules(consent=parse_word(consent), capsules=()).digest(gateway.records_domain)
    signature = hexed(alice.identity.account.sign(signed))
    consents.replace_capsules(gateway, state, consent, {"list": [], "signature": signature})
    with gateway.db.read() as connection:
        keys = gateway.stores.patients.keys(connection, state.tag)
    current = {row.compartment: row.epoch for row in keys if row.current}
    assert current[dropped["compartment"]] == dropped["epoch"] + 1

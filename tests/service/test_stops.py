"""What a stop does and how it reaches the chain, also when its first transaction fails."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from api.settings import GatewaySettings
from api.wiring import open_gateway
from ledger.canonical import hexed
from ledger.client.drafting import Wish
from ledger.crypto.typed import GrantCapsules
from ledger.ids import parse_word
from ledger.service import consents, stops
from ledger.service.gateway import Gateway
from ledger.store.relay import State
from ledger.store.tables import submissions
from tests.network import Network, Person, small_bundle


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Wood Clinic")


def test_a_stop_whose_transaction_failed_is_sent_again(network: Network, tmp_path: Path) -> None:
    settings = GatewaySettings(
        state=tmp_path, rpc=network.stack.rpc_url, deployment=network.stack.state / "deployment.json"
    )
    opened = open_gateway(settings, origin="http://127.0.0.1:1")  # nothing runs beside it
    try:
        gateway = opened.gateway
        gateway.follower.catch_up()
        subject = "0x" + "5" * 64
        gateway.relayer.submit(
            None,
            kind="revocation",
            subject=subject,
            to=gateway.deployment.registry,
            data=b"call",
            urgent=True,
        )
        assert stops.resend(gateway) == 0
        with gateway.db.write() as connection:
            connection.execute(update(submissions).values(state=State.FAILED))
        assert stops.resend(gateway) == 1
        status = gateway.relayer.status(subject, kind="revocation")
        assert status is not None
        assert status.state is State.INTENDED
        assert stops.resend(gateway) == 0
        with gateway.db.read() as connection:
            rows = connection.execute(select(submissions.c.state, submissions.c.data)).all()
        assert [(row.state, row.data) for row in rows] == [("superseded", b"call"), ("intended", b"call")]
    finally:
        opened.close()


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

"""Three gateways on one database: one log, stops that hold everywhere, another leader when one is killed."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from api.stack import Stack
from ledger.chain.devnet import Devnet
from ledger.client.accrediting import Accreditor
from ledger.client.drafting import Wish
from ledger.errors import EnvironmentFault, LedgerError, StopKept, StoreUnavailable
from ledger.ids import ConsentId
from ledger.log.checkpoint import open_note
from ledger.log.merkle import root_of
from ledger.policy.model import Outcome
from ledger.store.database import Database
from ledger.store.tables import anchors, log_entries
from tests.api.conftest import sign_in
from tests.linearizability import Kind, violations
from tests.network import Person, eventually, serving, small_bundle
from tests.nodes.postgres import Postgres
from tests.nodes.several import Process, Several
from tests.racing import Contested, contest, history

RACES = int(os.environ.get("CONSENT_RACES", "1"))
KILLS = int(os.environ.get("CONSENT_KILLS", "3"))


@pytest.fixture(scope="module")
def several(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Several]:
    """What one gateway has begun, three go on with."""
    directory = tmp_path_factory.mktemp("several")
    url = postgres_server.create_empty()
    stack = Stack(directory / "state", database_url=url)
    with serving(stack) as begun:
        pass
    with ExitStack() as ending:
        stack.rpc_url = ending.enter_context(Devnet(directory / "state" / "chain")).url
        found = _processes(directory, url, stack.rpc_url)
        config = begun.config.overridden({"gateway": found[0].url, "rpc": stack.rpc_url})
        for one in found:
            ending.callback(one.stop)
            one.start(CONSENT_PUBLIC_URL=found[0].url)
        eventually(lambda: all(one.ready for one in found))
        accreditor = Accreditor(config, begun.accreditor.key)
        yield Several(
            stack=stack,
            config=config,
            accreditor=accreditor,
            closing=ending,
            processes=found,
            database_url=url,
        )


def _processes(directory: Path, url: str, rpc: str) -> list[Process]:
    environment = {
        "CONSENT_STATE": str(directory / "state"),
        "CONSENT_DEPLOYMENT": str(directory / "state" / "deployment.json"),
        "CONSENT_DATABASE_URL": url,
        "CONSENT_RPC": rpc,
        "CONSENT_ANCHOR_INTERVAL": "1",
    }
    return [Process(name, environment, directory) for name in ("first", "second", "third")]


@pytest.fixture(scope="module")
def clinic(several: Several) -> Person:
    return several.admitted("Lake Clinic")


@pytest.fixture
def alice(several: Several, clinic: Person) -> Person:
    """A new patient with a record."""
    found = several.enrolled()
    several.patient(found).publish_bundle(small_bundle("Observation"))
    return found


def share(several: Several, alice: Person, clinic: Person) -> ConsentId:
    """A consent that every gateway has seen on chain."""
    patient = several.patient(alice)
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    eventually(lambda: all(permitted(several.at(one), alice, clinic) for one in several.processes))
    return done.consent


def permitted(several: Several, alice: Person, clinic: Person) -> bool:
    asked = {
        "subject": {"type": "participant", "id": clinic.did},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": alice.did},
        "context": {"purpose": ["TREAT"]},
    }
    return several.gateway(clinic).evaluate(asked).decision


def leaves(several: Several) -> list[bytes]:
    """The log as the database has it, which must be without a gap."""
    with closing(Database(several.database_url)) as database, database.read() as connection:
        rows = connection.execute(select(log_entries).order_by(log_entries.c.position)).all()
    assert [row.position for row in rows] == list(range(len(rows)))
    return [row.leaf for row in rows]


def largest_anchor(several: Several) -> int:
    with closing(Database(several.database_url)) as database, database.read() as connection:
        sizes = connection.execute(select(anchors.c.size)).scalars().all()
    return max(sizes, default=0)


def test_a_stop_at_one_gateway_holds_at_all_of_them_once_it_is_acknowledged(
    several: Several, alice: Person, clinic: Person
) -> None:
    for process in several.processes:
        consent = share(several, alice, clinic)
        several.at(process).patient(alice).revoke(consent)
        assert not any(permitted(several.at(one), alice, clinic) for one in several.processes)


def test_no_access_at_any_gateway_after_a_stop_that_one_of_them_acknowledged(
    several: Several, clinic: Person
) -> None:
    for _ in range(RACES):
        with httpx2.Client(base_url=several.processes[0].url, timeout=30) as client:
            contested = [contest_of(several, clinic, client) for _ in range(3)]
            token = sign_in(client, clinic)
        told = history([one.url for one in several.processes], contested, token, clients=32)
        assert [act.kind for act in told].count(Kind.REVOKE) == len(contested)
        assert violations(told) == []


def contest_of(several: Several, clinic: Person, client: httpx2.Client) -> Contested:
    """A new patient's consent, and what to send to stop it."""
    alice = several.enrolled()
    several.patient(alice).publish_bundle(small_bundle("Observation"))
    consent = share(several, alice, clinic)
    return contest(several, clinic, alice, consent, sign_in(client, alice))


def test_a_stop_is_kept_while_the_server_is_down_and_counts_before_anything_is_answered(
    several: Several, postgres_server: Postgres, alice: Person, clinic: Person
) -> None:
    consent = share(several, alice, clinic)
    patient = several.at(several.processes[0]).patient(alice)
    postgres_server.stop()
    try:
        with pytest.raises(StopKept):
            patient.revoke(consent)
        for process in several.processes:  # they share the directory, and with it what is kept there
            with pytest.raises(StoreUnavailable) as caught:
                several.at(process).gateway(None).info()
            assert caught.value.reason == "stops_waiting"
    finally:
        postgres_server.start()
    eventually(lambda: all(process.ready for process in several.processes))
    assert not any(permitted(several.at(one), alice, clinic) for one in several.processes)
    assert patient.revoke(consent).index < len(leaves(several))


def test_every_gateway_vouches_for_the_same_log(several: Several, alice: Person, clinic: Person) -> None:
    share(several, alice, clinic)
    for process in several.processes:
        client = several.at(process).gateway(None)
        checkpoint = open_note(client.checkpoint(), client.info().log_key)
        assert checkpoint.root == root_of(leaves(several)[: checkpoint.size])


@pytest.mark.timeout(300 + 120 * KILLS)
def test_no_decision_is_lost_or_doubled_while_leaders_are_killed(
    several: Several, alice: Person, clinic: Person
) -> None:
    share(several, alice, clinic)
    loads = [Load(several, alice, clinic) for _ in range(3)]
    for _ in range(KILLS):
        await_more(loads, 15)
        (leader,) = several.leaders()
        leader.stop(signal.SIGKILL)
        await_more(loads, 15)
        eventually(several.leaders)
        assert leader not in several.leaders()
        leader.start()
        await_ready(leader)
        assert permitted(several.at(leader), alice, clinic)
    for load in loads:
        load.end()
    told = [index for load in loads for index in load.indices]
    assert len(told) == len(set(told))
    size = len(leaves(several))
    assert max(told) < size
    eventually(lambda: largest_anchor(several) >= size)


def await_more(loads: list["Load"], count: int) -> None:
    """Until so many more answers have come."""
    before = sum(len(load.indices) for load in loads)
    eventually(lambda: sum(len(load.indices) for load in loads) > before + count)


def await_ready(process: Process) -> None:
    eventually(lambda: process.ready)


class Load(threading.Thread):
    """A clinic that asks again and again; the receipt of each answer is verified as it comes."""

    def __init__(self, several: Several, alice: Person, clinic: Person) -> None:
        super().__init__()
        self.indices: list[int] = []
        self.failed: BaseException | None = None
        self._client = several.provider(Person(identity=clinic.identity, did=clinic.did))
        self._patient = alice.did
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                decision = self._client.evaluate(self._patient, purposes=["TREAT"])
            except EnvironmentFault:
                continue  # of the gateway that was killed: nothing was acknowledged
            except LedgerError as exc:
                self.failed = exc
                return
            assert decision.outcome == Outcome.PERMIT
            self.indices.append(decision.log["index"])

    def end(self) -> None:
        self._ended.set()
        self.join(60)
        assert self.failed is None

"""A gateway on PostgreSQL, through commands and HTTP: its story, and what it does without its server."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from api.stack import Stack
from cli.exits import Exit
from ledger.records.samples import sample_bundle
from tests.cli.support import Town
from tests.network import eventually
from tests.nodes.postgres import Postgres

SHARED = ("--purpose", "TREAT", "--class", "labs", "--until", "90d", "--yes", "--wait", "seen")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as own:
        yield own


@pytest.fixture(scope="module")
def stack(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    state = tmp_path_factory.mktemp("town") / "stack"
    with Stack(state, anchor_interval=1, database_url=server.create_empty()) as running:
        yield running


@pytest.fixture(scope="module")
def town(stack: Stack) -> Town:
    """Alice, who has published records, a clinic and an auditor."""
    home = stack.state.parent
    (home / "passphrase").touch(mode=0o600)
    (home / "passphrase").write_text("only for tests\n")
    found = Town(home=home, database=stack.database)
    found.newcomer("alice")
    found.admitted("clinic", "City Hospital")
    found.admitted("auditor", "Ada Audit", "auditor")
    found.introduced("alice", "clinic")
    (home / "bundle.json").write_bytes(sample_bundle())
    found.ok("-p", "alice", "record", "add", home / "bundle.json")
    return found


def share(town: Town) -> str:
    return str(town.ok("-p", "alice", "grant", "--to", "City Hospital", *SHARED)["consent"])


def read(town: Town) -> int:
    """How it ends when the clinic asks for what Alice shares."""
    return town.run("-p", "clinic", "read", "alice", "--purpose", "TREAT").code


@contextmanager
def without(server: Postgres) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_a_consent_permits_until_it_is_stopped_and_an_auditor_finds_all_of_it(town: Town) -> None:
    consent = share(town)
    assert read(town) == Exit.OK
    town.ok("-p", "alice", "revoke", consent, "--yes")
    assert read(town) == Exit.DENIED
    assert town.ok("-p", "auditor", "audit", "verify")["ok"]
    assert not town.database.exists()


def test_without_its_database_a_gateway_serves_nothing_and_comes_back_by_itself(
    town: Town, stack: Stack, server: Postgres
) -> None:
    consent = share(town)
    assert read(town) == Exit.OK
    with without(server):
        ready = httpx2.get(f"{stack.url}/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "store_unavailable")
        assert read(town) == Exit.RETRY
    assert read(town) == Exit.OK
    town.ok("-p", "alice", "revoke", consent, "--yes")
    assert read(town) == Exit.DENIED
    eventually(lambda: httpx2.get(f"{stack.url}/readyz").status_code == 200)
    assert town.ok("-p", "auditor", "audit", "verify")["ok"]


def test_what_was_acknowledged_is_there_after_the_server_was_killed(
    town: Town, stack: Stack, server: Postgres
) -> None:
    consent = share(town)
    town.ok("-p", "alice", "revoke", consent, "--yes")
    server.kill()
    server.start()
    assert read(town) == Exit.DENIED
    assert consent in [one["consent"] for one in town.consents("alice")]
    assert town.ok("-p", "auditor", "audit", "verify")["ok"]

"""Every block store in turn, with a source that it can adopt from; every client of the chain in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.records.blocks import BlockStore
from ledger.store.database import Database
from tests.behaviours.adapters import (
    Adapter,
    kubo_adapter,
    local_adapter,
    memory_adapter,
    replicated_adapter,
    staged,
    usual_kubo_adapter,
)
from tests.behaviours.chains import Client, anvil, geth
from tests.chain.conftest import OnChain
from tests.databases import made_at
from tests.nodes.daemon import Kubo


@pytest.fixture(scope="session")
def private_kubo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubo]:
    with Kubo(tmp_path_factory.mktemp("private")) as node:
        yield node


@pytest.fixture(scope="session")
def usual_kubo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubo]:
    """A node that hashes nothing on reading, and writes nothing that its cache says it has."""
    usual = {"Datastore__HashOnRead": False, "Datastore__BlockKeyCacheSize": None}
    with Kubo(tmp_path_factory.mktemp("usual"), **usual) as node:
        yield node


@pytest.fixture(
    params=[
        pytest.param(memory_adapter, id="memory"),
        pytest.param(local_adapter, id="local"),
        pytest.param(replicated_adapter, id="replicated"),
        pytest.param(kubo_adapter, id="kubo", marks=pytest.mark.nodes),
        pytest.param(usual_kubo_adapter, id="kubo as it comes", marks=pytest.mark.nodes),
    ]
)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    made: Adapter = request.param(request)
    return made


@pytest.fixture
def store(adapter: Adapter) -> BlockStore:
    return adapter.store


@pytest.fixture(params=[pytest.param(memory_adapter, id="from memory"), pytest.param(staged, id="from disk")])
def source(request: pytest.FixtureRequest) -> Adapter:
    made: Adapter = request.param(request)
    return made


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(anvil, id="anvil", marks=pytest.mark.chain),
        pytest.param(geth, id="geth", marks=pytest.mark.nodes),
    ],
)
def any_chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnChain]:
    """One chain of each client for all tests; each test has accounts of its own."""
    client: Client = request.param
    with client(tmp_path_factory.mktemp("chain")) as chain:
        yield chain


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = made_at(tmp_path / "gateway.db")
    found = Database(url)
    yield found
    found.close()

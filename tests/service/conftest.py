"""A network over each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.settings import GatewaySettings
from api.stack import Stack
from api.wiring import open_gateway
from ledger.service.gateway import Gateway
from tests.databases import Databases
from tests.network import Network, serving


@pytest.fixture(scope="session")
def network(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    state = tmp_path_factory.mktemp("stack") / "state"
    with serving(Stack(state, database_url=databases.empty())) as found:
        yield found


@pytest.fixture
def alone(network: Network, databases: Databases, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway beside which nothing runs, so that its relayer only does what the test asks for."""
    settings = GatewaySettings(
        state=tmp_path,
        rpc=network.stack.rpc_url,
        deployment=network.stack.state / "deployment.json",
        database_url=databases.empty(),
    )
    opened = open_gateway(settings, origin="http://127.0.0.1:1")
    try:
        opened.gateway.follower.catch_up()
        yield opened.gateway
    finally:
        opened.close()

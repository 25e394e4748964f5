"""What several packages' tests share."""

import sys
from collections.abc import Iterator

import pytest

from api.stack import Stack
from tests.databases import POSTGRES, SQLITE, Databases
from tests.network import Network, serving
from tests.nodes.postgres import Postgres

RECURSION_LIMIT = sys.getrecursionlimit()


def pytest_collection_finish() -> None:
    """Undo what importing web3 here did to the recursion limit, as `ledger.imports` does in the product."""
    sys.setrecursionlimit(RECURSION_LIMIT)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with serving(Stack(tmp_path_factory.mktemp("stack") / "state")) as found:
        yield found


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session", params=[SQLITE, POSTGRES])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Each kind of database in turn."""
    made: Databases = request.param(request)
    return made

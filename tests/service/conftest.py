"""A network over each kind of database."""

from collections.abc import Iterator

import pytest

from api.stack import Stack
from tests.databases import Databases
from tests.network import Network, serving


@pytest.fixture(scope="session")
def network(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    state = tmp_path_factory.mktemp("stack") / "state"
    with serving(Stack(state, database_url=databases.empty())) as found:
        yield found

"""What several packages' tests share."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from api.stack import Stack
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.crypto.identity import Account
from ledger.service.keys import read_key
from tests.network import Network

RECURSION_LIMIT = sys.getrecursionlimit()


def pytest_collection_finish() -> None:
    """Undo what importing web3 here did to the recursion limit, as `ledger.imports` does in the product."""
    sys.setrecursionlimit(RECURSION_LIMIT)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with Stack(tmp_path_factory.mktemp("stack") / "state") as stack, ExitStack() as closing:
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        yield Network(stack=stack, config=config, accreditor=accreditor, closing=closing)

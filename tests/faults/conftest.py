"""Chains behind a proxy that puts faults in the way, and how many of each a run tries."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from ledger.chain.deploying import deploy
from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from ledger.store.database import Database
from tests.chain.conftest import ETHER, Chain, Clock, account
from tests.databases import made_at
from tests.faults.history import Truth, live
from tests.faults.proxy import FaultProxy

SEED = int(os.environ.get("CONSENT_FAULT_SEED", "0"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder needs anvil."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("chain")


@contextmanager
def running(directory: Path) -> Iterator[Chain]:
    """A chain that mines only on demand, with the contracts on it."""
    with Devnet(directory, mining=False) as devnet:
        chain = Chain(devnet=devnet, rpc=Rpc(devnet.url), owner=account("owner"))
        devnet.fund(chain.owner.address, 10_000 * ETHER)
        chain.automine(True)
        chain.deployment = deploy(devnet.url, chain.owner)
        chain.automine(False)
        yield chain
        chain.rpc.close()


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with running(tmp_path / "devnet") as found:
        yield found


@pytest.fixture(scope="module")
def old_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A chain with a past, which no test changes."""
    with running(tmp_path_factory.mktemp("old") / "devnet") as found:
        yield found


@pytest.fixture(scope="module")
def truth(old_chain: Chain) -> Truth:
    return live(old_chain, Random(SEED))  # noqa: S311 - a repeatable past


@pytest.fixture(scope="module")
def proxy(old_chain: Chain) -> Iterator[FaultProxy]:
    with FaultProxy(old_chain.devnet.url) as found:
        yield found


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all tests of a file; each begins by emptying what it uses."""
    url = made_at(tmp_path_factory.mktemp("database") / "gateway.db")
    found = Database(url)
    yield found
    found.close()


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()

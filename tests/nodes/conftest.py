"""Tests against other nodes than the usual ones; `make test-nodes` builds the nodes and runs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nodes.geth import Geth

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("nodes")


@pytest.fixture
def geth(tmp_path: Path) -> Iterator[Geth]:
    with Geth(tmp_path / "geth") as node:
        yield node

"""A chain of its own for tests that look at deployed contracts."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from web3 import Web3

from tests.contracts.tools import CONTRACTS


@pytest.fixture(scope="session")
def rpc() -> Iterator[str]:
    """The URL of an anvil that lives as long as the tests."""
    command = [str(CONTRACTS / "foundry"), "anvil", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as anvil:  # noqa: S603
        try:
            yield f"http://{_address(anvil)}"
        finally:
            anvil.terminate()
            anvil.communicate()


@pytest.fixture(scope="session")
def web3(rpc: str) -> Web3:
    return Web3(Web3.HTTPProvider(rpc))


def _address(anvil: subprocess.Popen[str]) -> str:
    assert anvil.stdout is not None
    for line in anvil.stdout:
        if match := re.search(r"Listening on (127\.0\.0\.1:\d+)", line):
            return match[1]
    pytest.fail("anvil ended before it listened")

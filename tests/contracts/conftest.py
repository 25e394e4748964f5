"""A chain of its own for tests that look at deployed contracts."""

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from web3 import Web3

from tests.contracts.tools import CONTRACTS


@contextmanager
def anvil(*options: str) -> Iterator[str]:
    """An anvil of one's own, on a free port of the loopback; gives its URL."""
    command = [str(CONTRACTS / "foundry"), "anvil", "--host", "127.0.0.1", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield f"http://{_address(process)}"
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="session")
def rpc() -> Iterator[str]:
    """The URL of an anvil that lives as long as the tests."""
    with anvil() as url:
        yield url


@pytest.fixture(scope="session")
def web3(rpc: str) -> Web3:
    return Web3(Web3.HTTPProvider(rpc))


def _address(anvil: subprocess.Popen[str]) -> str:
    """Where it listens; what else it says is read and dropped, or it would wait for a reader."""
    assert anvil.stdout is not None
    for line in anvil.stdout:
        if match := re.search(r"Listening on (127\.0\.0\.1:\d+)", line):
            threading.Thread(target=anvil.stdout.read, daemon=True).start()
            return match[1]
    pytest.fail("anvil ended before it listened")

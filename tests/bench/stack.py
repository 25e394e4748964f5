"""A stack to measure: chain and gateway in a process of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from api.stack import Stack
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.crypto.identity import Account
from ledger.service.keys import read_key
from tests.network import Network


@contextmanager
def served(home: Path, **environment: str) -> Iterator[Network]:
    """A stack in a process of its own, as `consent up` starts it, and people with clients in this one."""
    command = ["--home", str(home), "--json", "up", "--port", "0", "--rpc-port", "0"]
    with (
        subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "cli", *command],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        ) as up,
        ExitStack() as closing,
    ):
        try:
            assert up.stdout is not None
            told = json.loads(up.stdout.readline())
            state = home / "stack"
            config = Config.parse((state / "network.json").read_bytes())
            accreditor = Accreditor(config, Account.from_key(read_key(state / "keys" / "accreditor.key")))
            stack = SimpleNamespace(url=told["gateway"], rpc_url=told["rpc"], state=state, pid=up.pid)
            yield Network(stack=cast("Stack", stack), config=config, accreditor=accreditor, closing=closing)
        finally:
            closing.close()
            up.terminate()

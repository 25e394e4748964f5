"""Several gateway processes on one PostgreSQL database, and clients that go to each of them in turn."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Self

import httpx2
from sqlalchemy import text

from ledger.client.gateway import GatewayClient
from ledger.store.database import Database
from ledger.store.postgres import LEADING
from tests.network import Network, Person, Tamper

_ROOT = Path(__file__).parents[2]
_LEADER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE objid = :lock AND granted"
)


class Process:
    """A gateway that is known to the database's server by its name."""

    def __init__(
        self,
        name: str,
        environment: dict[str, str],
        directory: Path,
        program: Sequence[str] = ("cli", "serve"),
    ) -> None:
        """It is not started. `program`: the module to run, and what it is given before its port."""
        self.name = name
        self._program = program
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._environment = {**os.environ, **environment, "PGAPPNAME": name, "PYTHONPATH": str(_ROOT)}
        self._log = directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def ready(self) -> bool:
        """Whether it says so."""
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=30).status_code == 200
        except httpx2.TransportError:
            return False

    def start(self, **settings: str) -> None:
        """Run it, with further settings by environment variables."""
        self._environment |= settings
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command line is ours
                [sys.executable, "-m", *self._program, "--port", self.url.rpartition(":")[2]],
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None


@dataclass
class Several(Network):
    """A network whose gateway is several processes: each request goes to the next one that runs."""

    processes: list[Process] = field(default_factory=list)
    database_url: str = ""

    def gateway(self, person: Person | None, tamper: Tamper | None = None) -> GatewayClient:
        client = GatewayClient(
            self.config.gateway,
            chain_id=self.config.deployment.chain_id,
            account=None if person is None else person.identity.account,
            transport=_InTurn(self.processes),
        )
        return self.closing.enter_context(client)

    def at(self, process: Process) -> Self:
        """The same with only one of them to go to."""
        return replace(self, processes=[process])

    def leaders(self) -> list[Process]:
        """Who acts for all: one, or nobody for a moment."""
        with closing(Database(self.database_url)) as database, database.read() as connection:
            names = connection.execute(_LEADER, {"lock": LEADING & 0xFFFFFFFF}).scalars().all()
        return [one for one in self.processes if one.name in names]


class _InTurn(httpx2.BaseTransport):
    """Sends each request to the next process that runs."""

    def __init__(self, processes: list[Process]) -> None:
        self._turns = cycle(processes)
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        to = httpx2.URL(next(one for one in self._turns if one.runs).url)
        request.url = request.url.copy_with(host=to.host, port=to.port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])

"""`consent serve`: a gateway of one's own on a chain that is there already, until it is told to stop.

It ends in order: it says so first, keeps what it has acknowledged, and exits with 0.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from api.settings import GatewaySettings
from api.wiring import open_gateway
from ledger.canonical import hexed
from ledger.client.config import Config
from ledger.crypto.identity import Account
from ledger.crypto.signatures import personal_digest
from ledger.ids import did_of
from ledger.log.entry import decode
from tests.cli.support import Town

pytestmark = pytest.mark.chain

PATIENCE = 60


def settings_of(town: Town, state: Path) -> GatewaySettings:
    """A second gateway on the chain of the town."""
    network = Config.parse((town.home / "stack" / "network.json").read_bytes())
    return GatewaySettings(
        state=state, rpc=network.rpc, deployment=town.home / "stack" / "deployment.json", port=0
    )


@contextmanager
def served(settings: GatewaySettings, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`consent serve` as a process, and its URL."""
    options = ["--state", str(settings.state), "--port", "0", "--rpc", settings.rpc]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "cli", "--json", "serve", *options, "--deployment", str(settings.deployment)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        shape = json.loads(line)
        assert shape["schema"] == "consent-ledger/cli/gateway-served/1"
        yield process, shape["gateway"]
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_gateway_serves_until_it_is_told_to_stop(town: Town, tmp_path: Path) -> None:
    with served(settings_of(town, tmp_path)) as (process, url):
        health = town.ok("-p", "alice", "doctor", "--gateway", url)
        assert {check["name"]: check["ok"] for check in health["checks"]} == dict.fromkeys(
            ["gateway", "network", "chain", "stops", "kept stops"], True
        )
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        assert "Stopping" in err


class Caller(threading.Thread):
    """Somebody who asks until nobody answers; `told` has the log index of every answer by its evaluation."""

    def __init__(self, url: str, token: str, did: str) -> None:
        super().__init__()
        self._url, self._token, self._did = url, token, did
        self.told: dict[str, int] = {}
        self.answered = threading.Event()
        self.ended = False

    def run(self) -> None:
        person = {"type": "participant", "id": self._did}
        asked = {"subject": person, "action": {"name": "access"}, "context": {"purpose": ["TREAT"]}}
        asked["resource"] = {"type": "patient", "id": self._did}
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx2.Client(base_url=self._url, headers=headers, timeout=PATIENCE) as client:
            try:
                while True:
                    context = client.post("/access/v1/evaluation", json=asked).json()["context"]
                    self.told[context["evaluation"]] = context["log"]["index"]
                    self.answered.set()
            except httpx2.TransportError:
                self.ended = True


def signed_in(url: str, account: Account) -> str:
    asked = {"account": account.address}
    message = httpx2.post(f"{url}/v1/sign-in/challenge", json=asked).json()["message"]
    signature = hexed(account.sign(personal_digest(message)))
    answer = httpx2.post(f"{url}/v1/sign-in", json={"message": message, "signature": signature})
    return str(answer.json()["token"])


def test_told_by_sigterm_while_it_answers_it_says_so_and_loses_nothing(town: Town, tmp_path: Path) -> None:
    settings, manager = settings_of(town, tmp_path), tmp_path / "manager"
    account = Account.from_key(os.urandom(32))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(manager))
        listening.settimeout(PATIENCE)
        more = {"NOTIFY_SOCKET": str(manager), "CONSENT_DRAIN_SECONDS": "1"}
        with served(settings, **more) as (process, url):
            assert listening.recv(64) == b"READY=1"
            did = did_of(31337, account.address)
            callers = [Caller(url, signed_in(url, account), did) for _ in range(2)]
            for caller in callers:
                caller.start()
            assert all(caller.answered.wait(PATIENCE) for caller in callers)
            process.send_signal(signal.SIGTERM)
            assert listening.recv(64) == b"STOPPING=1"
            _, err = process.communicate(timeout=PATIENCE)
            for caller in callers:
                caller.join()
            assert process.returncode == 0, err
    told = {evaluation: index for caller in callers for evaluation, index in caller.told.items()}
    assert all(caller.ended for caller in callers)
    opened = open_gateway(settings, origin=url)
    try:
        entries = {one.index: decode(one.entry or b"{}") for one in opened.gateway.journal.entries()}
        assert opened.gateway.journal.damage is None
    finally:
        opened.close()
    assert {evaluation: entries[index]["evaluation"] for evaluation, index in told.items()} == {
        evaluation: evaluation for evaluation in told
    }
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert sum(line.get("route") == "/access/v1/evaluation" for line in lines) >= len(told)
    assert did not in err


WAITING = """
from cli.running import told_to_stop
with told_to_stop() as told:
    print("waiting", flush=True)
    told.wait()
    print("told", flush=True)
    input()
"""


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_told_twice_it_ends_at_once(second: signal.Signals) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "told\n"
        process.send_signal(second)
        assert process.wait(PATIENCE) == -second
    finally:
        process.kill()
        process.communicate()

"""`consent serve`: a gateway of one's own on a chain that is there already, until it is told to stop."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.client.config import Config
from tests.cli.support import Town

pytestmark = pytest.mark.chain

PATIENCE = 60


def test_a_gateway_serves_until_it_is_told_to_stop(town: Town, tmp_path: Path) -> None:
    network = Config.parse((town.home / "stack" / "network.json").read_bytes())
    serving = ["serve", "--state", str(tmp_path), "--port", "0", "--rpc", network.rpc]
    deployment = ["--deployment", str(town.home / "stack" / "deployment.json")]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "cli", "--json", *serving, *deployment],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        served = json.loads(line)
        assert served["schema"] == "consent-ledger/cli/gateway-served/1"
        health = town.ok("-p", "alice", "doctor", "--gateway", served["gateway"])
        assert [check["ok"] for check in health["checks"]] == [True, True, True, True]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        assert "Stopping" in err
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()

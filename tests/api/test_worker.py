"""What runs beside the answers: errors are logged by their code on stderr, and do not end the work."""

import json
from types import SimpleNamespace
from typing import cast

import pytest
import structlog

from api import logs
from api.worker import REST_SECONDS, Worker
from ledger.errors import ChainUnreachable
from ledger.service.gateway import Gateway
from tests.network import Network


def test_logs_are_json_on_stderr_and_stdout_stays_data(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger().warning("background", reason="no_answer")
    out, err = capsys.readouterr()
    assert out == ""
    line = json.loads(err)
    assert (line["event"], line["level"], line["reason"]) == ("background", "warning", "no_answer")
    assert line["timestamp"].endswith("Z")


def test_a_fault_is_logged_once_and_tried_again(network: Network, capsys: pytest.CaptureFixture[str]) -> None:
    gateway: Gateway = network.stack.server.gateway
    worker = Worker(gateway)
    calls: list[int] = []

    def fails() -> None:
        calls.append(1)
        if len(calls) == 3:
            worker._stop.set()
        raise ChainUnreachable("no chain RPC answers", reason="no_answer", host="secret.example")

    worker._loop(fails, 0)
    assert len(calls) == 3
    (line,) = [json.loads(text) for text in capsys.readouterr().err.splitlines() if "no_answer" in text]
    assert line["reason"] == "no_answer"
    assert "secret" not in json.dumps(line)


def test_the_relayer_rests_while_nothing_is_due_and_no_block_came(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    due, now = [False], [0.0]
    gateway = SimpleNamespace(
        deployment=SimpleNamespace(chain_id=31337),
        follower=SimpleNamespace(index=SimpleNamespace(tip=1)),
        relayer=SimpleNamespace(step=lambda: steps.append(1), is_due=lambda: due[0], marks=frozenset()),
    )
    monkeypatch.setattr("api.worker.resend", lambda _: 0)
    monkeypatch.setattr("api.worker.time.monotonic", lambda: now[0])
    worker = Worker(cast("Gateway", gateway))

    def relayed() -> int:
        before = len(steps)
        worker._relay()
        return len(steps) - before

    assert [relayed(), relayed()] == [1, 0]
    due[0] = True
    assert [relayed(), relayed()] == [1, 1]
    due[0] = False
    gateway.follower.index.tip = 2
    assert [relayed(), relayed()] == [1, 0]
    now[0] += REST_SECONDS
    assert [relayed(), relayed()] == [1, 0]

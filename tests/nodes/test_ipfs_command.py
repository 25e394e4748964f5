"""`consent ipfs` and a gateway's setting, with a real Kubo."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.stack import Stack
from ledger.records import manifest
from ledger.records.stores import opened
from tests.nodes.daemon import Kubo


def consent(*words: str, blocks: str = "") -> tuple[int, dict[str, Any]]:
    """Exit code and answer of a command in a process of its own."""
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "cli", *words, "--json"],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "CONSENT_BLOCKS": blocks},
    )
    return ran.returncode, json.loads(ran.stdout)


def test_a_private_node_passes(tmp_path: Path) -> None:
    with Kubo(tmp_path / "kubo") as node, opened(node.url) as store:
        manifest.store([b"a record"], store)
        code, answer = consent("ipfs", "check", blocks=f"{tmp_path},{node.url}")
    assert (code, answer["ok"], answer["findings"]) == (0, True, [])
    assert (answer["url"], answer["pins"]) == (node.url, 2)
    assert answer["version"].startswith("0.")


def test_each_finding_of_a_node_is_ended_by_its_command(tmp_path: Path) -> None:
    unsafe = {"Datastore__HashOnRead": False, "Swarm__DisableNatPortMap": False}
    with Kubo(tmp_path / "kubo", API__HTTPHeaders={"Access-Control-Allow-Origin": ["*"]}, **unsafe) as node:
        code, answer = consent("ipfs", "check", node.url)
        assert (code, answer["ok"]) == (10, False)
        assert [one["setting"] for one in answer["findings"]] == [
            "API.HTTPHeaders",
            "Swarm.DisableNatPortMap",
            "Datastore.HashOnRead",
        ]
        for one in answer["findings"]:
            subprocess.run(  # noqa: S602 - the command as a person would paste it
                one["command"],
                shell=True,
                check=True,
                env={**node.environment, "PATH": f"{node.program.parent}:{os.environ['PATH']}"},
            )
        node.restart()
        code, answer = consent("ipfs", "check", node.url)
    assert (code, answer["findings"]) == (0, [])


def test_a_node_that_asks_for_a_token_is_examined_with_it(tmp_path: Path) -> None:
    rules = {"ours": {"AuthSecret": "bearer:a-token", "AllowedPaths": ["/api/v0"]}}
    token = tmp_path / "token"
    token.write_text("a-token\n")
    token.chmod(0o600)
    with Kubo(tmp_path / "kubo", API__Authorizations=rules) as node:
        code, answer = consent("ipfs", "check", node.url)
        assert (code, answer["error"]["reason"]) == (3, "kubo_forbidden")
        code, answer = consent("ipfs", "check", node.url, "--blocks-token-file", str(token))
    assert (code, answer["ok"], answer["findings"]) == (0, True, [])
    assert "a-token" not in json.dumps(answer)


def test_nobody_there_is_worth_another_try() -> None:
    code, answer = consent("ipfs", "check", "http://127.0.0.1:9")
    assert (code, answer["error"]["reason"]) == (3, "kubo_unreachable")


@pytest.mark.chain
def test_a_gateway_keeps_its_blocks_where_it_is_told_and_says_if_it_cannot(tmp_path: Path) -> None:
    with Kubo(tmp_path / "kubo") as node, Stack(tmp_path / "state", blocks=node.url) as stack:
        root = manifest.store([b"a record"], stack.server.gateway.blocks)
        assert root in node.run("pin", "ls", "--type=recursive")
        assert httpx2.get(f"{stack.url}/readyz").status_code == 200
        node.kill()
        answer = httpx2.get(f"{stack.url}/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "kubo_unreachable")

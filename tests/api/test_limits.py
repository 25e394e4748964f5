"""What a stranger may send: bounded before anything parses it, and never the end of the process."""

import subprocess
import sys

import pytest

from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable
from tests.api.conftest import Scene


def test_no_import_of_ours_raises_the_recursion_limit() -> None:
    script = (
        "import os, sys\n"
        "from ledger.chain.rpc import Rpc\n"
        "from ledger.crypto.identity import Identity, new_words\n"
        "from ledger.errors import ChainUnreachable\n"
        "Identity.from_words(new_words(os.urandom)).account\n"
        "try:\n    Rpc('http://127.0.0.1:9').chain_id()\nexcept ChainUnreachable:\n    pass\n"
        "assert 'web3' in sys.modules and 'py_ecc' in sys.modules\n"
        "print(sys.getrecursionlimit())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "1000\n"


def test_importing_web3_leaves_the_recursion_limit_alone() -> None:
    before = sys.getrecursionlimit()
    rpc = Rpc("http://127.0.0.1:9")
    with pytest.raises(ChainUnreachable):
        rpc.chain_id()
    rpc.close()
    assert "web3" in sys.modules
    assert sys.getrecursionlimit() == before


@pytest.mark.parametrize("path", ["/v1/sign-in/challenge", "/v1/consents", "/access/v1/evaluation"])
def test_a_body_nested_to_death_is_refused(scene: Scene, path: str) -> None:
    with scene.http(scene.alice) as client:
        for depth in (100, 30_000, 100_000):
            refused = client.post(
                path, content=b"[" * depth + b"]" * depth, headers={"Content-Type": "application/json"}
            )
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/v1/sign-in/challenge", "/v1/consents"])
def test_a_body_over_the_bound_is_refused_without_a_sign_in(scene: Scene, path: str) -> None:
    with scene.http(None) as client:
        refused = client.post(path, content=b" " * ((4 << 20) + 1))
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


def test_a_block_over_the_bound_is_refused(scene: Scene) -> None:
    with scene.http(scene.alice) as client:
        refused = client.put(f"/v1/blocks/{scene.roots[0]}", content=b" " * ((2 << 20) + 1))
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


def test_a_record_that_is_no_cid_never_reaches_the_log(scene: Scene) -> None:
    size = scene.network.stack.server.gateway.journal.size
    asked = {
        "subject": {"type": "participant", "id": scene.stranger.did},
        "action": {"name": "access"},
        "resource": {"type": "record", "id": "x" * 200, "properties": {"patient": scene.alice.did}},
        "context": {"purpose": ["TREAT"]},
    }
    with scene.http(scene.stranger) as client:
        assert client.post("/access/v1/evaluation", json=asked).status_code == 400
        release = scene.access_request(scene.stranger, records=["x" * 100])
        assert client.post("/v1/releases", json=release).status_code == 400
    assert scene.network.stack.server.gateway.journal.size == size


def test_an_index_beyond_all_numbers_is_refused(scene: Scene) -> None:
    with scene.http(scene.alice) as client:
        assert client.get(f"/v1/log/receipts/{2**70}").status_code == 400

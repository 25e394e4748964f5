"""A gateway in a process of its own, and clients that want all of it: memory is bounded, others are served.

``CONSENT_API_FLOOD`` says how many MiB each attack sends.
"""

import json
import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from api.limits import MAX_BODY, MAX_OPEN, MOST_LARGE
from tests.api.conftest import Scene, sign_in
from tests.api.sockets import Wire
from tests.databases import ONLY_SQLITE
from tests.network import eventually
from tests.nodes.several import Process

pytestmark = ONLY_SQLITE  # what goes over the wire is no matter of the database

MIB = 1 << 20
FLOOD = int(os.environ.get("CONSENT_API_FLOOD", "100"))
MORE = 96
"""How many MiB an attack may add to what the gateway held at most before."""
FILES = 256
JSON = "Content-Type: application/json"
POST = "POST /v1/sign-in/challenge"


@pytest.fixture(scope="module")
def target(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway with few files to open, on the chain of the scene."""
    directory, stack = tmp_path_factory.mktemp("target"), scene.network.stack
    environment = {
        "CONSENT_STATE": str(directory / "state"),
        "CONSENT_DEPLOYMENT": str(stack.state / "deployment.json"),
        "CONSENT_RPC": stack.rpc_url,
    }
    (directory / "state").mkdir(mode=0o700)
    process = Process("target", environment, directory)
    process.start()
    try:
        eventually(lambda: process.ready)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="module")
def token(scene: Scene, target: Process) -> str:
    with httpx2.Client(base_url=target.url, timeout=30) as client:
        return sign_in(client, scene.mallory)


@pytest.fixture(autouse=True)
def _no_harm(target: Process) -> Iterator[None]:
    """Every attack leaves a gateway that is as large as before, by `MORE`, and answers."""
    before = memory(target)
    yield
    assert memory(target) - before < MORE
    assert served(target)


def memory(target: Process) -> float:
    """The most that the process ever held, in MiB."""
    text = Path(f"/proc/{target.pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def served(target: Process) -> bool:
    """Whether somebody who comes now is answered."""
    return httpx2.get(f"{target.url}/v1/gateway", timeout=5).status_code == 200


def chunks(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize("signed", [False, True], ids=["nobody", "somebody"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
def test_a_huge_body_is_413(target: Process, token: str, signed: bool, chunked: bool) -> None:
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {FLOOD * MIB}"
    signature = [f"Authorization: Bearer {token}"] if signed else []
    with Wire(target.url) as wire:
        wire.head("POST /v1/consents/preview", JSON, length, *signature)
        wire.pour(chunks(bytes(MIB)) if chunked else bytes(MIB), FLOOD)
        told = wire.told()
        assert (told.status, json.loads(told.body)["code"]) == (413, "too_large")
        assert served(target)


@pytest.mark.parametrize("begun", ["GET /", "GET /healthz HTTP/1.1\r\nA: ", "GET /healthz HTTP/1.1\r\n"])
def test_a_head_without_an_end_is_cut_off(target: Process, begun: str) -> None:
    piece = b"a" * MIB if begun.endswith((" ", "/")) else b"A: b\r\n" * (MIB // 6)
    with Wire(target.url) as wire:
        wire.send(begun.encode()).pour(piece, FLOOD)
        assert wire.told().status == 431


def test_who_sends_heads_in_drops_keeps_nobody_out(target: Process) -> None:
    with ExitStack() as closing:
        for _ in range(2 * FILES):
            closing.enter_context(Wire(target.url)).send(b"GET /healthz HTTP/1.1\r\nA: ")
        assert served(target)


def test_who_sends_bodies_in_drops_keeps_nobody_out(target: Process) -> None:
    with ExitStack() as closing:
        for _ in range(2 * FILES):
            closing.enter_context(Wire(target.url)).head(POST, JSON, "Content-Length: 1000").send(b"{")
        assert served(target)


def test_who_says_nothing_keeps_nobody_out(target: Process) -> None:
    with ExitStack() as closing:
        for _ in range(2 * FILES):
            closing.enter_context(Wire(target.url))
        assert served(target)


def test_large_bodies_that_never_end_are_held_for_few_at_a_time(target: Process, token: str) -> None:
    signed = f"Authorization: Bearer {token}"
    with ExitStack() as closing:
        for _ in range(4 * MOST_LARGE):
            wire = closing.enter_context(Wire(target.url))
            wire.head("POST /v1/consents/preview", JSON, signed, f"Content-Length: {MAX_BODY}")
            wire.send(bytes(MAX_OPEN))
        assert served(target)
        small = httpx2.post(f"{target.url}/v1/sign-in/challenge", json={"account": "0x"}, timeout=5)
        assert small.status_code == 400


def test_json_of_millions_of_parts_is_413(target: Process, token: str) -> None:
    body = b"[" + b"{}," * ((MAX_BODY - 8) // 3) + b"[]]"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=target.url, headers=headers, timeout=60) as client:
        assert client.post("/v1/consents", content=body).status_code == 413


def test_requests_that_come_at_once_wait_in_the_network(target: Process) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"
    with Wire(target.url) as wire:
        wire.send(request * 500)
        assert {wire.told().status for _ in range(500)} == {200}


def test_answers_that_nobody_reads_wait_for_their_reader(target: Process) -> None:
    with ExitStack() as closing:
        for _ in range(16):
            wire = closing.enter_context(Wire(target.url))
            for _ in range(8):
                wire.head("GET /openapi.json")
        assert served(target)


def test_challenges_are_not_kept(target: Process, scene: Scene) -> None:
    asked = {"account": scene.alice.identity.account.address}
    with httpx2.Client(base_url=target.url, timeout=30) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/sign-in/challenge", json=asked), range(300)))
    assert {one.status_code for one in answers} == {200}
    assert len({one.json()["nonce"] for one in answers}) == 300


@pytest.mark.parametrize("size", [513, 8000, 60_000])
def test_a_long_cursor_is_no_cursor(target: Process, size: int) -> None:
    answer = httpx2.get(f"{target.url}/v1/participants", params={"cursor": "A" * size}, timeout=30)
    assert answer.status_code in (400, 414)

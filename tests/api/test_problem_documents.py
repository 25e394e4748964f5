"""Every error is a problem document with the same members, whoever found it, and repeats nothing sent."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from api.app import create_app
from api.problems import MEDIA_TYPE, MEMBERS
from ledger.errors import StoreUnavailable
from tests.api.conftest import Scene
from tests.databases import ONLY_SQLITE

pytestmark = ONLY_SQLITE  # what goes over the wire is no matter of the database

SECRET = "Alice-Example-has-HIV"
JSON = {"Content-Type": "application/json"}


def is_problem(answer: httpx2.Response) -> dict[str, Any]:
    """The problem document that an answer is, with all of its members."""
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    found: dict[str, Any] = answer.json()
    assert found.keys() >= set(MEMBERS)
    assert found["status"] == answer.status_code
    assert all(found[name] for name in ("type", "title", "code", "reason", "detail", "request_id"))
    assert found["request_id"] == answer.headers["X-Request-ID"]
    assert SECRET not in answer.text
    return found


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"/{SECRET}", b"", 404),
        ("GET", f"/v1/{SECRET}/x", b"", 404),
        ("DELETE", "/v1/history", b"", 405),
        ("TRACE", "/v1/history", b"", 405),
        (SECRET.upper(), "/v1/history", b"", 400),
        ("POST", "/v1/requests", b"{", 400),
        ("POST", "/v1/requests", b"\xff\xfe", 400),
        ("POST", "/v1/requests", json.dumps({SECRET: 1}).encode(), 400),
        ("POST", "/v1/requests", json.dumps({"patient": SECRET * 9, "purpose": SECRET}).encode(), 400),
        ("POST", "/v1/requests", json.dumps({"patient": SECRET, "purpose": [], "expires": 1}).encode(), 400),
        ("POST", "/v1/requests", json.dumps({"patient": {SECRET: [SECRET]}}).encode(), 400),
        ("POST", "/v1/sign-in", json.dumps({"message": SECRET, "signature": SECRET}).encode(), 401),
        ("POST", "/v1/sign-in/challenge", json.dumps({"account": SECRET}).encode(), 400),
        ("POST", "/v1/participants", json.dumps({"profile": f'{{"{SECRET}":"{SECRET}"}}'}).encode(), 400),
        ("POST", "/v1/consents/preview", json.dumps({"document": SECRET}).encode(), 400),
        ("POST", f"/v1/consents/{SECRET}/revocation", b'{"signature":"0x"}', 400),
        ("GET", f"/v1/consents/{SECRET}", b"", 400),
        ("GET", f"/v1/requests/{SECRET}", b"", 400),
        ("GET", f"/v1/log/receipts/{SECRET}", b"", 400),
        ("GET", f"/v1/log/entries?start={SECRET}", b"", 400),
        ("GET", f"/v1/participants/{SECRET}", b"", 400),
        ("GET", f"/v1/blocks/{SECRET}", b"", 400),
        ("PUT", f"/v1/blocks/{SECRET}", b"data", 400),
        ("POST", "/v1/requests", b" " * ((4 << 20) + 1), 413),
        ("POST", "/v1/requests", b"[" * 99, 400),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else str(value)[:30],
)
def test_an_error_is_a_problem_and_repeats_nothing(
    scene: Scene, method: str, path: str, body: bytes, status: int
) -> None:
    caller = scene.clinic if path == "/v1/requests" else scene.alice
    with scene.signed_in(caller) as client:
        answer = client.request(method, path, content=body, headers=JSON)
    assert is_problem(answer)["status"] == status


def test_what_is_not_allowed_says_what_is(scene: Scene) -> None:
    with scene.http(None) as client:
        assert client.delete("/v1/history").headers["Allow"] == "GET"


@pytest.mark.parametrize("sent", ["", "a" * 129, "with space", "new\tline", "café"])
def test_a_request_id_that_is_not_plain_is_replaced(scene: Scene, sent: str) -> None:
    with scene.http(None) as client:
        answer = client.get("/healthz", headers={b"X-Request-ID": sent.encode()})
    assert answer.headers["X-Request-ID"] != sent
    assert len(answer.headers["X-Request-ID"]) == 36


def test_nothing_is_kept_by_caches(scene: Scene) -> None:
    with scene.http(None) as client:
        answers = [client.get("/healthz"), client.get("/none"), client.get("/v1/patient")]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_a_gateway_that_is_not_ready_says_why(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(_: object) -> None:
        raise StoreUnavailable("the block store does not answer", reason="blocks_down")

    monkeypatch.setattr("api.readiness.require_usable", down)
    with scene.http(None) as client:
        answer = client.get("/readyz")
    assert (is_problem(answer)["status"], answer.json()["reason"]) == (503, "blocks_down")
    assert answer.headers["Retry-After"]


@pytest.fixture
def failing(scene: Scene) -> httpx2.AsyncClient:
    """An app with a route that fails in a way nobody foresaw."""
    app = create_app(scene.network.stack.server.gateway)

    @app.get("/fail")
    def fail() -> None:
        raise ZeroDivisionError(SECRET)

    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://x")


def test_an_unforeseen_error_tells_neither_the_caller_nor_the_log_what_it_held(
    failing: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask() -> httpx2.Response:
        async with failing:
            return await failing.get("/fail", headers={"X-Request-ID": "r-1"})

    with capture_logs() as lines:
        answer = asyncio.run(ask())
    assert is_problem(answer)["status"] == 500
    (line,) = lines
    assert (line["kind"], line["request_id"]) == ("ZeroDivisionError", "r-1")
    assert SECRET not in str(lines) + capsys.readouterr().err

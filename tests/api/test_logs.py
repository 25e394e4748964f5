"""Every line of the log is JSON, says of which request it is, and quotes nothing that somebody sent."""

import json
import logging
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from httpx2 import ASGITransport, AsyncClient
from starlette.types import Receive, Scope, Send

from api import logs
from api.accesslog import MOST, AccessLog
from api.app import create_app
from api.requestids import RequestIds
from api.tallies import method_of, route_of
from tests.api.conftest import Scene

pytestmark = pytest.mark.anyio
CANARY = "canary-of-Jane-Doe"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Lines = Callable[[], list[str]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What went to stderr, with logs from `info` on, since this was asked last."""
    logs.configure("info")
    return lambda: capsys.readouterr().err.splitlines()


def parsed(found: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in found]


class TestRequestLines:
    async def test_one_line_for_each_request_and_nothing_of_who_or_what(
        self, scene: Scene, lines: Lines
    ) -> None:
        alice, token = scene.alice.did, scene.token(scene.clinic)
        access = AccessLog()

        def answered(scope: Scope, status: int, seconds: float, size: int) -> None:
            named = logs.REQUEST.get()
            route, method = route_of(scope), method_of(scope)
            access.tell(named, method=method, route=route, status=status, seconds=seconds, size=size)

        app = create_app(scene.network.stack.server.gateway, answered=answered)
        transport = ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "op-7"}
        with access:
            async with AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
                await client.get("/healthz", params={"patient": alice, "name": CANARY})
                await client.get(f"/{CANARY}/{alice}")
                await client.get(f"/v1/participants/{scene.clinic.did}")
                await client.post("/access/v1/evaluation", content=CANARY)
                await client.get("/healthz", headers={"X-Request-ID": alice})
        text = lines()
        told = parsed(text)
        assert [(line["route"], line["status"]) for line in told] == [
            ("/healthz", 200),
            ("other", 404),
            ("/v1/participants/{did}", 200),
            ("/access/v1/evaluation", 400),
            ("/healthz", 200),
        ]
        for line in told:
            assert line.keys() == {
                *("duration_ms", "event", "level", "method", "request_id"),
                *("route", "size", "status", "timestamp"),
            }
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
            assert line["duration_ms"] > 0
        assert [line["request_id"] for line in told[:4]] == ["op-7"] * 4
        assert told[4]["request_id"] == logs.loggable(alice)
        people = [one.identity.account.address[2:].lower() for one in (scene.alice, scene.clinic)]
        assert [
            each for each in (CANARY.lower(), "did:", token, *people) if each in "".join(text).lower()
        ] == []

    async def test_whoever_reads_too_slowly_is_told_how_many_lines_are_left_out(self, lines: Lines) -> None:
        access = AccessLog()
        for _ in range(MOST + 7):
            access.tell("r", method="GET", route="other", status=200, seconds=0.0, size=0)
        with access:
            pass
        told = parsed(lines())
        assert len(told) == MOST + 1
        assert told[-1] == {"event": "requests_not_told", "level": "warning", "number": 7}


class TestRequestIds:
    async def test_a_line_from_a_worker_thread_has_the_id_of_its_request(self, lines: Lines) -> None:
        from anyio import to_thread

        def act() -> None:
            beside = threading.current_thread() is not threading.main_thread()
            structlog.get_logger().info("acting", beside=beside)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await to_thread.run_sync(act)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        transport = ASGITransport(app=RequestIds(app))
        async with AsyncClient(transport=transport, base_url="http://gateway") as client:
            for name in ("first", "second"):
                await client.get("/", headers={"X-Request-ID": name})
        assert [(line["request_id"], line["beside"]) for line in parsed(lines())] == [
            ("first", True),
            ("second", True),
        ]

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("bfe9eb29-ab87-4dd5-bbee-0123456789ab", True),
            ("op_7.retry", True),
            ("did:pkh:eip155:1:0x4fd8", False),
            ("0x5FbDB2315678afecb367f032d93F642f64180aa3", False),
            ("eyJhbGciOi/JSUzM4NCJ9+=", False),
            ("a" * 65, False),
        ],
    )
    async def test_an_id_that_could_be_somebody_is_logged_as_its_hash(self, sent: str, kept: bool) -> None:
        logged = logs.loggable(sent)
        assert (logged == sent) is kept
        assert kept or re.fullmatch("sha256-[0-9a-f]{16}", logged)


class TestLevels:
    @pytest.mark.parametrize(("level", "said"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
    async def test_nothing_below_the_level_is_told(self, level: str, said: int, lines: Lines) -> None:
        logs.configure(level)
        for each in logs.LEVELS:
            getattr(structlog.get_logger(), each)("said")
        assert len(parsed(lines())) == said


class TestLibraries:
    async def test_what_a_library_logs_is_told_by_its_place_alone(self, lines: Lines) -> None:
        logger = logging.getLogger("some.library")
        logger.error("%s failed", CANARY, exc_info=ValueError(CANARY))
        logger.info("quiet")
        text = lines()
        (line,) = parsed(text)
        assert line["where"].startswith("some.library:")
        assert line["kind"] == "ValueError"
        assert CANARY not in text[0]

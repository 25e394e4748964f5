"""Connections of clients that are slow, rude or many: each ends in bounded time, and says why if it can."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from api import connections
from api.connections import MAX_FRAMING, MAX_HEAD, Connection
from api.limits import MAX_TARGET
from api.problems import MEDIA_TYPE
from tests.api.conftest import Scene
from tests.api.sockets import Told, Wire
from tests.databases import ONLY_SQLITE
from tests.network import eventually

pytestmark = ONLY_SQLITE  # what goes over the wire is no matter of the database

POST = "POST /v1/sign-in/challenge"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
MIB = 1 << 20


@pytest.fixture
def wire(scene: Scene) -> Iterator[Wire]:
    with Wire(scene.network.stack.url) as found:
        yield found


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for anything."""
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.05)
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "ANSWER_SECONDS"):
        monkeypatch.setattr(Connection, name, 0.2)


def is_problem(told: Told, status: int, code: str) -> None:
    assert (told.status, told.headers["content-type"]) == (status, MEDIA_TYPE)
    found = json.loads(told.body)
    assert (found["status"], found["code"]) == (status, code)
    assert found["request_id"] == told.headers["x-request-id"]


@pytest.mark.usefixtures("soon")
class TestSlowness:
    @pytest.mark.parametrize(
        "begun", ["G", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nA: b\r\nC"]
    )
    def test_a_head_that_does_not_end_is_408(self, wire: Wire, begun: str) -> None:
        is_problem(wire.send(begun.encode()).told(), 408, "request_timeout")
        assert wire.rest() == b""

    def test_who_says_nothing_is_told_nothing(self, wire: Wire) -> None:
        assert wire.rest() == b""

    def test_who_says_nothing_more_is_told_nothing_more(self, wire: Wire) -> None:
        assert wire.head("GET /healthz").told().status == 200
        assert wire.rest() == b""

    @pytest.mark.parametrize("field", ["Content-Length: 50", CHUNKED])
    def test_a_body_that_does_not_end_is_408(self, wire: Wire, field: str) -> None:
        wire.head(POST, JSON, field).send(b"1\r\n{" if field == CHUNKED else b"{")
        is_problem(wire.told(), 408, "request_timeout")
        assert wire.rest() == b""

    def test_a_refused_body_that_does_not_end_gets_one_answer(self, wire: Wire) -> None:
        wire.head(POST, JSON, f"Content-Length: {100 * MIB}").send(b"{")
        is_problem(wire.told(), 413, "too_large")
        assert wire.rest() == b""

    def test_answers_that_nobody_takes_are_thrown_away(self, wire: Wire) -> None:
        for _ in range(64):
            wire.head("GET /openapi.json")
        eventually(lambda: wire.pour(b"\r\n", 1) == 0)
        assert wire.rest().count(b"HTTP/1.1 200") < 64


class TestSize:
    def test_a_head_with_too_many_fields_is_431(self, wire: Wire) -> None:
        wire.head("GET /healthz", *[f"A{place}: b" for place in range(1000)])
        is_problem(wire.told(), 431, "head_too_large")

    def test_a_head_with_a_long_field_is_431(self, wire: Wire) -> None:
        is_problem(wire.head("GET /healthz", f"A: {'b' * MAX_HEAD}").told(), 431, "head_too_large")

    @pytest.mark.parametrize("begun", ["GET /", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA: "])
    def test_a_head_without_an_end_is_431(self, wire: Wire, begun: str) -> None:
        wire.send(begun.encode() + b"a" * MIB)
        is_problem(wire.told(), 431, "head_too_large")

    @pytest.mark.parametrize("path", ["/" + "a" * MAX_TARGET, "/v1/participants?cursor=" + "a" * MAX_TARGET])
    def test_a_long_target_is_414(self, wire: Wire, path: str) -> None:
        is_problem(wire.head(f"GET {path}").told(), 414, "head_too_large")

    @pytest.mark.parametrize("trailer", [b"A: " + b"a" * 2 * MAX_FRAMING, b"A: b\r\n" * MAX_FRAMING])
    def test_fields_behind_a_body_without_an_end_are_cut_off(self, wire: Wire, trailer: bytes) -> None:
        wire.head(POST, JSON, CHUNKED).send(b"2\r\n{}\r\n0\r\n")
        wire.pour(trailer, 1)
        is_problem(wire.told(), 431, "head_too_large")

    def test_a_body_in_many_small_chunks_is_a_body(self, scene: Scene, wire: Wire) -> None:
        body = json.dumps({"account": scene.alice.identity.account.address}).encode()
        pieces = b"".join(b"1\r\n%c\r\n" % octet for octet in body)
        assert wire.head(POST, JSON, CHUNKED).send(pieces + b"0\r\n\r\n").told().status == 200

    def test_blank_lines_without_an_end_are_cut_off(self, wire: Wire) -> None:
        assert wire.head("GET /healthz").told().status == 200
        wire.pour(b"\r\n" * MIB, 1)
        is_problem(wire.told(), 431, "head_too_large")


class TestRudeness:
    @pytest.mark.parametrize(
        "said",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
            b"GET\r\n\r\n",
            b"GET /healthz HTTP/9.9\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nA\x00b: c\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ],
        ids=["TLS", "half a line", "no version", "two lengths", "2 or 1", "negative", "a zero", "no chunk"],
    )
    def test_what_is_not_http_is_a_problem(self, wire: Wire, said: bytes) -> None:
        is_problem(wire.send(said).told(), 400, "invalid_input")

    def test_who_leaves_within_a_body_has_asked_for_nothing(self, scene: Scene) -> None:
        token = scene.token(scene.mallory)
        with Wire(scene.network.stack.url) as wire:
            signed = f"Authorization: Bearer {token}"
            wire.head("DELETE /v1/sign-in", signed, "Content-Length: 9").send(b"short")
        with Wire(scene.network.stack.url) as wire:
            assert wire.head("GET /v1/patient", signed).told().status == 200

    def test_no_other_protocol_is_spoken(self, wire: Wire) -> None:
        fields = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        assert (
            wire.head("GET /healthz", *fields, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==").told().status
            == 200
        )

    def test_a_body_that_waits_for_a_word_is_refused_before_it_comes(self, wire: Wire) -> None:
        wire.head(POST, JSON, f"Content-Length: {100 * MIB}", "Expect: 100-continue")
        told = wire.told()
        is_problem(told, 413, "too_large")
        assert told.headers["connection"] == "close"
        assert wire.rest() == b""

    def test_requests_that_come_at_once_are_answered_in_order(self, wire: Wire) -> None:
        for place in range(500):
            wire.head("GET /healthz", f"X-Request-ID: r{place}")
        assert [wire.told().headers["x-request-id"] for _ in range(500)] == [f"r{n}" for n in range(500)]


class TestMany:
    @pytest.fixture(autouse=True)
    def _few(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        """Eight at most, and none of them another test's."""
        monkeypatch.setattr(connections, "most_connections", lambda: 8)
        with ExitStack() as closing:
            for _ in range(8):
                closing.enter_context(Wire(scene.network.stack.url)).head("GET /healthz").told()
        server = scene.network.stack.server._server
        assert server is not None
        eventually(lambda: not server.server_state.connections)

    @pytest.mark.parametrize(
        ("begun", "told"),
        [
            (b"", b""),
            (b"GET /healthz HTTP/1.1\r\n", b"HTTP/1.1 503 "),
            (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"HTTP/1.1 503 "),
        ],
        ids=["nothing", "a head", "a body"],
    )
    def test_who_waits_longest_makes_room(self, scene: Scene, begun: bytes, told: bytes) -> None:
        with ExitStack() as closing:
            held = [closing.enter_context(Wire(scene.network.stack.url).send(begun)) for _ in range(8)]
            for _ in range(8):
                wire = closing.enter_context(Wire(scene.network.stack.url))
                assert wire.head("GET /healthz").told().status == 200
            for wire in held:
                ended = wire.rest()
                assert ended.startswith(told)
                assert bool(ended) == bool(told)
                assert (b"retry-after: " in ended) == bool(told)

"""HTTP to a gateway: which URLs, what happens when it does not answer as one."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ledger.client.http import Http, parse_origin
from ledger.client.problems import error_of
from ledger.client.wire import Enrolled
from ledger.errors import (
    AccessDenied,
    Bug,
    Conflict,
    DocumentRejected,
    GatewayUnreachable,
    InvalidInput,
    LedgerError,
    NotFound,
    SignInRequired,
    leaves,
)

ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "/ok": (200, "application/json", b'{"patient":"did","tag":"0x"}'),
    "/html": (200, "text/html", b"<html>"),
    "/shape": (200, "application/json", b'{"patient":7}'),
    "/conflict": (409, "application/problem+json", b'{"code":"conflict","reason":"taken","detail":"no"}'),
    "/proxy": (502, "text/html", b"<html>bad gateway</html>"),
    "/moved": (307, "text/plain", b""),
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, media, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        if status == 307:
            self.send_header("Location", "/ok")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def test_a_good_answer_is_decoded(server: str) -> None:
    with Http(server) as http:
        assert http.decode(http.call("GET", "/ok"), Enrolled).patient == "did"


@pytest.mark.parametrize("path", ["/html", "/shape"])
def test_an_answer_of_another_shape_is_no_gateway(server: str, path: str) -> None:
    with Http(server) as http, pytest.raises(GatewayUnreachable) as caught:
        http.decode(http.call("GET", path), Enrolled)
    assert caught.value.reason == "bad_answer"


def test_a_problem_becomes_the_error_that_the_gateway_raised(server: str) -> None:
    with Http(server) as http, pytest.raises(Conflict) as caught:
        http.call("GET", "/conflict")
    assert (caught.value.reason, caught.value.message) == ("taken", "no")


def test_a_proxy_that_answers_for_a_dead_gateway_is_transient(server: str) -> None:
    with Http(server) as http, pytest.raises(GatewayUnreachable):
        http.call("GET", "/proxy")


def test_a_redirect_is_not_followed(server: str) -> None:
    with Http(server) as http, pytest.raises(InvalidInput):
        http.call("GET", "/moved")


def test_nobody_there_says_what_to_do() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with (
            Http(f"http://127.0.0.1:{held.getsockname()[1]}") as http,
            pytest.raises(GatewayUnreachable) as caught,
        ):
            http.call("GET", "/ok")
    assert caught.value.reason == "no_answer"
    assert "consent up" in caught.value.fix


def test_a_silent_server_runs_into_the_deadline() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        Http(f"http://127.0.0.1:{mute.getsockname()[1]}", timeout=0.2) as http,
        pytest.raises(GatewayUnreachable) as caught,
    ):
        http.call("GET", "/ok")
    assert caught.value.reason == "timeout"


@pytest.mark.parametrize(
    "url",
    ["https://ledger.example", "https://ledger.example:8443/", "http://127.0.0.1:8440", "http://[::1]:8440"],
)
def test_an_origin_is_https_or_on_this_machine(url: str) -> None:
    assert parse_origin(url) == url.removesuffix("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://ledger.example",
        "https://ledger.example/api",
        "https://me@ledger.example",
        "https://ledger.example?x=1",
        "ftp://127.0.0.1",
        "127.0.0.1:8440",
        "https://",
        "https://ledger.example:99999",
        "HTTPS://ledger.example",
        "https://LEDGER.example",
        "http://127.0.0.1.evil.example",
    ],
)
def test_every_other_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_origin(url)
    assert caught.value.reason == "bad_gateway_url"


@pytest.mark.parametrize("kind", [kind for kind in leaves() if kind.__module__ == LedgerError.__module__])
def test_every_ledger_error_survives_the_wire(kind: type[LedgerError]) -> None:
    sent = (
        DocumentRejected("Consent.provision", "cannot be enforced", reason="r", fix="f")
        if kind is DocumentRejected
        else kind("what", reason="r", fix="f", count=3)
    )
    body = {"detail": sent.message, "code": sent.code, "reason": sent.reason, "fix": sent.fix, **sent.fields}
    found = error_of(400, "application/problem+json", json.dumps(body).encode())
    assert type(found) is kind
    assert found.as_dict() == sent.as_dict()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInput),
        (401, SignInRequired),
        (404, NotFound),
        (500, GatewayUnreachable),
        (503, GatewayUnreachable),
    ],
)
def test_an_unknown_code_goes_by_the_status(status: int, kind: type[LedgerError]) -> None:
    for body in (b'{"code":"new_in_version_9"}', b"{", b"[]", b'{"code":["conflict"]}'):
        assert type(error_of(status, "application/problem+json", body)) is kind


def test_what_a_gateway_writes_cannot_drive_the_terminal() -> None:
    body = json.dumps(
        {"code": "access_denied", "detail": "\x1b[2Jgone" + "x" * 9000, "path": "a\u202eb"}
    ).encode()
    found = error_of(403, "application/problem+json; charset=utf-8", body)
    assert type(found) is AccessDenied
    assert found.message.startswith("[2Jgone")
    assert len(found.message) <= 600
    assert found.fields == {"path": "ab"}


def test_fields_of_a_problem_cannot_overwrite_the_error() -> None:
    body = json.dumps({"code": "bug", "message": "x", "self": "y", "detail": "z", "fields": "w"}).encode()
    found = error_of(500, "application/problem+json", body)
    assert type(found) is Bug
    assert found.message == "z"

"""Nothing that a caller sends is in a log, whatever it is sent as and whatever goes wrong with it."""

import logging
import os
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

import httpx2
import pytest

from api import authzen, searching
from api.app import create_app
from api.openapi import operations
from ledger.service import views
from ledger.service.gateway import Gateway
from tests.api.conftest import Scene
from tests.api.sockets import Wire
from tests.databases import ONLY_SQLITE

pytestmark = ONLY_SQLITE  # what goes over the wire is no matter of the database

DOCUMENT: dict[str, Any] = create_app(cast(Gateway, None)).openapi()
HEADERS = [
    "Accept",
    "Authorization",
    "Cookie",
    "Forwarded",
    "From",
    "Idempotency-Key",
    "Origin",
    "Referer",
    "User-Agent",
    "X-Api-Key",
    "X-Forwarded-For",
]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def canary() -> str:
    return f"canary{os.urandom(8).hex()}"


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that this process has written since, on its outputs and to any logger but those of the caller."""
    caplog.set_level(logging.DEBUG)
    capfd.readouterr()

    def text() -> str:
        told = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
        lines = [caplog.handler.format(one) for one in told]
        return "".join([*capfd.readouterr(), *lines])

    return text


def marked(value: Any, canary: str) -> Any:  # noqa: ANN401
    """A body with the canary for every text in it, and as a name."""
    if isinstance(value, dict):
        return {canary: 1, **{name: marked(part, canary) for name, part in value.items()}}
    if isinstance(value, list):
        return [marked(part, canary) for part in value]
    return canary if isinstance(value, str) else value


def sent(
    client: httpx2.Client, operation: str, shape: dict[str, Any], canary: str, *, whole: bool
) -> httpx2.Response:
    """A request with the canary wherever there is room; if `whole`, only where the form stays good."""
    method, path = operation.split(" ", 1)
    for parameter in shape.get("parameters", ()):
        named = f"{{{parameter['name']}}}"
        path = path.replace(named, str(parameter["example"]) if whole else canary)
    content = shape.get("requestBody", {}).get("content", {})
    query = {"access_token": canary, **({} if whole else {"cursor": canary, "start": canary})}
    body: dict[str, Any] = {}
    if "application/json" in content:
        example = content["application/json"]["example"]
        body = {"json": {**example, "note": canary} if whole else marked(example, canary)}
    elif FORM in content:
        form = urlencode(marked(content[FORM]["example"], canary))
        body = {"content": form.encode(), "headers": {"Content-Type": FORM}}
    return client.request(method, path, params=query, **body)


def test_what_callers_send_is_in_no_log(scene: Scene, canary: str, logged: Callable[[], str]) -> None:
    tokens = [scene.token(person) for person in (scene.alice, scene.clinic)]
    for token in [None, *tokens]:
        headers = dict.fromkeys(HEADERS, canary)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        with scene.http(None) as client:
            client.headers.update(headers)
            for operation, shape in operations(DOCUMENT):
                for whole in (False, True):
                    if not operation.startswith("DELETE /v1/sign-in"):
                        assert sent(client, operation, shape, canary, whole=whole).status_code < 500
    text = logged()
    for secret in (canary, *tokens, *(token[3:] for token in tokens)):
        assert secret not in text


def test_what_is_no_http_is_in_no_log(scene: Scene, canary: str, logged: Callable[[], str]) -> None:
    for said in (
        f"{canary} / HTTP/1.1\r\n\r\n",
        f"GET /{canary} HTTP/{canary}\r\n\r\n",
        f"GET / HTTP/1.1\r\n{canary}\r\n\r\n",
        f"GET / HTTP/1.1\r\nContent-Length: {canary}\r\n\r\n",
        f"GET /{canary} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {canary}\r\n\r\n",
        f"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{canary}\r\n",
    ):
        with Wire(scene.network.stack.url) as wire:
            assert wire.send(said.encode()).told().status in (400, 404)
    assert canary not in logged()


@pytest.mark.parametrize("chained", [False, True], ids=["alone", "from another"])
def test_what_a_bug_of_ours_says_is_in_no_log_and_no_answer(
    scene: Scene,
    canary: str,
    chained: bool,
    logged: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **more: object) -> None:
        local = f"{canary} {args} {more}"
        raise ZeroDivisionError(local) from (KeyError(local) if chained else None)

    asked = {
        "subject": {"type": "participant", "id": scene.clinic.did},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": scene.alice.did},
        "context": {"purpose": ["TREAT"]},
    }
    monkeypatch.setattr(views, "requests_for", fail)
    for module in (authzen, searching):
        monkeypatch.setattr(module, "question", fail)
    with scene.signed_in(scene.clinic) as client:
        answers = [
            client.get("/v1/requests"),
            client.post("/access/v1/evaluation", json=asked),
            client.post("/access/v1/search/action", json=asked),
        ]
    text = logged()
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (500, "error")
        assert canary not in answer.text
        assert answer.headers["X-Request-ID"] in text
    assert canary not in text
    assert "Traceback" not in text
    assert "ZeroDivisionError" in text

"""The typed client has a method for every operation of the document, and the command line needs no more."""

import inspect
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, cast, get_type_hints

import httpx2
import pytest

import cli
from api.app import create_app
from api.openapi import operations
from ledger.client import gateway as module
from ledger.client.gateway import GatewayClient
from ledger.client.session import SignedIn
from ledger.client.wire import Session
from ledger.crypto.identity import Account
from ledger.errors import GatewayUnreachable
from ledger.service.gateway import Gateway

DOCUMENT: dict[str, Any] = create_app(cast(Gateway, None)).openapi()
OPERATIONS = dict(operations(DOCUMENT))
BY_THE_SESSION = {"POST /v1/sign-in/challenge", "POST /v1/sign-in", "DELETE /v1/sign-in"}
"""What the client does by itself, when a call needs it."""
SAMPLES: dict[Any, Any] = {str: "x", int: 1, bytes: b"{}", bool: False}


def methods() -> dict[str, Any]:
    """Every call of the client that asks something."""
    found = inspect.getmembers(GatewayClient, inspect.isfunction)
    return {
        name: one for name, one in found if not name.startswith("_") and name not in ("close", "sign_out")
    }


def sample(kind: Any) -> Any:  # noqa: ANN401
    """A value of a parameter's type."""
    kind = getattr(kind, "__supertype__", kind)
    if kind in SAMPLES:
        return SAMPLES[kind]
    return {} if "dict[" in str(kind) and not str(kind).startswith(("list", "collections")) else []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[httpx2.Request]]:
    """What each method sends when it is called with anything of the right type."""
    session = Session(token="cl_" + "0" * 64, expires_at=0, account="")
    monkeypatch.setattr(SignedIn, "_sign_in", lambda _: session)
    sent: dict[str, list[httpx2.Request]] = {}
    for name, method in methods().items():
        seen = sent.setdefault(name, [])

        def answer(request: httpx2.Request, seen: list[httpx2.Request] = seen) -> httpx2.Response:
            seen.append(request)
            return httpx2.Response(200, json=None)

        client = GatewayClient(
            "http://127.0.0.1:1",
            chain_id=1,
            account=Account.from_key(bytes(31) + b"\1"),
            transport=httpx2.MockTransport(answer),
        )
        hints = get_type_hints(method)
        needed = [
            one.name
            for one in inspect.signature(method).parameters.values()
            if one.name != "self" and one.default is inspect.Parameter.empty
        ]
        with client, suppress(GatewayUnreachable):  # null is no answer to anything
            method(client, **{one: sample(hints[one]) for one in needed})
    return sent


def operation_of(request: httpx2.Request) -> str:
    """The operation that a request is for."""
    for operation in sorted(OPERATIONS, key=lambda one: one.count("{")):
        method, path = operation.split(" ", 1)
        if method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path):
            return operation
    return f"{request.method} {request.url.path}"


def test_every_operation_has_a_method_and_every_method_an_operation(
    asked: dict[str, list[httpx2.Request]],
) -> None:
    reached = {name: {operation_of(one) for one in sent} for name, sent in asked.items()}
    assert {name for name, found in reached.items() if len(found) != 1} == set()
    assert set.union(*reached.values()) | BY_THE_SESSION == OPERATIONS.keys()


def test_every_method_says_what_it_takes_and_gives() -> None:
    for name, method in methods().items():
        hints = get_type_hints(method)
        assert hints.keys() >= set(inspect.signature(method).parameters) - {"self"} | {"return"}, name
        assert Any not in hints.values(), name


def test_what_takes_an_idempotency_key_is_given_one(asked: dict[str, list[httpx2.Request]]) -> None:
    taking = {
        operation
        for operation, shape in OPERATIONS.items()
        if any(one["name"] == "Idempotency-Key" for one in shape.get("parameters", ()))
    }
    given = {operation_of(one) for sent in asked.values() for one in sent if "Idempotency-Key" in one.headers}
    assert given == taking
    assert {f"POST {path}" for path in module.ONCE} == taking


def test_a_write_whose_answer_is_lost_is_sent_again_under_the_same_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Session(token="cl_" + "0" * 64, expires_at=0, account="")
    monkeypatch.setattr(SignedIn, "_sign_in", lambda _: session)
    keys: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx2.ReadError("gone")
        return httpx2.Response(200, json={})

    account = Account.from_key(bytes(31) + b"\1")
    transport = httpx2.MockTransport(answer)
    with GatewayClient("http://127.0.0.1:1", chain_id=1, account=account, transport=transport) as client:
        for _ in range(2):
            with pytest.raises(GatewayUnreachable):  # an object without members is no answer
                client.request({})
    assert len(keys) == 3
    assert keys[0] == keys[1] != keys[2]


def test_lists_are_read_to_their_end(asked: dict[str, list[httpx2.Request]]) -> None:
    paged = {
        operation
        for operation, shape in OPERATIONS.items()
        if any(one["name"] == "cursor" for one in shape.get("parameters", ()))
    }
    source = inspect.getsource(module)
    read = {f"GET {path}" for path in re.findall(r'self\._pages\([^"]*f?"([^"?{]+)', source)}
    assert paged <= read


def test_the_command_line_speaks_to_gateways_through_the_client_alone() -> None:
    spoken = re.compile(r"^\s*(import|from) (httpx2?|requests|urllib\.request|http\.client|aiohttp)\b", re.M)
    for path in Path(cli.__path__[0]).rglob("*.py"):
        assert not spoken.search(path.read_text()), path

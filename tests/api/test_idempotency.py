"""Writes that are sent again: once in effect, whether by their content or by an Idempotency-Key."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.api.conftest import Scene
from tests.network import Person

DAY = 86_400_000


def asked(scene: Scene, **change: Any) -> dict[str, Any]:  # noqa: ANN401
    expires = int(time.time() * 1000) + DAY
    return {"patient": scene.mallory.did, "purpose": ["TREAT"], "expires": expires, **change}


def send(scene: Scene, person: Person, body: dict[str, Any], key: str | None) -> httpx2.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    with scene.signed_in(person) as client:
        return client.post("/v1/requests", json=body, headers=headers)


def outbox(scene: Scene, person: Person) -> set[str]:
    with scene.signed_in(person) as client:
        return {one["request"] for one in client.get("/v1/requests").json()["requests"]}


def test_the_same_key_and_body_give_the_same_answer_and_one_effect(scene: Scene) -> None:
    body, before = asked(scene), outbox(scene, scene.clinic)
    answers = [send(scene, scene.clinic, body, "k-1").json() for _ in range(3)]
    named = {(one["request"], one["index"], one["state"]) for one in answers}
    assert len(named) == 1
    assert len(outbox(scene, scene.clinic) - before) == 1
    assert all(one["receipt"]["entry"] == answers[0]["receipt"]["entry"] for one in answers)


def test_without_a_key_each_is_a_request_of_its_own(scene: Scene) -> None:
    body = asked(scene)
    assert len({send(scene, scene.clinic, body, None).json()["request"] for _ in range(2)}) == 2


def test_the_same_key_with_another_body_is_422(scene: Scene) -> None:
    body = asked(scene)
    send(scene, scene.clinic, body, "k-2")
    for change in ({"purpose": ["HRESCH"]}, {"patient": scene.alice.did}, {"note": "more"}):
        refused = send(scene, scene.clinic, {**body, **change}, "k-2")
        assert (refused.status_code, refused.json()["reason"]) == (422, "idempotency_key_reused")


def test_a_key_is_its_callers_own(scene: Scene) -> None:
    body = asked(scene)
    first, second = send(scene, scene.clinic, body, "k-3"), send(scene, scene.stranger, body, "k-3")
    assert first.json()["request"] != second.json()["request"]


def test_what_was_refused_may_be_sent_again(scene: Scene) -> None:
    refused = send(scene, scene.clinic, asked(scene, expires=1), "k-4")
    assert refused.status_code == 400
    assert send(scene, scene.clinic, asked(scene), "k-4").status_code == 200


@pytest.mark.parametrize("key", ["", "with space", "x" * 256])
def test_a_key_in_another_form_is_refused(scene: Scene, key: str) -> None:
    refused = send(scene, scene.clinic, asked(scene), key)
    assert (refused.status_code, refused.json()["reason"]) == (400, "bad_idempotency_key")


def test_many_at_once_have_one_effect(scene: Scene) -> None:
    body, before = asked(scene), outbox(scene, scene.clinic)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(scene, scene.clinic, body, "k-5").json(), range(8)))
    assert len({one["request"] for one in answers}) == 1
    assert len(outbox(scene, scene.clinic) - before) == 1


def test_the_database_keeps_neither_key_nor_body(scene: Scene) -> None:
    send(scene, scene.clinic, asked(scene, note="a note to find"), "k-6-to-find")
    state = scene.network.stack.state
    stored = b"".join(path.read_bytes() for path in state.glob("gateway.sqlite*") if path.is_file())
    assert b"to-find" not in stored
    assert b"a note to find" not in stored

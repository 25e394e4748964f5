"""Access checks over HTTP take the short way or the long one, and nobody can tell which from the answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.api.conftest import Scene

ONE, MANY = "/access/v1/evaluation", "/access/v1/evaluations"
LONG = {"Content-Type": "application/json; charset=utf-8"}
"""What a client may send as well, and what the short way leaves to the long one."""


def question(scene: Scene, **change: object) -> dict[str, Any]:
    return {
        "subject": {"type": "participant", "id": scene.clinic.did},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": scene.alice.did},
        "context": {"purpose": ["TREAT"]},
        **change,
    }


@pytest.fixture
def client(scene: Scene) -> Iterator[httpx2.Client]:
    with scene.signed_in(scene.clinic) as client:
        yield client


def told(answer: httpx2.Response) -> tuple[int, Any]:
    """Status and body, without what is new in every answer."""
    return answer.status_code, _plain(answer.json())


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        new = ("evaluation", "time", "log", "head", "request_id")
        return {key: _plain(item) for key, item in value.items() if key not in new}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"context": {"purpose": ["HRESCH"]}},
        {"context": {"purpose": ["NOSUCH"]}},
        {"context": {}},
        {"context": None},
        {"subject": {"type": "participant", "id": "did:pkh:eip155:31337:0x00"}},
        {"resource": {"type": "record", "id": "x"}},
        {"resource": {"type": "record", "id": "x", "properties": {"patient": 7}}},
        {"action": {"name": "a" * 65}},
        {"action": {}},
        {"more": 1},
    ],
)
def test_both_ways_answer_alike(scene: Scene, client: httpx2.Client, change: dict[str, Any]) -> None:
    asked = question(scene, **change)
    assert told(client.post(ONE, json=asked)) == told(client.post(ONE, json=asked, headers=LONG))
    batch = {**question(scene), "evaluations": [{}, change]}
    assert told(client.post(MANY, json=batch)) == told(client.post(MANY, json=batch, headers=LONG))


def test_both_ways_refuse_a_session_that_was_ended(scene: Scene) -> None:
    with scene.http(scene.clinic) as client:
        assert client.post(ONE, json=question(scene)).json()["decision"] is True
        assert client.delete("/v1/sign-in").status_code == 204
        answers = [client.post(ONE, json=question(scene), headers=more) for more in ({}, LONG)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert told(answers[0]) == told(answers[1])


def test_each_of_many_at_once_has_its_own_entry(scene: Scene, client: httpx2.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(client.post, ONE, json=question(scene)) for _ in range(64)]
        places = [one.result().json()["context"]["log"]["index"] for one in asked]
    assert len(set(places)) == 64

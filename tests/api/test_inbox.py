"""The inbox over HTTP: in pages that are the list, counted, and nobody else's."""

import time
from typing import Any

import httpx2
import pytest

from tests.api.conftest import Scene
from tests.api.test_paging import pages


@pytest.fixture(scope="module")
def asked(scene: Scene) -> list[str]:
    """Alice is asked by three, and says no to one; the ids of what was asked."""
    found = []
    for asking in (scene.clinic, scene.stranger, scene.clinic):
        body = {"patient": scene.alice.did, "purpose": ["TREAT"]}
        with scene.signed_in(asking) as client:
            found.append(str(client.post("/v1/requests", json=body).json()["request"]))
    with scene.signed_in(scene.alice) as client:
        assert client.post(f"/v1/requests/{found[0]}/decline").status_code == 200
    return found


def items(client: httpx2.Client, **query: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    found: list[dict[str, Any]] = client.get("/v1/inbox", params=query).json()["items"]
    return found


def test_the_pages_are_the_inbox_and_say_how_much_there_is(scene: Scene, asked: list[str]) -> None:
    with scene.signed_in(scene.alice) as client:
        whole = client.get("/v1/inbox").json()
        found = pages(client, "/v1/inbox", 1)
    assert [one for page in found for one in page["items"]] == whole["items"]
    assert all(page["counts"] == whole["counts"] for page in found)
    does = [one["does"] for one in whole["items"]]
    assert {name: does.count(name) for name in ("answer", "open", "news")} == whole["counts"]
    assert does == sorted(does, key=["answer", "open", "news"].index)
    assert set(asked[1:]) <= {one["about"] for one in whole["items"]}
    assert asked[0] not in {one["about"] for one in whole["items"]}


def test_whom_an_item_concerns_is_said(scene: Scene, asked: list[str]) -> None:
    with scene.signed_in(scene.stranger) as client:
        (mine,) = [one for one in items(client) if one["about"] == asked[1]]
    assert (mine["kind"], mine["does"]) == ("request.open", "open")
    assert (mine["patient"], mine["providers"]) == (scene.alice.did, [scene.stranger.did])
    assert mine["by"] - mine["at"] == pytest.approx(30 * 86_400_000, abs=60_000)


def test_news_begin_where_they_are_asked_to(scene: Scene, asked: list[str]) -> None:
    with scene.signed_in(scene.clinic) as client:
        assert asked[0] in {one["about"] for one in items(client)}
        later = int(time.time() * 1000) + 60_000
        assert {one["does"] for one in items(client, since=later)} <= {"answer", "open"}
        assert client.get("/v1/inbox", params={"since": -1}).status_code == 400


def test_a_cursor_is_its_callers_and_its_questions_own(scene: Scene, asked: list[str]) -> None:
    assert asked
    with scene.signed_in(scene.alice) as client:
        cursor = client.get("/v1/inbox", params={"limit": 1}).json()["next"]
        since = client.get("/v1/inbox", params={"cursor": cursor, "since": 1})
        assert (since.status_code, since.json()["reason"]) == (400, "bad_cursor")
    with scene.signed_in(scene.mallory) as client:
        assert client.get("/v1/inbox", params={"cursor": cursor}).status_code == 400
        assert client.get("/v1/inbox").json() == {
            "counts": {"answer": 0, "open": 0, "news": 0},
            "items": [],
        }

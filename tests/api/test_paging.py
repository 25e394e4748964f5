"""Lists in pages: whole, in order, for one caller; a cursor is nobody else's, and nothing counts the rest."""

import base64
import time
from typing import Any

import httpx2
import pytest

from ledger.client import gateway
from ledger.errors import GatewayUnreachable
from tests.api.conftest import Scene
from tests.network import Network, Person

LISTS = {
    "/v1/participants": "participants",
    "/v1/consents": "consents",
    "/v1/requests": "requests",
    "/v1/records": "records",
    "/v1/history": "disclosures",
}


@pytest.fixture(scope="module")
def busy(scene: Scene) -> Person:
    """Alice, after some have asked her."""
    for asking in (scene.clinic, scene.stranger, scene.clinic):
        body = {
            "patient": scene.alice.did,
            "purpose": ["TREAT"],
            "expires": int(time.time() * 1000) + 86_400_000,
        }
        question = {
            "subject": {"type": "participant", "id": asking.did},
            "action": {"name": "access"},
            "resource": {"type": "patient", "id": scene.alice.did},
            "context": {"purpose": ["TREAT"]},
        }
        with scene.signed_in(asking) as client:
            assert client.post("/v1/requests", json=body).status_code == 200
            assert client.post("/access/v1/evaluation", json=question).status_code == 200
    return scene.alice


def pages(client: httpx2.Client, path: str, limit: int) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        page = client.get(path, params={"limit": limit, "cursor": cursor}).json()
        found.append(page)
        cursor = page.get("next", "")
        if not cursor:
            return found


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [1, 2])
def test_the_pages_are_the_list(scene: Scene, busy: Person, path: str, limit: int) -> None:
    name = LISTS[path]
    with scene.signed_in(busy) as client:
        whole = client.get(path).json()
        found = pages(client, path, limit)
    assert "next" not in whole
    assert [one for page in found for one in page[name]] == whole[name]
    assert all(len(page[name]) == limit for page in found[:-1])
    assert all(page.keys() <= {name, "next"} for page in found)


def cursor_of(scene: Scene, person: Person, path: str = "/v1/history") -> str:
    with scene.signed_in(person) as client:
        return str(client.get(path, params={"limit": 1}).json()["next"])


def test_a_cursor_is_its_callers_own(scene: Scene, busy: Person) -> None:
    cursor = cursor_of(scene, busy)
    with scene.signed_in(scene.mallory) as client:
        refused = client.get("/v1/history", params={"cursor": cursor})
    assert (refused.status_code, refused.json()["reason"]) == (400, "bad_cursor")


def test_a_cursor_is_of_its_list_only(scene: Scene, busy: Person) -> None:
    cursor = cursor_of(scene, busy)
    with scene.signed_in(busy) as client:
        for path in LISTS.keys() - {"/v1/history"}:
            assert client.get(path, params={"cursor": cursor}).json()["reason"] == "bad_cursor"


def test_a_cursor_tells_nothing_and_cannot_be_changed(scene: Scene, busy: Person) -> None:
    cursor = cursor_of(scene, busy)
    assert cursor_of(scene, busy) != cursor
    raw = base64.urlsafe_b64decode(cursor + "==="[: -len(cursor) % 4])
    with scene.signed_in(busy) as client:
        for place in range(len(raw)):
            changed = bytearray(raw)
            changed[place] ^= 1
            text = base64.urlsafe_b64encode(bytes(changed)).decode().rstrip("=")
            assert client.get("/v1/history", params={"cursor": text}).json()["reason"] == "bad_cursor"


@pytest.mark.parametrize("cursor", ["0", "a", "é", "====", "x" * 512, "../../etc"])
def test_what_is_no_cursor_is_refused(scene: Scene, cursor: str) -> None:
    with scene.signed_in(scene.alice) as client:
        assert client.get("/v1/history", params={"cursor": cursor}).status_code == 400


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x"])
def test_a_page_is_bounded(scene: Scene, limit: str) -> None:
    with scene.signed_in(scene.alice) as client:
        assert client.get("/v1/history", params={"limit": limit}).status_code == 400


def test_what_comes_meanwhile_moves_no_page(scene: Scene, busy: Person) -> None:
    with scene.signed_in(busy) as client:
        before = client.get("/v1/history").json()["disclosures"]
        first = client.get("/v1/history", params={"limit": 1}).json()
    with scene.signed_in(scene.clinic) as client:
        client.post("/v1/releases", json=scene.access_request(scene.clinic))
    with scene.signed_in(busy) as client:
        rest = client.get("/v1/history", params={"cursor": first["next"]}).json()["disclosures"]
    assert [*first["disclosures"], *rest][: len(before)] == before


def test_the_client_reads_all_pages(scene: Scene, busy: Person, network: Network) -> None:
    seen: list[str] = []

    def in_small_pages(asked: str, answer: Any) -> Any:  # noqa: ANN401
        seen.append(asked)
        if asked == "GET /v1/history" and seen.count(asked) < 3:
            return {"disclosures": answer["disclosures"][:1], "next": cursor_of(scene, busy)}
        return answer

    found = network.gateway(busy, in_small_pages).history()
    assert seen.count("GET /v1/history") == 3
    assert len({one.index for one in found}) == len(network.gateway(busy).history())


def test_a_list_without_an_end_is_no_answer(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MOST_PAGES", 3)
    with scene.http(None) as client:
        cursor = client.get("/v1/participants", params={"limit": 1}).json()["next"]
    endless = scene.network.gateway(None, lambda _asked, answer: {**answer, "next": cursor})
    with pytest.raises(GatewayUnreachable):
        endless.participants()

"""What one call asks about single records of a patient is one entry, which answers for each of them."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from ledger.log.entry import decode, encode
from tests.api.conftest import Scene

MANY = "/access/v1/evaluations"
WAYS = pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
ABSENT = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@pytest.fixture
def client(scene: Scene) -> Iterator[httpx2.Client]:
    with scene.signed_in(scene.clinic) as client:
        yield client


def about(scene: Scene, root: str) -> dict[str, Any]:
    return {"resource": {"type": "record", "id": root, "properties": {"patient": scene.alice.did}}}


def posted(scene: Scene, client: httpx2.Client, items: list[dict[str, Any]], **more: object) -> list[Any]:
    body = {
        "subject": {"type": "participant", "id": scene.clinic.did},
        "action": {"name": "access"},
        "context": {"purpose": ["TREAT"]},
        "evaluations": items,
        **more,
    }
    return list(client.post(MANY, json=body).json()["evaluations"])


def entries(scene: Scene, start: int) -> list[dict[str, Any]]:
    """The decisions of the clinic from a position on; each in its canonical form."""
    rows = scene.network.stack.server.gateway.journal.entries(start)
    found = [decode(row.entry or b"") for row in rows]
    assert [encode(entry) for entry in found] == [row.entry for row in rows]
    return [entry for entry in found if entry.get("subject") == scene.clinic.did]


@WAYS
def test_records_of_one_patient_share_an_entry(scene: Scene, client: httpx2.Client, kind: str) -> None:
    client.headers["Content-Type"] = kind
    size = scene.network.stack.server.gateway.journal.size
    found = posted(scene, client, [about(scene, root) for root in (*scene.roots, ABSENT, scene.roots[0])])
    assert [one["decision"] for one in found] == [True] * len(scene.roots) + [False, True]
    assert [one["context"]["permitted"] for one in found[:2]] == [[root] for root in scene.roots[:2]]
    assert len({(one["context"]["evaluation"], one["context"]["log"]["index"]) for one in found}) == 1
    (entry,) = entries(scene, size)
    assert entry["evaluation"] == found[0]["context"]["evaluation"]
    assert entry["resource"] == {"type": "record", "ids": sorted([*scene.roots, ABSENT])}
    assert (entry["permitted"], entry["denied"]) == (sorted(scene.roots), [])


def test_what_differs_in_more_than_the_record_has_an_entry_of_its_own(
    scene: Scene, client: httpx2.Client
) -> None:
    size = scene.network.stack.server.gateway.journal.size
    first, second = (about(scene, root) for root in scene.roots[:2])
    other = {**second, "context": {"purpose": ["HRESCH"]}}
    found = posted(scene, client, [first, other, {**first, "action": {"name": "use"}}, first])
    assert [one["decision"] for one in found] == [True, False, False, True]
    logged = entries(scene, size)
    assert [(entry["action"], entry["purpose"]) for entry in logged] == [
        ("access", ["TREAT"]),
        ("access", ["HRESCH"]),
        ("use", ["TREAT"]),
    ]
    assert not any("denied" in entry for entry in logged)
    places = [one["context"]["log"]["index"] for one in found]
    assert places[0] == places[3]
    assert len(set(places)) == 3


@WAYS
def test_an_entry_names_no_record_behind_the_end_of_its_batch(
    scene: Scene, client: httpx2.Client, kind: str
) -> None:
    client.headers["Content-Type"] = kind
    size = scene.network.stack.server.gateway.journal.size
    items = [about(scene, root) for root in (scene.roots[0], ABSENT, scene.roots[1])]
    options = {"evaluations_semantic": "deny_on_first_deny"}
    assert [one["decision"] for one in posted(scene, client, items, options=options)] == [True, False]
    (entry,) = entries(scene, size)
    assert entry["resource"]["ids"] == sorted([scene.roots[0], ABSENT])

"""Access checks and releases over HTTP: AuthZEN's form, replay, other gateways, quiet refusals."""

import time
from typing import Any

import pytest

from tests.api.conftest import Scene


def question(scene: Scene, subject: str, **resource: object) -> dict[str, Any]:
    return {
        "subject": {"type": "participant", "id": subject},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": scene.alice.did, **resource},
        "context": {"purpose": ["TREAT"]},
    }


def test_a_covered_access_is_permitted_with_everything_that_explains_it(scene: Scene) -> None:
    with scene.http(scene.clinic) as client:
        answer = client.post("/access/v1/evaluation", json=question(scene, scene.clinic.did))
    assert answer.status_code == 200
    body = answer.json()
    assert body["decision"] is True
    assert body["context"]["outcome"] == "PERMIT"
    assert body["context"]["basis"] == [scene.consent]
    assert set(body["context"]["permitted"]) == set(scene.roots)
    assert body["context"]["policy"] == "deny-overrides/1"


def test_a_refusal_is_200_and_tells_nothing(scene: Scene) -> None:
    with scene.http(scene.stranger) as client:
        answer = client.post("/access/v1/evaluation", json=question(scene, scene.stranger.did))
    assert answer.status_code == 200
    assert answer.json()["decision"] is False
    assert answer.json()["context"]["outcome"] == "NO_CONSENT"
    assert answer.json()["context"]["permitted"] == answer.json()["context"]["basis"] == []


def test_a_foreign_record_and_an_absent_one_are_answered_alike(scene: Scene) -> None:
    absent = "bafyreie6pdz23o6are7nuasxawzv4mrnszzxvalczz4szycg4xy3gxev2q"
    answers = []
    with scene.http(scene.stranger) as client:
        for root in (scene.roots[0], absent):
            asked = question(
                scene, scene.stranger.did, type="record", id=root, properties={"patient": scene.alice.did}
            )
            context = client.post("/access/v1/evaluation", json=asked).json()["context"]
            answers.append({key: context[key] for key in ("outcome", "reason", "permitted", "basis")})
    assert answers[0] == answers[1]


def test_a_record_is_asked_for_with_its_patient(scene: Scene) -> None:
    with scene.http(scene.clinic) as client:
        asked = question(scene, scene.clinic.did, type="record", id=scene.roots[0])
        refused = client.post("/access/v1/evaluation", json=asked)
        assert (refused.status_code, refused.json()["reason"]) == (400, "no_patient_named")
        asked["resource"]["properties"] = {"patient": scene.alice.did}
        assert client.post("/access/v1/evaluation", json=asked).json()["decision"] is True


def test_a_caller_asks_for_itself_only(scene: Scene) -> None:
    with scene.http(scene.stranger) as client:
        refused = client.post("/access/v1/evaluation", json=question(scene, scene.clinic.did))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("purpose", "reason"),
    [([], "purpose_required"), (["NOSUCH"], "unknown_purpose"), (["BTG"], "emergency_required")],
)
def test_a_purpose_is_needed_and_known(scene: Scene, purpose: list[str], reason: str) -> None:
    asked = {**question(scene, scene.clinic.did), "context": {"purpose": purpose}}
    with scene.http(scene.clinic) as client:
        refused = client.post("/access/v1/evaluation", json=asked)
    assert (refused.status_code, refused.json()["reason"]) == (400, reason)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"subject":{}}'])
def test_a_malformed_body_is_400_and_a_problem(scene: Scene, body: bytes) -> None:
    with scene.http(scene.clinic) as client:
        refused = client.post(
            "/access/v1/evaluation", content=body, headers={"Content-Type": "application/json"}
        )
    assert refused.status_code == 400
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_a_release_hands_out_capsules_once_per_request(scene: Scene) -> None:
    asked = scene.access_request(scene.clinic)
    with scene.http(scene.clinic) as client:
        first = client.post("/v1/releases", json=asked)
        assert first.status_code == 200
        assert {record["root"] for record in first.json()["records"]} == set(scene.roots)
        assert len(first.json()["receipts"]) == 2
        again = client.post("/v1/releases", json=asked)
    assert (again.status_code, again.json()["reason"]) == (409, "replayed")


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"origin": "https://other.example"}, 403, "other_origin"),
        ({"expires": 1_700_000_000}, 400, "bad_expiry"),
        ({"expires": int(time.time()) + 86_400}, 400, "bad_expiry"),
        ({"purpose": []}, 400, "purpose_required"),
        ({"classes": ["labs"]}, 400, "unknown_class"),
        ({"action": "collect"}, 400, "opens_nothing"),
    ],
)
def test_a_request_for_elsewhere_or_out_of_form_is_refused(
    scene: Scene, change: dict[str, Any], status: int, reason: str
) -> None:
    with scene.http(scene.clinic) as client:
        refused = client.post("/v1/releases", json=scene.access_request(scene.clinic, **change))
    assert (refused.status_code, refused.json()["reason"]) == (status, reason)


def test_a_request_signed_by_another_is_refused(scene: Scene) -> None:
    asked = scene.access_request(scene.clinic)
    asked["signature"] = scene.access_request(scene.stranger)["signature"]
    with scene.http(scene.clinic) as client:
        refused = client.post("/v1/releases", json=asked)
    assert (refused.status_code, refused.json()["code"]) == (422, "signature_invalid")


def test_a_request_changed_after_signing_is_refused(scene: Scene) -> None:
    asked = scene.access_request(scene.clinic)
    asked["request"]["purpose"] = ["HRESCH"]
    with scene.http(scene.clinic) as client:
        refused = client.post("/v1/releases", json=asked)
    assert refused.json()["code"] == "signature_invalid"


def test_a_denied_release_is_200_without_records(scene: Scene) -> None:
    with scene.http(scene.stranger) as client:
        answer = client.post("/v1/releases", json=scene.access_request(scene.stranger))
    assert answer.status_code == 200
    assert answer.json()["decision"]["outcome"] == "NO_CONSENT"
    assert answer.json()["records"] == answer.json()["grants"] == []

"""Who may do what: every route needs a sign-in unless it is named here, and foreign things do not exist."""

import time
from typing import Any

import httpx2
import pytest

from api.app import create_app
from tests.api.conftest import Scene

OPEN = {
    ("POST", "/v1/sign-in/challenge"),
    ("POST", "/v1/sign-in"),
    ("POST", "/v1/token"),
    ("GET", "/v1/participants"),
    ("POST", "/v1/participants"),
    ("POST", "/v1/stops"),
    ("GET", "/.well-known/consent-ledger-webhook-keys"),
    ("GET", "/v1/participants/{did}"),
    ("GET", "/v1/blocks/{cid}"),
    ("HEAD", "/v1/blocks/{cid}"),
    ("GET", "/v1/log/checkpoint"),
    ("GET", "/v1/log/leaves"),
    ("GET", "/v1/log/proofs/inclusion"),
    ("GET", "/v1/log/proofs/consistency"),
    ("GET", "/v1/gateway"),
    ("GET", "/.well-known/authzen-configuration"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}
"""Open on purpose: public facts, ciphertext, and what leads to a sign-in."""


def test_every_other_route_refuses_a_caller_without_a_sign_in(scene: Scene) -> None:
    paths = create_app(scene.network.stack.server.gateway).openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert routes >= OPEN
    with scene.http(None) as client:
        for method, path in sorted(routes - OPEN):
            answer = client.request(method, path.replace("{", "").replace("}", ""), json={})
            assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required"), (method, path)


def test_an_invented_or_ended_token_is_no_sign_in(scene: Scene) -> None:
    with scene.http(scene.alice) as client:
        assert client.get("/v1/patient").status_code == 200
        assert client.delete("/v1/sign-in").status_code == 204
        assert client.get("/v1/patient").json()["code"] == "sign_in_required"
        client.headers["Authorization"] = "Bearer cl_" + "0" * 64
        assert client.get("/v1/patient").status_code == 401


def test_a_foreign_consent_looks_like_none(scene: Scene) -> None:
    absent = "0x" + "1" * 64
    with scene.http(scene.mallory) as client:
        client.headers["X-Request-ID"] = "the-same"
        foreign = client.get(f"/v1/consents/{scene.consent}")
        assert foreign.status_code == 404
        assert foreign.json() == client.get(f"/v1/consents/{absent}").json()
        stop = {"signature": "0x" + "11" * 65}
        refused = client.post(f"/v1/consents/{scene.consent}/revocation", json=stop)
        assert refused.json() == client.post(f"/v1/consents/{absent}/revocation", json=stop).json()
        assert client.get("/v1/consents").json() == {"consents": []}
        assert client.get("/v1/records").json() == {"records": []}
        assert client.get("/v1/history").json() == {"disclosures": []}


def test_the_named_provider_sees_the_text_but_no_salt_and_no_signature(scene: Scene) -> None:
    with scene.http(scene.clinic) as client:
        (shown,) = client.get("/v1/consents").json()["consents"]
    assert shown["consent"] == scene.consent
    assert "Hill Clinic" in shown["statement"]
    assert not {"filing", "salt", "signature"} & shown.keys()


def test_a_consent_is_not_stopped_by_another_signature(scene: Scene) -> None:
    with scene.http(scene.alice) as client:
        forged = client.post(f"/v1/consents/{scene.consent}/revocation", json={"signature": "0x" + "11" * 65})
        assert (forged.status_code, forged.json()["code"]) == (422, "signature_invalid")
        assert client.get(f"/v1/consents/{scene.consent}").json()["state"] == "active"


def own_entries(client: httpx2.Client) -> list[dict[str, Any]]:
    """All of the caller's entries, wherever in the log they are."""
    size = int(client.get("/v1/log/checkpoint").text.splitlines()[1])
    pages = [client.get(f"/v1/log/entries?start={at}&end={at + 512}").json() for at in range(0, size, 512)]
    return [entry for page in pages for entry in page["entries"]]


def test_entries_are_for_auditors_and_ones_own(scene: Scene) -> None:
    with scene.http(scene.clinic) as client:
        refused = client.get("/v1/log/entries")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    with scene.http(scene.alice) as client:
        entries = own_entries(client)
    assert len({entry["tag"] for entry in entries}) == 1
    assert all(scene.alice.did in entry["entry"] for entry in entries)


def test_a_receipt_is_for_the_parties(scene: Scene) -> None:
    with scene.http(scene.alice) as client:
        index = own_entries(client)[0]["index"]
        assert client.get(f"/v1/log/receipts/{index}").status_code == 200
    with scene.http(scene.mallory) as client:
        assert client.get(f"/v1/log/receipts/{index}").status_code == 404


def test_only_an_admitted_provider_may_ask_patients(scene: Scene) -> None:
    body = {"patient": scene.alice.did, "purpose": ["TREAT"], "expires": 2**52}
    with scene.http(scene.mallory) as client:
        refused = client.post("/v1/requests", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_admitted")


def test_nobody_learns_from_a_request_who_is_enrolled(scene: Scene) -> None:
    nobody = scene.network.person()
    with scene.http(scene.clinic) as client:
        answers = []
        for patient in (scene.mallory.did, nobody.did):
            body = {"patient": patient, "purpose": ["TREAT"], "expires": int(time.time() * 1000) + 86_400_000}
            answers.append(client.post("/v1/requests", json=body))
        listed = {one["patient"]: one["state"] for one in client.get("/v1/requests").json()["requests"]}
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json().keys() == answers[1].json().keys()
    assert listed[scene.mallory.did] == listed[nobody.did] == "proposed"


@pytest.mark.parametrize("path", ["/v1/gateway", "/readyz"])
def test_open_facts_name_no_patient(scene: Scene, path: str) -> None:
    with scene.http(None) as client:
        text = client.get(path).text
    assert scene.alice.identity.account.address not in text
    assert scene.alice.identity.erasure.address not in text

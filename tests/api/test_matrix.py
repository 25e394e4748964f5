"""Who gets what: every operation x role x object. What is not one's own looks like what is not there.

The operations are the application's own; one without a row here fails.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI, Response
from fastapi.routing import APIRoute
from joserfc.jwk import ECKey

from api import hotpath
from api.app import create_app
from api.openapi import operations
from ledger.canonical import hexed
from ledger.client.drafting import Wish
from ledger.crypto.typed import AccessRequest, EmergencyDeclaration, gateway_domain
from ledger.ids import Did, emergency_id, hook_id, parse_did, request_id
from ledger.parties import Role
from ledger.service import webhooks
from ledger.service.gateway import Gateway
from tests.api.conftest import Scene
from tests.api.test_machines import register
from tests.api.work import watched
from tests.network import Person, eventually

OPEN, OWN, NAMES_PATIENT, OBJECT, AUDITED = "open", "own", "names a patient", "object", "object, audited"

MATRIX: dict[str, str] = {
    "POST /v1/sign-in/challenge": OPEN,
    "POST /v1/sign-in": OPEN,
    "POST /v1/token": OPEN,
    "DELETE /v1/sign-in": OWN,
    "DELETE /v1/sign-in/all": OWN,
    "GET /v1/machine-keys": OWN,
    "PUT /v1/machine-keys/{kid}": OWN,
    "DELETE /v1/machine-keys/{kid}": OBJECT,
    "PUT /v1/patient": OWN,
    "GET /v1/patient": OWN,
    "GET /v1/patient/erasure": OWN,
    "POST /v1/patient/erasure": OWN,
    "POST /v1/patient/succession": OWN,
    "POST /v1/patient/departure": OWN,
    "GET /v1/compartments": OWN,
    "PUT /v1/compartments/{compartment}": OWN,
    "GET /v1/history": OWN,
    "POST /v1/records": OWN,
    "GET /v1/records": OWN,
    "POST /v1/records/refilings": OBJECT,
    "GET /v1/blocks/{cid}": OPEN,
    "HEAD /v1/blocks/{cid}": OPEN,
    "PUT /v1/blocks/{cid}": OWN,
    "DELETE /v1/blocks/{cid}": OBJECT,
    "POST /v1/publications/place": NAMES_PATIENT,
    "POST /v1/publications": NAMES_PATIENT,
    "GET /v1/participants": OPEN,
    "POST /v1/participants": OPEN,
    "GET /v1/participants/{did}": OPEN,
    "POST /v1/requests": NAMES_PATIENT,
    "GET /v1/requests": OWN,
    "GET /v1/requests/{request}": OBJECT,
    "POST /v1/requests/{request}/decline": OBJECT,
    "POST /v1/requests/{request}/withdraw": OBJECT,
    "POST /v1/requests/renewals": OBJECT,
    "GET /v1/inbox": OWN,
    "GET /.well-known/consent-ledger-webhook-keys": OPEN,
    "POST /v1/webhooks": OWN,
    "GET /v1/webhooks": OWN,
    "GET /v1/webhooks/{webhook}": OBJECT,
    "DELETE /v1/webhooks/{webhook}": OBJECT,
    "POST /v1/webhooks/{webhook}/test": OBJECT,
    "POST /v1/consents": OWN,
    "GET /v1/consents": OWN,
    "POST /v1/consents/preview": OWN,
    "GET /v1/consents/{consent}": OBJECT,
    "PUT /v1/consents/{consent}/capsules": OBJECT,
    "POST /v1/consents/{consent}/revocation": OBJECT,
    "POST /v1/stops": OPEN,
    "POST /v1/emergencies": NAMES_PATIENT,
    "GET /v1/emergencies": OWN,
    "GET /v1/emergencies/{emergency}": AUDITED,
    "POST /v1/emergencies/{emergency}/review": AUDITED,
    "GET /.well-known/authzen-configuration": OPEN,
    "POST /access/v1/evaluation": NAMES_PATIENT,
    "POST /access/v1/evaluations": NAMES_PATIENT,
    "POST /access/v1/search/subject": NAMES_PATIENT,
    "POST /access/v1/search/resource": NAMES_PATIENT,
    "POST /access/v1/search/action": NAMES_PATIENT,
    "POST /v1/releases": NAMES_PATIENT,
    "GET /v1/log/checkpoint": OPEN,
    "GET /v1/log/entries": OWN,
    "GET /v1/log/leaves": OPEN,
    "GET /v1/log/proofs/inclusion": OPEN,
    "GET /v1/log/proofs/consistency": OPEN,
    "GET /v1/log/receipts/{index}": OBJECT,
    "GET /v1/gateway": OPEN,
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
}
ENDS_A_SESSION = {"DELETE /v1/sign-in", "DELETE /v1/sign-in/all"}
DOCUMENT: dict[str, Any] = create_app(cast(Gateway, None)).openapi()
STRANGERS = ["other patient", "other provider", "auditor"]
CONSENTS = ["own", "revoked", "expired"]
JUNK = "0x" + "11" * 65


DOCUMENTS = {"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}


def served(app: FastAPI) -> set[str]:
    """What the application answers to, in the document or not, but for the documents themselves."""
    found = [
        route
        for one in app.routes
        for route in (one.original_router.routes if hasattr(one, "original_router") else [one])
        if getattr(route, "path", None) not in DOCUMENTS
    ]
    odd = {repr(one) for one in found if not isinstance(one, APIRoute)}
    return odd | {
        f"{method} {one.path}" for one in found if isinstance(one, APIRoute) for method in one.methods or ()
    }


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert served(create_app(cast(Gateway, None))) == MATRIX.keys()
    assert {operation for operation, _ in operations(DOCUMENT)} == MATRIX.keys()
    assert {f"POST {path}" for path in hotpath.PATHS} <= MATRIX.keys()


def test_a_route_that_nobody_thought_of_is_noticed() -> None:
    app = create_app(cast(Gateway, None))
    app.add_api_route("/v1/hidden", lambda: None, include_in_schema=False)
    app.mount("/mounted", FastAPI())
    app.add_route("/plain", lambda _: Response())
    assert len(served(app) - MATRIX.keys()) == 3


def test_the_document_says_of_the_same_operations_that_they_need_a_sign_in() -> None:
    needing = {operation for operation, shape in operations(DOCUMENT) if "security" in shape}
    assert needing == {operation for operation, row in MATRIX.items() if row != OPEN}


@dataclass
class World:
    """The scene with one of each role, and Alice's objects in each state."""

    scene: Scene
    people: dict[str, Person]
    consents: dict[str, str]
    requests: dict[str, str]
    emergency: str
    entry: int
    key: str
    webhook: str

    @contextmanager
    def client(self, role: str) -> Iterator[httpx2.Client]:
        person = self.people.get(role)
        with self.scene.http(None) if person is None else self.scene.signed_in(person) as client:
            client.headers["X-Request-ID"] = "the-same"
            yield client


@pytest.fixture(scope="module")
def world(scene: Scene) -> World:
    network, alice = scene.network, scene.alice
    quack = network.admitted("Quack Clinic of the matrix")
    patient = network.patient(alice)

    def filed(until: datetime | None = None) -> str:
        wish = Wish(grantees=[Did(scene.clinic.did)], purposes=["TREAT"], until=until)
        done = patient.file(patient.draft(wish))
        network.wait_active(done.consent)
        return done.consent

    revoked, expired = filed(), filed(datetime.now(UTC) + timedelta(seconds=4))
    patient.revoke(revoked)  # type: ignore[arg-type]
    with scene.signed_in(scene.clinic) as client:
        now = int(time.time() * 1000)
        asked = {"patient": alice.did, "purpose": ["TREAT"]}
        sent = [
            client.post("/v1/requests", json={**asked, "expires": now + after}).json()
            for after in (86_400_000, 3_000)
        ]
    with scene.signed_in(alice) as client:

        def has_expired(path: str) -> bool:
            return bool(client.get(path).json()["state"] == "expired")

        for path in (f"/v1/consents/{expired}", f"/v1/requests/{sent[1]['request']}"):
            eventually(partial(has_expired, path))
    with scene.signed_in(scene.clinic) as client:
        declared = client.post(
            "/v1/emergencies", json=declaration_body(scene, scene.clinic, alice.did)
        ).json()
    key = ECKey.generate_key("P-384")
    assert register(scene, scene.clinic, key).status_code == 204
    network.accreditor.suspend(quack.did)
    gateway = network.stack.server.gateway

    def heard() -> bool:
        state = gateway.follower.index.participant(quack.identity.account.address)
        return state is not None and state.suspended

    people = {
        "patient": alice,
        "other patient": scene.mallory,
        "provider": scene.clinic,
        "other provider": scene.stranger,
        "auditor": network.admitted("Matrix Audit", Role.AUDITOR),
        "suspended provider": quack,
    }
    scene.token(quack)
    eventually(heard)
    return World(
        scene=scene,
        people=people,
        consents={"own": scene.consent, "revoked": revoked, "expired": expired, "absent": "0x" + "1" * 64},
        requests={"own": sent[0]["request"], "expired": sent[1]["request"], "absent": request_id(bytes(17))},
        emergency=declared["emergency"],
        entry=sent[0]["index"],
        key=key.thumbprint(),
        webhook=webhooks.register(
            gateway,
            scene.clinic.identity.account.address,
            "https://hooks.hospital.com/",
            look_up=lambda host, port: ["198.51.99.7"],
        ),
    )


def filled(operation: str) -> tuple[str, str]:
    """Method and path of an operation, with an example for each part of the path."""
    shape = dict(operations(DOCUMENT))[operation]
    method, path = operation.split(" ", 1)
    for parameter in shape.get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    return method, path


def body_of(operation: str) -> dict[str, Any]:
    """The example body of an operation, none without."""
    content = dict(operations(DOCUMENT))[operation].get("requestBody", {}).get("content", {})
    return {"json": content["application/json"]["example"]} if "application/json" in content else {}


@pytest.mark.parametrize("operation", [name for name, row in MATRIX.items() if row != OPEN])
def test_nobody_gets_anything_that_is_not_open(world: World, operation: str) -> None:
    with world.client("anonymous") as client:
        answer = client.request(*filled(operation), **body_of(operation))
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")


@pytest.mark.parametrize("operation", [name for name, row in MATRIX.items() if row != OPEN])
def test_a_suspended_provider_may_end_its_session_and_no_more(world: World, operation: str) -> None:
    with world.client("suspended provider") as client:
        answer = client.request(*filled(operation), **body_of(operation))
    if operation in ENDS_A_SESSION:
        assert answer.status_code == 204
        world.scene.tokens.pop(world.people["suspended provider"].did)
    else:
        assert (answer.status_code, answer.json()["reason"]) == (403, "suspended")


@pytest.mark.parametrize("operation", [name for name, row in MATRIX.items() if row == OPEN])
def test_what_is_open_is_the_same_for_everybody(world: World, operation: str) -> None:
    statuses = set()
    for role in ("anonymous", "patient", "other provider", "suspended provider", "auditor"):
        with world.client(role) as client:
            statuses.add(client.request(*filled(operation), **body_of(operation)).status_code)
    assert len(statuses) == 1


Ask = Callable[[httpx2.Client, str], httpx2.Response]

OBJECTS: dict[str, tuple[str, Ask]] = {
    "GET /v1/consents/{consent}": ("consents", lambda client, name: client.get(f"/v1/consents/{name}")),
    "PUT /v1/consents/{consent}/capsules": (
        "consents",
        lambda client, name: client.put(
            f"/v1/consents/{name}/capsules", json={"list": [], "signature": JUNK}
        ),
    ),
    "POST /v1/consents/{consent}/revocation": (
        "consents",
        lambda client, name: client.post(f"/v1/consents/{name}/revocation", json={"signature": JUNK}),
    ),
    "GET /v1/requests/{request}": ("requests", lambda client, name: client.get(f"/v1/requests/{name}")),
    "POST /v1/requests/{request}/decline": (
        "requests",
        lambda client, name: client.post(f"/v1/requests/{name}/decline"),
    ),
    "POST /v1/requests/{request}/withdraw": (
        "requests",
        lambda client, name: client.post(f"/v1/requests/{name}/withdraw"),
    ),
    "POST /v1/requests/renewals": (
        "consents",
        lambda client, name: client.post("/v1/requests/renewals", json={"consent": name, "until": 2**45}),
    ),
    "GET /v1/webhooks/{webhook}": ("webhooks", lambda client, name: client.get(f"/v1/webhooks/{name}")),
    "DELETE /v1/webhooks/{webhook}": (
        "webhooks",
        lambda client, name: client.delete(f"/v1/webhooks/{name}"),
    ),
    "POST /v1/webhooks/{webhook}/test": (
        "webhooks",
        lambda client, name: client.post(f"/v1/webhooks/{name}/test"),
    ),
    "GET /v1/log/receipts/{index}": ("entries", lambda client, name: client.get(f"/v1/log/receipts/{name}")),
    "DELETE /v1/machine-keys/{kid}": (
        "keys",
        lambda client, name: client.delete(f"/v1/machine-keys/{name}"),
    ),
    "DELETE /v1/blocks/{cid}": ("blocks", lambda client, name: client.delete(f"/v1/blocks/{name}")),
    "POST /v1/records/refilings": (
        "blocks",
        lambda client, name: client.post(
            "/v1/records/refilings",
            json={
                "records": [
                    {
                        "root": name,
                        "capsule": "AAAA",
                        "compartment": "0x" + "1" * 64,
                        "epoch": 0,
                        "signature": JUNK,
                    }
                ]
            },
        ),
    ),
}


OBJECTS |= {
    "GET /v1/emergencies/{emergency}": (
        "emergencies",
        lambda client, name: client.get(f"/v1/emergencies/{name}"),
    ),
    "POST /v1/emergencies/{emergency}/review": (
        "emergencies",
        lambda client, name: client.post(
            f"/v1/emergencies/{name}/review", json={"finding": "justified", "signature": JUNK}
        ),
    ),
}


def objects(world: World, kind: str) -> dict[str, str]:
    """Alice's objects of a kind in each state, and one that is not there."""
    absent = "bafyreie6pdz23o6are7nuasxawzv4mrnszzxvalczz4szycg4xy3gxev2q"
    return {
        "consents": world.consents,
        "requests": world.requests,
        "emergencies": {"own": world.emergency, "absent": emergency_id(bytes(17))},
        "entries": {"own": str(world.entry), "absent": str(2**40)},
        "keys": {"own": world.key, "absent": "B" * 43},
        "webhooks": {"own": world.webhook, "absent": hook_id(bytes(17))},
        "blocks": {"own": world.scene.roots[0], "absent": absent},
    }[kind]


PUBLIC = {"entries"}
"""Of which everybody may know that they are there: the log is counted in public."""


def test_every_operation_on_an_object_is_asked_for_one() -> None:
    assert OBJECTS.keys() == {operation for operation, row in MATRIX.items() if row in (OBJECT, AUDITED)}


Told = tuple[int, str, dict[str, str]]


def told(answer: httpx2.Response) -> Told:
    """All that an answer tells: status, body and headers, but for its date."""
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return answer.status_code, answer.text, headers


@pytest.mark.parametrize(
    ("operation", "role"),
    [
        (operation, role)
        for operation in OBJECTS
        for role in STRANGERS
        if role != "auditor" or MATRIX[operation] != AUDITED
    ],
)
def test_a_foreign_object_in_any_state_looks_like_none(world: World, operation: str, role: str) -> None:
    kind, ask = OBJECTS[operation]
    found = objects(world, kind)
    with world.client(role) as client, watched() as done:

        def asked(name: str) -> tuple[Told, list[str]]:
            done.clear()
            return told(ask(client, name)), [*done]

        asked(found["absent"])  # whatever is kept in memory is there from now on
        absent = asked(found["absent"])
        for state, name in found.items():
            answer, work = asked(name)
            assert answer == absent[0], state
            assert work == absent[1] or kind in PUBLIC, state
    assert absent[0][0] == 404
    assert absent[1]


@pytest.mark.parametrize("role", ["patient", "provider"])
@pytest.mark.parametrize("state", CONSENTS)
def test_the_parties_see_a_consent_in_any_state(world: World, role: str, state: str) -> None:
    words = {"own": "active", "revoked": "stopped", "expired": "expired"}
    with world.client(role) as client:
        shown = client.get(f"/v1/consents/{world.consents[state]}")
    assert (shown.status_code, shown.json()["state"]) == (200, words[state])
    assert ("filing" in shown.json()) == (role == "patient")


@pytest.mark.parametrize("state", [*CONSENTS, "absent"])
def test_a_provider_cannot_act_on_a_consent_that_names_it(world: World, state: str) -> None:
    with world.client("provider") as client:
        for operation in ("PUT /v1/consents/{consent}/capsules", "POST /v1/consents/{consent}/revocation"):
            assert OBJECTS[operation][1](client, world.consents[state]).status_code == 404


@pytest.mark.parametrize("state", ["own", "expired"])
def test_a_request_is_for_both_sides_and_answered_by_one(world: World, state: str) -> None:
    for role in ("patient", "provider"):
        with world.client(role) as client:
            assert client.get(f"/v1/requests/{world.requests[state]}").status_code == 200
    with world.client("provider") as client:
        assert client.post(f"/v1/requests/{world.requests[state]}/decline").status_code == 404


@pytest.mark.parametrize("role", STRANGERS)
def test_lists_of_a_stranger_hold_nothing_of_alice_and_count_nothing(world: World, role: str) -> None:
    for path, name in (("consents", "consents"), ("requests", "requests")):
        with world.client(role) as client:
            assert client.get(f"/v1/{path}").json() == {name: []}


def patients_question(scene: Scene, person: Person, patient: str) -> dict[str, Any]:
    return {
        "subject": {"type": "participant", "id": person.did},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": patient},
        "context": {"purpose": ["TREAT"]},
    }


def release_body(scene: Scene, person: Person, patient: str) -> dict[str, Any]:
    asked: dict[str, Any] = scene.access_request(person)["request"]
    asked["patient"] = patient
    typed = AccessRequest(
        origin=asked["origin"],
        participant=person.identity.account.address,
        patient=parse_did(patient)[1],
        purpose=("TREAT",),
        action="access",
        classes=(),
        records=(),
        nonce=bytes.fromhex(asked["nonce"][2:]),
        expires=asked["expires"],
    )
    digest = typed.digest(gateway_domain(scene.network.config.deployment.chain_id))
    return {"request": asked, "signature": hexed(person.identity.account.sign(digest))}


def declaration_body(scene: Scene, person: Person, patient: str) -> dict[str, Any]:
    typed = EmergencyDeclaration(
        origin=scene.network.stack.url,
        participant=person.identity.account.address,
        patient=parse_did(patient)[1],
        purpose="ETREAT",
        reason="Found unconscious.",
        nonce=os.urandom(32),
        until=int(time.time()) + 3600,
    )
    said = {
        "origin": typed.origin,
        "participant": person.did,
        "patient": patient,
        "purpose": typed.purpose,
        "reason": typed.reason,
        "nonce": hexed(typed.nonce),
        "until": typed.until,
    }
    digest = typed.digest(gateway_domain(scene.network.config.deployment.chain_id))
    return {"declaration": said, "signature": hexed(person.identity.account.sign(digest))}


def naming(operation: str, scene: Scene, person: Person, patient: str) -> dict[str, Any]:
    """The body of an operation that names a patient."""
    question = patients_question(scene, person, patient)
    record = {"type": "record", "properties": {"patient": patient}}
    if operation == "POST /v1/releases":
        return release_body(scene, person, patient)
    if operation == "POST /v1/emergencies":
        return declaration_body(scene, person, patient)
    if operation == "POST /v1/requests":
        return {"patient": patient, "purpose": ["TREAT"], "expires": int(time.time() * 1000) + 86_400_000}
    if operation == "POST /v1/publications/place":
        return {"patient": patient, "header": "{}"}
    if operation == "POST /v1/publications":
        return {**body_of(operation)["json"], "patient": patient}
    if operation == "POST /access/v1/evaluations":
        return {**question, "evaluations": [{}, {"resource": {**record, "id": scene.roots[0]}}]}
    if operation == "POST /access/v1/search/resource":
        return {**question, "resource": record}
    return question


VARYING = {"due", "emergency", "evaluation", "head", "index", "receipt", "receipts", "request", "time"}


def shape_of(value: object) -> object:
    """A value without what differs between any two answers."""
    if isinstance(value, dict):
        return {name: "" if name in VARYING else shape_of(part) for name, part in value.items()}
    return [shape_of(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("operation", [name for name, row in MATRIX.items() if row == NAMES_PATIENT])
@pytest.mark.parametrize("role", STRANGERS)
def test_a_foreign_patient_looks_like_nobody(world: World, operation: str, role: str) -> None:
    method, path = operation.split(" ", 1)
    person, nobody = world.people[role], world.scene.network.person()
    with world.client(role) as client, watched() as done:

        def asked(patient: str) -> tuple[httpx2.Response, list[str]]:
            body = naming(operation, world.scene, person, patient)
            done.clear()
            return client.request(method, path, json=body), [*done]

        for patient in (world.scene.alice.did, nobody.did):
            asked(patient)  # whatever is kept in memory is there from now on
        (foreign, work), (absent, least) = asked(world.scene.alice.did), asked(nobody.did)
    assert foreign.status_code == absent.status_code
    assert shape_of(foreign.json()) == shape_of(absent.json())
    assert foreign.headers.keys() == absent.headers.keys()
    assert work == least


def test_an_auditor_reads_the_log_and_others_do_not(world: World) -> None:
    seen = {}
    for role in world.people:
        with world.client(role) as client:
            seen[role] = client.get("/v1/log/entries?start=0&end=1").status_code
    assert seen == {
        "patient": 200,
        "other patient": 200,
        "provider": 403,
        "other provider": 403,
        "auditor": 200,
        "suspended provider": 403,
    }


def test_records_are_published_and_erased_for_oneself_only(world: World) -> None:
    with world.client("other patient") as client:
        erased = client.post(
            "/v1/patient/erasure",
            json={"erasure": world.scene.alice.identity.erasure.address, "size": 1, "signature": JUNK},
        )
        assert erased.status_code in (404, 409, 422)
    with world.client("patient") as client:
        assert client.get("/v1/patient").status_code == 200

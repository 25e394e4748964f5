"""Machines: a registered key signs assertions, each good once, until it is revoked or they are suspended."""

import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from ledger.canonical import hexed
from ledger.crypto.typed import MachineKey, gateway_domain
from ledger.parties import Role
from ledger.service.machines import ASSERTION_TYPE
from tests.api.conftest import Scene
from tests.network import Person, eventually

Key = ECKey | RSAKey
FORM = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "scope": "participant"}


def public(key: Key) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


def signed(scene: Scene, person: Person, key: Key, **change: Any) -> str:  # noqa: ANN401
    digest = urlsafe_b64decode(key.thumbprint() + "=")
    claim = MachineKey(
        origin=change.get("origin", scene.network.stack.url),
        participant=change.get("participant", person.identity.account.address),
        key=change.get("thumbprint", digest),
    )
    domain = gateway_domain(change.get("chain", scene.network.config.deployment.chain_id))
    return hexed(person.identity.account.sign(claim.digest(domain)))


def register(scene: Scene, person: Person, key: Key, **change: Any) -> httpx2.Response:  # noqa: ANN401
    body = {"jwk": change.get("jwk", public(key)), "signature": signed(scene, person, key, **change)}
    with scene.signed_in(person) as client:
        return client.put(f"/v1/machine-keys/{change.get('kid', key.thumbprint())}", json=body)


@dataclass
class Machine:
    """A client of a provider with a registered key."""

    scene: Scene
    person: Person
    key: Key

    def claims(self) -> dict[str, Any]:
        did, now = self.person.did, int(time.time())
        audience = f"{self.scene.network.stack.url}/v1/token"
        return {"iss": did, "sub": did, "aud": audience, "exp": now + 60, "jti": os.urandom(8).hex()}

    def assertion(self, header: dict[str, Any] | None = None, **change: Any) -> str:  # noqa: ANN401
        """Signed; a change to None leaves the claim out."""
        claims = {name: value for name, value in {**self.claims(), **change}.items() if value is not None}
        algorithm = "ES384" if isinstance(self.key, ECKey) else "RS384"
        named = {"alg": algorithm, "kid": self.key.thumbprint(), **(header or {})}
        return jwt.encode(named, claims, self.key, algorithms=[str(named["alg"])])

    def token(self, assertion: str | None = None, **change: str) -> httpx2.Response:
        form = {**FORM, "client_assertion": self.assertion() if assertion is None else assertion, **change}
        with self.scene.http(None) as client:
            return client.post("/v1/token", data=form)


@pytest.fixture(scope="module")
def machine(scene: Scene) -> Machine:
    key = ECKey.generate_key("P-384")
    assert register(scene, scene.clinic, key).status_code == 204
    return Machine(scene, scene.clinic, key)


@pytest.fixture
def another(scene: Scene) -> Iterator[Machine]:
    """A machine of a participant that the test may do anything to."""
    person = scene.network.admitted(f"Clinic {os.urandom(4).hex()}")
    key = ECKey.generate_key("P-384")
    assert register(scene, person, key).status_code == 204
    yield Machine(scene, person, key)
    scene.tokens.pop(person.did, None)


def use(scene: Scene, token: str) -> httpx2.Response:
    with scene.http(None) as client:
        return client.get("/v1/consents", headers={"Authorization": f"Bearer {token}"})


def test_an_assertion_gives_a_token_of_the_participant(machine: Machine) -> None:
    answer = machine.token()
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 300, "participant")
    shown = use(machine.scene, body["access_token"])
    assert [one["consent"] for one in shown.json()["consents"]] == [machine.scene.consent]


def test_a_key_of_rsa_will_do(scene: Scene, another: Machine) -> None:
    key = RSAKey.generate_key(2048)
    assert register(scene, another.person, key).status_code == 204
    assert Machine(scene, another.person, key).token().status_code == 200


ASSERTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no issuer": ({"iss": None}, "bad_client"),
    "no subject": ({"sub": None}, "bad_client"),
    "another subject": ({"sub": "did:pkh:eip155:1:0x"}, "bad_client"),
    "an issuer that is a number": ({"iss": 7, "sub": 7}, "bad_client"),
    "no audience": ({"aud": None}, "bad_audience"),
    "another audience": ({"aud": "https://evil.example/v1/token"}, "bad_audience"),
    "several audiences": ({"aud": ["https://evil.example"]}, "bad_audience"),
    "no expiry": ({"exp": None}, "bad_expiry"),
    "an expiry that is no number": ({"exp": "soon"}, "bad_expiry"),
    "an expiry with a fraction": ({"exp": 2.0e9}, "bad_expiry"),
    "expired": ({"exp": 1_700_000_000}, "bad_expiry"),
    "valid for ever": ({"exp": 2**40}, "bad_expiry"),
    "not valid yet": ({"nbf": 2**40}, "not_yet"),
    "issued later": ({"iat": 2**40}, "not_yet"),
    "issued at no time": ({"iat": "now"}, "not_yet"),
    "no identifier": ({"jti": None}, "bad_jti"),
    "an empty identifier": ({"jti": ""}, "bad_jti"),
    "a long identifier": ({"jti": "x" * 129}, "bad_jti"),
    "an identifier that is a number": ({"jti": 7}, "bad_jti"),
}


@pytest.mark.parametrize("defect", ASSERTIONS)
def test_an_assertion_with_another_claim_is_refused(machine: Machine, defect: str) -> None:
    change, reason = ASSERTIONS[defect]
    refused = machine.token(machine.assertion(**change))
    body = refused.json()
    assert (refused.status_code, body["error"], body["reason"]) == (401, "invalid_client", reason)


def test_an_assertion_is_good_once(machine: Machine) -> None:
    assertion = machine.assertion()
    assert machine.token(assertion).status_code == 200
    assert machine.token(assertion).json()["reason"] == "replayed"


def test_the_same_identifier_in_another_assertion_is_a_replay(machine: Machine) -> None:
    assert machine.token(machine.assertion(jti="once")).status_code == 200
    assert (
        machine.token(machine.assertion(jti="once", exp=int(time.time()) + 90)).json()["reason"] == "replayed"
    )


def tampered(assertion: str, part: int, change: dict[str, Any]) -> str:
    parts = assertion.split(".")
    members = json.loads(urlsafe_b64decode(parts[part] + "=="))
    parts[part] = urlsafe_b64encode(json.dumps({**members, **change}).encode()).decode().rstrip("=")
    return ".".join(parts)


FORGERIES: dict[str, Callable[[str], str]] = {
    "no algorithm": lambda one: tampered(one, 0, {"alg": "none"}).rsplit(".", 1)[0] + ".",
    "another algorithm": lambda one: tampered(one, 0, {"alg": "ES256"}),
    "a changed claim": lambda one: tampered(one, 1, {"exp": int(time.time()) + 200}),
    "a key that is sent along": lambda one: tampered(one, 0, {"jwk": public(ECKey.generate_key("P-384"))}),
    "a key at an address": lambda one: tampered(one, 0, {"jku": "http://127.0.0.1:1/keys"}),
    "a critical header": lambda one: tampered(one, 0, {"crit": ["b64"], "b64": False}),
    "no signature": lambda one: one.rsplit(".", 1)[0] + ".",
    "a cut signature": lambda one: one[:-4],
    "two parts": lambda one: one.rsplit(".", 1)[0],
    "nothing": lambda _: "..",
    "no JSON": lambda _: "eA.eA.eA",
    "too long": lambda one: one + "A" * 9000,
    "beyond ASCII": lambda one: one + "é",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_assertion_is_refused(machine: Machine, forgery: str) -> None:
    refused = machine.token(FORGERIES[forgery](machine.assertion()))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_a_secret_made_of_the_public_key_signs_nothing(machine: Machine) -> None:
    secret = OctKey.import_key(json.dumps(public(machine.key)).encode())
    forged = jwt.encode(
        {"alg": "HS384", "kid": machine.key.thumbprint()}, machine.claims(), secret, algorithms=["HS384"]
    )
    assert machine.token(forged).json()["reason"] == "bad_signature"


def test_another_key_signs_nothing_whatever_it_calls_itself(machine: Machine) -> None:
    other = Machine(machine.scene, machine.person, ECKey.generate_key("P-384"))
    assert other.token().json()["reason"] == "unknown_key"
    forged = other.assertion({"kid": machine.key.thumbprint()})
    assert other.token(forged).json()["reason"] == "bad_signature"


def test_a_key_signs_in_for_its_own_participant_only(machine: Machine) -> None:
    did = machine.scene.stranger.did
    assert machine.token(machine.assertion(iss=did, sub=did)).json()["reason"] == "unknown_key"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"client_assertion_type": "urn:other"}, "invalid_request"),
        ({"scope": "system/*.cruds"}, "invalid_scope"),
    ],
)
def test_a_form_that_asks_for_something_else_is_refused(
    machine: Machine, change: dict[str, str], error: str
) -> None:
    refused = machine.token(**change)
    assert (refused.status_code, refused.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"a=1&a=1", "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(99)), "application/x-www-form-urlencoded"),
        (json.dumps(FORM).encode(), "application/json"),
    ],
)
def test_a_body_that_is_no_such_form_is_refused(scene: Scene, content: bytes, media: str) -> None:
    with scene.http(None) as client:
        refused = client.post("/v1/token", content=content, headers={"Content-Type": media})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


class TestRegistering:
    @pytest.mark.parametrize(
        "change",
        [
            {"origin": "https://other.example"},
            {"chain": 1},
            {"thumbprint": bytes(32)},
            {"participant": "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"},
        ],
    )
    def test_a_signature_for_something_else_registers_nothing(
        self, scene: Scene, change: dict[str, Any]
    ) -> None:
        refused = register(scene, scene.clinic, ECKey.generate_key("P-384"), **change)
        assert (refused.status_code, refused.json()["code"]) == (422, "signature_invalid")

    def test_a_session_alone_registers_nothing(self, scene: Scene) -> None:
        key = ECKey.generate_key("P-384")
        body = {"jwk": public(key), "signature": signed(scene, scene.stranger, key)}
        with scene.signed_in(scene.clinic) as client:
            refused = client.put(f"/v1/machine-keys/{key.thumbprint()}", json=body)
        assert refused.json()["code"] == "signature_invalid"

    @pytest.mark.parametrize(
        "jwk",
        [
            {},
            {"kty": "EC"},
            public(ECKey.generate_key("P-256")),
            {"kty": "RSA", "e": "AQAB", "n": "_" * 171},
            {"kty": "oct", "k": "AAAA"},
            {**public(ECKey.generate_key("P-384")), "use": "sig"},
            {**public(ECKey.generate_key("P-384")), "x": "AAAA"},
            dict(ECKey.generate_key("P-384").as_dict(private=True)),
        ],
        ids=["none", "cut", "P-256", "RSA-1024", "a secret", "with a use", "off the curve", "a private key"],
    )
    def test_a_key_of_another_kind_is_refused(self, scene: Scene, jwk: dict[str, Any]) -> None:
        refused = register(scene, scene.clinic, ECKey.generate_key("P-384"), jwk=jwk)
        assert refused.status_code == 400

    def test_the_path_names_the_key(self, scene: Scene) -> None:
        refused = register(scene, scene.clinic, ECKey.generate_key("P-384"), kid="A" * 43)
        assert (refused.status_code, refused.json()["reason"]) == (400, "other_kid")

    def test_a_patient_has_no_machines(self, scene: Scene) -> None:
        refused = register(scene, scene.alice, ECKey.generate_key("P-384"))
        assert (refused.status_code, refused.json()["code"]) == (403, "not_admitted")

    def test_an_auditor_may_have_machines(self, scene: Scene) -> None:
        auditor = scene.network.admitted("Machine Audit", Role.AUDITOR)
        assert register(scene, auditor, ECKey.generate_key("P-384")).status_code == 204

    def test_registering_again_is_success_and_keys_are_shown_to_their_owner(
        self, scene: Scene, another: Machine
    ) -> None:
        assert register(scene, another.person, another.key).status_code == 204
        with scene.signed_in(another.person) as client:
            (shown,) = client.get("/v1/machine-keys").json()["keys"]
        assert shown == {"kid": another.key.thumbprint(), "jwk": public(another.key), "revoked": None}
        with scene.signed_in(scene.stranger) as client:
            assert client.get("/v1/machine-keys").json() == {"keys": []}


class TestEnding:
    def test_a_revoked_key_signs_in_no_more_and_its_sessions_end(
        self, scene: Scene, another: Machine
    ) -> None:
        token = another.token().json()["access_token"]
        with scene.signed_in(another.person) as client:
            assert client.delete(f"/v1/machine-keys/{another.key.thumbprint()}").status_code == 204
        assert use(scene, token).status_code == 401
        assert another.token().json()["reason"] == "unknown_key"

    def test_a_revoked_key_stays_revoked(self, scene: Scene, another: Machine) -> None:
        with scene.signed_in(another.person) as client:
            client.delete(f"/v1/machine-keys/{another.key.thumbprint()}")
        scene.tokens.pop(another.person.did)
        refused = register(scene, another.person, another.key)
        assert (refused.status_code, refused.json()["reason"]) == (409, "key_revoked")

    def test_a_foreign_key_looks_like_none(self, scene: Scene, machine: Machine) -> None:
        with scene.signed_in(scene.stranger) as client:
            client.headers["X-Request-ID"] = "the-same"
            foreign = client.delete(f"/v1/machine-keys/{machine.key.thumbprint()}")
            absent = client.delete(f"/v1/machine-keys/{'A' * 43}")
        assert foreign.status_code == 404
        assert foreign.json() == absent.json()
        assert machine.token().status_code == 200

    def test_a_suspended_participant_loses_access_at_the_next_request(
        self, scene: Scene, another: Machine
    ) -> None:
        token = another.token().json()["access_token"]
        assert use(scene, token).status_code == 200
        scene.network.accreditor.suspend(another.person.did)
        gateway = scene.network.stack.server.gateway
        address = another.person.identity.account.address

        def heard() -> bool:
            state = gateway.follower.index.participant(address)
            return state is not None and state.suspended

        eventually(heard)
        refused = use(scene, token)
        assert (refused.status_code, refused.json()["reason"]) == (403, "suspended")
        assert another.token().json()["reason"] == "not_admitted"
        with scene.http(None) as client:
            client.headers["Authorization"] = f"Bearer {token}"
            assert client.delete("/v1/sign-in").status_code == 204

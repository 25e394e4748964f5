"""Machines: a registered key signs assertions, each good once, until it is revoked or they are suspended."""

import json
import os
import socket
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
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

    @classmethod
    def registered(cls, scene: Scene, person: Person) -> Self:
        key = ECKey.generate_key("P-384")
        assert register(scene, person, key).status_code == 204
        return cls(scene, person, key)

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
    return Machine.registered(scene, scene.clinic)


@pytest.fixture
def another(scene: Scene) -> Iterator[Machine]:
    """A machine of a participant that the test may do anything to."""
    person = scene.network.admitted(f"Clinic {os.urandom(4).hex()}")
    yield Machine.registered(scene, person)
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
    "an audience among others": ({"aud": ["https://evil.example", "{us}"]}, "bad_audience"),
    "our origin as audience": ({"aud": "{origin}"}, "bad_audience"),
    "another issuer": ({"iss": "did:pkh:eip155:1:0x9858EfFD232B4033E47d90003D41EC34EcaEda94"}, "bad_client"),
    "an expiry that is true": ({"exp": True}, "bad_expiry"),
    "valid from no time": ({"nbf": "now"}, "not_yet"),
    "no identifier": ({"jti": None}, "bad_jti"),
    "an empty identifier": ({"jti": ""}, "bad_jti"),
    "a long identifier": ({"jti": "x" * 129}, "bad_jti"),
    "an identifier that is a number": ({"jti": 7}, "bad_jti"),
}


@pytest.mark.parametrize("defect", ASSERTIONS)
def test_an_assertion_with_another_claim_is_refused(machine: Machine, defect: str) -> None:
    change, reason = ASSERTIONS[defect]
    url = machine.scene.network.stack.url
    told = json.loads(json.dumps(change).replace("{us}", f"{url}/v1/token").replace("{origin}", url))
    refused = machine.token(machine.assertion(**told))
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


def _said(header: str, claims: str) -> Callable[[Machine], str]:
    """Signed by the rightful key over exactly these texts, in which ``{..}`` is what is genuine."""

    def made(machine: Machine) -> str:
        genuine = json.dumps({"alg": "ES384", "kid": machine.key.thumbprint()})[1:-1]
        texts = header.replace("{..}", genuine), claims.replace("{..}", json.dumps(machine.claims())[1:-1])
        signed = ".".join(_b64(text.encode()) for text in texts)
        assert isinstance(machine.key, ECKey)
        assert machine.key.private_key is not None
        der = machine.key.private_key.sign(signed.encode(), ec.ECDSA(hashes.SHA384()))
        r, s = decode_dss_signature(der)
        return f"{signed}.{_b64(r.to_bytes(48, 'big') + s.to_bytes(48, 'big'))}"

    return made


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


CLAIMS = "{{..}}"
STRANGE: dict[str, tuple[Callable[[Machine], str], str]] = {
    "a claim twice": (_said("{{..}}", '{{..}, "iss": "did:pkh:eip155:1:0x"}'), "bad_assertion"),
    "an algorithm twice": (_said('{{..}, "alg": "none"}', CLAIMS), "bad_assertion"),
    "claims in a list": (_said("{{..}}", "[{{..}}]"), "bad_assertion"),
    "a key that is sent along": (_said('{{..}, "jwk": {}}', CLAIMS), "bad_header"),
    "certificates": (_said('{{..}, "x5c": ["AA"]}', CLAIMS), "bad_header"),
    "certificates at an address": (_said('{{..}, "x5u": "http://127.0.0.1:1/x"}', CLAIMS), "bad_header"),
    "a payload that is not encoded": (
        _said('{{..}, "crit": ["b64"], "b64": false}', CLAIMS),
        "bad_assertion",
    ),
    "a critical extension": (_said('{{..}, "crit": ["exp"], "exp": 1}', CLAIMS), "bad_header"),
    "compression": (_said('{{..}, "zip": "DEF"}', CLAIMS), "bad_header"),
    "another type": (_said('{{..}, "typ": "at+jwt"}', CLAIMS), "bad_header"),
    "no type": (_said('{{..}, "typ": null}', CLAIMS), "bad_header"),
    "no key named": (_said('{"alg": "ES384"}', CLAIMS), "unknown_key"),
    "a key named by a path": (_said('{"alg": "ES384", "kid": "../../etc/passwd"}', CLAIMS), "unknown_key"),
    "a key named by a number": (_said('{"alg": "ES384", "kid": 0}', CLAIMS), "unknown_key"),
}


@pytest.mark.parametrize("defect", STRANGE)
def test_a_rightful_key_that_signs_something_strange_is_refused(machine: Machine, defect: str) -> None:
    made, reason = STRANGE[defect]
    refused = machine.token(made(machine))
    body = refused.json()
    assert (refused.status_code, body["error"], body["reason"]) == (401, "invalid_client", reason)


def test_what_the_strange_ones_are_made_from_is_good(machine: Machine) -> None:
    assert machine.token(_said("{{..}}", CLAIMS)(machine)).status_code == 200


def test_a_place_of_keys_is_not_looked_at(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        jku = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
        assert machine.token(machine.assertion({"jku": jku})).status_code == 200
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_signature_turned_into_its_twin_is_a_replay(machine: Machine) -> None:
    assertion = machine.assertion()
    signed, _, signature = assertion.rpartition(".")
    raw = urlsafe_b64decode(signature)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
    twin = raw[:48] + (order - int.from_bytes(raw[48:], "big")).to_bytes(48, "big")
    assert machine.token(assertion).status_code == 200
    assert machine.token(f"{signed}.{_b64(twin)}").json()["reason"] == "replayed"


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS384"])
def test_another_algorithm_of_the_same_key_is_refused(scene: Scene, another: Machine, algorithm: str) -> None:
    key = RSAKey.generate_key(2048)
    assert register(scene, another.person, key).status_code == 204
    refused = Machine(scene, another.person, key).token(
        Machine(scene, another.person, key).assertion({"alg": algorithm})
    )
    assert refused.json()["reason"] == "bad_signature"


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

"""What was signed once counts once: here, after a restart, and at every gateway on the same database."""

import time
from collections.abc import Callable, Iterator, Sized
from typing import Any

import pytest

from api.settings import GatewaySettings
from api.wiring import open_gateway
from ledger.canonical import hexed
from ledger.crypto.signatures import ORDER, personal_digest
from ledger.crypto.typed import AccessRequest, gateway_domain
from ledger.errors import Conflict, SignInRefused, SignInRequired
from ledger.ids import parse_did
from ledger.service import machines, releases, sessions
from ledger.service.gateway import Gateway
from tests.api.conftest import Scene
from tests.api.test_machines import ASSERTIONS, FORGERIES, STRANGE, Machine
from tests.api.test_sign_in import MESSAGES, SIGNATURES, TOKENS, WALLETS
from tests.network import Person

Asked = dict[str, Any]
"""The body of ``POST /v1/releases``."""


def signed(scene: Scene, person: Person, asked: Asked, *, chain: int = 0) -> Asked:
    """The same request with what it says now, signed by somebody, for this chain or another."""
    said = {**asked["request"]}
    people = {name: parse_did(said[name])[1] for name in ("participant", "patient")}
    lists = {name: tuple(said[name]) for name in ("purpose", "classes", "records")}
    typed = AccessRequest(**{**said, **people, **lists, "nonce": bytes.fromhex(said["nonce"][2:])})
    domain = gateway_domain(chain or scene.network.config.deployment.chain_id)
    return {**asked, "signature": hexed(person.identity.account.sign(typed.digest(domain)))}


def says(**change: object) -> Callable[[Scene, Asked], Asked]:
    """Another value of a member, signed by the caller as all the rest is."""
    return lambda scene, asked: signed(
        scene, scene.clinic, {**asked, "request": {**asked["request"], **change}}
    )


def then(**change: object) -> Callable[[Scene, Asked], Asked]:
    """Another value of a member after all was signed."""
    return lambda _, asked: {**asked, "request": {**asked["request"], **change}}


def resigned(change: Callable[[bytes], bytes]) -> Callable[[Scene, Asked], Asked]:
    return lambda _, asked: {**asked, "signature": hexed(change(bytes.fromhex(asked["signature"][2:])))}


def in_seconds(seconds: int) -> Callable[[Scene, Asked], Asked]:
    return lambda scene, asked: says(expires=int(time.time()) + seconds)(scene, asked)


def for_record(scene: Scene, asked: Asked) -> Asked:
    return then(records=[scene.roots[0]])(scene, asked)


def for_patient(scene: Scene, asked: Asked) -> Asked:
    return then(patient=scene.mallory.did)(scene, asked)


def as_another(scene: Scene, asked: Asked) -> Asked:
    return signed(
        scene,
        scene.stranger,
        {**asked, "request": {**asked["request"], "participant": scene.stranger.did}},
    )


def on_chain(scene: Scene, asked: Asked) -> Asked:
    return signed(scene, scene.clinic, asked, chain=1)


REQUESTS: dict[str, tuple[Callable[[Scene, Asked], Asked], int, str]] = {
    "for another gateway": (says(origin="https://other.example"), 403, "other_origin"),
    "for this gateway with a slash": (
        lambda scene, asked: says(origin=scene.network.stack.url + "/")(scene, asked),
        403,
        "other_origin",
    ),
    "for no gateway": (says(origin=""), 403, "other_origin"),
    "on another chain": (on_chain, 422, "another_signer"),
    "by another participant": (as_another, 403, "other_account"),
    "signed by another": (
        lambda scene, asked: signed(scene, scene.stranger, asked),
        422,
        "another_signer",
    ),
    "expired": (in_seconds(0), 400, "bad_expiry"),
    "expired long ago": (says(expires=1), 400, "bad_expiry"),
    "for too long": (in_seconds(310), 400, "bad_expiry"),
    "for ever": (says(expires=2**53 - 1), 400, "bad_expiry"),
    "made longer": (
        lambda scene, asked: then(expires=asked["request"]["expires"] + 1)(scene, asked),
        422,
        "another_signer",
    ),
    "with another record": (for_record, 422, "another_signer"),
    "of another patient": (for_patient, 422, "another_signer"),
    "for another purpose": (then(purpose=["HRESCH"]), 422, "another_signer"),
    "for another class": (then(classes=["30954-2"]), 422, "another_signer"),
    "with another nonce": (then(nonce="0x" + "2b" * 32), 422, "another_signer"),
    "to collect": (says(action="collect"), 400, "opens_nothing"),
    "with a nonce that is none": (then(nonce="0x00"), 400, "bad_digest"),
    "with a nonce in upper case": (then(nonce="0x" + "AB" * 32), 400, "bad_digest"),
    "signed by nobody": (resigned(lambda _: bytes(65)), 422, "signature_range"),
    "signed too shortly": (resigned(lambda raw: raw[:64]), 422, "signature_length"),
    "signed with a high s": (
        resigned(
            lambda raw: (
                raw[:32]
                + (ORDER - int.from_bytes(raw[32:64], "big")).to_bytes(32, "big")
                + bytes([55 - raw[64]])
            )
        ),
        422,
        "signature_high_s",
    ),
    "signed with v of 0": (resigned(lambda raw: raw[:64] + bytes([raw[64] - 27])), 422, "signature_v"),
}


@pytest.mark.parametrize("defect", REQUESTS)
def test_a_request_that_says_anything_else_is_refused(scene: Scene, defect: str) -> None:
    change, status, reason = REQUESTS[defect]
    asked = scene.access_request(scene.clinic)
    with scene.signed_in(scene.clinic) as client:
        refused = client.post("/v1/releases", json=change(scene, asked))
        assert (refused.status_code, refused.json()["reason"]) == (status, reason)
        assert client.post("/v1/releases", json=asked).status_code == 200


def test_a_nonce_is_spent_whatever_is_asked_with_it(scene: Scene) -> None:
    asked = scene.access_request(scene.clinic)
    again = says(records=[scene.roots[0]])(scene, asked)
    with scene.signed_in(scene.clinic) as client:
        assert client.post("/v1/releases", json=asked).status_code == 200
        refused = client.post("/v1/releases", json=again)
    assert (refused.status_code, refused.json()["reason"]) == (409, "replayed")


@pytest.fixture
def another_gateway(scene: Scene, database_url: str) -> Iterator[Gateway]:
    """A second one on the same database, as after a restart; with the first one's origin."""
    stack = scene.network.stack
    settings = GatewaySettings(
        state=stack.state,
        rpc=stack.rpc_url,
        deployment=stack.state / "deployment.json",
        database_url=database_url,
    )
    opened = open_gateway(settings, origin=stack.url)
    try:
        yield opened.gateway
    finally:
        opened.close()


class TestElsewhere:
    """On the same database, nothing is good a second time, and what was ended stays so."""

    def test_an_access_request_is_good_once(self, scene: Scene, another_gateway: Gateway) -> None:
        asked = scene.access_request(scene.clinic)
        with scene.signed_in(scene.clinic) as client:
            assert client.post("/v1/releases", json=asked).status_code == 200
        said = asked["request"]
        request = releases.SignedRequest(
            **{**said, **{name: tuple(said[name]) for name in ("purpose", "classes", "records")}},
            signature=asked["signature"],
        )
        with pytest.raises(Conflict) as caught:
            releases.release(another_gateway, scene.clinic.identity.account.address, request)
        assert caught.value.reason == "replayed"

    def test_a_challenge_is_good_once(self, scene: Scene, another_gateway: Gateway) -> None:
        account = scene.alice.identity.account
        with scene.http(None) as client:
            text = client.post("/v1/sign-in/challenge", json={"account": account.address}).json()["message"]
            signature = hexed(account.sign(personal_digest(text)))
            body = {"message": text, "signature": signature}
            assert client.post("/v1/sign-in", json=body).status_code == 200
        with pytest.raises(SignInRefused) as caught:
            sessions.sign_in(another_gateway, text, signature)
        assert caught.value.reason == "bad_nonce"

    def test_an_assertion_is_good_once(self, scene: Scene, another_gateway: Gateway) -> None:
        machine = Machine.registered(scene, scene.clinic)
        assertion = machine.assertion()
        assert machine.token(assertion).status_code == 200
        with pytest.raises(SignInRefused) as caught:
            machines.sign_in(another_gateway, assertion)
        assert caught.value.reason == "replayed"

    def test_a_session_that_was_ended_is_ended(self, scene: Scene, another_gateway: Gateway) -> None:
        token = scene.token(scene.alice)
        assert sessions.account_of(another_gateway, token) == scene.alice.identity.account.address
        with scene.http(None) as client:
            client.headers["Authorization"] = f"Bearer {token}"
            assert client.delete("/v1/sign-in").status_code == 204
        with pytest.raises(SignInRequired):
            sessions.account_of(another_gateway, token)


def test_the_refusals_are_many() -> None:
    tables: list[Sized] = [MESSAGES, SIGNATURES, TOKENS, WALLETS, ASSERTIONS, FORGERIES, STRANGE, REQUESTS]
    assert [len(table) >= 12 for table in tables] == [True] * 8
    assert sum(map(len, tables)) >= 150

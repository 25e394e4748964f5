"""Sign-in under attack: every field of the message, the signature, the nonce and the token."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from ledger.canonical import hexed
from ledger.chain.rpc import Rpc
from ledger.crypto.signatures import ORDER, personal_digest
from ledger.ids import Address, address_from_bytes
from ledger.keccak import keccak256
from ledger.service.signin import format_time
from tests.api.conftest import Scene

Change = Callable[[str], str]


def challenge(client: httpx2.Client, account: str) -> str:
    return str(client.post("/v1/sign-in/challenge", json={"account": account}).json()["message"])


def us(text: str) -> str:
    """Our host and port, as the message has them."""
    return text.split(" ", 1)[0]


def line(name: str, value: str | None) -> Change:
    """Another value of a field, in which ``{us}`` is our authority; without one, no such line."""
    new = "" if value is None else f"{name}: {value}\n"
    return lambda text: re.sub(rf"{name}: .*(\n|$)", lambda _: new.format(us=us(text)), text).rstrip("\n")


def moment(name: str, seconds: float) -> Change:
    """Another time of a field, in so many seconds."""
    return lambda text: line(name, at(seconds))(text)


def after(more: str) -> Change:
    return lambda text: text + more


def exchange(old: str, new: str) -> Change:
    return lambda text: text.replace(old, new, 1)


def domain(new: str) -> Change:
    """Another domain, in which ``{us}`` is our own."""
    return lambda text: re.sub(r"^\S+", lambda _: new.format(us=us(text)), text)


def address(change: Change) -> Change:
    return lambda text: re.sub(r"(?m)^0x[0-9a-fA-F]{40}$", lambda found: change(found[0]), text)


def at(seconds: float) -> str:
    return format_time(datetime.now(UTC) + timedelta(seconds=seconds))


def swapped(text: str) -> str:
    return re.sub(r"(Version: 1\n)(Chain ID: .*\n)", r"\2\1", text)


STATEMENT = "Sign in to Consent Ledger."
MESSAGES: dict[str, tuple[Change, str]] = {
    "another host": (domain("evil.example"), "wrong_domain"),
    "another port": (domain("127.0.0.1:1"), "wrong_domain"),
    "no port": (domain("127.0.0.1"), "wrong_domain"),
    "another name of the host": (exchange("127.0.0.1", "localhost"), "wrong_domain"),
    "our host as a prefix": (domain("{us}.evil.example"), "wrong_domain"),
    "a user in the domain": (domain("me@{us}"), "bad_message"),
    "our host as the user": (domain("{us}@evil.example"), "bad_message"),
    "a scheme before the domain": (domain("https://{us}"), "bad_message"),
    "a path behind the domain": (domain("{us}/x"), "bad_message"),
    "no domain": (domain(""), "bad_message"),
    "an address in lower case": (address(str.lower), "bad_message"),
    "an address in upper case": (address(lambda text: "0x" + text[2:].upper()), "bad_message"),
    "an address without 0x": (address(lambda text: text[2:]), "bad_message"),
    "a short address": (address(lambda text: text[:-1]), "bad_message"),
    "another address": (address(lambda _: "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"), "bad_nonce"),
    "the zero address": (address(lambda _: "0x" + "0" * 40), "bad_nonce"),
    "another statement": (exchange(STATEMENT, "Send all my ether."), "wrong_statement"),
    "no statement": (exchange(STATEMENT + "\n", ""), "wrong_statement"),
    "a statement with a quote": (exchange(STATEMENT, 'Sign in to "us".'), "bad_message"),
    "a statement beyond ASCII": (exchange(STATEMENT, "Melde dich für uns an."), "bad_message"),
    "a statement of two lines": (exchange(STATEMENT, STATEMENT + "\nAnd more."), "bad_message"),
    "an empty statement": (exchange(STATEMENT, ""), "bad_message"),
    "another origin": (line("URI", "https://evil.example"), "wrong_uri"),
    "an origin with a path": (line("URI", "http://{us}/x"), "wrong_uri"),
    "an origin with a slash": (line("URI", "http://{us}/"), "wrong_uri"),
    "another scheme": (line("URI", "https://{us}"), "wrong_uri"),
    "no origin": (line("URI", None), "bad_message"),
    "version 2": (line("Version", "2"), "bad_message"),
    "version 1.0": (line("Version", "1.0"), "bad_message"),
    "no version": (line("Version", None), "bad_message"),
    "another chain": (line("Chain ID", "1"), "wrong_chain"),
    "a chain with a leading zero": (line("Chain ID", "031337"), "bad_message"),
    "a chain in hexadecimal": (line("Chain ID", "0x7a69"), "bad_message"),
    "a negative chain": (line("Chain ID", "-31337"), "bad_message"),
    "a chain in other digits": (line("Chain ID", "٣١٣٣٧"), "bad_message"),
    "no chain": (line("Chain ID", None), "bad_message"),
    "an invented nonce": (line("Nonce", "ab" * 32), "bad_nonce"),
    "a common nonce": (line("Nonce", "12345678"), "bad_nonce"),
    "a short nonce": (line("Nonce", "1234567"), "bad_message"),
    "a nonce with more behind it": (exchange("\nIssued At", "0\nIssued At"), "bad_nonce"),
    "a nonce in upper case": (line("Nonce", "AB" * 32), "bad_nonce"),
    "no nonce": (line("Nonce", None), "bad_message"),
    "issued later": (moment("Issued At", 240), "not_yet"),
    "issued in local time": (line("Issued At", "2026-11-22T10:00:00+01:00"), "bad_message"),
    "issued at no such day": (line("Issued At", "2026-02-30T10:00:00Z"), "bad_message"),
    "issued with a fraction": (line("Issued At", "2026-11-22T10:00:00.5Z"), "bad_message"),
    "issued nowhen": (line("Issued At", None), "bad_message"),
    "expired": (moment("Expiration Time", -1), "expired"),
    "expired before it was issued": (line("Expiration Time", "1970-01-01T00:00:00Z"), "expired"),
    "valid for an hour": (moment("Expiration Time", 3600), "too_long"),
    "valid a little longer": (moment("Expiration Time", 330), "bad_nonce"),
    "valid for ever": (line("Expiration Time", None), "bad_message"),
    "expiring at no such second": (line("Expiration Time", "2026-11-22T10:00:61Z"), "bad_message"),
    "not valid yet": (lambda text: f"{text}\nNot Before: {at(200)}", "not_yet"),
    "valid from no such time": (after("\nNot Before: soon"), "bad_message"),
    "a request id that is not ours": (after("\nRequest ID: 7"), "unknown_request_id"),
    "an empty request id": (after("\nRequest ID: "), "unknown_request_id"),
    "a request id that is none": (after("\nRequest ID: a b"), "bad_message"),
    "resources": (after("\nResources:\n- https://evil.example/all"), "resources_named"),
    "a capability": (after("\nResources:\n- urn:recap:eyJhdHQiOnt9fQ"), "resources_named"),
    "no resources, named": (after("\nResources:"), "resources_named"),
    "a resource with a space": (after("\nResources:\n- a b"), "bad_message"),
    "another field": (after("\nAudience: all"), "bad_message"),
    "fields out of order": (swapped, "bad_message"),
    "a field twice": (exchange("Version: 1\n", "Version: 1\nVersion: 1\n"), "bad_message"),
    "a line feed at the end": (after("\n"), "bad_message"),
    "carriage returns": (lambda text: text.replace("\n", "\r\n"), "bad_message"),
    "a space before it": (lambda text: " " + text, "bad_message"),
    "a byte order mark": (lambda text: "\ufeff" + text, "bad_message"),
    "a zero byte": (exchange("Version: 1", "Version: 1\0"), "bad_message"),
    "a field in lower case": (exchange("Version:", "version:"), "bad_message"),
    "nothing": (lambda _: "", "bad_message"),
}


@pytest.mark.parametrize("defect", MESSAGES)
def test_a_message_that_says_anything_else_is_refused(scene: Scene, defect: str) -> None:
    change, reason = MESSAGES[defect]
    account = scene.alice.identity.account
    with scene.http(None) as client:
        genuine = challenge(client, account.address)
        text = change(genuine)
        assert text != genuine
        signature = hexed(account.sign(personal_digest(text)))
        refused = client.post("/v1/sign-in", json={"message": text, "signature": signature})
        assert (refused.status_code, refused.json()["reason"]) == (401, reason)
        signature = hexed(account.sign(personal_digest(genuine)))
        assert (
            client.post("/v1/sign-in", json={"message": genuine, "signature": signature}).status_code == 200
        )


def _high_s(raw: bytes) -> bytes:
    s = ORDER - int.from_bytes(raw[32:64], "big")
    return raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])


SIGNATURES: dict[str, Callable[[bytes], str]] = {
    "none": lambda _: "",
    "no digits": lambda _: "0x",
    "not hexadecimal": lambda _: "0x" + "zz" * 65,
    "without 0x": lambda raw: raw.hex(),
    "in upper case": lambda raw: "0x" + raw.hex().upper(),
    "an odd digit": lambda raw: hexed(raw)[:-1],
    "64 bytes": lambda raw: hexed(raw[:64]),
    "66 bytes": lambda raw: hexed(raw + b"\0"),
    "v of 0": lambda raw: hexed(raw[:64] + bytes([raw[64] - 27])),
    "the other v": lambda raw: hexed(raw[:64] + bytes([55 - raw[64]])),
    "v of 29": lambda raw: hexed(raw[:64] + bytes([29])),
    "a high s": lambda raw: hexed(_high_s(raw)),
    "zeros": lambda _: "0x" + "00" * 65,
    "r of zero": lambda raw: hexed(bytes(32) + raw[32:]),
    "s of zero": lambda raw: hexed(raw[:32] + bytes(32) + raw[64:]),
    "a changed bit": lambda raw: hexed(raw[:5] + bytes([raw[5] ^ 1]) + raw[6:]),
    "wrapped for a wallet to come": lambda raw: hexed(raw + bytes.fromhex("6492") * 16),
}


@pytest.mark.parametrize("defect", SIGNATURES)
def test_a_signature_in_any_other_form_is_refused(scene: Scene, defect: str) -> None:
    account = scene.alice.identity.account
    with scene.http(None) as client:
        text = challenge(client, account.address)
        signature = SIGNATURES[defect](account.sign(personal_digest(text)))
        refused = client.post("/v1/sign-in", json={"message": text, "signature": signature})
    assert (refused.status_code, refused.json()["reason"]) == (401, "bad_signature")


@pytest.mark.parametrize("over", ["another message", "the bare hash", "another account"])
def test_a_signature_over_something_else_is_refused(scene: Scene, over: str) -> None:
    account = scene.alice.identity.account
    with scene.http(None) as client:
        text = challenge(client, account.address)
        raw = {
            "another message": account.sign(personal_digest(challenge(client, account.address))),
            "the bare hash": account.sign(keccak256(text.encode())),
            "another account": scene.mallory.identity.account.sign(personal_digest(text)),
        }[over]
        refused = client.post("/v1/sign-in", json={"message": text, "signature": hexed(raw)})
    assert (refused.status_code, refused.json()["reason"]) == (401, "bad_signature")


def test_a_nonce_is_good_once(scene: Scene) -> None:
    account = scene.alice.identity.account
    with scene.http(None) as client:
        text = challenge(client, account.address)
        body = {"message": text, "signature": hexed(account.sign(personal_digest(text)))}
        assert client.post("/v1/sign-in", json=body).status_code == 200
        again = client.post("/v1/sign-in", json=body)
    assert (again.status_code, again.json()["reason"]) == (401, "bad_nonce")


def test_a_refused_signature_leaves_the_nonce_to_its_account(scene: Scene) -> None:
    account = scene.alice.identity.account
    with scene.http(None) as client:
        text = challenge(client, account.address)
        client.post("/v1/sign-in", json={"message": text, "signature": "0x" + "11" * 65})
        body = {"message": text, "signature": hexed(account.sign(personal_digest(text)))}
        assert client.post("/v1/sign-in", json=body).status_code == 200


def test_a_nonce_for_another_account_is_refused(scene: Scene) -> None:
    mallory = scene.mallory.identity.account
    with scene.http(None) as client:
        text = challenge(client, scene.alice.identity.account.address)
        text = address(lambda _: mallory.address)(text)
        body = {"message": text, "signature": hexed(mallory.sign(personal_digest(text)))}
        refused = client.post("/v1/sign-in", json=body)
    assert refused.json()["reason"] == "bad_nonce"


TOKENS: dict[str, Callable[[str], str]] = {
    "none": lambda _: "",
    "no token": lambda _: "Bearer",
    "another scheme": lambda token: f"Basic {token}",
    "no scheme": lambda token: token,
    "cut": lambda token: f"Bearer {token[:-1]}",
    "longer": lambda token: f"Bearer {token}0",
    "in upper case": lambda token: f"Bearer {token.upper()}",
    "without its prefix": lambda token: f"Bearer {token[3:]}",
    "another prefix": lambda token: f"Bearer xx_{token[3:]}",
    "a changed digit": lambda token: f"Bearer {token[:-1]}{'0' if token[-1] != '0' else '1'}",
    "two tokens": lambda token: f"Bearer {token} {token}",
    "two schemes": lambda token: f"Bearer {token}, Basic {token}",
    "after two spaces": lambda token: f"Bearer  {token}",
    "its hash": lambda token: f"Bearer cl_{keccak256(token.encode()).hex()}",
    "in quotes": lambda token: f'Bearer "{token}"',
}


@pytest.mark.parametrize("defect", TOKENS)
def test_a_token_in_any_other_form_is_none(scene: Scene, defect: str) -> None:
    token = scene.token(scene.alice)
    with scene.http(None) as client:
        refused = client.get("/v1/patient", headers={"Authorization": TOKENS[defect](token)})
        assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_required")
        assert client.get("/v1/patient", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_two_tokens_in_two_headers_are_none(scene: Scene) -> None:
    token, other = scene.token(scene.alice), scene.token(scene.mallory)
    for first, second in ((token, token), (token, other), ("x", token), (token, "x")):
        with scene.http(None) as client:
            headers = [("Authorization", f"Bearer {one}") for one in (first, second)]
            refused = client.get("/v1/patient", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_required")


def test_a_token_in_the_url_or_a_cookie_is_none(scene: Scene) -> None:
    token = scene.token(scene.alice)
    with scene.http(None) as client:
        assert client.get(f"/v1/patient?access_token={token}&token={token}").status_code == 401
        assert client.get("/v1/patient", headers={"Cookie": f"token={token}"}).status_code == 401


def test_the_database_holds_no_token_and_no_nonce(scene: Scene) -> None:
    account = scene.alice.identity.account
    with scene.http(None) as client:
        text = challenge(client, account.address)
        body = {"message": text, "signature": hexed(account.sign(personal_digest(text)))}
        token = client.post("/v1/sign-in", json=body).json()["token"]
    nonce = re.search(r"Nonce: (\w+)", text)
    assert nonce is not None
    stored = b"".join(
        path.read_bytes() for path in scene.network.stack.state.glob("gateway.sqlite*") if path.is_file()
    )
    for secret in (token[3:], nonce[1]):
        assert secret.encode() not in stored
        assert bytes.fromhex(secret) not in stored


def test_a_session_lasts_a_quarter_of_an_hour_at_most(scene: Scene) -> None:
    assert scene.network.stack.server.gateway.settings.session_seconds <= 900


def test_signing_out_everywhere_ends_every_session_of_the_account_and_no_other(scene: Scene) -> None:
    tokens = [scene.token(scene.alice) for _ in range(3)]
    others = scene.token(scene.mallory)
    with scene.http(None) as client:

        def status(token: str) -> int:
            return client.get("/v1/patient", headers={"Authorization": f"Bearer {token}"}).status_code

        assert [status(token) for token in tokens] == [200, 200, 200]
        ended = client.delete("/v1/sign-in/all", headers={"Authorization": f"Bearer {tokens[1]}"})
        assert ended.status_code == 204
        assert [status(token) for token in tokens] == [401, 401, 401]
        assert status(others) == 200
    scene.tokens.clear()


WALLETS: dict[str, str] = {
    "is not there": "",
    "reverts": "60006000fd",
    "reverts with the right answer": "631626ba7e60e01b60005260206000fd",
    "says nothing": "00",
    "breaks": "fe",
    "never ends": "5b600056",
    "burns all gas": "5b61ffff60002050600056",
    "fills its memory": "5b595952600056",
    "calls itself": "6000600060006000305afa00",
    "says 1": "600160005260206000f3",
    "says it on the wrong side": "631626ba7e60005260206000f3",
    "says too little": "631626ba7e60e01b60005260046000f3",
    "says more": "631626ba7e60e01b60005260406000f3",
    "says more within a word": "631626ba7e60e01b60011760005260206000f3",
    "says very much": "631626ba7e60e01b6000526207a1206000f3",
    "says another standard's value": "6320c13b0b60e01b60005260206000f3",
    "is another's": "ef0100" + "11" * 20,
}
"""What the code at an account does when it is asked; none of it is the magic value in one word."""


class TestWallets:
    """Accounts that are contracts, asked by ERC-1271."""

    def deployed(self, scene: Scene, code: bytes) -> Address:
        wallet = address_from_bytes(os.urandom(20))
        rpc = Rpc(scene.network.stack.rpc_url)
        rpc.request("anvil_setCode", wallet, hexed(code))
        rpc.close()
        return wallet

    def attempt(self, scene: Scene, wallet: Address, signature: Callable[[str], bytes]) -> httpx2.Response:
        with scene.http(None) as client:
            text = challenge(client, wallet)
            return client.post("/v1/sign-in", json={"message": text, "signature": hexed(signature(text))})

    def test_what_the_wallet_takes_signs_its_account_in(self, scene: Scene) -> None:
        owner = scene.network.person().identity.account
        wallet = self.deployed(scene, owned_by(owner.address))
        done = self.attempt(scene, wallet, lambda text: owner.sign(personal_digest(text)))
        assert done.status_code == 200, done.text
        assert done.json()["account"] == wallet

    def test_what_the_wallet_does_not_take_is_refused(self, scene: Scene) -> None:
        owner, other = (scene.network.person().identity.account for _ in range(2))
        wallet = self.deployed(scene, owned_by(owner.address))
        refused = self.attempt(scene, wallet, lambda text: other.sign(personal_digest(text)))
        assert (refused.status_code, refused.json()["reason"]) == (401, "bad_signature")

    @pytest.mark.parametrize("defect", WALLETS)
    def test_a_wallet_that_says_anything_else_takes_nothing(self, scene: Scene, defect: str) -> None:
        wallet = self.deployed(scene, bytes.fromhex(WALLETS[defect]))
        refused = self.attempt(scene, wallet, lambda _: os.urandom(65))
        assert (refused.status_code, refused.json()["reason"]) == (401, "bad_signature")

    def test_a_wallet_that_is_gone_when_it_is_asked_takes_nothing(self, scene: Scene) -> None:
        owner = scene.network.person().identity.account
        wallet = self.deployed(scene, owned_by(owner.address))

        def gone(text: str) -> bytes:
            rpc = Rpc(scene.network.stack.rpc_url)
            rpc.request("anvil_setCode", wallet, "0x")
            rpc.close()
            return owner.sign(personal_digest(text))

        refused = self.attempt(scene, wallet, gone)
        assert (refused.status_code, refused.json()["reason"]) == (401, "bad_signature")

    def test_the_key_of_an_account_with_code_of_its_own_signs_in(self, scene: Scene) -> None:
        owner = scene.network.person().identity.account
        rpc = Rpc(scene.network.stack.rpc_url)
        rpc.request("anvil_setCode", owner.address, "0x60006000fd")
        rpc.close()
        done = self.attempt(scene, owner.address, lambda text: owner.sign(personal_digest(text)))
        assert done.status_code == 200

    def test_a_signature_longer_than_any_wallet_needs_is_not_sent_on(self, scene: Scene) -> None:
        owner = scene.network.person().identity.account
        wallet = self.deployed(scene, owned_by(owner.address))
        refused = self.attempt(scene, wallet, lambda text: owner.sign(personal_digest(text)) + bytes(4096))
        assert refused.status_code == 400


def owned_by(owner: Address) -> bytes:
    """The code of a wallet that takes its owner's signature: ecrecover, compare, answer."""
    return bytes.fromhex(
        "600435600052"  # the digest
        "60a43560f81c602052"  # v
        "606435604052"  # r
        "608435606052"  # s
        "602060006080600060015afa50"  # ecrecover
        f"60005173{owner[2:]}14"  # the owner?
        "631626ba7e0260e01b60005260206000f3"  # the magic value, or zero
    )

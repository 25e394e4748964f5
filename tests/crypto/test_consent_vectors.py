"""The consent digest, shared with Foundry: ``tests/vectors/consent-digest.json``.

The file is what this module computes, byte for byte, and every digest in it is what eth-account computes.
``python tests/crypto/test_consent_vectors.py`` writes it anew after an intended change of the format.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from ledger.canonical import hexed, unhex
from ledger.crypto.identity import Account
from ledger.crypto.signatures import recover
from ledger.crypto.typed import (
    Consent,
    Filing,
    Revocation,
    RevokeAll,
    Terms,
    consent_digest,
    consent_domain,
)
from ledger.ids import Address, parse_address

VECTORS = Path(__file__).parents[1] / "vectors" / "consent-digest.json"
PROVENANCE = (
    "Computed by tests/crypto/test_consent_vectors.py. Keys, documents and salts are SHA-256 of "
    "'consent-ledger test <key|document|salt> N' unless all zeros or ones. The keys are for tests only."
)

NO_END = 2**40 - 1
REGISTRY = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER_REGISTRY = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
STATEMENT = (
    'You let "Lakeside Clinic" see your lab results.\n'
    "Only for your treatment. From 1 March 2026 until 31 May 2026.\n"
    "You can stop this at any time. What was seen cannot be unseen."
)
BEYOND_ASCII = (
    "Sie erlauben „Ärztehaus Süd“, Ihre Befunde zu sehen: nur für Ihre Behandlung. "
    "患者がいつでも止められます。 e\u0301\u00a0\U0001f49a"
)


def seeded(kind: str, number: int) -> bytes:
    return hashlib.sha256(f"consent-ledger test {kind} {number}".encode()).digest()


def given(name: str, number: int, **changed: Any) -> dict[str, Any]:  # noqa: ANN401
    """The inputs of one case; `changed` names what makes it special."""
    inputs: dict[str, Any] = {
        "name": name,
        "number": number,
        "chainId": 31337,
        "registry": REGISTRY,
        "epoch": 0,
        "statement": STATEMENT,
        "document": seeded("document", number),
        "salt": seeded("salt", number),
        "until": 1782864000,
    }
    return inputs | changed


INPUTS = [
    given("plain", 1),
    given("statement beyond ascii", 2, statement=BEYOND_ASCII),
    given("until without end", 3, until=NO_END),
    given("terminal epoch", 4, epoch=65535),
    given("empty statement and zero words", 5, statement="", document=bytes(32), salt=bytes(32), until=0),
    given("all ones", 6, epoch=65535, document=b"\xff" * 32, salt=b"\xff" * 32, until=NO_END),
    given("statement of exactly one keccak block", 7, statement="x" * 136),
    given("escapes in the statement", 8, statement='"\\\t/\n\u2028end'),
    given("same terms under another registry", 1, registry=OTHER_REGISTRY),
    given("same terms on another chain", 1, chainId=11155111),
]


def vector(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """One case of the file, computed by the code under test."""
    key = seeded("key", inputs["number"])
    controller = Account.from_key(key)
    domain = consent_domain(inputs["chainId"], Address(inputs["registry"]))
    terms = Terms(statement=inputs["statement"], document=inputs["document"], salt=inputs["salt"])
    consent = Consent(
        controller=controller.address, epoch=inputs["epoch"], terms=terms, until=inputs["until"]
    )
    digest = consent.digest(domain)
    revocation = Revocation(consent=digest).digest(domain)
    revoke_all = RevokeAll(controller=controller.address, epoch=inputs["epoch"]).digest(domain)
    filing = Filing(consent=digest, controller=controller.address).digest(domain)
    return {
        "name": inputs["name"],
        "chainId": inputs["chainId"],
        "registry": inputs["registry"],
        "controller": controller.address,
        "epoch": inputs["epoch"],
        "statement": inputs["statement"],
        "document": hexed(inputs["document"]),
        "salt": hexed(inputs["salt"]),
        "until": inputs["until"],
        "termsHash": hexed(consent.terms_hash()),
        "digest": hexed(digest),
        "privateKey": hexed(key),
        "signature": hexed(controller.sign(digest)),
        "revocationDigest": hexed(revocation),
        "revocationSignature": hexed(controller.sign(revocation)),
        "revokeAllDigest": hexed(revoke_all),
        "revokeAllSignature": hexed(controller.sign(revoke_all)),
        "filingDigest": hexed(filing),
    }


def vectors() -> bytes:
    """The whole file."""
    content = {"provenance": PROVENANCE, "cases": [vector(inputs) for inputs in INPUTS]}
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def stored() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(VECTORS.read_bytes())["cases"]
    return cases


def by_eth_account(case: Mapping[str, Any], kind: str, message: Mapping[str, Any]) -> str:
    """The digest of a message by eth-account, from types that are written here by hand."""
    types = {
        "Consent": [
            {"name": "controller", "type": "address"},
            {"name": "epoch", "type": "uint16"},
            {"name": "terms", "type": "Terms"},
            {"name": "until", "type": "uint40"},
        ],
        "Terms": [
            {"name": "statement", "type": "string"},
            {"name": "document", "type": "bytes32"},
            {"name": "salt", "type": "bytes32"},
        ],
        "Revocation": [{"name": "consent", "type": "bytes32"}],
        "RevokeAll": [{"name": "controller", "type": "address"}, {"name": "epoch", "type": "uint16"}],
        "Filing": [{"name": "consent", "type": "bytes32"}, {"name": "controller", "type": "address"}],
    }
    used = {kind: types[kind]} | ({"Terms": types["Terms"]} if kind == "Consent" else {})
    domain = {
        "name": "Consent Ledger",
        "version": "1",
        "chainId": case["chainId"],
        "verifyingContract": case["registry"],
    }
    signable = encode_typed_data(domain, used, dict(message))
    return hexed(keccak(b"\x19" + signable.version + signable.header + signable.body))


def test_the_file_regenerates_byte_for_byte() -> None:
    assert VECTORS.read_bytes() == vectors()


def test_the_file_has_the_hard_cases() -> None:
    cases = stored()
    assert any(not case["statement"].isascii() for case in cases)
    assert any(case["until"] == NO_END for case in cases)
    assert any(case["epoch"] == 65535 for case in cases)
    assert len({case["digest"] for case in cases}) == len(cases)


@pytest.mark.parametrize("case", stored(), ids=lambda case: str(case["name"]))
class TestEveryCase:
    def test_digests_equal_those_of_eth_account(self, case: dict[str, Any]) -> None:
        terms = {name: case[name] for name in ("statement", "document", "salt")}
        consent = {
            "controller": case["controller"],
            "epoch": case["epoch"],
            "terms": terms,
            "until": case["until"],
        }
        filing = {"consent": case["digest"], "controller": case["controller"]}
        revoke_all = {"controller": case["controller"], "epoch": case["epoch"]}
        assert case["digest"] == by_eth_account(case, "Consent", consent)
        assert case["revocationDigest"] == by_eth_account(case, "Revocation", {"consent": case["digest"]})
        assert case["revokeAllDigest"] == by_eth_account(case, "RevokeAll", revoke_all)
        assert case["filingDigest"] == by_eth_account(case, "Filing", filing)

    def test_the_hash_of_the_terms_is_enough_for_the_digest(self, case: dict[str, Any]) -> None:
        digest = consent_digest(
            consent_domain(case["chainId"], Address(case["registry"])),
            controller=parse_address(case["controller"]),
            epoch=case["epoch"],
            terms_hash=unhex(case["termsHash"]),
            until=case["until"],
        )
        assert hexed(digest) == case["digest"]

    def test_the_controller_signed_each_act(self, case: dict[str, Any]) -> None:
        for act in ("digest", "revocationDigest", "revokeAllDigest"):
            signature = unhex(case["signature" if act == "digest" else act.replace("Digest", "Signature")])
            assert recover(unhex(case[act]), signature) == case["controller"]


def test_the_domain_separates_chains_and_registries() -> None:
    cases = {case["name"]: case for case in stored()}
    plain = cases["plain"]
    for name in ("same terms under another registry", "same terms on another chain"):
        assert cases[name]["termsHash"] == plain["termsHash"]
        assert cases[name]["digest"] != plain["digest"]


if __name__ == "__main__":
    VECTORS.write_bytes(vectors())

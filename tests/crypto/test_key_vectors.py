"""Keys, compartments, epochs, capsules and keystores: as the vectors have them, read twice."""

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from ledger.canonical import unb64, unhex
from ledger.crypto import keystore
from ledger.crypto.identity import Identity
from ledger.crypto.sealing import open_capsule
from ledger.crypto.typed import CompartmentKey, GrantCapsules, InboxKey
from ledger.errors import CapsuleInvalid
from tests.crypto import second_keys
from tests.crypto.key_vectors import FILE, capsules_of, written

VECTORS: dict[str, Any] = json.loads(FILE.read_text())
CAPSULES = VECTORS["capsules"]


@pytest.fixture(scope="module")
def keys() -> second_keys.Keys:
    return second_keys.Keys.of(VECTORS["words"])


def test_the_file_regenerates_byte_for_byte() -> None:
    assert written(capsules_of(FILE.read_text())) == FILE.read_text()


def test_a_second_reader_derives_the_same_accounts(keys: second_keys.Keys) -> None:
    assert keys.address(44, 60, 2, 0, 0) == VECTORS["account"]
    assert keys.address(44, 60, 3, 0, 0) == VECTORS["erasure"]
    assert [keys.address(44, 60, 1, 0, index) for index in range(3)] == VECTORS["controllers"]
    assert VECTORS["patient"] == f"did:pkh:eip155:31337:{VECTORS['account']}"


def test_a_second_reader_derives_the_same_secrets(keys: second_keys.Keys) -> None:
    found = [f"0x{keys.secret(f'encryption/{version}').hex()}" for version in (1, 2)]
    assert found == VECTORS["encryption"]
    assert f"0x{keys.secret('inbox/0').hex()}" == VECTORS["inbox"]["secret"]


@pytest.mark.parametrize("case", VECTORS["compartments"], ids=lambda case: case["class"])
def test_a_second_reader_finds_each_compartment_and_the_signed_key_of_each_epoch(
    case: dict[str, Any], keys: second_keys.Keys
) -> None:
    found = sha256(second_keys.compartment(VECTORS["patient"], case["class"], case["labels"])).digest()
    assert f"0x{found.hex()}" == case["id"]
    assert [one["epoch"] for one in case["epochs"]] == [0, 1, 2]
    for one in case["epochs"]:
        secret = keys.secret(f"compartment/{found.hex()}/{one['epoch']}")
        public, _ = second_keys.pair(secret)
        assert (f"0x{secret.hex()}", b64decode(one["key"])) == (one["secret"], public)
        message = {
            "patient": VECTORS["account"],
            "compartment": found,
            "epoch": one["epoch"],
            "key": sha256(public).digest(),
        }
        signed = signer(CompartmentKey.TYPE, message, one["signature"])
        assert signed == VECTORS["account"]


def test_a_second_reader_believes_the_inbox_key_and_the_list_of_grants() -> None:
    inbox, listed = VECTORS["inbox"], VECTORS["grantCapsules"]
    digest = sha256(b64decode(inbox["key"])).digest()
    message = {"patient": VECTORS["account"], "epoch": inbox["epoch"], "key": digest}
    assert signer(InboxKey.TYPE, message, inbox["signature"]) == VECTORS["account"]
    grant = next(case for case in CAPSULES if case["kind"] == "grant")
    assert listed["capsules"] == [f"0x{sha256(b64decode(grant['capsule'])).hexdigest()}"]
    message = {"consent": unhex(listed["consent"]), "capsules": [unhex(one) for one in listed["capsules"]]}
    assert signer(GrantCapsules.TYPE, message, listed["signature"]) == VECTORS["account"]


def signer(struct: str, message: dict[str, Any], signature: str) -> str:
    return second_keys.signer(VECTORS["chain"], VECTORS["registry"], struct, message, signature)


@pytest.mark.parametrize("case", CAPSULES, ids=lambda case: case["kind"])
def test_a_second_reader_opens_each_capsule(case: dict[str, Any]) -> None:
    bound = json.loads(case["info"])
    members = {name: bound[name] for name in bound.keys() - {"format", "suite", "kind"}}
    assert second_keys.capsule_info(case["kind"], **members) == case["info"].encode()
    secret, capsule = unhex(case["secret"]), b64decode(case["capsule"])
    assert len(capsule) == 1168
    assert second_keys.opened(secret, capsule, case["info"].encode()) == unhex(case["holds"])


@pytest.mark.parametrize("case", CAPSULES, ids=lambda case: case["kind"])
def test_each_capsule_opens_for_its_own_purpose_alone(case: dict[str, Any]) -> None:
    secret, capsule = unhex(case["secret"]), unb64(case["capsule"])
    assert open_capsule(secret, capsule, case["info"].encode()) == unhex(case["holds"])
    for other in CAPSULES:
        if other is not case:
            with pytest.raises(CapsuleInvalid):
                open_capsule(secret, capsule, other["info"].encode())
            with pytest.raises(CapsuleInvalid):
                open_capsule(unhex(other["secret"]), capsule, case["info"].encode())


def test_the_grantee_opens_the_grant_and_with_it_the_record() -> None:
    record, grant, _ = CAPSULES
    reader = Identity.from_words(VECTORS["grantee"]["words"])
    key = open_capsule(reader.encryption_secret(1), unb64(grant["capsule"]), grant["info"].encode())
    assert open_capsule(key, unb64(record["capsule"]), record["info"].encode()) == unhex(record["holds"])


@pytest.mark.parametrize("spelling", ["passphrase", "decomposed"])
def test_both_readers_open_the_keystore_however_the_passphrase_is_composed(
    spelling: str, tmp_path: Path
) -> None:
    case = VECTORS["keystore"]
    assert second_keys.keystore(case["text"], case[spelling]) == VECTORS["words"]
    path = tmp_path / "keystore"
    path.touch(mode=0o600)
    path.write_text(case["text"] + "\n")
    assert keystore.unlock(path, case[spelling]).account.address == VECTORS["account"]


def test_another_passphrase_does_not_open_the_keystore() -> None:
    with pytest.raises(InvalidTag):
        second_keys.keystore(VECTORS["keystore"]["text"], VECTORS["keystore"]["passphrase"] + " ")

"""Keystores of wallets open with their passphrase; everything else is refused, and nothing of it is shown."""

import json
from typing import Any

import pytest
from eth_account import Account as EthAccount

from ledger.crypto.identity import Account
from ledger.crypto.web3keystore import Web3Keystore
from ledger.errors import InvalidInput, KeyLocked

KEY = b"\x07" * 32
ADDRESS = Account.from_key(KEY).address
SECRET = "correct horse"

# The test vectors of the format's definition: the same key under both key derivations.
VECTOR_KEY = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
PBKDF2 = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}


def stored(**changes: object) -> dict[str, Any]:
    return {**EthAccount.encrypt(KEY, SECRET, kdf="pbkdf2", iterations=10), **changes}


def parse(value: object) -> Web3Keystore:
    return Web3Keystore.parse(json.dumps(value).encode())


def test_the_formats_own_vector_opens() -> None:
    keystore = parse(PBKDF2)
    assert keystore.address is None
    assert keystore.unlock("testpassword") == Account.from_key(VECTOR_KEY)


def test_what_a_wallet_has_stored_opens_and_says_whose_it_is() -> None:
    keystore = parse(EthAccount.encrypt(KEY, SECRET, kdf="scrypt", iterations=2))
    assert keystore.address == ADDRESS
    assert keystore.unlock(SECRET).address == ADDRESS


def test_another_passphrase_or_an_altered_file_does_not_open() -> None:
    with pytest.raises(KeyLocked):
        parse(stored()).unlock(SECRET + "!")
    altered = stored()
    altered["crypto"]["ciphertext"] = "00" * 32
    with pytest.raises(KeyLocked):
        parse(altered).unlock(SECRET)
    with pytest.raises(KeyLocked, match="another account"):
        parse(stored(address="00" * 20)).unlock(SECRET)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"format": "consent-ledger/keystore/1", "ciphertext": "hunter2"},
        stored(version=1),
        stored(version="3"),
        stored(crypto="hunter2"),
        stored(address="hunter2"),
        stored(address="00" * 19),
    ],
)
def test_other_formats_are_refused_without_repeating_them(value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(value)
    assert "hunter2" not in str(refused.value.as_dict())
    assert "cast wallet new" in refused.value.fix


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Web3Keystore.parse(b"0x" + KEY.hex().encode())


@pytest.mark.parametrize("change", [{"kdf": "argon2id"}, {"kdfparams": {}}, {"ciphertext": None}])
def test_parts_that_are_missing_or_unknown_are_refused(change: dict[str, Any]) -> None:
    broken = stored()
    broken["crypto"] |= change
    with pytest.raises(InvalidInput):
        parse(broken).unlock(SECRET)


def test_nothing_of_it_is_in_its_repr() -> None:
    keystore = parse(stored())
    shown = repr(keystore) + repr(keystore.unlock(SECRET))
    assert keystore._content["crypto"]["ciphertext"] not in shown
    assert KEY.hex() not in shown

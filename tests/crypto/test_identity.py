"""24 words and what follows from them, against BIP-39, BIP-32 and RFC 5869 written out by hand."""

import hashlib
import hmac
import subprocess
import sys
from functools import partial

import pytest
from eth_account import Account as EthAccount
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto.identity import Account, Identity, new_words, parse_words
from ledger.crypto.signatures import ORDER, recover
from ledger.errors import InvalidInput

# BIP-39: entropy of 32 zero bytes, and its seed without a passphrase.
WORDS = " ".join(["abandon"] * 23 + ["art"])
SEED = bytes.fromhex(
    "408b285c123836004f4b8842c89324c1f01382450c0d439af345ba7fc49acf70"
    "5489c6fc77dbd4e3dc1dd8cc6bc9f043db8ada1e243c4a0eafb290d399480840"
)
OTHER_WORDS = new_words(lambda size: b"\xff" * size)
COMPARTMENT = hashlib.sha256(b"a compartment").digest()


def hardened(seed: bytes, *path: int) -> bytes:
    """BIP-32 private derivation along hardened steps only."""
    node = hmac.digest(b"Bitcoin seed", seed, "sha512")
    key, chain = int.from_bytes(node[:32], "big"), node[32:]
    for step in path:
        data = b"\x00" + key.to_bytes(32, "big") + (step + 2**31).to_bytes(4, "big")
        node = hmac.digest(chain, data, "sha512")
        key, chain = (int.from_bytes(node[:32], "big") + key) % ORDER, node[32:]
    return key.to_bytes(32, "big")


def hkdf(seed: bytes, info: str) -> bytes:
    """RFC 5869, SHA-256, no salt, one block."""
    extracted = hmac.digest(bytes(32), seed, "sha256")
    return hmac.digest(extracted, info.encode() + b"\x01", "sha256")


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity.from_words(WORDS)


def test_the_seed_is_that_of_bip39(identity: Identity) -> None:
    assert hashlib.pbkdf2_hmac("sha512", WORDS.encode(), b"mnemonic", 2048) == SEED
    assert identity.account == Account.from_key(hardened(SEED, 44, 60, 2, 0, 0))


@pytest.mark.parametrize("index", [0, 1, 7, 2**31 - 1])
def test_controllers_are_on_their_hardened_path(identity: Identity, index: int) -> None:
    assert identity.controller(index) == Account.from_key(hardened(SEED, 44, 60, 1, 0, index))


def test_erasure_key_is_on_its_hardened_path(identity: Identity) -> None:
    assert identity.erasure == Account.from_key(hardened(SEED, 44, 60, 3, 0, 0))


def test_any_wallet_derives_the_same_account(identity: Identity) -> None:
    EthAccount.enable_unaudited_hdwallet_features()
    wallet = EthAccount.from_mnemonic(WORDS, account_path="m/44'/60'/2'/0'/0'")
    assert identity.account.address == wallet.address


@pytest.mark.parametrize("number", [0, 1, 2**32 - 1])
def test_secrets_are_hkdf_of_the_seed(identity: Identity, number: int) -> None:
    assert identity.encryption_secret(number) == hkdf(SEED, f"consent-ledger/1/encryption/{number}")
    assert identity.inbox_secret(number) == hkdf(SEED, f"consent-ledger/1/inbox/{number}")
    assert identity.compartment_secret(COMPARTMENT, number) == hkdf(
        SEED, f"consent-ledger/1/compartment/{COMPARTMENT.hex()}/{number}"
    )


def test_no_two_purposes_share_a_key(identity: Identity) -> None:
    addresses = {identity.account.address, identity.erasure.address}
    addresses |= {identity.controller(index).address for index in range(5)}
    secrets = {identity.encryption_secret(number) for number in range(3)}
    secrets |= {identity.inbox_secret(number) for number in range(3)}
    secrets |= {identity.compartment_secret(COMPARTMENT, number) for number in range(3)}
    assert (len(addresses), len(secrets)) == (7, 9)


def test_an_account_signs_for_its_address(identity: Identity) -> None:
    account = identity.controller(3)
    assert recover(COMPARTMENT, account.sign(COMPARTMENT)) == account.address


@pytest.mark.parametrize("index", [-1, 2**31])
def test_a_controller_outside_the_hardened_range_is_refused(identity: Identity, index: int) -> None:
    with pytest.raises(InvalidInput):
        identity.controller(index)


@pytest.mark.parametrize("number", [-1, 2**32])
def test_a_version_or_epoch_out_of_range_is_refused(identity: Identity, number: int) -> None:
    for derive in (
        identity.encryption_secret,
        identity.inbox_secret,
        partial(identity.compartment_secret, COMPARTMENT),
    ):
        with pytest.raises(InvalidInput):
            derive(number)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_compartment_not_of_32_bytes_is_refused(identity: Identity, size: int) -> None:
    with pytest.raises(InvalidInput):
        identity.compartment_secret(bytes(size), 0)


@settings(max_examples=25, deadline=None)
@given(entropy=st.binary(min_size=32, max_size=32))
def test_words_are_bip39_of_the_entropy(entropy: bytes) -> None:
    words = new_words(lambda size: entropy[:size])
    listed = new_words_list()
    bits = "".join(f"{listed.index(word):011b}" for word in words.split(" "))
    assert len(words.split(" ")) == 24
    assert int(bits[:256], 2).to_bytes(32, "big") == entropy
    assert int(bits[256:], 2) == hashlib.sha256(entropy).digest()[0]


def new_words_list() -> list[str]:
    from eth_account.hdaccount.mnemonic import get_wordlist

    return get_wordlist("english")


def test_a_source_that_gives_too_little_makes_no_words() -> None:
    with pytest.raises(InvalidInput):
        new_words(lambda size: bytes(size - 1))


def test_any_white_space_separates_words() -> None:
    assert parse_words("\n" + WORDS.replace(" ", "  \t") + "\r\n") == WORDS


@pytest.mark.parametrize(
    ("defect", "text"),
    [
        ("empty", ""),
        ("12 words", " ".join(["abandon"] * 11 + ["about"])),
        ("25 words", WORDS + " abandon"),
        ("wrong checksum", " ".join(["abandon"] * 24)),
        ("two words exchanged", " ".join([OTHER_WORDS.split()[-1], *OTHER_WORDS.split()[1:-1], "zoo"])),
        ("upper case", WORDS.upper()),
        ("cut to four letters", " ".join(word[:4] for word in WORDS.split())),
        ("another language", " ".join(["abaco"] * 24)),
        ("accented", WORDS.replace("art", "àrt")),
    ],
)
def test_other_words_are_refused(defect: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Identity.from_words(text)
    assert caught.value.reason == "bad_words", defect


def test_an_error_names_the_place_and_never_the_word() -> None:
    words = OTHER_WORDS.split()
    words[4] = "zooo"
    with pytest.raises(InvalidInput) as caught:
        parse_words(" ".join(words))
    text = str(caught.value.as_dict())
    assert "number 5" in text
    assert "zoo" not in text


def test_nothing_secret_in_a_repr(identity: Identity) -> None:
    key = hardened(SEED, 44, 60, 2, 0, 0)
    shown = repr(identity) + repr(identity.account) + str(identity.account)
    for secret in (SEED, key):
        assert secret.hex() not in shown
        assert repr(secret)[2:20] not in shown
    assert identity.account.address in shown


def test_nothing_here_imports_the_slow_wallet_before_it_is_needed() -> None:
    code = (
        "import sys, ledger.crypto.keystore, ledger.crypto.recordcipher, ledger.crypto.sealing, "
        "ledger.crypto.typed; sys.exit('eth_account' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def test_identities_of_other_words_differ(identity: Identity) -> None:
    assert Identity.from_words(WORDS) == identity
    assert Identity.from_words(OTHER_WORDS) != identity

"""A signature has one accepted form; its twins and everything malformed are refused."""

import hashlib

import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct
from eth_keys.backends.coincurve import CoinCurveECCBackend
from eth_keys.datatypes import PrivateKey, Signature
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto.signatures import ORDER, address_of, personal_digest, recover, sign, verify
from ledger.errors import InvalidInput, SignatureInvalid

KEY = hashlib.sha256(b"consent-ledger test key 1").digest()
DIGEST = hashlib.sha256(b"what is signed").digest()
SIGNATURE = sign(DIGEST, KEY)
R, S, V = SIGNATURE[:32], SIGNATURE[32:64], SIGNATURE[64]

private_keys = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
digests = st.binary(min_size=32, max_size=32)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def high_s_twin(signature: bytes) -> bytes:
    """The other signature that the curve equation accepts: s negated, v flipped."""
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + word(ORDER - s) + bytes([55 - signature[64]])


@settings(max_examples=50, deadline=None)
@given(key=private_keys, digest=digests)
def test_recovers_the_signer(key: bytes, digest: bytes) -> None:
    signature = sign(digest, key)
    assert recover(digest, signature) == address_of(key)
    verify(digest, signature, address_of(key))


@settings(max_examples=50, deadline=None)
@given(key=private_keys, digest=digests)
def test_signs_as_eth_keys_does(key: bytes, digest: bytes) -> None:
    theirs = PrivateKey(key, backend=CoinCurveECCBackend()).sign_msg_hash(digest).to_bytes()
    assert sign(digest, key) == theirs[:64] + bytes([27 + theirs[64]])


@settings(max_examples=50, deadline=None)
@given(key=private_keys, digest=digests)
def test_always_low_s_and_v_27_or_28(key: bytes, digest: bytes) -> None:
    signature = sign(digest, key)
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert signature[64] in (27, 28)


def test_signing_is_deterministic() -> None:
    assert sign(DIGEST, KEY) == SIGNATURE


def test_address_is_that_of_eth_account() -> None:
    assert address_of(KEY) == EthAccount.from_key(KEY).address


def test_the_high_s_twin_is_a_real_twin() -> None:
    twin = high_s_twin(SIGNATURE)
    theirs = Signature(twin[:64] + bytes([twin[64] - 27]), backend=CoinCurveECCBackend())
    signer: str = theirs.recover_public_key_from_msg_hash(DIGEST).to_checksum_address()
    assert signer == address_of(KEY)


@pytest.mark.parametrize(
    ("defect", "signature", "reason"),
    [
        ("high-s twin", high_s_twin(SIGNATURE), "signature_high_s"),
        ("s just above the middle", R + word(ORDER // 2 + 1) + bytes([V]), "signature_high_s"),
        ("v 0 or 1", R + S + bytes([V - 27]), "signature_v"),
        ("v 2 (r beyond the field)", R + S + b"\x02", "signature_v"),
        ("v 29", R + S + b"\x1d", "signature_v"),
        ("v of EIP-155", R + S + bytes([V + 10]), "signature_v"),
        ("64 bytes", R + S, "signature_length"),
        ("compact of EIP-2098", R + bytes([S[0] | ((V - 27) << 7)]) + S[1:], "signature_length"),
        ("66 bytes", SIGNATURE + b"\x00", "signature_length"),
        ("empty", b"", "signature_length"),
        ("r zero", bytes(32) + S + bytes([V]), "signature_range"),
        ("s zero", R + bytes(32) + bytes([V]), "signature_range"),
        ("all zero", bytes(64) + b"\x1b", "signature_range"),
        ("r the order", word(ORDER) + S + bytes([V]), "signature_range"),
        ("s the order", R + word(ORDER) + bytes([V]), "signature_range"),
        ("r all ones", b"\xff" * 32 + S + bytes([V]), "signature_range"),
        ("r on no point of the curve", word(5) + S + bytes([V]), "unrecoverable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_other_form_is_refused(defect: str, signature: bytes, reason: str) -> None:
    with pytest.raises(SignatureInvalid) as caught:
        recover(DIGEST, signature)
    assert caught.value.reason == reason, defect


@pytest.mark.parametrize(
    ("defect", "digest", "signature"),
    [
        ("other v", DIGEST, R + S + bytes([55 - V])),
        ("another digest", hashlib.sha256(b"something else").digest(), SIGNATURE),
        ("another key", DIGEST, sign(DIGEST, hashlib.sha256(b"consent-ledger test key 2").digest())),
    ],
)
def test_a_well_formed_signature_by_another_does_not_verify(
    defect: str, digest: bytes, signature: bytes
) -> None:
    with pytest.raises(SignatureInvalid) as caught:
        verify(digest, signature, address_of(KEY))
    assert caught.value.reason == "another_signer", defect


@settings(max_examples=200, deadline=None)
@given(bit=st.integers(0, 65 * 8 - 1))
def test_no_flipped_bit_verifies(bit: int) -> None:
    flipped = bytearray(SIGNATURE)
    flipped[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(SignatureInvalid):
        verify(DIGEST, bytes(flipped), address_of(KEY))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_only_32_bytes_are_a_digest(size: int) -> None:
    with pytest.raises(InvalidInput):
        sign(bytes(size), KEY)
    with pytest.raises(InvalidInput):
        recover(bytes(size), SIGNATURE)


@pytest.mark.parametrize(
    "key", [b"", b"\x01", bytes(32), word(ORDER), b"\xff" * 32, KEY + b"\x00"], ids=lambda key: key.hex()[:8]
)
def test_what_is_no_private_key_is_refused_without_being_repeated(key: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        sign(DIGEST, key)
    assert caught.value.reason == "bad_key"
    assert not key.strip(b"\x00") or key.hex() not in str(caught.value.as_dict())


@pytest.mark.parametrize("text", ["", "sign in", "é 日本語", "a" * 1000, "line\nbreak"])
def test_personal_digest_equals_eth_account(text: str) -> None:
    signable = encode_defunct(text=text)
    assert personal_digest(text) == keccak(b"\x19" + signable.version + signable.header + signable.body)


def test_a_lone_surrogate_cannot_be_signed() -> None:
    with pytest.raises(InvalidInput):
        personal_digest("\ud800")

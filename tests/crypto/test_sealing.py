"""Capsules open with one key and for one purpose; X-Wing and RFC 9180 are written out here to compare."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.canonical import canonical
from ledger.crypto.sealing import (
    OVERHEAD,
    PUBLIC_SIZE,
    SUITE,
    KeyPair,
    capsule_info,
    key_digest,
    open_capsule,
    seal,
)
from ledger.errors import CapsuleInvalid, InvalidInput

SECRET = hashlib.sha256(b"a compartment secret").digest()
OTHER = hashlib.sha256(b"another secret").digest()
PAIR = KeyPair.from_secret(SECRET)
RECORD_KEY = hashlib.sha256(b"a record key").digest()
WORD = "0x" + "ab" * 32
PATIENT = "did:pkh:eip155:31337:0x5FbDB2315678afecb367f032d93F642f64180aa3"
GRANTEE = "did:pkh:eip155:31337:0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
RECORD: dict[str, Any] = {
    "kind": "record",
    "root": "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
    "patient": PATIENT,
    "compartment": WORD,
    "epoch": 0,
}
GRANT: dict[str, Any] = {
    "kind": "grant",
    "consent": WORD,
    "patient": PATIENT,
    "compartment": WORD,
    "epoch": 0,
    "recipient": GRANTEE,
}
INFO = capsule_info(**RECORD)
CAPSULE = seal(PAIR.public, RECORD_KEY, INFO)


def labelled(suite: bytes, label: bytes, value: bytes) -> bytes:
    return b"HPKE-v1" + suite + label + value


def expand(secret: bytes, suite: bytes, label: bytes, info: bytes, size: int) -> bytes:
    data = size.to_bytes(2, "big") + labelled(suite, label, info)
    return HKDFExpand(hashes.SHA256(), size, data).derive(secret)


def open_by_hand(secret: bytes, capsule: bytes, info: bytes) -> bytes:
    """X-Wing decapsulation, then the base mode of RFC 9180 sections 5.1 and 5.2."""
    seeds = HKDFExpand(hashes.SHA256(), 96, b"consent-ledger/1/hybrid-key").derive(secret)
    lattice, curve = (
        MLKEM768PrivateKey.from_seed_bytes(seeds[:64]),
        X25519PrivateKey.from_private_bytes(seeds[64:]),
    )
    lattice_text, share, sealed = capsule[:1088], capsule[1088:1120], capsule[1120:]
    shared = hashlib.sha3_256(
        lattice.decapsulate(lattice_text)
        + curve.exchange(X25519PublicKey.from_public_bytes(share))
        + share
        + curve.public_key().public_bytes_raw()
        + rb"\.//^"
        + b"\\"
    ).digest()
    suite = b"HPKE" + bytes.fromhex("647a 0001 0002")
    psk_id = hmac.digest(b"", labelled(suite, b"psk_id_hash", b""), "sha256")
    context = b"\x00" + psk_id + hmac.digest(b"", labelled(suite, b"info_hash", info), "sha256")
    schedule = hmac.digest(shared, labelled(suite, b"secret", b""), "sha256")
    key = expand(schedule, suite, b"key", context, 32)
    nonce = expand(schedule, suite, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, sealed, b"")


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_opens_with_the_secret_it_was_sealed_for() -> None:
    assert open_capsule(SECRET, CAPSULE, INFO) == RECORD_KEY
    assert PAIR.open(CAPSULE, INFO) == RECORD_KEY


def test_the_construction_is_the_one_that_the_suite_names() -> None:
    assert open_by_hand(SECRET, CAPSULE, INFO) == RECORD_KEY


def test_sizes_are_those_of_the_format() -> None:
    assert len(PAIR.public) == PUBLIC_SIZE == 1216
    assert len(CAPSULE) == 1168 == len(RECORD_KEY) + OVERHEAD


def test_the_key_pair_is_a_function_of_the_secret() -> None:
    seeds = HKDFExpand(hashes.SHA256(), 96, b"consent-ledger/1/hybrid-key").derive(SECRET)
    lattice = MLKEM768PrivateKey.from_seed_bytes(seeds[:64]).public_key().public_bytes_raw()
    curve = X25519PrivateKey.from_private_bytes(seeds[64:]).public_key().public_bytes_raw()
    assert KeyPair.from_secret(SECRET).public == lattice + curve
    assert KeyPair.from_secret(SECRET) == PAIR
    assert KeyPair.from_secret(OTHER) != PAIR


def test_the_public_key_of_a_secret_never_changes() -> None:
    # Every filed CompartmentKey signature rests on this derivation.
    assert key_digest(KeyPair.from_secret(bytes(32)).public).hex() == PINNED_DIGEST


PINNED_DIGEST = "46637c317732cd241035dc03b96bc75e75973c031d2e48082a8704e9cfb30c75"


def test_sealing_twice_gives_two_capsules() -> None:
    assert seal(PAIR.public, RECORD_KEY, INFO) != CAPSULE


@settings(max_examples=30, deadline=None)
@given(
    secret=st.binary(min_size=32, max_size=32),
    plaintext=st.binary(max_size=300),
    info=st.binary(max_size=300),
)
def test_round_trip(secret: bytes, plaintext: bytes, info: bytes) -> None:
    capsule = seal(KeyPair.from_secret(secret).public, plaintext, info)
    assert len(capsule) == len(plaintext) + OVERHEAD
    assert open_capsule(secret, capsule, info) == plaintext


@pytest.mark.parametrize(
    ("defect", "capsule"),
    [
        ("flipped bit in the ML-KEM ciphertext", flip(CAPSULE, 0)),
        ("flipped bit in the last byte of the ML-KEM ciphertext", flip(CAPSULE, 1087)),
        ("flipped bit in the X25519 share", flip(CAPSULE, 1088)),
        ("X25519 share of low order", CAPSULE[:1088] + bytes(32) + CAPSULE[1120:]),
        ("flipped bit in the sealed key", flip(CAPSULE, 1120)),
        ("flipped bit in the tag", flip(CAPSULE, 1167)),
        ("last byte cut", CAPSULE[:-1]),
        ("tag cut", CAPSULE[:-16]),
        ("only the encapsulation", CAPSULE[:1120]),
        ("shorter than an encapsulation", CAPSULE[:100]),
        ("empty", b""),
        ("prolonged", CAPSULE + b"\x00"),
        ("two halves of two capsules", CAPSULE[:1120] + seal(PAIR.public, RECORD_KEY, INFO)[1120:]),
    ],
)
def test_an_altered_capsule_does_not_open(defect: str, capsule: bytes) -> None:
    with pytest.raises(CapsuleInvalid):
        open_capsule(SECRET, capsule, INFO)


@settings(max_examples=100, deadline=None)
@given(bit=st.integers(0, len(CAPSULE) * 8 - 1))
def test_no_flipped_bit_opens(bit: int) -> None:
    # The top bit of an X25519 share is ignored by the curve, but the share itself is hashed into the key.
    altered = bytearray(CAPSULE)
    altered[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(CapsuleInvalid):
        PAIR.open(bytes(altered), INFO)


def test_does_not_open_for_another_recipient() -> None:
    with pytest.raises(CapsuleInvalid):
        open_capsule(OTHER, CAPSULE, INFO)


@pytest.mark.parametrize(
    "changed",
    [
        {"root": "bafyreieaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"patient": GRANTEE},
        {"compartment": "0x" + "ac" * 32},
        {"epoch": 1},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_record_capsule_does_not_open_in_another_place(changed: dict[str, Any]) -> None:
    with pytest.raises(CapsuleInvalid):
        PAIR.open(CAPSULE, capsule_info(**(RECORD | changed)))


@pytest.mark.parametrize(
    "changed",
    [
        {"consent": "0x" + "ac" * 32},
        {"patient": GRANTEE},
        {"compartment": "0x" + "ac" * 32},
        {"epoch": 1},
        {"recipient": PATIENT},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_grant_capsule_does_not_open_in_another_place(changed: dict[str, Any]) -> None:
    capsule = seal(PAIR.public, SECRET, capsule_info(**GRANT))
    with pytest.raises(CapsuleInvalid):
        PAIR.open(capsule, capsule_info(**(GRANT | changed)))


def test_a_record_capsule_does_not_pass_for_a_grant_capsule() -> None:
    with pytest.raises(CapsuleInvalid):
        PAIR.open(CAPSULE, capsule_info(**GRANT))


@pytest.mark.parametrize("fields", [RECORD, GRANT], ids=["record", "grant"])
def test_info_is_canonical_json_of_all_it_is_bound_to(fields: dict[str, Any]) -> None:
    info = capsule_info(**fields)
    assert json.loads(info) == {"format": "consent-ledger/capsule/1", "suite": SUITE, **fields}
    assert canonical(json.loads(info)) == info


def test_words_may_be_given_as_bytes() -> None:
    assert capsule_info(**(RECORD | {"compartment": b"\xab" * 32})) == INFO


@pytest.mark.parametrize(
    "fields",
    [
        RECORD | {"kind": "other"},
        RECORD | {"recipient": GRANTEE},
        {name: value for name, value in RECORD.items() if name != "epoch"},
        RECORD | {"epoch": True},
        RECORD | {"epoch": -1},
        RECORD | {"epoch": 2**32},
        RECORD | {"epoch": "0"},
        RECORD | {"root": ""},
        RECORD | {"root": b"bytes"},
        RECORD | {"compartment": "ab" * 32},
        RECORD | {"compartment": "0x" + "AB" * 32},
        RECORD | {"compartment": bytes(31)},
        RECORD | {"compartment": 7},
        GRANT | {"consent": "0x00"},
        GRANT | {"kind": "record"},
    ],
)
def test_info_of_anything_else_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        capsule_info(**fields)


@pytest.mark.parametrize(
    ("defect", "public"),
    [
        ("empty", b""),
        ("cut", PAIR.public[:-1]),
        ("prolonged", PAIR.public + b"\x00"),
        ("only the ML-KEM half", PAIR.public[:1184]),
        ("ML-KEM coefficients out of range", b"\xff" * 1184 + PAIR.public[1184:]),
        ("X25519 point of low order", PAIR.public[:1184] + bytes(32)),
    ],
)
def test_what_is_no_public_key_is_refused(defect: str, public: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        seal(public, RECORD_KEY, INFO)
    assert caught.value.reason == "bad_public_key", defect


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_secret_has_32_bytes(size: int) -> None:
    with pytest.raises(InvalidInput):
        KeyPair.from_secret(bytes(size))


def test_key_digest_is_sha256_of_the_public_key() -> None:
    assert key_digest(PAIR.public) == hashlib.sha256(PAIR.public).digest()


def test_nothing_secret_in_a_repr() -> None:
    assert "_private" not in repr(PAIR)
    assert repr(SECRET)[2:20] not in repr(PAIR)

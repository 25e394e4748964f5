"""What a profile keeps on its own disk about a patient: JSON, sealed under a key that the 24 words give back.

A sealed file is one line of RFC 8785 JSON::

    {"ciphertext":"…","format":"consent-ledger/state-sealed/1","nonce":"…"}

key = HKDF-SHA256(encryption secret 0, ``consent-ledger/1/client-state``); ciphertext = AES-256-GCM of the
RFC 8785 JSON of the content; its associated data is ``<format> <account>``, so that no other profile's file
is taken, and none of another format.
"""

import os
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.canonical import b64, canonical, parse_object, unb64
from ledger.client import files
from ledger.crypto.identity import Identity
from ledger.errors import InvalidInput, KeyLocked

_NONCE = 12
_INFO = b"consent-ledger/1/client-state"


class Sealer:
    """Seals and opens files of one format for one identity."""

    def __init__(
        self, format_: str, identity: Identity, *, randomness: Callable[[int], bytes] = os.urandom
    ) -> None:
        """Derive the key."""
        self._format = format_
        self._randomness = randomness
        self._bound_to = f"{format_} {identity.account.address}".encode("ascii")
        secret = identity.encryption_secret(0)
        self._key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_INFO).derive(secret)

    def seal(self, content: dict[str, Any]) -> bytes:
        """The bytes of a file; they differ each time."""
        nonce = self._randomness(_NONCE)
        ciphertext = AESGCM(self._key).encrypt(nonce, canonical(content), self._bound_to)
        sealed = {"format": self._format, "nonce": b64(nonce), "ciphertext": b64(ciphertext)}
        return canonical(sealed) + b"\n"

    def open(self, data: bytes) -> dict[str, Any]:
        """The content of a file.

        Raises:
            KeyLocked: sealed for another identity, or altered.
            InvalidInput: not a sealed file of this format.
        """
        sealed = parse_object(data, limit=files.LIMIT)
        if sealed.keys() != {"format", "nonce", "ciphertext"} or sealed["format"] != self._format:
            raise _not_sealed("another format or version")
        nonce, ciphertext = (_bytes(sealed[name]) for name in ("nonce", "ciphertext"))
        if len(nonce) != _NONCE:
            raise _not_sealed("the nonce does not have 12 bytes")
        try:
            plaintext = AESGCM(self._key).decrypt(nonce, ciphertext, self._bound_to)
        except InvalidTag as exc:
            raise KeyLocked("a file of the profile is not of this identity, or it was altered") from exc
        return parse_object(plaintext, limit=files.LIMIT)


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise _not_sealed("a text is expected somewhere")
    return unb64(value)


def _not_sealed(why: str) -> InvalidInput:
    return InvalidInput(f"a file of the profile cannot be used: {why}", reason="bad_state")

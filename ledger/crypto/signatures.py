"""secp256k1 signatures over a 32-byte digest, accepted in exactly one form.

The form: ``r ‖ s ‖ v``, 65 bytes, r and s big-endian, both nonzero, s in the lower half of the group order
(EIP-2), v 27 or 28. Every other spelling of a good signature is refused, so that nobody can make a second
signature out of a first: no v 0/1, no 64-byte form (EIP-2098), no high s.
"""

import coincurve

from ledger.errors import InvalidInput, SignatureInvalid
from ledger.ids import Address, address_from_bytes
from ledger.keccak import keccak256

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def sign(digest: bytes, key: bytes) -> bytes:
    """The signature by a 32-byte private key in the accepted form; deterministic (RFC 6979).

    Raises:
        InvalidInput: the digest or the key does not have 32 bytes, or the key is out of range.
    """
    _require_digest(digest)
    raw = _private(key).sign_recoverable(digest, hasher=None)
    return raw[:64] + bytes([27 + raw[64]])


def recover(digest: bytes, signature: bytes) -> Address:
    """The address that signed `digest`.

    Raises:
        SignatureInvalid: not in the accepted form, or by no key at all.
        InvalidInput: the digest does not have 32 bytes.
    """
    _require_digest(digest)
    _require_form(signature)
    compact = signature[:64] + bytes([signature[64] - 27])
    try:
        public = coincurve.PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except Exception as exc:  # the library raises a bare Exception when no key can have signed this
        raise SignatureInvalid("no key can have made this signature", reason="unrecoverable") from exc
    return _address(public)


def verify(digest: bytes, signature: bytes, expected: Address) -> None:
    """Check that `expected` signed `digest`.

    Raises:
        SignatureInvalid: not in the accepted form, or signed by another account or over another digest.
        InvalidInput: the digest does not have 32 bytes.
    """
    if recover(digest, signature) != expected:
        raise SignatureInvalid("signed by another account, or over something else", reason="another_signer")


def address_of(key: bytes) -> Address:
    """The account address of a 32-byte private key.

    Raises:
        InvalidInput: not 32 bytes, zero, or not below the group order.
    """
    return _address(_private(key).public_key)


def personal_digest(text: str) -> bytes:
    """The EIP-191 (version 0x45, ``personal_sign``) digest of a text's UTF-8 bytes."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidInput("a text to sign holds a lone surrogate", reason="not_utf8") from exc
    return keccak256(b"\x19Ethereum Signed Message:\n%d" % len(data) + data)


def _private(key: bytes) -> coincurve.PrivateKey:
    # Checked here because the library pads a short key with zeros instead of refusing it.
    if len(key) != 32 or not 0 < int.from_bytes(key, "big") < ORDER:
        raise InvalidInput("not a secp256k1 private key of 32 bytes", reason="bad_key")
    return coincurve.PrivateKey(key)


def _address(public: coincurve.PublicKey) -> Address:
    return address_from_bytes(keccak256(public.format(compressed=False)[1:])[12:])


def _require_digest(digest: bytes) -> None:
    if len(digest) != 32:
        raise InvalidInput("a digest has 32 bytes", reason="bad_digest")


def _require_form(signature: bytes) -> None:
    if len(signature) != 65:
        raise SignatureInvalid("a signature has 65 bytes", reason="signature_length")
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    if not 0 < r < ORDER or not 0 < s < ORDER:
        raise SignatureInvalid("r or s is zero or beyond the group order", reason="signature_range")
    if s > ORDER // 2:
        raise SignatureInvalid("s is in the upper half (a malleable form)", reason="signature_high_s")
    if signature[64] not in (27, 28):
        raise SignatureInvalid("v is neither 27 nor 28", reason="signature_v")

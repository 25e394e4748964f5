"""The words of an identity on disk, under a passphrase.

The file is one line of RFC 8785 JSON, mode 0600::

    {"account":"0x…","aead":"aes-256-gcm","ciphertext":"…","format":"consent-ledger/keystore/1",
     "kdf":{"log2n":17,"name":"scrypt","p":1,"r":8,"salt":"…"},"nonce":"…"}

key = scrypt(passphrase in NFC and UTF-8, salt, N = 2^log2n, r, p, 32 bytes); ciphertext = AES-256-GCM of the
words; its associated data is the RFC 8785 JSON of all other members, so that no parameter can be exchanged.
"""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ledger.canonical import b64, canonical, parse_object, unb64
from ledger.crypto import privatefile
from ledger.crypto.identity import Identity, parse_words
from ledger.errors import InvalidInput, KeyLocked
from ledger.ids import Address, parse_address

FORMAT = "consent-ledger/keystore/1"
WORK_FACTOR = 17
WORK_FACTORS = range(14, 23)

_SALT = 32
_NONCE = 12
_MEMBERS = {"account", "aead", "ciphertext", "format", "kdf", "nonce"}
_KDF_MEMBERS = {"log2n", "name", "p", "r", "salt"}


def create(
    path: Path,
    words: str,
    passphrase: str,
    work_factor: int = WORK_FACTOR,
    *,
    randomness: Callable[[int], bytes] = os.urandom,
) -> Identity:
    """Write a new keystore and return its identity; an existing file is left alone.

    Raises:
        InvalidInput: words that are none, an empty passphrase, or a work factor outside 14 to 22.
        Conflict: there is already a file of that name.
        StoreUnavailable: the directory is missing or cannot be written.
    """
    canonical_words = parse_words(words)
    identity = Identity.from_words(canonical_words)
    header = _header(identity.account.address, work_factor, randomness)
    ciphertext = _cipher(header, passphrase).encrypt(
        unb64(header["nonce"]), canonical_words.encode("ascii"), canonical(header)
    )
    privatefile.create(path, _dump(header, ciphertext), randomness=randomness)
    return identity


def unlock(path: Path, passphrase: str) -> Identity:
    """The identity in a keystore.

    Raises:
        KeyLocked: another passphrase, an altered file, or a file that others may use.
        InvalidInput, TooLarge: not a keystore of this format.
        NotFound: no such file.
        StoreUnavailable: it cannot be read.
    """
    return Identity.from_words(read_words(path, passphrase))


def read_words(path: Path, passphrase: str) -> str:
    """The 24 words in a keystore, for showing them to their owner; raises as `unlock`."""
    header, ciphertext = _load(path)
    try:
        plaintext = _cipher(header, passphrase).decrypt(unb64(header["nonce"]), ciphertext, canonical(header))
    except InvalidTag as exc:
        raise KeyLocked("this passphrase does not open the keystore, or the file was altered") from exc
    return plaintext.decode("ascii")


def account_in(path: Path) -> Address:
    """The account address that a keystore claims to hold, without unlocking it; raises as `unlock`."""
    header, _ = _load(path)
    return Address(header["account"])


def _header(account: Address, work_factor: int, randomness: Callable[[int], bytes]) -> dict[str, Any]:
    if work_factor not in WORK_FACTORS:
        raise _bad_keystore("the work factor is not from 14 to 22")
    kdf = {"name": "scrypt", "log2n": work_factor, "r": 8, "p": 1, "salt": b64(randomness(_SALT))}
    nonce = b64(randomness(_NONCE))
    return {"format": FORMAT, "kdf": kdf, "aead": "aes-256-gcm", "nonce": nonce, "account": account}


def _cipher(header: dict[str, Any], passphrase: str) -> AESGCM:
    if not passphrase:
        raise InvalidInput("the passphrase is empty", reason="empty_passphrase")
    try:
        secret = unicodedata.normalize("NFC", passphrase).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidInput("the passphrase is not text", reason="not_utf8") from exc
    kdf = header["kdf"]
    return AESGCM(Scrypt(unb64(kdf["salt"]), 32, 1 << kdf["log2n"], kdf["r"], kdf["p"]).derive(secret))


def _dump(header: dict[str, Any], ciphertext: bytes) -> bytes:
    return canonical({**header, "ciphertext": b64(ciphertext)}) + b"\n"


def _load(path: Path) -> tuple[dict[str, Any], bytes]:
    raw = privatefile.read(path)
    content = parse_object(raw)
    if content.keys() != _MEMBERS or not all(isinstance(content[m], str) for m in _MEMBERS - {"kdf"}):
        raise _bad_keystore("its members are not those of a keystore")
    if content["format"] != FORMAT or content["aead"] != "aes-256-gcm":
        raise _bad_keystore("another format or version")
    _require_kdf(content["kdf"])
    if len(unb64(content["nonce"])) != _NONCE:
        raise _bad_keystore("the nonce does not have 12 bytes")
    parse_address(content["account"])
    ciphertext = unb64(content.pop("ciphertext"))
    if _dump(content, ciphertext) != raw:
        raise _bad_keystore("not written canonically")
    return content, ciphertext


def _require_kdf(kdf: object) -> None:
    if not isinstance(kdf, dict) or kdf.keys() != _KDF_MEMBERS or kdf["name"] != "scrypt":
        raise _bad_keystore("its key derivation is not scrypt")
    numbers = (kdf["log2n"], kdf["r"], kdf["p"])
    if any(type(number) is not int for number in numbers):
        raise _bad_keystore("its scrypt parameters are not integers")
    if numbers[0] not in WORK_FACTORS or numbers[1:] != (8, 1):
        raise _bad_keystore("its scrypt parameters are out of bounds")
    if not isinstance(kdf["salt"], str) or len(unb64(kdf["salt"])) != _SALT:
        raise _bad_keystore("the salt does not have 32 bytes")


def _bad_keystore(why: str) -> InvalidInput:
    return InvalidInput(f"not a keystore that can be used: {why}", reason="bad_keystore")

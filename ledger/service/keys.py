"""The four secrets of a gateway, each a file of its own (mode 0600).

=========== ========================================================================================
log.key     Ed25519 seed: signs checkpoints. Back it up; with it lost, the log must be closed.
relayer.key secp256k1 key of the gateway's account: pays for relaying, sends anchors. Back it up.
token.key   hashes session tokens and nonces. Losing it ends all sessions, no more.
data.key    wraps the patients' data keys and the look-up index. Never back it up beside the database.
=========== ========================================================================================
"""

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.canonical import hexed, unhex
from ledger.crypto import privatefile
from ledger.crypto.identity import Account
from ledger.errors import InvalidInput

NAMES = ("log.key", "relayer.key", "token.key", "data.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayKeys:
    """The secrets in memory: log seed, relayer account, token key, data-key-store key."""

    log_seed: bytes = field(repr=False)
    relayer: Account
    token_key: bytes = field(repr=False)
    data_key: bytes = field(repr=False)

    @classmethod
    def create(cls, directory: Path, randomness: Callable[[int], bytes] = os.urandom) -> Self:
        """Make whatever key file is missing, then load all; existing files are never replaced."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in NAMES:
            path = directory / name
            if not path.exists():
                privatefile.create(path, hexed(randomness(32)).encode() + b"\n")
        return cls.load(directory)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read the key files.

        Raises:
            NotFound: a file is missing.
            KeyLocked: others may read it.
            InvalidInput: it does not hold 32 bytes in hexadecimal.
        """
        log_seed, relayer, token_key, data_key = (read_key(directory / name) for name in NAMES)
        return cls(
            log_seed=log_seed, relayer=Account.from_key(relayer), token_key=token_key, data_key=data_key
        )

    def hash_token(self, token: str) -> bytes:
        """What is stored of a session token or nonce: HMAC-SHA256, 32 bytes."""
        mac = _mac(self.token_key).copy()
        mac.update(token.encode())
        return mac.digest()

    def look_up(self, person: str) -> bytes:
        """The keyed look-up of a did, 32 bytes: the database learns equality and nothing else."""
        return hmac.digest(self._derived(b"consent-ledger/1/index"), person.encode(), "sha256")

    @property
    def log_data_key(self) -> bytes:
        """The key of log entries and rows without a patient, 32 bytes."""
        return self._derived(b"consent-ledger/1/log-rows")

    @property
    def wrapping_key(self) -> bytes:
        """The key that wraps patients' data keys, 32 bytes."""
        return self._derived(b"consent-ledger/1/data-keys")

    @property
    def made_up_tags(self) -> bytes:
        """The secret of tags for accounts that nobody enrolled, 32 bytes."""
        return self._derived(b"consent-ledger/1/made-up-tags")

    @property
    def webhook_seed(self) -> bytes:
        """What the key is made from that signs events to webhooks, 32 bytes; as lasting as the log's key."""
        return _expanded(self.log_seed, b"consent-ledger/1/webhooks")

    @property
    def backup_key(self) -> bytes:
        """What seals the manifests of backups, 32 bytes."""
        return self._derived(b"consent-ledger/1/backups")

    @property
    def cursor_key(self) -> bytes:
        """What encrypts positions in lists, 32 bytes; as lasting as the sessions that they are given to."""
        return _expanded(self.token_key, b"consent-ledger/1/cursors")

    def _derived(self, info: bytes) -> bytes:
        return _expanded(self.data_key, info)


@lru_cache(maxsize=8)
def _mac(key: bytes) -> hmac.HMAC:
    """To be copied: unlike `hmac.digest`, that keeps the interpreter's lock for the moment that it takes."""
    return hmac.new(key, digestmod="sha256")


@lru_cache(maxsize=64)
def _expanded(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(key)


def read_key(path: Path) -> bytes:
    """32 bytes from a key file; `GatewayKeys.load` says what it raises."""
    key = unhex(privatefile.read(path).decode("ascii", errors="replace").strip())
    if len(key) != 32:
        raise InvalidInput("a key file holds 0x and 64 hexadecimal digits", reason="bad_key_file")
    return key

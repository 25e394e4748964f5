r"""Rows sealed under a key per patient, so that destroying one key erases one patient.

The keys live apart from the database, in files wrapped by a key of the gateway's own. Rows without a patient
(`NO_PATIENT`) are sealed under the log's own key. Formats, each with its version first::

    row   0x01 || nonce (12) || AES-256-GCM(data key, plaintext, aad = tag || row name)
    name  hex of HMAC-SHA256(data key, "consent-ledger/1/blind\0" || name)
    file  header || nonce (12) || AES-256-GCM(wrapping key, data key, aad = header || tag)
          header = "consent-ledger/data-key/1\n"

Beside them, in files ``erased/<tag in hex>``, lie the tombstones of erased patients, see
`ledger.store.tombstone`. They outlive the database, so that an older one that is restored is erased again
before it serves.
"""

import hmac
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger import durable
from ledger.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from ledger.log.entry import NO_PATIENT
from ledger.store.tombstone import Tombstone

VERSION = b"\x01"
FILE_HEADER = b"consent-ledger/data-key/1\n"
BLIND = b"consent-ledger/1/blind\x00"
NONCE = 12
KEPT_SECONDS = 10
TAG = 20

Randomness = Callable[[int], bytes]


class DataKeys(Protocol):
    """Where the patients' data keys are; tags are 20 bytes, keys 32."""

    def create(self, tag: bytes) -> None:
        """Make a fresh key for `tag`. Conflict if there is one, or if its patient was erased (``erased``)."""

    def key(self, tag: bytes) -> bytes | None:
        """The key of `tag`, or None: never made, or destroyed. StoreUnavailable if it cannot be read."""

    def destroy(self, tag: bytes) -> None:
        """Remove the key of `tag` for good; success if there is none."""

    def bury(self, tombstone: Tombstone) -> None:
        """Destroy the key of an erased patient and keep the tombstone; the first one stays. Idempotent."""

    def buried(self, tag: bytes) -> bool:
        """Whether `tag` has a tombstone. StoreUnavailable if that cannot be read."""

    def tombstones(self) -> list[Tombstone]:
        """All that are kept, by tag. StoreUnavailable if one of them cannot be read."""


class MemoryDataKeys:
    """Data keys that die with the process."""

    def __init__(self, randomness: Randomness = os.urandom) -> None:
        self._randomness = randomness
        self._keys: dict[bytes, bytes] = {}
        self._tombstones: dict[bytes, Tombstone] = {}
        self._lock = threading.Lock()

    def create(self, tag: bytes) -> None:
        """See `DataKeys.create`."""
        _require_patient(tag)
        with self._lock:
            if tag in self._tombstones:
                raise _erased()
            if tag in self._keys:
                raise _exists()
            self._keys[tag] = self._randomness(32)

    def key(self, tag: bytes) -> bytes | None:
        """See `DataKeys.key`."""
        return self._keys.get(tag)

    def destroy(self, tag: bytes) -> None:
        """See `DataKeys.destroy`."""
        _require_patient(tag)
        self._keys.pop(tag, None)

    def bury(self, tombstone: Tombstone) -> None:
        """See `DataKeys.bury`."""
        with self._lock:
            self._tombstones.setdefault(tombstone.tag, tombstone)
            self.destroy(tombstone.tag)

    def buried(self, tag: bytes) -> bool:
        """See `DataKeys.buried`."""
        return tag in self._tombstones

    def tombstones(self) -> list[Tombstone]:
        """See `DataKeys.tombstones`."""
        return [self._tombstones[tag] for tag in sorted(self._tombstones)]


class FileDataKeys:
    """One file per patient, mode 0600, named by the tag in hex, wrapped by a 32-byte key of the gateway.

    A key that was read is kept in memory for ten seconds at most, and is used only while its file is there:
    once destroyed, by whichever gateway, it seals and opens nothing, and is soon gone from memory as well.
    """

    def __init__(
        self,
        directory: Path,
        wrapping_key: bytes,
        randomness: Randomness = os.urandom,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _require_key(wrapping_key)
        self._directory = directory
        self._wrapping = AESGCM(wrapping_key)
        self._randomness = randomness
        self._clock = clock
        self._read: dict[bytes, tuple[float, int, bytes]] = {}
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise _no_keys() from exc

    def create(self, tag: bytes) -> None:
        """See `DataKeys.create`; the file is durable when this returns."""
        _require_patient(tag)
        if self.buried(tag):
            raise _erased()
        nonce = self._randomness(NONCE)
        wrapped = self._wrapping.encrypt(nonce, self._randomness(32), FILE_HEADER + tag)
        try:
            durable.create(self._file(tag), FILE_HEADER + nonce + wrapped)
        except FileExistsError as exc:
            raise _exists() from exc
        except OSError as exc:
            raise _no_keys() from exc

    def key(self, tag: bytes) -> bytes | None:
        """See `DataKeys.key`."""
        if len(tag) != TAG:
            return None
        try:
            changed = os.stat(f"{self._directory}/{tag.hex()}").st_mtime_ns  # noqa: PTH116 - a hot path
        except FileNotFoundError:
            self._read.pop(tag, None)
            return None
        except OSError as exc:
            raise _no_keys() from exc
        now = self._clock()
        known = self._read.get(tag)
        if known is not None and known[0] > now and known[1] == changed:
            return known[2]
        key = self._opened(tag)
        self._forget_old(now)
        if key is not None:
            self._read[tag] = (now + KEPT_SECONDS, changed, key)
        return key

    def _opened(self, tag: bytes) -> bytes | None:
        try:
            raw = self._file(tag).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise _no_keys() from exc
        header, rest = raw[: len(FILE_HEADER)], raw[len(FILE_HEADER) :]
        try:
            return self._wrapping.decrypt(rest[:NONCE], rest[NONCE:], header + tag)
        except (InvalidTag, ValueError) as exc:
            raise StoreUnavailable(
                "a data key file does not open",
                reason="data_key_unreadable",
                fix="check that the key store and its wrapping key belong together",
            ) from exc

    def _forget_old(self, now: float) -> None:
        """Let go of keys that were read long ago, which are the first of all."""
        for tag, (until, _, _) in list(islice(self._read.items(), 8)):
            if until <= now:
                self._read.pop(tag, None)

    def destroy(self, tag: bytes) -> None:
        """See `DataKeys.destroy`; the file is overwritten, removed, and its absence durable."""
        _require_patient(tag)
        self._read.pop(tag, None)
        try:
            durable.destroy(self._file(tag))
        except OSError as exc:
            raise _no_keys() from exc

    def bury(self, tombstone: Tombstone) -> None:
        """See `DataKeys.bury`; the tombstone is durable before the key is destroyed."""
        _require_patient(tombstone.tag)
        try:
            self._graves.mkdir(mode=0o700, exist_ok=True)
            durable.sync_directory(self._directory)
            with suppress(FileExistsError):
                durable.create(self._grave(tombstone.tag), tombstone.encode())
        except OSError as exc:
            raise _no_keys() from exc
        self.destroy(tombstone.tag)

    def buried(self, tag: bytes) -> bool:
        """See `DataKeys.buried`."""
        try:
            return self._grave(tag).exists()
        except OSError as exc:
            raise _no_keys() from exc

    def tombstones(self) -> list[Tombstone]:
        """See `DataKeys.tombstones`."""
        try:
            return [Tombstone.decode(path.read_bytes()) for path in sorted(self._graves.glob("[0-9a-f]*"))]
        except (OSError, InvalidInput) as exc:
            raise StoreUnavailable(
                "a tombstone in the data key store cannot be read",
                reason="tombstone_unreadable",
                fix="Restore the data key store; without its tombstones erased patients could come back.",
            ) from exc

    @property
    def _graves(self) -> Path:
        return self._directory / "erased"

    def _grave(self, tag: bytes) -> Path:
        return self._graves / tag.hex()

    def _file(self, tag: bytes) -> Path:
        return self._directory / tag.hex()


class Vault:
    """Seals and opens rows; a row's name is part of what is authenticated, so rows cannot change places."""

    def __init__(self, data_keys: DataKeys, log_key: bytes, randomness: Randomness = os.urandom) -> None:
        _require_key(log_key)
        self._data_keys = data_keys
        self._log_key = log_key
        self._randomness = randomness

    def seal(self, tag: bytes, row: str, plaintext: bytes) -> bytes:
        """`plaintext` encrypted for the row named `row` of the patient `tag` (or `NO_PATIENT`).

        Raises:
            NotFound: the patient has no data key: never enrolled, or erased.
            StoreUnavailable: the key store does not answer.
        """
        return self.seal_all([(tag, row, plaintext)])[0]

    def seal_all(self, rows: Sequence[tuple[bytes, str, bytes]]) -> list[bytes]:
        """`seal` for tags, rows and plaintexts; a key is read once, and kept no longer than this takes."""
        ciphers: dict[bytes, AESGCM] = {}
        sealed, nonces = [], self._randomness(NONCE * len(rows))
        for place, (tag, row, plaintext) in enumerate(rows):
            cipher = ciphers.get(tag)
            if cipher is None:
                cipher = ciphers[tag] = self._cipher(tag)
            nonce = nonces[NONCE * place : NONCE * (place + 1)]
            sealed.append(VERSION + nonce + cipher.encrypt(nonce, plaintext, tag + row.encode()))
        return sealed

    def open(self, tag: bytes, row: str, sealed: bytes) -> bytes:
        """The plaintext of a row.

        Raises:
            StoreUnavailable: the row does not open (reason ``row_unreadable``): its key is destroyed, or it
                was changed, cut or moved; or the key store does not answer.
        """
        key = self._key(tag)
        if key is None or sealed[:1] != VERSION:
            raise _unreadable()
        try:
            return AESGCM(key).decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], tag + row.encode())
        except (InvalidTag, ValueError) as exc:
            raise _unreadable() from exc

    def blind(self, tag: bytes, name: str) -> str:
        """`name` as 64 hex digits that only the patient's data key gives: to search by what could be guessed.

        Raises:
            NotFound: the patient has no data key: never enrolled, or erased.
            StoreUnavailable: the key store does not answer.
        """
        key = self._key(tag)
        if key is None:
            raise NotFound("there is no data key to blind this name with", reason="no_data_key")
        return hmac.digest(key, BLIND + name.encode(), "sha256").hex()

    def _cipher(self, tag: bytes) -> AESGCM:
        key = self._key(tag)
        if key is None:
            raise NotFound("there is no data key to seal this row under", reason="no_data_key")
        return AESGCM(key)

    def _key(self, tag: bytes) -> bytes | None:
        return self._log_key if tag == NO_PATIENT else self._data_keys.key(tag)


def _unreadable() -> StoreUnavailable:
    return StoreUnavailable(
        "a stored row does not open",
        reason="row_unreadable",
        fix="restore the database and the key store together",
    )


def _no_keys() -> StoreUnavailable:
    return StoreUnavailable("the data key store does not answer", reason="data_keys", fix="check the disk")


def _exists() -> Conflict:
    return Conflict("this patient has a data key already", reason="data_key_exists")


def _erased() -> Conflict:
    return Conflict(
        "the patient of this tag was erased, and stays so",
        reason="erased",
        fix="Make new words, and join with them: consent identity create",
    )


def _require_patient(tag: bytes) -> None:
    if len(tag) != TAG or tag == NO_PATIENT:
        raise InvalidInput("a patient's tag has 20 bytes and is not zero", reason="bad_tag")


def _require_key(key: bytes) -> None:
    if len(key) != 32:
        raise InvalidInput("a key has 32 bytes", reason="bad_key")

"""Records on their way: encrypted on this disk, and not yet known to be published.

::

    <profile>/staged/<16 hex>/      records that are published together
    ├── blocks/<cid>                their ciphertext
    ├── note.sealed                 what is needed to publish them; written when all blocks are there
    └── sent                        empty: they were sent, and may be published

The note is a sealed file (see `atrest`) of the format ``consent-ledger/staged-sealed/1``, for what is in it
tells about a patient. In it::

    {"format":"consent-ledger/staged/1","purposes":[],"records":[{"capsule":"…","epoch":0,"header":"…",
     "key":"…","kind":"record","root":"bafy…"}]}

A directory without a note is a batch that was never whole: it is removed, and its records are encrypted anew.
One with a note is taken up where it ended: what the target has is not sent again, and the same capsule is
published again, which is success. ``key`` is the record's key, to be sealed anew if an epoch has ended;
``purposes`` are what a provider declared, none for a patient's own records.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, get_args

from ledger.canonical import b64, unb64
from ledger.client import files
from ledger.client.atrest import Sealer
from ledger.client.ports import Moving, unmoved
from ledger.crypto.identity import Identity
from ledger.crypto.recordcipher import KEY_SIZE
from ledger.errors import InvalidInput, StoreUnavailable
from ledger.ids import Cid, Did
from ledger.records.ahead import LARGE
from ledger.records.blocks import LocalBlockStore
from ledger.records.buffers import Buffers
from ledger.records.cid import parse_cid
from ledger.records.header import RecordHeader
from ledger.records.manifest import CHUNK, Manifest
from ledger.records.publish import BUFFER, CapsuleKind, Place, Published, encrypt_large, encrypt_to, seal_key

SEALED = "consent-ledger/staged-sealed/1"
FORMAT = "consent-ledger/staged/1"

_MEMBERS = {"capsule", "epoch", "header", "key", "kind", "root"}
_SENT = "sent"
_SYNCING = 4
_WAITING = 32
_BUFFERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A record whose ciphertext is staged, and its key."""

    record: Published
    key: bytes = field(repr=False)


class StagedBlocks(LocalBlockStore):
    """The blocks of one batch, each made here, in one directory: not hashed again, durable after `flush`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._pool = ThreadPoolExecutor(_SYNCING, thread_name_prefix="staging")
        self._waiting: list[Future[None]] = []
        self.reading: Callable[[int], None] = lambda size: None
        self.buffers = Buffers(0, BUFFER)

    def put(self, cid: Cid, data: bytes | memoryview) -> None:
        """Keep a block that hashes to its CID. Raises StoreUnavailable, here or by `flush`."""
        path = self.path_of(cid)
        if len(data) == CHUNK:  # of a large record: written while the next ones are made
            self._waiting.append(self._pool.submit(self._write_and_sync, path, data))
        else:
            self._waiting.append(self._pool.submit(_sync, self._written(path, data)))
        if len(self._waiting) == _WAITING:
            self._settle(_WAITING // 2)

    def made(self, header: RecordHeader, plaintext: Iterable[bytes], key: bytes) -> Cid:
        """Encrypt a large record into buffers that are used again, and keep its blocks; the root."""
        self.buffers = Buffers(_BUFFERS, BUFFER)
        root = encrypt_large(self, header, plaintext, key=key, buffers=self.buffers)
        self.settle()
        return root

    def get(self, cid: Cid) -> bytes:
        """See `BlockStore.get`; `reading` is told how many bytes were read."""
        data = super().get(cid)
        self.reading(len(data))
        return data

    def flush(self) -> None:
        """Return when everything that was put is on disk; StoreUnavailable if it cannot be."""
        self.settle()
        try:
            self.sync()
        except OSError as exc:
            raise _not_staged() from exc

    def settle(self) -> None:
        """Return when the bytes of all that was put are on disk; StoreUnavailable if they cannot be."""
        self._settle(0)

    def cids(self) -> Iterator[Cid]:
        """See `BlockStore.cids`."""
        return (Cid(path.name) for path in self._directory.glob("baf*"))

    def path_of(self, cid: Cid) -> Path:
        """See `LocalBlockStore.path_of`; a batch is too small for more directories."""
        return self._directory / parse_cid(cid)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown()

    def _write_and_sync(self, path: Path, data: bytes | memoryview) -> None:
        try:
            handle = _written(path, data)
        finally:
            self.buffers.give_back(data)
        _sync(handle)

    def _written(self, path: Path, data: bytes | memoryview) -> int:
        try:
            return _written(path, data)
        except OSError as exc:
            raise _not_staged() from exc

    def _settle(self, left: int) -> None:
        count = len(self._waiting) - left
        done, self._waiting = self._waiting[:count], self._waiting[count:]
        try:
            for one in done:
                one.result()
        except OSError as exc:
            raise _not_staged() from exc


class Batch:
    """Records that are published together: in a directory of their own until they are."""

    def __init__(
        self, directory: Path, sealer: Sealer, *, purposes: Sequence[str], staged: Iterable[Staged] = ()
    ) -> None:
        """The directory is there; the rest is what its note says, or will say."""
        self.purposes = tuple(purposes)
        """What the records are added for, if by a provider."""
        self._directory = directory
        self._sealer = sealer
        self._staged = list(staged)
        self.was_sent = (directory / _SENT).exists()
        """Whether an earlier run has sent it, and so perhaps published it."""
        self.blocks = StagedBlocks(directory / "blocks")

    @property
    def records(self) -> list[Published]:
        """The records, in the order in which they came."""
        return [one.record for one in self._staged]

    def add(
        self,
        header: RecordHeader,
        plaintext: Iterable[bytes],
        place: Place,
        *,
        randomness: Callable[[int], bytes],
        moving: Moving = unmoved,
    ) -> None:
        """Encrypt a record and seal its key.

        Raises:
            InvalidInput: the plaintext has another size than the header says.
            StoreUnavailable: the disk is full.
        """
        key = randomness(KEY_SIZE)
        if header.size < LARGE:
            root = encrypt_to(self.blocks, header, plaintext, key=key)
        else:
            told = _told(plaintext, partial(moving, "encrypting"), header.size)
            root = self.blocks.made(header, told, key)
        self._staged.append(Staged(record=seal_key(root, header, key, place), key=key))

    def tell_reading(self, told: Callable[[int, int], None]) -> None:
        """Tell how many bytes of the staged blocks have been read, and how many there are."""
        total = sum(Manifest.from_bytes(self.blocks.get(one.root)).size for one in self.records)
        read = 0

        def count(size: int) -> None:
            nonlocal read
            read = min(read + size, total)
            told(read, total)

        self.blocks.reading = count

    def keep(self) -> None:
        """Make the batch durable, its note after its blocks. Raises StoreUnavailable."""
        self.blocks.flush()
        records = [_to_json(one) for one in self._staged]
        content = {"format": FORMAT, "purposes": list(self.purposes), "records": records}
        files.replace(self._directory / "note.sealed", self._sealer.seal(content))

    def mark_sent(self) -> None:
        """Note durably that it is about to be sent, and may be published then. Raises StoreUnavailable."""
        files.replace(self._directory / _SENT, b"")

    def seal_again(self, place: Callable[[RecordHeader], Place]) -> None:
        """Seal every key to the place that is current now, and keep that. Raises StoreUnavailable."""
        self._staged = [_sealed(one.record, one.key, place) for one in self._staged]
        self.keep()

    def remove(self) -> None:
        """Remove everything, the note first: what is left without one is nothing."""
        self.blocks.close()
        (self._directory / "note.sealed").unlink(missing_ok=True)
        shutil.rmtree(self._directory, ignore_errors=True)


class Staging:
    """The batches of one profile. Whoever uses them holds the profile's lock."""

    def __init__(
        self, directory: Path, identity: Identity, *, randomness: Callable[[int], bytes] = os.urandom
    ) -> None:
        """Nothing is written yet."""
        self._directory = directory
        self._randomness = randomness
        self._sealer = Sealer(SEALED, identity, randomness=randomness)

    def begin(self, purposes: Sequence[str] = ()) -> Batch:
        """A new batch, empty, added for these purposes if by a provider. Raises StoreUnavailable."""
        place = self._directory / self._randomness(8).hex()
        files.make_private(place)
        return Batch(place, self._sealer, purposes=purposes)

    def left(self, patient: Did) -> Iterator[Batch]:
        """The whole batches of one patient's records that an earlier run has left; what is not whole goes.

        Raises:
            KeyLocked, InvalidInput: a note that is not this profile's, or none at all.
        """
        for place in sorted(self._directory.glob("*")) if self._directory.is_dir() else ():
            if not (place / "note.sealed").exists():
                shutil.rmtree(place, ignore_errors=True)
                continue
            purposes, staged = _from_json(self._sealer.open(files.read(place / "note.sealed")))
            if all(one.record.header.patient == patient for one in staged):
                yield Batch(place, self._sealer, purposes=purposes, staged=staged)


def _sealed(record: Published, key: bytes, place: Callable[[RecordHeader], Place]) -> Staged:
    return Staged(record=seal_key(record.root, record.header, key, place(record.header)), key=key)


def _written(path: Path, data: bytes | memoryview) -> int:
    """A handle of a new file with this data, which is not on disk yet."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(data)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _sync(handle: int) -> None:
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _told(pieces: Iterable[bytes], told: Callable[[int, int], None], total: int) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        told(done, total)


def _to_json(one: Staged) -> dict[str, Any]:
    record = one.record
    return {
        "root": record.root,
        "header": record.header.to_bytes().decode(),
        "capsule": b64(record.capsule),
        "epoch": record.epoch,
        "kind": record.kind,
        "key": b64(one.key),
    }


def _from_json(content: dict[str, Any]) -> tuple[list[str], list[Staged]]:
    if content.keys() != {"format", "purposes", "records"} or content["format"] != FORMAT:
        raise InvalidInput("a note of staged records is of another format", reason="bad_note")
    return content["purposes"], [_staged(member) for member in content["records"]]


def _staged(member: dict[str, Any]) -> Staged:
    if member.keys() != _MEMBERS or member["kind"] not in get_args(CapsuleKind):
        raise InvalidInput("a note of staged records has other members", reason="bad_note")
    record = Published(
        root=parse_cid(member["root"]),
        header=RecordHeader.from_bytes(member["header"].encode()),
        capsule=unb64(member["capsule"]),
        epoch=member["epoch"],
        kind=member["kind"],
    )
    return Staged(record=record, key=unb64(member["key"]))


def _not_staged() -> StoreUnavailable:
    return StoreUnavailable(
        "a record cannot be staged in the profile's directory",
        reason="not_staged",
        fix="It needs room for the record once more, if only for a while. Check the disk.",
    )

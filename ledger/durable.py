"""Files that appear whole and durable under their name, or not at all."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.errors import StoreUnavailable

FLUSHED = 32 << 20
"""From how many new bytes on `write_through` flushes a file that is still growing."""


@contextmanager
def appearing(
    path: Path, *, holding: Path | None = None, randomness: Callable[[int], bytes] = os.urandom
) -> Iterator[BinaryIO]:
    """A writable file that takes the place of `path` when the block ends without an error.

    It is written under a temporary name (mode 0600) in `holding`, by default beside `path`, and flushed to
    disk; then it is renamed and the directory is flushed too. After an error nothing is left.

    Raises:
        StoreUnavailable: the disk is full, or the directory is missing or not writable.
    """
    temporary = (holding or path.parent) / f".{path.name[:64]}.{randomness(8).hex()}.part"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)
    except OSError as exc:
        raise StoreUnavailable("a file cannot be written", reason="file_not_written") from exc


def write_through(file: BinaryIO, pieces: Iterable[bytes]) -> None:
    """Write pieces to a file of the disk, which is flushed on the way, so that little is left for its end.

    A thread of its own flushes while more is written. Nothing is promised of what is flushed already.

    Raises:
        OSError: it could not be written, or not be flushed.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="flushing") as pool:
        flushing: Future[None] | None = None
        fresh = 0
        for piece in pieces:
            file.write(piece)
            fresh += len(piece)
            if fresh >= FLUSHED and (flushing is None or flushing.done()):
                _settle(flushing)
                flushing, fresh = pool.submit(os.fdatasync, file.fileno()), 0
        _settle(flushing)


@contextmanager
def appearing_directory(path: Path, *, randomness: Callable[[int], bytes] = os.urandom) -> Iterator[Path]:
    """An empty directory that gets the name `path` when the block ends without an error.

    It is made beside `path` under a temporary name (mode 0700). After an error nothing of it is left.

    Raises:
        StoreUnavailable: there is something at `path`, or it cannot be written there.
    """
    temporary = path.with_name(f".{path.name[:64]}.{randomness(8).hex()}.part")
    try:
        temporary.mkdir(mode=0o700)
        try:
            yield temporary
            for place in (temporary, *(found for found in temporary.rglob("*") if found.is_dir())):
                sync_directory(place)
            temporary.rename(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        sync_directory(path.parent)
    except OSError as exc:
        raise StoreUnavailable("a directory cannot be written", reason="directory_not_made") from exc


def create(path: Path, data: bytes, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
    """Write a new file of mode 0600 under `path`; what is there already is never replaced.

    Raises:
        FileExistsError: there is something of that name.
        OSError: the disk is full, or the directory is missing or not writable.
    """
    temporary = path.with_name(f".{path.name[:64]}.{randomness(8).hex()}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike rename, never replaces a file that appeared in the meantime
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def destroy(path: Path) -> None:
    """Overwrite and remove `path`, durably; success if there is none.

    Overwriting in place reaches the old bytes only where the file system writes in place; journals, snapshots
    and flash translation may keep a copy, so what must be destroyable is stored wrapped as well.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY), "wb") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Flush a directory, so that names in it survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settle(flushing: Future[None] | None) -> None:
    if flushing is not None:
        flushing.result()

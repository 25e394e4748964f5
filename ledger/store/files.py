"""Files that are there entirely or not at all, also after a power loss."""

import os
import secrets
from pathlib import Path


def write_new(path: Path, data: bytes) -> None:
    """Create `path` (mode 0600) with `data`, durably; a reader never sees it half written.

    Raises:
        FileExistsError: there is such a file; it is left as it is.
        OSError: the disk refuses.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(draft, data, os.O_CREAT | os.O_EXCL)
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def destroy(path: Path) -> None:
    """Overwrite and remove `path`, durably; success if there is none.

    Overwriting in place reaches the old bytes only where the file system writes in place; journals, snapshots
    and flash translation may keep a copy, which is why what is stored here is wrapped as well.
    """
    try:
        _write(path, bytes(path.stat().st_size), 0)
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, data: bytes, flags: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | flags, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())

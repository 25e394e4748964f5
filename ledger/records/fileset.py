"""Several files as the plaintext of one record: a ustar archive that says the same for the same files.

Members stand in the order of their names, with fixed owner, mode and time; the last one, ``SHA256SUMS``, has
a line for each, as ``sha256sum`` writes and checks it. See FORMATS.md, "File set". Packing and unpacking run
in a stream, in constant memory.
"""

import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from ledger.errors import InvalidInput, LedgerError, RecordCorrupt, StoreUnavailable
from ledger.records.filerecords import file_pieces
from ledger.records.framing import Source
from ledger.records.header import is_file_name

KIND = "file-set"
MEDIA_TYPE = "application/x-tar"
SUMS = "SHA256SUMS"
MAX_MEMBERS = 1000

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_DIGITS = 64
_MAX_SUMS = MAX_MEMBERS * 330


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file to be packed: its name in the set, with ``/`` between directories, where it is, and its size."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A file of a set as it was unpacked; ``sha256`` in hex."""

    name: str
    sha256: str


def packed_size(members: Iterable[Member]) -> int:
    """How many bytes `pack` gives.

    Raises:
        InvalidInput: see `pack`.
    """
    listed = _checked(members)
    sums = sum(_DIGITS + 3 + len(one.name.encode()) for one in listed)
    return sum(_BLOCK + _padded(size) for size in (*(one.size for one in listed), sums)) + len(_END)


def pack(members: Iterable[Member]) -> Iterator[bytes]:
    """The archive, piece by piece.

    Raises:
        InvalidInput: no member, more than 1,000, a name that is taken, is none, or is too long for ustar; or,
            while iterating, a file (in the field ``file``) that has another size than its member.
        NotFound, StoreUnavailable: while iterating: a file that cannot be read.
    """
    return _packed(_checked(members))


def unpack(archive: Iterable[bytes], folder: Path) -> tuple[Unpacked, ...]:
    """Write the files of an archive below `folder`, an empty directory, and flush them to disk.

    They may be used only after this returned: the archive is read to its end then, and all sums were right.

    Raises:
        RecordCorrupt: anything but an archive as `pack` writes it.
        StoreUnavailable: a file cannot be written.
    """
    source = Source(archive)
    found: list[Unpacked] = []
    while (entry := _entry(source.take(_BLOCK)))[0] != SUMS:
        if len(found) == MAX_MEMBERS or (found and entry[0] <= found[-1].name):
            raise _corrupt("its members are too many or out of order")
        found.append(_unpacked(source, *entry, folder))
    if entry[1] > _MAX_SUMS or not found or source.take(entry[1]) != _sums(found):
        raise _corrupt("its sums are not those of its files")
    _skip_padding(source, entry[1])
    if source.take(len(_END)) != _END or source.next(1):
        raise _corrupt("it does not end as it should")
    return tuple(found)


def _packed(members: list[Member]) -> Iterator[bytes]:
    found: list[Unpacked] = []
    for one in members:
        yield _header(one.name, one.size)
        total, size = sha256(), 0
        for piece in file_pieces(one.path):
            total.update(piece)
            size += len(piece)
            if size > one.size:
                break
            yield piece
        if size != one.size:
            raise InvalidInput(
                "a file has another size than before", reason="size_changed", file=one.path.name
            )
        yield bytes(-size % _BLOCK)
        found.append(Unpacked(name=one.name, sha256=total.hexdigest()))
    sums = _sums(found)
    yield _header(SUMS, len(sums)) + sums + bytes(-len(sums) % _BLOCK) + _END


def _unpacked(source: Source, name: str, size: int, folder: Path) -> Unpacked:
    path, total, seen = folder.joinpath(*name.split("/")), sha256(), 0
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in source.up_to(size):
                file.write(piece)
                total.update(piece)
                seen += len(piece)
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        raise StoreUnavailable("a file of a set cannot be written", reason="file_not_written") from exc
    if seen != size:
        raise _corrupt("it is cut")
    _skip_padding(source, size)
    return Unpacked(name=name, sha256=total.hexdigest())


def _checked(members: Iterable[Member]) -> list[Member]:
    listed = sorted(members, key=lambda one: one.name)
    if not 0 < len(listed) <= MAX_MEMBERS:
        raise InvalidInput(f"a set has 1 to {MAX_MEMBERS} files", reason="bad_file_set")
    for one in listed:
        try:
            _header(one.name, one.size)
        except (LedgerError, ValueError) as exc:
            raise InvalidInput(
                "the name or the size of a file does not fit into a set of files",
                reason="bad_member",
                fix="Give the file a name of at most 100 letters, and no strange ones.",
                file=one.path.name,
            ) from exc
    for one, other in pairwise(listed):
        if one.name == other.name:
            raise InvalidInput("two files of a set have one name", reason="bad_member", file=other.path.name)
    return listed


def _header(name: str, size: int) -> bytes:
    """The 512 bytes before a member; ValueError or RecordCorrupt for what ustar or a set cannot hold."""
    if not all(is_file_name(part) for part in name.split("/")) or (name.startswith(SUMS) and name != SUMS):
        raise _corrupt("a member has no proper name")
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")


def _entry(block: bytes) -> tuple[str, int]:
    """Name and size in the 512 bytes before a member, if these are the ones that `_header` would write."""
    try:
        entry = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        same = _header(entry.name, entry.size) == block
    except (tarfile.TarError, ValueError) as exc:
        raise _corrupt("a member's header cannot be read") from exc
    if not same:
        raise _corrupt("a member's header is not in its one form")
    return entry.name, entry.size


def _sums(found: Iterable[Unpacked]) -> bytes:
    return "".join(f"{one.sha256}  {one.name}\n" for one in found).encode()


def _padded(size: int) -> int:
    return size + -size % _BLOCK


def _skip_padding(source: Source, size: int) -> None:
    if any(source.take(-size % _BLOCK)):
        raise _corrupt("its padding is not zero")


def _corrupt(why: str) -> RecordCorrupt:
    return RecordCorrupt(f"a set of files is not whole: {why}", reason="bad_file_set")

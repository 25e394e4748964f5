"""Stops that were accepted while the database could not be reached: a file beside the gateway's keys.

::

    consent-ledger/stops-kept/1
    5f0c0e7d9d1b6c3a {"at":1795341600000,"consent":"0x…","controller":"0x…","signature":"0x…","spread":false}

After the first line each line is one stop: the first 16 hexadecimal digits of the SHA-256 of the rest, a
space, and its canonical JSON. The rest of the file is zeros: room that was reserved when the file was made,
so that a stop is kept also when the disk is full. A line that a crash has torn does not match its digits and
is no stop; nobody was told of it. An emptied file is zeros again.

Those that the rules finally refuse are in ``refused``, a file of the same lines, for the operator. Gateways
that share the directory share the files. What they hold goes on chain in any case, except the time.
"""

import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ledger.canonical import canonical, parse_object
from ledger.durable import sync_directory
from ledger.errors import StoreUnavailable
from ledger.ids import Address, ConsentId, parse_address, parse_consent_id

HEADER = b"consent-ledger/stops-kept/1\n"
RESERVE = 1 << 20
"""Bytes that are the file's own from the start: some 3,000 stops."""
MOST = 16 << 20
"""Bytes that it may grow to."""
_SUM = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStop:
    """A revocation that its controller signed; `at` is when it was accepted, Unix milliseconds."""

    consent: ConsentId
    controller: Address
    signature: str = field(repr=False)
    spread: bool
    at: int

    @property
    def act(self) -> tuple[ConsentId, bool]:
        """What it does; accepting that again adds nothing."""
        return self.consent, self.spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """All stops that wait, and where the file ended when they were read."""

    stops: tuple[KeptStop, ...]
    end: int


class KeptStops:
    """The stops kept in one directory. Safe to share between threads, and with other processes."""

    def __init__(self, directory: Path, *, reserve: int = RESERVE) -> None:
        """Open the file, made and given its room when absent.

        Raises:
            StoreUnavailable: it cannot be made or read, or is of another format.
        """
        self._refused = directory / "refused"
        self._alone = threading.Lock()
        with _environment("the file for stops cannot be opened", "stops_file"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(directory / "kept", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with self._locked():
                self._prepare(reserve)
            sync_directory(directory)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    @property
    def waiting(self) -> bool:
        """Whether any stop waits to be applied.

        Raises:
            StoreUnavailable: the file cannot be read.
        """
        with _environment("the file for stops cannot be read", "stops_file"):
            return os.pread(self._file, 1, len(HEADER)) not in (b"", b"\0")

    def keep(self, stop: KeptStop, *, most: int = MOST) -> None:
        """Have a stop on disk when this returns. One that waits already is not kept twice.

        Args:
            stop: a revocation whose signature holds.
            most: bytes that the file may have with it.

        Raises:
            StoreUnavailable: (``stop_not_kept``) the disk does not take it, or there are too many.
        """
        line = _line(stop)
        with self._locked(), _environment("the stop could not be kept", "stop_not_kept"):
            content = self._content()
            if stop.consent.encode() not in content or stop.act not in {one.act for one in _stops(content)}:
                end = content.rfind(b"\n") + 1
                if end + len(line) > most:
                    raise OSError("too many stops wait")
                self._write(line, end)
            os.fsync(self._file)

    def read(self) -> Waiting:
        """All stops that wait, in the order in which they were accepted.

        Raises:
            StoreUnavailable: the file cannot be read.
        """
        with self._locked(), _environment("the file for stops cannot be read", "stops_file"):
            content = self._content()
        return Waiting(stops=tuple(_stops(content)), end=len(content))

    def clear(self, applied: Waiting) -> bool:
        """Empty the file of what was read from it; False, and nothing is done, if more has come since.

        Raises:
            StoreUnavailable: it cannot be written.
        """
        with self._locked(), _environment("the file for stops cannot be emptied", "stops_file"):
            if len(self._content()) != applied.end:
                return False
            _fill(self._file, bytes(applied.end - len(HEADER)), len(HEADER))
            os.fsync(self._file)
        return True

    def refuse(self, stops: Iterable[KeptStop]) -> None:
        """Note durably stops that cannot be applied, each once.

        Raises:
            StoreUnavailable: they cannot be noted.
        """
        with self._locked(), _environment("refused stops cannot be noted", "stops_file"):
            known = {(one.act, one.signature) for one in self.refused()}
            lines = [_line(one) for one in stops if (one.act, one.signature) not in known]
            if lines:
                with os.fdopen(os.open(self._refused, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                    before = file.seek(0, os.SEEK_END)
                    # A line that a crash has torn is ended, so that it does not tear the next one.
                    file.write((b"\n" if before else b"") + b"".join(lines))
                    file.flush()
                    os.fsync(file.fileno())
                sync_directory(self._refused.parent)

    def refused(self) -> list[KeptStop]:
        """The stops that could not be applied.

        Raises:
            StoreUnavailable: they cannot be read.
        """
        with _environment("refused stops cannot be read", "stops_file"):
            try:
                return list(_stops(self._refused.read_bytes()))
            except FileNotFoundError:
                return []

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Against other threads, and other processes."""
        with self._alone:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _prepare(self, reserve: int) -> None:
        head = os.pread(self._file, len(HEADER), 0).rstrip(b"\0")
        if head != HEADER:
            if not HEADER.startswith(head):
                raise StoreUnavailable(
                    "the file for stops is of another format",
                    reason="stops_format",
                    fix="Use the version of this program that wrote it.",
                )
            _fill(self._file, HEADER, 0)
        size = os.fstat(self._file).st_size
        _fill(self._file, bytes(max(0, reserve - size)), size)
        os.fsync(self._file)

    def _content(self) -> bytes:
        """The file up to its zeros; what comes after the last end of a line was torn."""
        return os.pread(self._file, os.fstat(self._file).st_size, 0).partition(b"\0")[0]

    def _write(self, line: bytes, end: int) -> None:
        try:
            _fill(self._file, line, end)
        except OSError:
            with suppress(OSError):
                _fill(self._file, bytes(len(line)), end)
            raise


def _fill(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written


def _line(stop: KeptStop) -> bytes:
    body = canonical(
        {
            "at": stop.at,
            "consent": stop.consent,
            "controller": stop.controller,
            "signature": stop.signature,
            "spread": stop.spread,
        }
    )
    return _digits(body) + b" " + body + b"\n"


def _digits(body: bytes) -> bytes:
    return sha256(body).hexdigest()[:_SUM].encode()


def _stops(content: bytes) -> Iterator[KeptStop]:
    for line in content.split(b"\n")[:-1]:
        digits, _, body = line.partition(b" ")
        if body and digits == _digits(body):
            yield _parsed(body)


def _parsed(body: bytes) -> KeptStop:
    found = parse_object(body)
    return KeptStop(
        consent=parse_consent_id(found["consent"]),
        controller=parse_address(found["controller"]),
        signature=str(found["signature"]),
        spread=found["spread"] is True,
        at=int(found["at"]),
    )


@contextmanager
def _environment(message: str, reason: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StoreUnavailable(
            message, reason=reason, fix="Check the disk and the owner of the state directory."
        ) from exc

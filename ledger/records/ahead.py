"""Two halves of a stream at once: what makes the pieces runs in a thread of its own, a few pieces ahead."""

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

LARGE = 16 << 20
"""From this size on, a record is worth a second thread."""

DEPTH = 2
"""How many pieces lie ready at most, so that memory stays bounded."""

_BEAT = 0.1
_KEPT = 8 << 20


class _Ahead(Generic[T]):
    def __init__(self, pieces: Iterable[T]) -> None:
        self._pieces = pieces
        self._ready: Queue[tuple[T] | BaseException | None] = Queue(DEPTH)
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="ahead", daemon=True)

    def __iter__(self) -> Iterator[T]:
        self._thread.start()
        try:
            while (found := self._ready.get()) is not None:
                if isinstance(found, BaseException):
                    raise found
                yield found[0]
        finally:
            self._stop()

    def _run(self) -> None:
        end: BaseException | None = None
        try:
            for piece in self._pieces:
                if not self._put((piece,)):
                    break
        except BaseException as exc:  # whoever takes the pieces gets it
            end = exc
        self._put(end)

    def _put(self, found: tuple[T] | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._ready.put(found, timeout=_BEAT)
            except Full:
                continue
            return True
        return False

    def _stop(self) -> None:
        """Let the thread end, and wait until it has: what it reads from may be closed then."""
        self._stopped.set()
        try:
            while True:
                self._ready.get_nowait()
        except Empty:
            self._thread.join()


def ahead(pieces: Iterable[T]) -> Iterator[T]:
    """The same pieces in the same order, made by another thread while the caller works on those before.

    What `pieces` raises is raised here, after the pieces before it. When the caller stops early, so does the
    thread, before anything else happens.
    """
    _keep_memory()
    yield from _Ahead(pieces)


def _keep_memory() -> None:
    """Let the C library keep freed pieces for the next ones, instead of unmapping each.

    glibc raises its thresholds for that (see M_MMAP_THRESHOLD in mallopt(3)) to the size of what was mapped
    and freed before.
    """
    bytearray(_KEPT)

"""Stops that were made while another command held the profile, so that no stop ever waits for one.

::

    <profile>/stops/
    ├── <16 hex>.sealed     a note
    └── .lock               held by each stop that is under way

A note is a sealed file (see `atrest`) of the format ``consent-ledger/stops-sealed/1``. In it::

    {"filings":{"0x…":{…}},"format":"consent-ledger/stops/1"}

``filings`` are as in the state (see `kept`), each of them stopped. A note is written once and never changed,
and it can only say that something is stopped: taking it in again changes nothing. Whoever holds the profile
takes it in, and removes it once the state that has it is on disk. They wait for a stop that is under way, for
a while: else they would hear of it before the gateway does, and call that a lie.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ledger import durable
from ledger.client import files
from ledger.client.atrest import Sealer
from ledger.client.kept import bad_state, filings_from_json, filings_to_json
from ledger.client.ports import KeptFiling, SealedTo
from ledger.crypto.identity import Identity
from ledger.errors import InvalidInput, KeyLocked, NotFound, StoreUnavailable, TooLarge
from ledger.ids import ConsentId

SEALED = "consent-ledger/stops-sealed/1"
FORMAT = "consent-ledger/stops/1"

_MOMENT = 1.0
_PATIENCE = 10.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What one file says."""

    path: Path
    filings: Mapping[ConsentId, KeptFiling]


class StopNotes:
    """The notes of one profile."""

    def __init__(
        self, directory: Path, identity: Identity, *, randomness: Callable[[int], bytes] = os.urandom
    ) -> None:
        """Nothing is written yet."""
        self._directory = directory
        self._identity = identity
        self._randomness = randomness

    def write(self, stopped: Mapping[ConsentId, KeptFiling]) -> None:
        """Note durably that these are stopped. Raises StoreUnavailable."""
        content = {"format": FORMAT, "filings": filings_to_json(stopped)}
        sealed = Sealer(SEALED, self._identity, randomness=self._randomness).seal(content)
        files.make_private(self._directory)
        files.replace(self._directory / f"{self._randomness(8).hex()}.sealed", sealed)
        durable.sync_directory(self._directory.parent)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """While a stop is noted and told. It waits for nobody longer than a moment.

        Raises:
            StoreUnavailable: the directory cannot be made.
        """
        files.make_private(self._directory)
        with self._lock(patience=_MOMENT, shared=True):
            yield

    @contextmanager
    def settled(self) -> Iterator[None]:
        """While notes are taken in: when no stop is under way any more, or has been for too long."""
        with self._lock(patience=_PATIENCE, shared=False):
            yield

    @contextmanager
    def _lock(self, *, patience: float, shared: bool) -> Iterator[None]:
        """A courtesy: whoever does not get it in time goes on without."""
        path = self._directory / ".lock"
        with ExitStack() as held:
            with suppress(StoreUnavailable):
                lock = files.locked(
                    path, patience=patience, shared=shared, clock=time.monotonic, pause=time.sleep
                )
                held.enter_context(lock)
            yield

    def exist(self) -> bool:
        """Whether there are any."""
        return bool(self._paths())

    def read(self) -> list[Note]:
        """All notes; one that another process takes in meanwhile need not be among them.

        Raises:
            InvalidInput: (``bad_stop_note``) a file that this identity did not write, or that was altered.
            StoreUnavailable: one cannot be read.
        """
        return [note for path in self._paths() if (note := self._note(path)) is not None]

    def legible(self) -> list[Note]:
        """Those of them that can be read; nothing is said of the others."""
        found = []
        for path in self._paths():
            with suppress(InvalidInput, StoreUnavailable):
                found.append(self._note(path))
        return [note for note in found if note is not None]

    def _paths(self) -> list[Path]:
        return sorted(self._directory.glob("*.sealed")) if self._directory.is_dir() else []

    def _note(self, path: Path) -> Note | None:
        """What one file says; None if it is gone."""
        try:
            content = Sealer(SEALED, self._identity).open(files.read(path))
            return Note(path=path, filings=_parse(content))
        except NotFound:
            return None
        except (InvalidInput, KeyLocked, TooLarge) as exc:
            raise InvalidInput(
                f"the file {path} is no stop that this profile has noted, or it was altered",
                reason="bad_stop_note",
                fix="Stopping still works. Stop again what you want stopped, then move that file away.",
            ) from exc


def with_stop(known: KeptFiling | None, noted: KeptFiling) -> KeptFiling:
    """What is known of a consent and what a note says of it, together; again is the same.

    What was opened and closed is the holder's to say. A note that holds no capsules any more was written when
    the gateway had acknowledged the stop, and so dropped them.
    """
    if known is None:
        return noted
    sealed = known.sealed if noted.sealed else frozenset[SealedTo]()
    return replace(known, sealed=sealed, taken=known.taken or noted.taken, stopped=True)


def _parse(content: dict[str, Any]) -> Mapping[ConsentId, KeptFiling]:
    if content.keys() != {"filings", "format"} or content["format"] != FORMAT:
        raise bad_state("its members are not those of a note")
    filings = filings_from_json(content["filings"])
    if not all(kept.stopped for kept in filings.values()):
        raise bad_state("a note tells of what is not stopped")
    return filings

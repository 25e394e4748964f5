"""What a person's client must remember, sealed under a key that the 24 words give back.

``state.sealed`` is a sealed file (see `atrest`) of the format ``consent-ledger/state-sealed/1``. In it::

    {"checkpoint":"…","epochs":{"0x…":0},"filings":{"0x…":{…}},"fingerprint":"0x…",
     "format":"consent-ledger/state/1","log_key":"…","next_controller":1,"persons":{"did:…":"0x…"}}

``filings`` are in the form of `kept`.
"""

import os
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ledger.canonical import canonical, hexed
from ledger.client import files
from ledger.client.atrest import Sealer
from ledger.client.kept import (
    bad_state,
    did_from_json,
    epochs_from_json,
    epochs_to_json,
    filings_from_json,
    filings_to_json,
    of,
)
from ledger.client.ports import KeptFiling
from ledger.client.stopnotes import Note, StopNotes, with_stop
from ledger.crypto.identity import Identity
from ledger.ids import ConsentId, Did, parse_word

SEALED = "consent-ledger/state-sealed/1"
FORMAT = "consent-ledger/state/1"

_REQUIRED = {"filings", "format", "next_controller"}
_OPTIONAL = {"checkpoint", "epochs", "fingerprint", "log_key", "persons"}


@dataclass(slots=True, kw_only=True)
class SealedState:
    """The `ledger.client.ports.ClientState` of one profile directory."""

    path: Path
    receipts: Path
    identity: Identity = field(repr=False)
    next_controller: int = 0
    fingerprint: bytes | None = field(default=None, repr=False)
    filings: MutableMapping[ConsentId, KeptFiling] = field(default_factory=dict, repr=False)
    persons: MutableMapping[Did, bytes] = field(default_factory=dict, repr=False)
    epochs: MutableMapping[bytes, int] = field(default_factory=dict, repr=False)
    log_key: str | None = None
    checkpoint: str | None = None
    randomness: Callable[[int], bytes] = field(default=os.urandom, repr=False)

    @classmethod
    def load(cls, path: Path, receipts: Path, identity: Identity) -> Self:
        """The state in a file, or an empty one if there is none; without the stops noted beside it.

        Raises:
            KeyLocked: sealed for another identity, or altered.
            InvalidInput: not a sealed state of this format.
            StoreUnavailable: it cannot be read.
        """
        return cls(path=path, receipts=receipts, identity=identity, **_read(path, identity))

    @property
    def staging(self) -> Path:
        """See `ledger.client.ports.ClientState.staging`."""
        return self.path.with_name("staged")

    def save(self) -> None:
        """Write everything durably, the old file staying whole until the new one is."""
        sealer = Sealer(SEALED, self.identity, randomness=self.randomness)
        files.replace(self.path, sealer.seal(self._json()))

    @property
    def keeps_all(self) -> bool:
        """See `ledger.client.ports.ClientState.keeps_all`: it does."""
        return True

    def heed_stops(self) -> bool:
        """See `ledger.client.ports.ClientState.heed_stops`. Whoever calls it holds the profile's lock.

        Raises:
            InvalidInput: (``bad_stop_note``) nothing was changed.
            StoreUnavailable: a note cannot be read, or the state not be written.
        """
        if not self._notes.exist():
            return False
        with self._notes.settled():
            notes = self._notes.read()
            self._take_in(notes)
            self.save()
            for note in notes:
                note.path.unlink(missing_ok=True)
        return True

    def stopping(self) -> AbstractContextManager[None]:
        """See `ledger.client.ports.ClientState.stopping`: nobody else can take in what this one saves."""
        return nullcontext()

    @property
    def _notes(self) -> StopNotes:
        return StopNotes(self.path.with_name("stops"), self.identity, randomness=self.randomness)

    def _take_in(self, notes: Iterable[Note]) -> None:
        for note in notes:
            for consent, noted in note.filings.items():
                self.filings[consent] = with_stop(self.filings.get(consent), noted)

    def keep_receipt(self, receipt: dict[str, Any]) -> None:
        """Keep a receipt durably as ``<index>.receipt.json``."""
        files.make_private(self.receipts)
        files.replace(self.receipts / f"{int(receipt['index'])}.receipt.json", canonical(receipt) + b"\n")

    def _json(self) -> dict[str, Any]:
        known = {
            "fingerprint": None if self.fingerprint is None else hexed(self.fingerprint),
            "log_key": self.log_key,
            "checkpoint": self.checkpoint,
            "persons": {did: hexed(found) for did, found in self.persons.items()} or None,
            "epochs": epochs_to_json(self.epochs) or None,
        }
        return {
            "format": FORMAT,
            "next_controller": self.next_controller,
            "filings": filings_to_json(self.filings),
            **{name: value for name, value in known.items() if value is not None},
        }


@dataclass(slots=True, kw_only=True)
class StopsOnly(SealedState):
    """A profile's memory while another command holds it: read as it is on disk, and only stops are kept.

    What is stopped becomes a note; the rest of what a command learns is forgotten with it.
    """

    _noted: dict[ConsentId, KeptFiling] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def load(cls, path: Path, receipts: Path, identity: Identity) -> Self:
        """The state in a file with the stops noted beside it, as far as they are legible; raises as there.

        The notes are read first: one that is gone by then is in the file.
        """
        notes = StopNotes(path.with_name("stops"), identity).legible()
        state = cls(path=path, receipts=receipts, identity=identity, **_read(path, identity))
        state._take_in(notes)
        state._noted = dict(state.filings)
        return state

    @property
    def keeps_all(self) -> bool:
        """See `ledger.client.ports.ClientState.keeps_all`: it does not."""
        return False

    def heed_stops(self) -> bool:
        """See `ledger.client.ports.ClientState.heed_stops`: that is for whoever holds the profile."""
        return False

    def stopping(self) -> AbstractContextManager[None]:
        """See `ledger.client.ports.ClientState.stopping`."""
        return self._notes.under_way()

    def save(self) -> None:
        """Note durably what was stopped since the last time."""
        new = {
            consent: kept
            for consent, kept in self.filings.items()
            if kept.stopped and kept != self._noted.get(consent)
        }
        if new:
            self._notes.write(new)
            self._noted |= new


def _read(path: Path, identity: Identity) -> dict[str, Any]:
    return _parse(Sealer(SEALED, identity).open(files.read(path))) if path.exists() else {}


def _parse(content: dict[str, Any]) -> dict[str, Any]:
    if content.get("format") != FORMAT or not _REQUIRED <= content.keys() <= _REQUIRED | _OPTIONAL:
        raise bad_state("its members are not those of a state")
    return {
        "next_controller": of(content["next_controller"], int),
        "fingerprint": parse_word(of(content["fingerprint"], str)) if "fingerprint" in content else None,
        "filings": filings_from_json(content["filings"]),
        "persons": {
            did_from_json(did): parse_word(of(found, str))
            for did, found in of(content.get("persons", {}), dict).items()
        },
        "epochs": epochs_from_json(content.get("epochs", {})),
        "log_key": of(content["log_key"], str) if "log_key" in content else None,
        "checkpoint": of(content["checkpoint"], str) if "checkpoint" in content else None,
    }

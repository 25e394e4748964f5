"""What a person's client must remember, sealed under a key that the 24 words give back.

``state.sealed`` is a sealed file (see `atrest`) of the format ``consent-ledger/state-sealed/1``. In it::

    {"checkpoint":"…","filings":{"0x…":{"closed":{},"controller":0,"filing":{…},"opened":{"0x…":0},
     "sealed":[["0x…",0,"did:…"]],"stopped":false,"taken":true}},
     "epochs":{"0x…":0},"fingerprint":"0x…","format":"consent-ledger/state/1","log_key":"…",
     "next_controller":1,"persons":{"did:…":"0x…"}}
"""

import os
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ledger.canonical import canonical, hexed
from ledger.client import files
from ledger.client.atrest import Sealer
from ledger.client.ports import KeptFiling, SealedTo
from ledger.crypto.identity import Identity
from ledger.errors import InvalidInput
from ledger.ids import ConsentId, Did, parse_consent_id, parse_did, parse_word

SEALED = "consent-ledger/state-sealed/1"
FORMAT = "consent-ledger/state/1"

_REQUIRED = {"filings", "format", "next_controller"}
_OPTIONAL = {"checkpoint", "epochs", "fingerprint", "log_key", "persons"}
_KEPT = {"closed", "controller", "filing", "opened", "sealed", "stopped", "taken"}

T = TypeVar("T")


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
    def load(cls, path: Path, receipts: Path, identity: Identity) -> "SealedState":
        """The state in a file, or an empty one if there is none.

        Raises:
            KeyLocked: sealed for another identity, or altered.
            InvalidInput: not a sealed state of this format.
            StoreUnavailable: it cannot be read.
        """
        content = _parse(Sealer(SEALED, identity).open(files.read(path))) if path.exists() else {}
        return cls(path=path, receipts=receipts, identity=identity, **content)

    @property
    def staging(self) -> Path:
        """See `ledger.client.ports.ClientState.staging`."""
        return self.path.with_name("staged")

    def save(self) -> None:
        """Write everything durably, the old file staying whole until the new one is."""
        sealer = Sealer(SEALED, self.identity, randomness=self.randomness)
        files.replace(self.path, sealer.seal(self._json()))

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
            "epochs": {hexed(compartment): epoch for compartment, epoch in self.epochs.items()} or None,
        }
        return {
            "format": FORMAT,
            "next_controller": self.next_controller,
            "filings": {consent: _kept_to_json(kept) for consent, kept in self.filings.items()},
            **{name: value for name, value in known.items() if value is not None},
        }


def _parse(content: dict[str, Any]) -> dict[str, Any]:
    if content.get("format") != FORMAT or not _REQUIRED <= content.keys() <= _REQUIRED | _OPTIONAL:
        raise _bad_state("its members are not those of a state")
    return {
        "next_controller": _of(content["next_controller"], int),
        "fingerprint": parse_word(_of(content["fingerprint"], str)) if "fingerprint" in content else None,
        "filings": {
            parse_consent_id(consent): _kept_from_json(kept)
            for consent, kept in _of(content["filings"], dict).items()
        },
        "persons": {
            _did(did): parse_word(_of(found, str))
            for did, found in _of(content.get("persons", {}), dict).items()
        },
        "epochs": {
            parse_word(compartment): _epoch(epoch)
            for compartment, epoch in _of(content.get("epochs", {}), dict).items()
        },
        "log_key": _of(content["log_key"], str) if "log_key" in content else None,
        "checkpoint": _of(content["checkpoint"], str) if "checkpoint" in content else None,
    }


def _kept_to_json(kept: KeptFiling) -> dict[str, Any]:
    sealed = sorted([hexed(to.compartment), to.epoch, to.recipient] for to in kept.sealed)
    return {
        "closed": _epochs_to_json(kept.closed),
        "controller": kept.controller,
        "filing": kept.filing,
        "opened": _epochs_to_json(kept.opened),
        "sealed": sealed,
        "stopped": kept.stopped,
        "taken": kept.taken,
    }


def _kept_from_json(value: object) -> KeptFiling:
    members = _of(value, dict)
    if members.keys() != _KEPT:
        raise _bad_state("a filing's members are not known")
    return KeptFiling(
        controller=_of(members["controller"], int),
        filing=_of(members["filing"], dict),
        opened=_epochs(members["opened"]),
        closed=_epochs(members["closed"]),
        sealed=frozenset(_sealed_to(entry) for entry in _of(members["sealed"], list)),
        stopped=_of(members["stopped"], bool),
        taken=_of(members["taken"], bool),
    )


def _sealed_to(value: object) -> SealedTo:
    entry = _of(value, list)
    if len(entry) != 3:
        raise _bad_state("a sealed capsule is not named by three values")
    return SealedTo(parse_word(_of(entry[0], str)), _epoch(entry[1]), _did(_of(entry[2], str)))


def _did(text: str) -> Did:
    parse_did(text)
    return Did(text)


def _epochs_to_json(epochs: Mapping[bytes, int]) -> dict[str, int]:
    return {hexed(compartment): epoch for compartment, epoch in epochs.items()}


def _epochs(value: object) -> dict[bytes, int]:
    return {parse_word(compartment): _epoch(epoch) for compartment, epoch in _of(value, dict).items()}


def _epoch(value: object) -> int:
    epoch = _of(value, int)
    if epoch < 0:
        raise _bad_state("an epoch is below zero")
    return epoch


def _of(value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise _bad_state(f"a {kind.__name__} is expected somewhere")
    return value


def _bad_state(why: str) -> InvalidInput:
    return InvalidInput(f"the profile's state cannot be used: {why}", reason="bad_state")

"""What stays of an erased patient in the key store: who ordered it, so that no restored backup undoes it.

::

    {"at":1792000000000,"format":"consent-ledger/tombstone/1","signature":"0x…","size":57,"tag":"0x…"}

A patient's order has the ``signature`` of the erasure key over `Erasure`, a legal one its name as ``order``.
Requests from before the patient joined are not under their tag; those that went are in ``asked``, each by a
hash that says nothing to whoever does not have its row.
"""

from dataclasses import dataclass
from typing import Any

from ledger.canonical import canonical, hexed, parse_object, unhex
from ledger.errors import InvalidInput

FORMAT = "consent-ledger/tombstone/1"
_HASH = 32
_MEMBERS = {"at": int, "size": int, "tag": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The order by which everything under `tag` (20 bytes) in the first `size` entries was erased.

    Either ``signature`` or ``order`` is not empty; ``at`` is Unix milliseconds. ``asked`` has, in order, the
    SHA-256 of each row, as sealed, of a request that went with the patient though not under their tag.
    """

    tag: bytes
    size: int
    at: int
    signature: str = ""
    order: str = ""
    asked: tuple[bytes, ...] = ()

    @property
    def by(self) -> dict[str, str]:
        """Who ordered it, as the log entry says: ``signature`` or ``order``."""
        return {"signature": self.signature} if self.signature else {"order": self.order}

    def encode(self) -> bytes:
        """The canonical JSON text, with a line end."""
        members = {"format": FORMAT, "tag": hexed(self.tag), "size": self.size, "at": self.at, **self.by}
        if self.asked:
            members["asked"] = [hexed(one) for one in self.asked]
        return canonical(members) + b"\n"

    @classmethod
    def decode(cls, raw: bytes) -> "Tombstone":
        """The inverse of `encode`.

        Raises:
            InvalidInput: not exactly what `encode` writes.
        """
        members = parse_object(raw)
        if not all(type(members.get(name)) is kind for name, kind in _MEMBERS.items()):
            raise _bad()
        found = cls(
            tag=unhex(members["tag"]),
            size=members["size"],
            at=members["at"],
            signature=_text(members, "signature"),
            order=_text(members, "order"),
            asked=_hashes(members),
        )
        if found.encode() != raw:
            raise _bad()
        return found


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name, "")
    if not isinstance(value, str):
        raise _bad()
    return value


def _hashes(members: dict[str, Any]) -> tuple[bytes, ...]:
    listed = members.get("asked", [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise _bad()
    found = tuple(unhex(one) for one in listed)
    if list(found) != sorted(set(found)) or any(len(one) != _HASH for one in found):
        raise _bad()
    return found


def _bad() -> InvalidInput:
    return InvalidInput("not a tombstone of this version", reason="bad_tombstone")

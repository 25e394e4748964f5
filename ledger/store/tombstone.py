"""What stays of an erased patient in the key store: who ordered it, so that no restored backup undoes it.

::

    {"at":1792000000000,"format":"consent-ledger/tombstone/1","signature":"0x…","size":57,"tag":"0x…"}

A patient's order has the ``signature`` of the erasure key over `Erasure`, a legal one its name as ``order``.
"""

from dataclasses import dataclass
from typing import Any

from ledger.canonical import canonical, hexed, parse_object, unhex
from ledger.errors import InvalidInput

FORMAT = "consent-ledger/tombstone/1"
_MEMBERS = {"at": int, "size": int, "tag": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The order by which everything under `tag` (20 bytes) in the first `size` entries was erased.

    Either ``signature`` or ``order`` is not empty; ``at`` is Unix milliseconds.
    """

    tag: bytes
    size: int
    at: int
    signature: str = ""
    order: str = ""

    @property
    def by(self) -> dict[str, str]:
        """Who ordered it, as the log entry says: ``signature`` or ``order``."""
        return {"signature": self.signature} if self.signature else {"order": self.order}

    def encode(self) -> bytes:
        """The canonical JSON text, with a line end."""
        members = {"format": FORMAT, "tag": hexed(self.tag), "size": self.size, "at": self.at, **self.by}
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
        )
        if found.encode() != raw:
            raise _bad()
        return found


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name, "")
    if not isinstance(value, str):
        raise _bad()
    return value


def _bad() -> InvalidInput:
    return InvalidInput("not a tombstone of this version", reason="bad_tombstone")

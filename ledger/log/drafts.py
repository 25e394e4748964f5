"""Entries on their way into the log, and entries that are in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection

from ledger.errors import Conflict, InvalidInput
from ledger.log.entry import TypedEntry

Within = Callable[[Connection, int], object]


class PatientChanged(Conflict):
    """The patient's version is no longer the one decided on: read their state and decide again."""

    code = "patient_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry to append, with what must still hold and what must be written in the same transaction.

    tag: the patient's erasure address, 20 bytes, or ``NO_PATIENT``.
    entry: without ``time``, which the log sets.
    expect: the version of each patient (by tag) that was decided on.
    within: called with the transaction and the entry's index; what it raises undoes everything.
    follows: the member that names the entry before this one, by its index; not of a `TypedEntry`.
    """

    tag: bytes
    entry: Mapping[str, Any] | TypedEntry = field(repr=False)
    expect: Mapping[bytes, int] = field(default_factory=dict, repr=False)
    within: Within | None = None
    follows: str | None = None

    @property
    def kind(self) -> str:
        """What kind of entry it is; empty if it says none."""
        return str(self.member("kind") or "")

    def member(self, name: str) -> Any:  # noqa: ANN401
        """What the entry says under a name; None if it says nothing."""
        if isinstance(self.entry, TypedEntry):
            found = getattr(self.entry, name, msgspec.UNSET)
            return None if found is msgspec.UNSET else found
        return self.entry.get(name)

    def stamped(self, index: int, time: int) -> dict[str, Any] | TypedEntry:
        """The entry as it is at `index` and `time`. InvalidInput if it has a time of its own."""
        if isinstance(self.entry, TypedEntry):
            self.entry.time = time
            return self.entry
        if "time" in self.entry:
            raise InvalidInput("the log sets the time of an entry", reason="entry_has_time")
        follows = {} if self.follows is None else {self.follows: index - 1}
        return {**self.entry, **follows, "time": time}

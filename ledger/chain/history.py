"""The events of the chain by what they are about, oldest first; forgetting is taking off the last ones."""

from bisect import bisect_right
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from ledger.chain.events import (
    Anchored,
    EncryptionKeySet,
    Event,
    ParticipantAdmitted,
    ParticipantReinstated,
    ParticipantSuspended,
    Recorded,
    Revoked,
    RevokedAll,
)
from ledger.ids import Address, ConsentId

ParticipantEvent = ParticipantAdmitted | ParticipantSuspended | ParticipantReinstated | EncryptionKeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantState:
    """A participant as of some block; ``profile`` and ``key`` have 32 bytes, version 0 is no key yet."""

    roles: int
    suspended: bool
    profile: bytes
    key: bytes
    key_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantChange:
    """What a participant is from some block on."""

    number: int
    state: ParticipantState


class _Placed(Protocol):
    @property
    def number(self) -> int: ...


P = TypeVar("P", bound=_Placed)
K = TypeVar("K", bound=Hashable)

_UNKNOWN = ParticipantState(roles=0, suspended=False, profile=bytes(32), key=bytes(32), key_version=0)


def up_to(number: int, items: list[P] | None) -> list[P]:
    """The items in blocks up to `number`, of a list in chain order."""
    if not items or items[-1].number <= number:
        return items or []
    return items[: bisect_right(items, number, key=lambda item: item.number)]


@dataclass(frozen=True, slots=True)
class History:
    """Every event in chain order, and by key. No key is there without an item."""

    events: list[Event] = field(default_factory=list)
    recorded: dict[ConsentId, list[Recorded]] = field(default_factory=dict)
    revoked: dict[ConsentId, list[Revoked]] = field(default_factory=dict)
    epochs: dict[Address, list[RevokedAll]] = field(default_factory=dict)
    participants: dict[Address, list[ParticipantChange]] = field(default_factory=dict)
    anchors: dict[Address, list[Anchored]] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Append an event that is later than all others."""
        self.events.append(event)
        match event:
            case Recorded():
                self.recorded.setdefault(event.consent, []).append(event)
            case Revoked():
                self.revoked.setdefault(event.consent, []).append(event)
            case RevokedAll():
                self.epochs.setdefault(event.controller, []).append(event)
            case Anchored():
                self.anchors.setdefault(event.sender, []).append(event)
            case (
                ParticipantAdmitted() | ParticipantSuspended() | ParticipantReinstated() | EncryptionKeySet()
            ):
                changes = self.participants.setdefault(event.participant, [])
                state = _changed(changes[-1].state if changes else _UNKNOWN, event)
                changes.append(ParticipantChange(number=event.number, state=state))

    def forget_after(self, number: int) -> None:
        """Take off every event above block `number`."""
        while self.events and self.events[-1].number > number:
            self._forget(self.events.pop())

    def controllers(self) -> set[Address]:
        """Every address that recorded or ended a consent."""
        recorded = {event.controller for events in self.recorded.values() for event in events}
        revoked = {event.controller for events in self.revoked.values() for event in events}
        return recorded | revoked | set(self.epochs)

    def _forget(self, event: Event) -> None:
        match event:
            case Recorded():
                _take_last(self.recorded, event.consent)
            case Revoked():
                _take_last(self.revoked, event.consent)
            case RevokedAll():
                _take_last(self.epochs, event.controller)
            case Anchored():
                _take_last(self.anchors, event.sender)
            case (
                ParticipantAdmitted() | ParticipantSuspended() | ParticipantReinstated() | EncryptionKeySet()
            ):
                _take_last(self.participants, event.participant)


def _take_last(table: dict[K, list[P]], key: K) -> None:
    table[key].pop()
    if not table[key]:
        del table[key]


def _changed(state: ParticipantState, event: ParticipantEvent) -> ParticipantState:
    match event:
        case ParticipantAdmitted():
            return replace(state, roles=event.roles, profile=event.profile)
        case ParticipantSuspended():
            return replace(state, suspended=True)
        case ParticipantReinstated():
            return replace(state, suspended=False)
        case EncryptionKeySet():
            return replace(state, key=event.key, key_version=event.version)

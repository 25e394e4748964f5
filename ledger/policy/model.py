"""What a decision is made from and what it says: request, record facts, outcome."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import msgspec

from ledger.consent.codes import ACTIONS, PURPOSES, needs_emergency
from ledger.consent.moments import instant
from ledger.errors import InvalidInput, UnknownCode
from ledger.ids import ConsentId, Did
from ledger.policy.bits import members, places, union

POLICY = "deny-overrides/1"


class Outcome(StrEnum):
    """DENY before PERMIT before NO_CONSENT; only PERMIT opens anything."""

    PERMIT = "PERMIT"
    DENY = "DENY"
    NO_CONSENT = "NO_CONSENT"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RecordFacts:
    """What the policy may know of one record (a segment's header, or a file's).

    Class, confidentiality, labels, encounter, authors and date are common to all members of a segment.
    `codes` and `resources` hold **one string per member**: the names of one member (its codings as
    ``system|code``; its ``Type/id`` and its full URL) joined by a line feed. A member without a coding adds
    the empty string to `codes`. `references` is the union over the members.
    """

    id: str
    record_class: str
    confidentiality: str | None
    labels: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    references: frozenset[str] = frozenset()
    encounter: str | None = None
    authors: frozenset[str] = frozenset()
    date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request:
    """Who asks for what. `at` is the time of the decision; `emergency` means one was declared.

    `instant` is `at` in microseconds since 1970.

    Raises:
        UnknownCode: a purpose or the action is in no code table.
        InvalidInput: no purpose (``purpose_required``), an emergency purpose without a declared emergency
            (``emergency_required``), or a time without offset.
    """

    subject: Did
    patient: Did
    purposes: tuple[str, ...]
    at: datetime
    action: str = "access"
    organisation: Did | None = None
    emergency: bool = False
    instant: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        _require_known(self.purposes, self.action, emergency=self.emergency)
        if self.at.utcoffset() is None:
            raise InvalidInput("the time of a request needs a UTC offset", reason="time_without_offset")
        object.__setattr__(self, "instant", instant(self.at))


@lru_cache(maxsize=1024)
def _require_known(purposes: tuple[str, ...], action: str, *, emergency: bool) -> None:
    """What `Request` refuses of these; an error is not kept."""
    if not purposes:
        raise InvalidInput(
            "a request must say what the records are for", reason="purpose_required", fix="name a purpose"
        )
    for purpose in purposes:
        PURPOSES.check(purpose)
    if action not in ACTIONS:
        raise UnknownCode(f"no such action: one of {', '.join(ACTIONS)}", reason="unknown_action")
    if not emergency and any(needs_emergency(purpose) for purpose in purposes):
        raise InvalidInput(
            "emergency access needs a declared emergency",
            reason="emergency_required",
            fix="declare the emergency first, or ask for TREAT",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What a recipient must do or leave; `records` are the permitted records that it concerns."""

    id: str
    type: str
    code: str
    text: str
    records: tuple[str, ...]
    labels: tuple[str, ...] = ()


class RecordDecision(msgspec.Struct, frozen=True):
    """The outcome for one record, by the consents in `basis` (sorted; none for NO_CONSENT).

    A record that cannot be judged is DENY without basis, and `reason` names why.
    """

    id: str
    outcome: Outcome
    basis: tuple[ConsentId, ...] = ()
    reason: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """One outcome by one basis, or for one reason, and the records that have it, as a set (see `bits`)."""

    records: int
    outcome: Outcome
    basis: tuple[ConsentId, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome for a set of records: PERMIT if any is permitted, else DENY if any is denied.

    `basis` unites the bases of the records that have this outcome. `verdicts` share out the records of an
    index, whose ids are `ids`.
    """

    outcome: Outcome
    basis: tuple[ConsentId, ...]
    obligations: tuple[Obligation, ...]
    verdicts: tuple[Verdict, ...]
    ids: tuple[str, ...] = field(repr=False)
    policy: str = POLICY

    @property
    def permitted(self) -> tuple[str, ...]:
        """The ids of the records that may be opened."""
        return self._with(Outcome.PERMIT)

    @property
    def denied(self) -> tuple[str, ...]:
        """The ids of the records that are refused."""
        return self._with(Outcome.DENY)

    @property
    def bases(self) -> frozenset[ConsentId]:
        """The bases of all records together, whatever their outcome."""
        return frozenset(name for item in self.verdicts for name in item.basis)

    def _with(self, outcome: Outcome) -> tuple[str, ...]:
        return members(union(item.records for item in self.verdicts if item.outcome is outcome), self.ids)

    @property
    def records(self) -> tuple[RecordDecision, ...]:
        """The outcome for each record that was asked about, in the order of the ids."""
        found: list[RecordDecision | None] = [None] * len(self.ids)
        for item in self.verdicts:
            for place in places(item.records):
                found[place] = RecordDecision(self.ids[place], item.outcome, item.basis, item.reason)
        return tuple(filter(None, found))

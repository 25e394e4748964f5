"""The conditions of a rule, one class per attribute: what a request or a record must be to match.

A condition is compiled for a permit or for a deny, because the two read missing and mixed facts in opposite
ways: a permit matches only what is surely meant, a deny everything that may be meant. A condition on records
answers for a whole index at once, with the set of those that it holds for.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from ledger.consent.moments import Span, interval
from ledger.consent.provisions import may_be_visit
from ledger.policy.bits import union
from ledger.policy.index import RecordIndex, any_of
from ledger.policy.model import Request


class RequestCondition(Protocol):
    """A condition on who asks, for what and how."""

    @property
    def attribute(self) -> str:
        """The FHIR element that states it."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """What would match, for people: codes, accounts, bounds."""

    def holds(self, request: Request) -> bool:
        """Whether the request meets it."""


class RecordCondition(Protocol):
    """A condition on the facts of a record."""

    @property
    def attribute(self) -> str:
        """The FHIR element that states it."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """What would match, for people: codes, references, bounds."""

    def matching(self, records: RecordIndex) -> int:
        """The set of the records that meet it; of those that cannot be judged it may say anything."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OnRequest:
    """All that a rule asks of the request. Equal to nothing but itself: an answer can be kept by it."""

    conditions: tuple[RequestCondition, ...]

    def hold(self, request: Request) -> bool:
        """Whether the request meets every condition."""
        return all(condition.holds(request) for condition in self.conditions)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OnRecord:
    """All that a rule asks of a record. Equal to nothing but itself: an answer can be kept by it."""

    conditions: tuple[RecordCondition, ...]

    def matching(self, records: RecordIndex) -> int:
        """The set of the records that can be judged and meet every condition."""
        found = records.judgeable
        for condition in self.conditions:
            found &= condition.matching(records)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ByActor:
    """The subject, or the organisation that it acts for, is named."""

    attribute: ClassVar[str] = "actor"
    actors: frozenset[str]

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `RequestCondition`."""
        return tuple(sorted(self.actors))

    def holds(self, request: Request) -> bool:
        """See `RequestCondition`."""
        return request.subject in self.actors or request.organisation in self.actors


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForPurpose:
    """Each purpose of the request (a deny: one of them) is, or lies below, one of `purposes`.

    `covered` has these and all below them.
    """

    attribute: ClassVar[str] = "purpose"
    purposes: frozenset[str]
    covered: frozenset[str]
    every: bool

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `RequestCondition`."""
        return tuple(sorted(self.purposes))

    def holds(self, request: Request) -> bool:
        """See `RequestCondition`."""
        if self.every:
            return self.covered.issuperset(request.purposes)
        return not self.covered.isdisjoint(request.purposes)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForAction:
    """The action of the request is named."""

    attribute: ClassVar[str] = "action"
    actions: frozenset[str]

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `RequestCondition`."""
        return tuple(sorted(self.actions))

    def holds(self, request: Request) -> bool:
        """See `RequestCondition`."""
        return request.action in self.actions


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OfClass:
    """The class of the record is named."""

    attribute: ClassVar[str] = "class"
    classes: frozenset[str]

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `RecordCondition`."""
        return tuple(sorted(self.classes))

    def matching(self, records: RecordIndex) -> int:
        """See `RecordCondition`."""
        return any_of(self.classes, records.classes)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Labelled:
    """The security label of the record: confidentiality `ranks` and sensitivity `labels`.

    `ranks` is None, or `labels` empty, if the rule does not name that kind; `covered` has `labels` and all
    below them. Permit: the record's confidentiality is in `ranks`, and it has labels, all of them covered;
    each half only if it is named. Deny: its confidentiality is in `ranks`, or one label is covered.
    """

    attribute: ClassVar[str] = "securityLabel"
    ranks: range | None
    labels: frozenset[str]
    covered: frozenset[str]
    permit: bool

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `RecordCondition`."""
        bounds = () if self.ranks is None else tuple("ULMNRV"[rank] for rank in self.ranks)
        return (*bounds, *sorted(self.labels))

    def matching(self, records: RecordIndex) -> int:
        """See `RecordCondition`."""
        in_ranks = 0 if self.ranks is None else union(records.exactly[rank] for rank in self.ranks)
        marked = other = 0
        for label, having in records.labels.items():
            if label in self.covered:
                marked |= having
            else:
                other |= having
        if not self.permit:
            return in_ranks | marked
        if not self.labels:
            return in_ranks
        return marked & ~other if self.ranks is None else marked & ~other & in_ranks


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Dated:
    """The date of the record lies in the data period: all of it for a permit, any of it for a deny.

    A record without a date, or with one that cannot be read, matches a deny only.
    """

    attribute: ClassVar[str] = "dataPeriod"
    period: Span
    zone: int
    permit: bool

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `RecordCondition`."""
        return (interval(self.period),)

    def matching(self, records: RecordIndex) -> int:
        """See `RecordCondition`."""
        timeline = records.timeline(self.zone)
        if self.permit:
            return timeline.within(self.period)
        return timeline.meeting(self.period) | records.undated


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Coded:
    """A coding of every member (a deny: of any member, or a member without one) is named."""

    attribute: ClassVar[str] = "code"
    codes: frozenset[str]
    permit: bool

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `RecordCondition`."""
        return tuple(sorted(self.codes))

    def matching(self, records: RecordIndex) -> int:
        """See `RecordCondition`."""
        if self.permit:
            return records.codings.each(self.codes)
        return records.codings.any(self.codes) | records.codings.unnamed


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class About:
    """The record is, belongs to, or was written by something named in ``data``; one entry is enough.

    * instance: a deny matches if any member is named, a permit if all are.
    * related: the record's encounter is named, or a member is; or a member refers to what is named, which
      is enough for a permit only when the record has a single member. Where an encounter may be meant, a
      deny matches a record without encounter too.
    * authoredby: an author of the record is named; a deny matches a record without authors too.

    A record that does not name each of its members matches a deny on instances, never a permit.
    """

    attribute: ClassVar[str] = "data"
    instances: frozenset[str]
    related: frozenset[str]
    authors: frozenset[str]
    permit: bool

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `RecordCondition`."""
        kinds = (("instance", self.instances), ("related", self.related), ("authoredby", self.authors))
        return tuple(f"{kind} {name}" for kind, names in kinds for name in sorted(names))

    def matching(self, records: RecordIndex) -> int:
        """See `RecordCondition`."""
        found = 0
        if self.authors:
            found |= self._by_author(records)
        if self.related:
            found |= self._related(records)
        if self.instances:
            found |= self._instance(records)
        return found

    def _by_author(self, records: RecordIndex) -> int:
        unknown = 0 if self.permit else records.without_authors
        return any_of(self.authors, records.authors) | unknown

    def _related(self, records: RecordIndex) -> int:
        resources = records.resources
        found = any_of(self.related, records.encounters)
        refer = any_of(self.related, records.references)
        if self.permit:
            # Members without any name fall together in the set, so one of these may be several.
            alone = resources.single & ~resources.unnamed
            return found | refer & alone | resources.each(self.related)
        unknown = records.without_encounter if any(map(may_be_visit, self.related)) else 0
        return found | refer | resources.any(self.related) | unknown

    def _instance(self, records: RecordIndex) -> int:
        if self.permit:
            return records.resources.each(self.instances)
        return records.resources.any(self.instances) | records.resources.unnamed

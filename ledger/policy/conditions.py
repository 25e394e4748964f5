"""The conditions of a rule, one class per attribute: what a request or a record must be to match.

A condition is compiled for a permit or for a deny, because the two read missing and mixed facts in opposite
ways: a permit matches only what is surely meant, a deny everything that may be meant.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from ledger.consent import codes
from ledger.consent.moments import Span, instant, span
from ledger.errors import InvalidInput
from ledger.policy.model import RecordFacts, Request

_TYPED = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}$")


class RequestCondition(Protocol):
    """A condition on who asks, for what, how and when."""

    @property
    def attribute(self) -> str:
        """The FHIR element that states it."""

    def holds(self, request: Request) -> bool:
        """Whether the request meets it."""


class RecordCondition(Protocol):
    """A condition on the facts of a record."""

    @property
    def attribute(self) -> str:
        """The FHIR element that states it."""

    def holds(self, record: RecordFacts) -> bool:
        """Whether the record meets it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class InForce:
    """The time of the request lies in the period."""

    attribute: ClassVar[str] = "period"
    span: Span

    def holds(self, request: Request) -> bool:
        """See `RequestCondition`."""
        return instant(request.at) in self.span


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ByActor:
    """The subject, or the organisation that it acts for, is named."""

    attribute: ClassVar[str] = "actor"
    actors: frozenset[str]

    def holds(self, request: Request) -> bool:
        """See `RequestCondition`."""
        return request.subject in self.actors or request.organisation in self.actors


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForPurpose:
    """Each purpose of the request (a deny: one of them) is, or lies below, a purpose of the rule."""

    attribute: ClassVar[str] = "purpose"
    purposes: frozenset[str]
    every: bool

    def holds(self, request: Request) -> bool:
        """See `RequestCondition`."""
        found = (not self.purposes.isdisjoint(codes.PURPOSES.ancestors(item)) for item in request.purposes)
        return all(found) if self.every else any(found)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForAction:
    """The action of the request is named."""

    attribute: ClassVar[str] = "action"
    actions: frozenset[str]

    def holds(self, request: Request) -> bool:
        """See `RequestCondition`."""
        return request.action in self.actions


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OfClass:
    """The class of the record is named."""

    attribute: ClassVar[str] = "class"
    classes: frozenset[str]

    def holds(self, record: RecordFacts) -> bool:
        """See `RecordCondition`."""
        return record.record_class in self.classes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Labelled:
    """The security label of the record: confidentiality `ranks` and sensitivity `labels`, None if not named.

    Permit: the record's confidentiality is in `ranks`, and it has labels of which each is, or lies below,
    one named; each half only if it is named. Deny: its confidentiality is in `ranks`, or any label matches.
    """

    attribute: ClassVar[str] = "securityLabel"
    ranks: range | None
    labels: frozenset[str]
    permit: bool

    def holds(self, record: RecordFacts) -> bool:
        """See `RecordCondition`. The record has a known confidentiality."""
        in_ranks = self.ranks is not None and codes.rank(record.confidentiality or "") in self.ranks
        matching = [not self.labels.isdisjoint(codes.SENSITIVITIES.ancestors(item)) for item in record.labels]
        if not self.permit:
            return in_ranks or any(matching)
        by_labels = not self.labels or (bool(matching) and all(matching))
        return by_labels and (in_ranks or self.ranks is None)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Dated:
    """The date of the record lies in the data period: all of it for a permit, any of it for a deny.

    A record without a date, or with one that cannot be read, matches a deny only.
    """

    attribute: ClassVar[str] = "dataPeriod"
    span: Span
    zone: int
    permit: bool

    def holds(self, record: RecordFacts) -> bool:
        """See `RecordCondition`."""
        try:
            found = span(record.date or "", self.zone)
        except InvalidInput:
            return not self.permit
        return self.span.covers(found) if self.permit else self.span.meets(found)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Coded:
    """A coding of every member (a deny: of any member, or a member without one) is named."""

    attribute: ClassVar[str] = "code"
    codes: frozenset[str]
    permit: bool

    def holds(self, record: RecordFacts) -> bool:
        """See `RecordCondition`."""
        if self.permit:
            return _each_named(record.codes, self.codes)
        return not record.codes or "" in record.codes or _any_named(record.codes, self.codes)


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

    def holds(self, record: RecordFacts) -> bool:
        """See `RecordCondition`."""
        return self._by_author(record) or self._related(record) or self._instance(record)

    def _by_author(self, record: RecordFacts) -> bool:
        if not self.authors:
            return False
        missing = not record.authors and not self.permit
        return missing or not self.authors.isdisjoint(record.authors)

    def _related(self, record: RecordFacts) -> bool:
        if not self.related:
            return False
        if self.permit:
            # Members without any name fall together in the set, so one of these may be several.
            single = len(record.resources) == 1 and "" not in record.resources
            refers = single and not self.related.isdisjoint(record.references)
            return record.encounter in self.related or refers or _each_named(record.resources, self.related)
        unknown = record.encounter is None and any(map(_may_be_encounter, self.related))
        return (
            unknown
            or record.encounter in self.related
            or not self.related.isdisjoint(record.references)
            or _any_named(record.resources, self.related)
        )

    def _instance(self, record: RecordFacts) -> bool:
        if not self.instances:
            return False
        if self.permit:
            return _each_named(record.resources, self.instances)
        unnamed = not record.resources or "" in record.resources
        return unnamed or _any_named(record.resources, self.instances)


def _may_be_encounter(reference: str) -> bool:
    """Whether a reference is to an Encounter, or does not show its type."""
    typed = _TYPED.search(reference)
    return typed is None or typed[1] == "Encounter"


def _each_named(members: Iterable[str], named: frozenset[str]) -> bool:
    """Whether there are members and each has a name that is named."""
    found = [not named.isdisjoint(member.split("\n")) for member in members]
    return bool(found) and all(found)


def _any_named(members: Iterable[str], named: frozenset[str]) -> bool:
    return any(not named.isdisjoint(member.split("\n")) for member in members)

"""Records of a patient, indexed by every attribute that a rule can name.

A decision over many records asks each condition once, for the set of all records that it holds for, and
joins the sets. A set is an integer (see `bits`), so what a decision costs hardly depends on the records.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import or_
from typing import NamedTuple, Self

from ledger.consent import codes
from ledger.consent.moments import Span, span
from ledger.errors import InvalidInput
from ledger.policy.bits import places, union
from ledger.policy.model import RecordFacts

Postings = Mapping[str, int]
"""For each value of an attribute, the records that have it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Members:
    """What the members of each record are called (see `RecordFacts`): by their names, or by their codings.

    `single` has the records with exactly one member, `unnamed` those without any, or with one that has no
    name.
    """

    groups: Sequence[Collection[str]]
    named: Postings
    single: int
    unnamed: int

    def any(self, names: Iterable[str]) -> int:
        """The records with a member that has one of `names`."""
        return any_of(names, self.named)

    def each(self, names: frozenset[str]) -> int:
        """The records that have members, of which each has one of `names`."""
        candidates = self.any(names) & ~self.unnamed
        found = candidates & self.single
        for place in places(candidates & ~self.single):
            if all(not names.isdisjoint(member.split("\n")) for member in self.groups[place]):
                found |= 1 << place
        return found


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Timeline:
    """The records that have a date, in the order of their spans' starts, and in that of their ends.

    ``until_start[i]`` has the records with the first i of `starts`, ``until_end[i]`` the same of `ends`.
    """

    starts: Sequence[int]
    until_start: Sequence[int]
    ends: Sequence[int]
    until_end: Sequence[int]

    @classmethod
    def of(cls, spans: Mapping[Span, int]) -> Self:
        """The timeline of records by the span of their date."""
        by_start = sorted(spans, key=lambda found: found.start)
        by_end = sorted(spans, key=lambda found: found.end)
        return cls(
            starts=[found.start for found in by_start],
            until_start=[*accumulate((spans[found] for found in by_start), or_, initial=0)],
            ends=[found.end for found in by_end],
            until_end=[*accumulate((spans[found] for found in by_end), or_, initial=0)],
        )

    def within(self, period: Span) -> int:
        """The records all of whose date lies in `period`."""
        early = self.until_start[bisect_left(self.starts, period.start)]
        return self.until_end[bisect_right(self.ends, period.end)] & ~early

    def meeting(self, period: Span) -> int:
        """The records any of whose date lies in `period`."""
        over = self.until_end[bisect_right(self.ends, period.start)]
        return self.until_start[bisect_left(self.starts, period.end)] & ~over


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RecordIndex:
    """Records by attribute; `every` has them all.

    `unjudgeable` has, by reason, the records that no rule is asked about; they are refused. `exactly` has the
    records of each confidentiality by rank, `labelled` those with any label. `answers` keeps what rules have
    asked about all records; whoever adds to it bounds it.
    """

    facts: tuple[RecordFacts, ...]
    ids: tuple[str, ...]
    every: int
    judgeable: int
    unjudgeable: Postings
    classes: Postings
    exactly: Sequence[int]
    labels: Postings
    labelled: int
    encounters: Postings
    without_encounter: int
    authors: Postings
    without_authors: int
    references: Postings
    codings: Members
    resources: Members
    dates: Postings
    undated: int
    _places: Mapping[str, int]
    _timelines: dict[int, Timeline]
    answers: dict[Hashable, int]

    @classmethod
    def of(cls, records: Iterable[RecordFacts]) -> Self:
        """The index of `records`."""
        facts = tuple(records)
        dates = _postings(facts, lambda record: (record.date or "",))
        labels = _postings(facts, lambda record: record.labels)
        encounters = _postings(facts, lambda record: (record.encounter or "",))
        authors = _postings(facts, lambda record: record.authors or ("",))
        undated = {text for text in dates if not _is_date(text)}
        reasons = _postings(facts, lambda record: filter(None, (_unjudgeable(record),)))
        ranks = _postings(facts, lambda record: (record.confidentiality or "",))
        every = (1 << len(facts)) - 1
        return cls(
            facts=facts,
            ids=tuple(record.id for record in facts),
            every=every,
            judgeable=every & ~union(reasons.values()),
            unjudgeable=reasons,
            classes=_postings(facts, lambda record: (record.record_class,)),
            exactly=[ranks.get(code, 0) for code in codes.CONFIDENTIALITIES],
            labels=labels,
            labelled=union(labels.values()),
            encounters=encounters,
            without_encounter=encounters.get("", 0),
            authors=authors,
            without_authors=authors.get("", 0),
            references=_postings(facts, lambda record: record.references),
            codings=_members([record.codes for record in facts]),
            resources=_members([record.resources for record in facts]),
            dates={text: found for text, found in dates.items() if text not in undated},
            undated=union(dates[text] for text in undated),
            _places={record.id: place for place, record in enumerate(facts)},
            _timelines={},
            answers={},
        )

    @property
    def all(self) -> "Chosen":
        """Every record, for a decision."""
        return Chosen(self, self.every)

    def among(self, ids: Collection[str]) -> "Chosen":
        """Those records only whose id is in `ids`, for a decision."""
        return Chosen(self, self.places(ids))

    def of_classes(self, classes: Iterable[str]) -> "Chosen":
        """The records of these classes only, for a decision."""
        return Chosen(self, any_of(classes, self.classes))

    def places(self, ids: Collection[str]) -> int:
        """The set of those records whose id is in `ids`."""
        if len(ids) == 1:
            (only,) = ids
            return 1 << self._places[only] if only in self._places else 0
        return _set(sorted({self._places[name] for name in ids if name in self._places}))

    def timeline(self, zone: int) -> Timeline:
        """The dates of the records, read in a zone (minutes east of UTC)."""
        found = self._timelines.get(zone)
        if found is None:
            spans: dict[Span, int] = {}
            for text, records in self.dates.items():
                covered = span(text, zone)
                spans[covered] = spans.get(covered, 0) | records
            found = self._timelines[zone] = Timeline.of(spans)
        return found


class Chosen(NamedTuple):
    """Some records of an index, as a set of their places: those that a decision is about."""

    records: RecordIndex
    places: int


def any_of(values: Iterable[str], postings: Postings) -> int:
    """The records that have one of `values`."""
    found = 0
    for value in values:
        found |= postings.get(value, 0)
    return found


def _unjudgeable(record: RecordFacts) -> str:
    """Why a record cannot be judged and is refused; empty if it can."""
    if record.confidentiality is None:
        return "no_confidentiality"
    if record.confidentiality not in codes.CONFIDENTIALITIES:
        return "unknown_confidentiality"
    if record.record_class not in codes.CLASSES:
        return "unknown_class"
    if any(label not in codes.SENSITIVITIES for label in record.labels):
        return "unknown_label"
    return ""


def _postings(facts: Sequence[RecordFacts], values: Callable[[RecordFacts], Iterable[str]]) -> dict[str, int]:
    having: dict[str, list[int]] = {}
    for place, record in enumerate(facts):
        for value in values(record):
            having.setdefault(value, []).append(place)
    return {value: _set(found) for value, found in having.items()}


def _set(rising: Sequence[int]) -> int:
    """The set of these places, in one pass over its bytes."""
    if len(rising) == 1:
        return 1 << rising[0]
    flags = bytearray(rising[-1] // 8 + 1) if rising else bytearray()
    for place in rising:
        flags[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(flags, "little")


def _members(groups: Sequence[Collection[str]]) -> Members:
    named: dict[str, list[int]] = {}
    single, unnamed = [], []
    for place, group in enumerate(groups):
        if len(group) == 1:
            single.append(place)
        if not group or "" in group:
            unnamed.append(place)
        for name in {name for member in group for name in member.split("\n")}:
            named.setdefault(name, []).append(place)
    return Members(
        groups=groups,
        named={name: _set(found) for name, found in named.items()},
        single=_set(single),
        unnamed=_set(unnamed),
    )


def _is_date(text: str) -> bool:
    try:
        span(text, 0)
    except InvalidInput:
        return False
    return True

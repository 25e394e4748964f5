"""Random documents, requests and records over the whole language, the same for the same seed.

Each world draws a small vocabulary from the whole code tables, and its documents, request and records speak
in it: so rules meet, by is-a and at their boundaries, what they are asked about.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ledger.consent.codes import ACTION_SYSTEM, PURPOSE_SYSTEM
from ledger.ids import address_from_bytes, did_of
from tests.consent.documents import (
    CHAIN,
    ORGANISATION,
    PATIENT,
    A,
    B,
    actor,
    coding,
    concept,
    document,
    is_accepted,
    label,
    record_class,
    reference,
)
from tests.policy.dates import DAY, extent
from tests.policy.hierarchy import (
    ACTIONS,
    CLASSES,
    CONFIDENTIALITIES,
    PURPOSE_PARENT,
    PURPOSES,
    SENSITIVITIES,
    SENSITIVITY_PARENT,
    upward,
)

Json = dict[str, Any]
_Item = TypeVar("_Item")

SOMEBODY_ELSE = did_of(CHAIN, address_from_bytes(bytes([9]) * 20))
PEOPLE = (A, B, ORGANISATION, "Practitioner/x")
CODES = (
    "http://loinc.org|2345-7",
    "http://loinc.org|4548-4",
    "http://snomed.info/sct|38341003",
    "urn:x|2345-7",
)
RESOURCES = ("Observation/1", "Observation/2", "https://example.org/fhir/Observation/3", "urn:uuid:9")
VISITS = ("Encounter/1", "Encounter/2", "https://example.org/fhir/Encounter/1", "urn:uuid:5")
PLANS = ("CarePlan/7", "EpisodeOfCare/2")
AUTHORS = ("Practitioner/x", "Organization/y", "Device/z", A)
YEARS = (0, 1, 2, 1582, 1900, 1969, 1970, 2000, 2023, 2024, 2025, 2100, 9998, 9999)
OFFSETS = ("Z", "+00:00", "+01:00", "-05:00", "+05:30", "+14:00", "-14:00", "-00:30")
TIMES = (
    "00:00:00",
    "00:00:00.000001",
    "00:00:01",
    "12:30:00.5",
    "23:59:59",
    "23:59:59.999999",
    "09:30:00.25",
)
UNREADABLE = (
    "",
    "last spring",
    "2024-02-30",
    "2024-13",
    "0000",
    "2024-03-31T24:00:00Z",
    "2024-03-31T10:00:00",
)
UNDECIDABLE: tuple[Json, ...] = (
    {"purposes": []},
    {"purposes": ["TREATMENT"]},
    {"purposes": ["TREAT", "PurposeOfUse"]},
    {"action": "read"},
    {"at": "2026-02-01T12:00:00"},
)
UNJUDGEABLE: tuple[Json, ...] = (
    {"confidentiality": None},
    {"confidentiality": "X"},
    {"class": "labs"},
    {"labels": ["HIV", "SICKLE"]},
    {"labels": ["_ActInformationSensitivityPolicy"]},
)
DEEPEST = 16


@dataclass(frozen=True, kw_only=True)
class World:
    documents: list[Json]
    request: Json
    records: list[Json]


def world(seed: str) -> World:
    """One case. Its documents are accepted; now and then a request cannot be decided or a record judged."""
    draw = Draw(random.Random(seed))  # noqa: S311
    return World(
        documents=[_document(draw) for _ in range(draw.size(1, 4))],
        request=_request(draw),
        records=[_record(draw, f"r{index}") for index in range(draw.size(1, 3))],
    )


class Draw:
    """The choices of one world, and its vocabulary."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.purposes = self._related(PURPOSES, PURPOSE_PARENT)
        self.labels = self._related(SENSITIVITIES, SENSITIVITY_PARENT)
        self.classes = rng.sample(CLASSES, 3)
        self.days = self._days(self.one(YEARS))
        self.zone = self.one(OFFSETS)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def one(self, among: Sequence[_Item]) -> _Item:
        return self.rng.choice(among)

    def some(self, among: Sequence[_Item], least: int = 1, most: int = 3) -> list[_Item]:
        return self.rng.sample(among, min(len(among), self.size(least, most)))

    def size(self, least: int, most: int) -> int:
        """Small sizes more often than large ones."""
        return min(self.rng.randint(least, most), self.rng.randint(least, most))

    def instant(self) -> str:
        """A date with time, on a day that exists."""
        days = [day for day in self.days if extent(day, "Z")] or ["2024-02-29"]
        return f"{self.one(days)}T{self.one(TIMES)}{self.one((self.zone, *OFFSETS))}"

    def date(self) -> str:
        """A date of any precision, one in twenty of them unreadable."""
        if self.chance(0.05):
            return self.one(UNREADABLE)
        return self.instant() if self.chance(0.4) else self.one(self.days)[: self.one((4, 7, 10))]

    def period(self) -> dict[str, str]:
        """A period that a document may name: one end at least, and not reversed."""
        while True:
            ends = [self.date() for _ in range(2)]
            spans = [extent(end, "Z") for end in ends]
            if spans[0] and self.chance(0.25):
                return {"start": ends[0]}
            if spans[1] and self.chance(0.25):
                return {"end": ends[1]}
            # Ends that are a day apart in UTC stay in order whatever the zone of the document.
            if spans[0] and spans[1] and spans[0][0] + 2 * DAY < spans[1][1]:
                return {"start": ends[0], "end": ends[1]}

    def _days(self, year: int) -> list[str]:
        """Days around the turn of a year, or around a leap day; not all of them exist."""
        if self.chance(0.4):
            return [f"{year:04}-{day}" for day in ("02-28", "02-29", "03-01")]
        last, first = f"{year:04}-12", f"{year + 1:04}-01"
        return [f"{last}-30", f"{last}-31", *([f"{first}-01", f"{first}-02"] if year < 9999 else [])]

    def _related(self, codes: Sequence[str], parent: dict[str, str]) -> list[str]:
        """A few codes, with those above and some of those below them."""
        found = set(self.rng.sample(codes, 2))
        for code in sorted(found):
            found |= upward(code)
            found |= set(self.some([below for below, above in parent.items() if above == code] or [code]))
        return sorted(found & set(codes))


def _document(draw: Draw) -> Json:
    """A document that is accepted: one that contradicts itself is drawn again."""
    while not is_accepted(found := _any_document(draw)):
        pass
    return found


def _any_document(draw: Draw) -> Json:
    if draw.chance(0.025):
        provision = _chain(draw, draw.one((5, 8, 12, DEEPEST, DEEPEST)))
    else:
        provision = _provision(draw, depth=0)
    return document(
        provision,
        patient=reference(PATIENT if draw.chance(0.9) else SOMEBODY_ELSE),
        dateTime=f"2026-01-15T09:00:00{draw.zone if draw.chance(0.7) else draw.one(OFFSETS)}",
    )


def _provision(draw: Draw, depth: int) -> Json:
    share = 0.2 if depth else 0.15
    named = [name for name in ELEMENTS if draw.chance(share)]
    if depth and not named:
        named = [draw.one(tuple(ELEMENTS))]
    found: Json = {"type": draw.one(("permit", "deny"))}
    found |= {name: ELEMENTS[name](draw) for name in named}
    inner = [_provision(draw, depth + 1) for _ in range(draw.size(0, 3))] if depth < 3 else []
    return found | ({"provision": inner} if inner else {})


def _chain(draw: Draw, levels: int, names: Sequence[str] = ()) -> Json:
    """Exceptions to exceptions, each naming one of two elements, so that the deepest can match."""
    names = names or draw.some(tuple(ELEMENTS), most=2)
    name = draw.one(names)
    found: Json = {"type": draw.one(("permit", "deny")), name: ELEMENTS[name](draw)}
    return found | ({"provision": [_chain(draw, levels - 1, names)]} if levels else {})


def _security_labels(draw: Draw) -> list[Json]:
    levels = draw.some(CONFIDENTIALITIES, most=2) if draw.chance(0.5) else []
    marks = draw.some(draw.labels) if not levels or draw.chance(0.3) else []
    return [label(code) for code in (*levels, *marks)]


def _data(draw: Draw) -> list[Json]:
    entries = [("instance", name) for name in draw.some(RESOURCES, 0, 2)]
    entries += [("related", name) for name in draw.some((*VISITS, *PLANS, *RESOURCES), 0, 2)]
    entries += [("authoredby", name) for name in draw.some(AUTHORS, 0, 2)]
    return [
        {"meaning": meaning, "reference": reference(name)}
        for meaning, name in entries or [("related", draw.one(VISITS))]
    ]


ELEMENTS: dict[str, Callable[[Draw], Any]] = {
    "period": Draw.period,
    "actor": lambda draw: [actor(name) for name in draw.some(PEOPLE)],
    "action": lambda draw: [concept(ACTION_SYSTEM, code) for code in draw.some(ACTIONS)],
    "securityLabel": _security_labels,
    "purpose": lambda draw: [coding(PURPOSE_SYSTEM, code) for code in draw.some(draw.purposes)],
    "class": lambda draw: [record_class(code) for code in draw.some(draw.classes)],
    "code": lambda draw: [concept(*code.split("|")) for code in draw.some(CODES)],
    "dataPeriod": Draw.period,
    "data": _data,
}


def _request(draw: Draw) -> Json:
    found = {
        "subject": draw.one(PEOPLE),
        "patient": PATIENT if draw.chance(0.97) else SOMEBODY_ELSE,
        "purposes": draw.some(draw.purposes),
        "action": draw.one(ACTIONS),
        "emergency": draw.chance(0.8),
        "at": draw.instant(),
    }
    if draw.chance(0.4):
        found["organisation"] = draw.one(PEOPLE)
    if draw.chance(0.02):
        found |= draw.one(UNDECIDABLE)
    return found


def _record(draw: Draw, name: str) -> Json:
    found = {
        "id": name,
        "class": draw.one(draw.classes),
        "confidentiality": draw.one(CONFIDENTIALITIES),
        "labels": draw.some(draw.labels, 0, 3),
        "codes": _members(draw, CODES),
        "resources": _members(draw, (*RESOURCES, *VISITS)),
        "references": draw.some((*VISITS, *PLANS), 0, 2),
        "authors": draw.some(AUTHORS, 0, 2),
    }
    if draw.chance(0.6):
        found["encounter"] = draw.one(VISITS)
    if draw.chance(0.8):
        found["date"] = draw.date()
    if draw.chance(0.03):
        found |= draw.one(UNJUDGEABLE)
    return found


def _members(draw: Draw, names: Sequence[str]) -> list[list[str]]:
    """The names of up to three members, no two of them alike."""
    members = [sorted(draw.some(names, 0, 2)) for _ in range(draw.size(0, 3))]
    return [member for index, member in enumerate(members) if member not in members[:index]]

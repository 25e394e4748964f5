"""What the policy may ask of a resource: encounter, author, date, codes, names and references.

The elements that each attribute is read from, and their order, are the table "Segment attributes" in
FORMATS.md. What the bundle resolves is known by all its names: as written, ``Type/id`` and full URL.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from ledger.records.codings import codings, identities, references
from ledger.records.resources import Bundle, Resource

AUTHORS = ("performer", "asserter", "recorder", "requester", "author", "provider")
DATES = (
    "effectiveDateTime",
    "effectiveInstant",
    "effectivePeriod",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "occurrencePeriod",
    "onsetDateTime",
    "onsetPeriod",
    "authoredOn",
    "recordedDate",
    "period",
    "billablePeriod",
    "issued",
    "started",
    "startDate",
    "date",
    "created",
)

_DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T.*)?)?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Attributes:
    """The attributes of one resource; ``codes`` and ``names`` are sorted, ``date`` is cut to the day."""

    encounter: str | None
    authors: tuple[str, ...]
    date: str | None
    codes: tuple[str, ...]
    names: tuple[str, ...]
    references: frozenset[str]


def attributes_of(resource: Resource, bundle: Bundle) -> Attributes:
    """The attributes of a resource of a bundle."""
    encounter = _encounter(resource, bundle)
    return Attributes(
        encounter=encounter,
        authors=tuple(sorted(_authors(resource, encounter, bundle))),
        date=_date(resource.value),
        codes=tuple(sorted({f"{system}|{code}" for system, code in codings(resource.value)})),
        names=resource.names,
        references=frozenset(_named(references(resource.value), bundle)),
    )


def day_of(text: object) -> str | None:
    """The day (month, year) of a FHIR date or dateTime as it is written there; None if it is neither."""
    match = _DAY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None
    return "-".join(part for part in match.groups() if part)


def _encounter(resource: Resource, bundle: Bundle) -> str | None:
    if resource.type == "Encounter":
        return resource.name
    value = resource.value
    context = value.get("context")
    sources = [value.get("encounter"), context]
    sources.append(context.get("encounter") if isinstance(context, dict) else None)
    sources.append([one for item in _listed(value.get("item")) for one in _encounters_of(item)])
    for found in map(_referred, sources):
        if found:
            names = {_known_as(name, bundle) for name in found}
            return names.pop() if len(names) == 1 else None
    return None


def _encounters_of(item: object) -> list[object]:
    return _listed(item.get("encounter")) if isinstance(item, dict) else []


def _referred(value: object) -> list[str]:
    """One name of each Reference."""
    return [name for item in _listed(value) for name in islice(identities(item), 1)]


def _authors(resource: Resource, encounter: str | None, bundle: Bundle) -> set[str]:
    found = [name for element in AUTHORS for name in _targets(resource.value.get(element))]
    visit = bundle.resolve(encounter) if encounter and not found else None
    if visit is not None:
        found = [*_targets(visit.value.get("participant")), *_targets(visit.value.get("serviceProvider"))]
    return set(_named(found, bundle))


def _targets(value: object) -> list[str]:
    """The names in a Reference, in a list of them, or in a list of parts with ``actor`` or ``individual``."""
    found: list[str] = []
    for item in _listed(value):
        found.extend(identities(item))
        if isinstance(item, dict):
            found.extend(name for part in ("actor", "individual") for name in identities(item.get(part)))
    return found


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _named(found: Iterable[str], bundle: Bundle) -> Iterator[str]:
    for name in found:
        yield name
        if (resource := bundle.resolve(name)) is not None:
            yield from resource.names


def _known_as(name: str, bundle: Bundle) -> str:
    resource = bundle.resolve(name)
    return resource.name if resource is not None else name


def _date(value: dict[str, Any]) -> str | None:
    for element in DATES:
        found = value.get(element)
        if (day := day_of(found.get("start") if isinstance(found, dict) else found)) is not None:
            return day
    return None

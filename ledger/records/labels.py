"""Sensitivity labels and confidentiality of resources: what the source says, and what the value sets find.

Labels only ever add up: a label in ``meta.security`` stays, a sensitive code anywhere in a resource adds its
labels, and a resource whose reason, diagnosis or result is sensitive is as sensitive as that. Confidentiality
is what the source says, else N, else R for a class ``other``; never below R for a resource that is labelled
sensitive, or that carries a security label of a system which is not ours to judge.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import msgspec

from ledger import data
from ledger.consent.codes import (
    CONFIDENTIALITIES,
    CONFIDENTIALITY_SYSTEM,
    PURPOSE_SYSTEM,
    SENSITIVITIES,
    SENSITIVITY_SYSTEM,
    rank,
)
from ledger.records.classes import OTHER
from ledger.records.codings import codings, objects, references, security
from ledger.records.resources import Bundle, Resource

# Elements by which a resource says why it was made, or what came of it.
BECAUSE_OF = frozenset(
    {
        "addresses",
        "condition",
        "derivedFrom",
        "diagnosisReference",
        "hasMember",
        "medicationReference",
        "prescription",
        "procedureReference",
        "reasonReference",
        "result",
    }
)

_HARMLESS = (PURPOSE_SYSTEM, SENSITIVITY_SYSTEM, "http://terminology.hl7.org/CodeSystem/v3-ObservationValue")


class Row(msgspec.Struct, frozen=True):
    """A code, or all codes that begin with it, and the labels of what carries one."""

    system: str
    code: str
    match: str
    labels: tuple[str, ...]
    meaning: str
    source: str


class ValueSets(msgspec.Struct, frozen=True):
    """The shipped value sets; ``systems`` gives each system the other names that it goes by."""

    format: str
    systems: Mapping[str, tuple[str, ...]]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """Labels, sorted, and confidentiality of one resource."""

    labels: tuple[str, ...]
    confidentiality: str


@cache
def value_sets() -> ValueSets:
    """The shipped value sets."""
    return msgspec.json.decode(data.read("valuesets.json"), type=ValueSets)


def labels_of_code(system: str, code: str) -> frozenset[str]:
    """The sensitivity labels that the value sets give a code; none for most."""
    exact, prefixes = _tables()
    if system in prefixes:
        plain = code.replace(".", "").upper()
        found = (prefixes[system].get(plain[:length], frozenset()) for length in range(1, len(plain) + 1))
        return frozenset[str]().union(*found)
    return exact.get((system, code), frozenset())


def label_bundle(bundle: Bundle, classes: Mapping[str, str]) -> dict[str, Labelling]:
    """The labelling of each resource by full URL; `classes` gives the class of each."""
    labels = {resource.full_url: _own_labels(resource) for resource in bundle.resources}
    causes = {resource.full_url: _causes(resource, bundle) for resource in bundle.resources}
    growing = True
    while growing:
        growing = False
        for full_url, found in labels.items():
            inherited = found.union(*(labels[cause] for cause in causes[full_url]))
            if inherited != found:
                labels[full_url], growing = inherited, True
    return {
        resource.full_url: Labelling(
            labels=tuple(sorted(labels[resource.full_url])),
            confidentiality=_confidentiality(
                resource, bool(labels[resource.full_url]), classes[resource.full_url]
            ),
        )
        for resource in bundle.resources
    }


def confidentiality_floor(labels: tuple[str, ...]) -> str:
    """The least confidentiality of something with these labels: R if there is any, else U."""
    return "R" if labels else "U"


def _own_labels(resource: Resource) -> frozenset[str]:
    given = {
        code
        for system, code in security(resource.value)
        if system == SENSITIVITY_SYSTEM and code in SENSITIVITIES
    }
    return frozenset(given).union(*(labels_of_code(*coding) for coding in codings(resource.value)))


def _causes(resource: Resource, bundle: Bundle) -> frozenset[str]:
    named = (
        name
        for item in objects(resource.value)
        for element in BECAUSE_OF & item.keys()
        for name in references(item[element])
    )
    found = (bundle.resolve(name) for name in named)
    return frozenset(one.full_url for one in found if one is not None)


def _confidentiality(resource: Resource, sensitive: bool, record_class: str) -> str:
    given = [
        code
        for system, code in security(resource.value)
        if system == CONFIDENTIALITY_SYSTEM and code in CONFIDENTIALITIES
    ]
    known = {CONFIDENTIALITY_SYSTEM, *_HARMLESS}
    foreign = any(system not in known for system, _ in security(resource.value))
    said = given or ["R" if record_class == OTHER else "N"]
    return max([*said, *(["R"] if sensitive or foreign else [])], key=rank)


@cache
def _tables() -> tuple[dict[tuple[str, str], frozenset[str]], dict[str, dict[str, frozenset[str]]]]:
    exact: dict[tuple[str, str], frozenset[str]] = {}
    prefixes: dict[str, dict[str, frozenset[str]]] = {}
    for system, row in _spellings():
        if row.match == "prefix":
            prefixes.setdefault(system, {})[row.code] = frozenset(row.labels)
        else:
            exact[system, row.code] = frozenset(row.labels)
    return exact, prefixes


def _spellings() -> Iterator[tuple[str, Row]]:
    shipped = value_sets()
    for row in shipped.rows:
        for system in (row.system, *shipped.systems[row.system]):
            yield system, row

"""Why a resource is sensitive: each reason with its labels, and the element that gives it.

A label can be said by the source, given by a code or a word of the value sets, or come from another resource:
what refers to something sensitive is as sensitive as that, and so is what a sensitive report or panel
consists of. Not passed on are the labels of people and of the visit at which something merely happened.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Literal

from ledger.records.clues import Clues, Pointer
from ledger.records.codings import identities, security
from ledger.records.resources import Resource, Resources
from ledger.records.valuesets import Row, label_of, rows_of_code, rows_of_text

# Whom a resource is about, who had to do with it, and when: no reason why it was made.
CIRCUMSTANCES = frozenset(
    {
        "CareTeam",
        "Encounter",
        "Group",
        "Organization",
        "Patient",
        "Person",
        "Practitioner",
        "PractitionerRole",
        "RelatedPerson",
    }
)
# Elements by which a visit says where it was; a clinic may tell what the visit was for.
PLACES = frozenset({"managingOrganization", "serviceProvider"})
VISITS = frozenset({"Encounter", "EpisodeOfCare"})
# Elements that list what a report or a panel consists of.
PARTS = frozenset({"hasMember", "result"})

_CONDITIONAL = re.compile(r"[A-Z][A-Za-z]+\?identifier=(.+)")
_LITERAL = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+/[^/?#]+)")
_TAG = re.compile(r"<[^>]*>")

Kind = Literal["said", "code", "word", "because", "part"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reason:
    """One reason for labels.

    ``kind`` is *said* (a label of the source), *code* or *word* (``row`` is the rule that it met), *because*
    (``cause`` is a resource that is referred to) or *part* (``cause`` is the report that it is part of).
    ``found`` is the code or the phrase.
    """

    kind: Kind
    labels: frozenset[str]
    path: str
    system: str = ""
    found: str = ""
    row: Row | None = None
    cause: Resource | None = None


def own_reasons(resource: Resource, clues: Clues) -> list[Reason]:
    """The reasons that a resource gives by itself: what its source says, its codes, its texts."""
    found = [reason for path, *coding in security(resource.value) for reason in _of_code(path, *coding)]
    found += [reason for one in clues.codes for reason in _of_code(one.path, one.system, one.code)]
    return [*found, *_of_texts(clues)]


def _of_code(path: str, system: str, code: str) -> Iterator[Reason]:
    if label := label_of(system, code):
        yield Reason(kind="said", labels=frozenset({label}), path=path, system=system, found=code)
    for row in rows_of_code(system, code):
        labels = frozenset(row.labels)
        yield Reason(kind="code", labels=labels, path=path, system=system, found=code, row=row)


def _of_texts(clues: Clues) -> Iterator[Reason]:
    for one in clues.texts:
        found = rows_of_text(one.text)
        if "<" in one.text:
            found += rows_of_text(unescape(_TAG.sub(" ", one.text)))
        for row in dict.fromkeys(found):
            yield Reason(kind="word", labels=frozenset(row.labels), path=one.path, found=row.code, row=row)


def causes(resource: Resource, clues: Clues, known: "Names") -> Iterator[tuple[str, Resource]]:
    """What a resource refers to and is as sensitive as, each with the element that refers to it."""
    for pointer in clues.pointers:
        for target in known.targets(pointer):
            place = pointer.element in PLACES and resource.type in VISITS
            if target is not resource and (place or target.type not in CIRCUMSTANCES):
                yield pointer.path, target


def parts(clues: Clues, known: "Names") -> Iterator[tuple[str, Resource]]:
    """What a report or a panel consists of, each with the element that lists it."""
    for pointer in clues.pointers:
        if pointer.element in PARTS:
            yield from ((pointer.path, target) for target in known.targets(pointer))


class Names:
    """Everything that resources may be referred to by: their names, and their business identifiers."""

    def __init__(self, holding: Resources) -> None:
        self._holding = holding
        self._identified: dict[str, list[Resource]] = {}
        for resource in holding.resources:
            for identifier in _listed(resource.value.get("identifier")):
                for name in identities({"identifier": identifier}):
                    self._identified.setdefault(name, []).append(resource)

    def targets(self, pointer: Pointer) -> list[Resource]:
        """The resources that a Reference may mean, each once; several if an identifier is not unique."""
        found = [resource for name in pointer.names for resource in self._named(name)]
        return list({resource.full_url: resource for resource in found}.values())

    def _named(self, name: str) -> list[Resource]:
        exact = self._holding.resolve(name)
        if exact is not None:
            return [exact]
        if match := _CONDITIONAL.fullmatch(name):
            return self._identified.get(match[1], [])
        if match := _LITERAL.fullmatch(name.partition("/_history/")[0]):
            elsewhere = self._holding.resolve(match[1])
            return [elsewhere] if elsewhere is not None else []
        return self._identified.get(name, [])


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]

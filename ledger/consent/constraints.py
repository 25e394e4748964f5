"""What a FHIR profile asks of a Consent, read from its JSON: counts, patterns, value sets and slices.

They say where a document differs and never fail, whatever the JSON holds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Protocol

Element = tuple[str, Mapping[str, Any]]
"""A JSON object of a document and where it stands, as a FHIRPath."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that a constraint is about: where (FHIRPath), and why it does not fit."""

    path: str
    why: str


class Constraint(Protocol):
    """One rule of a profile about the element at `path`, written as in the profile: ``provision.purpose``."""

    binding: ClassVar[bool]
    """Whether what differs is a deviation; else it is only worth a note."""

    @property
    def path(self) -> str:
        """Where the element stands."""

    def remarks(self, consent: Mapping[str, Any]) -> Iterator[Remark]:
        """Where a document differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """At least `least` and at most `most` (None: any number) of an element in each parent that is there.

    `nested`: a rule on ``provision`` that holds for provisions of any depth. `without`: who leaves it out, if
    it is.
    """

    binding: ClassVar[bool] = True
    path: str
    least: int = 0
    most: int | None = None
    nested: bool = False
    without: str = "this profile"

    def remarks(self, consent: Mapping[str, Any]) -> Iterator[Remark]:
        """See `Constraint`."""
        above, _, name = self.path.rpartition(".")
        for where, parent in elements(consent, above, nested=self.nested):
            count = _count(parent, name)
            if count < self.least:
                yield Remark(path=f"{where}.{name}", why=f"{self.path} is missing")
            elif count and self.most == 0:
                yield Remark(path=f"{where}.{name}", why=f"uses {self.path}, which {self.without} leaves out")
            elif self.most is not None and count > self.most:
                yield Remark(path=f"{where}.{name}", why=f"at most {self.most} of {self.path}, not {count}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A CodeableConcept with at least this one coding; `nested` as in `Count`."""

    binding: ClassVar[bool] = True
    path: str
    system: str
    code: str
    nested: bool = False

    def remarks(self, consent: Mapping[str, Any]) -> Iterator[Remark]:
        """See `Constraint`."""
        for where, concept in elements(consent, self.path, nested=self.nested):
            codings = [_pair(coding) for _, coding in _children(where, concept, "coding")]
            if (self.system, self.code) not in codings:
                yield Remark(path=where, why=f"{self.path} must be {self.code}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensible:
    """Codings from a value set that may be extended: a code outside is worth a note."""

    binding: ClassVar[bool] = False
    path: str
    value_set: str
    codes: frozenset[tuple[str, str]]

    def remarks(self, consent: Mapping[str, Any]) -> Iterator[Remark]:
        """See `Constraint`."""
        for where, coding in elements(consent, self.path):
            if _pair(coding) not in self.codes:
                yield Remark(path=where, why=f"{_pair(coding)[1] or 'this code'} is not in {self.value_set}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Entries of one ``meaning``: how many there may be, and what they refer to (no types: anything)."""

    name: str
    meaning: str
    most: int | None = None
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSlices:
    """A list whose entries are told apart by ``meaning``, each in one of the slices."""

    binding: ClassVar[bool] = True
    path: str
    slices: tuple[Slice, ...]

    def remarks(self, consent: Mapping[str, Any]) -> Iterator[Remark]:
        """See `Constraint`."""
        above, _, name = self.path.rpartition(".")
        for where, parent in elements(consent, above):
            entries = list(_children(where, parent, name))
            meanings = [one.meaning for one in self.slices]
            for place, entry in entries:
                if entry.get("meaning") not in meanings:
                    yield Remark(path=f"{place}.meaning", why=f"must be one of {', '.join(meanings)}")
            for one in self.slices:
                mine = [(place, entry) for place, entry in entries if entry.get("meaning") == one.meaning]
                yield from self._counted(one, mine)
                yield from chain.from_iterable(_typed(one, place, entry) for place, entry in mine)

    def _counted(self, one: Slice, entries: list[Element]) -> Iterator[Remark]:
        if one.most is not None and len(entries) > one.most:
            place = entries[one.most][0]
            yield Remark(path=place, why=f"at most {one.most} of {self.path} with meaning {one.meaning}")


def elements(consent: Mapping[str, Any], path: str, *, nested: bool = False) -> list[Element]:
    """The JSON objects at a path below Consent, in the order of the document; the empty path is Consent.

    With `nested`, the path begins at a provision of any depth.
    """
    found: list[Element] = [("Consent", consent)]
    for step, name in enumerate(path.split(".") if path else ()):
        found = [child for where, parent in found for child in _children(where, parent, name)]
        if nested and step == 0:
            found = [provision for root in found for provision in _provisions(root)]
    return found


def _provisions(root: Element) -> Iterator[Element]:
    pending = [root]
    while pending:
        where, provision = pending.pop()
        yield where, provision
        pending.extend(reversed(list(_children(where, provision, "provision"))))


def _children(where: str, parent: Mapping[str, Any], name: str) -> Iterator[Element]:
    value = parent.get(name)
    if isinstance(value, dict):
        yield f"{where}.{name}", value
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield f"{where}.{name}[{index}]", item


def _count(parent: Mapping[str, Any], name: str) -> int:
    """How many there are of an element; of a choice such as ``source[x]``, of all its types together."""
    if name.endswith("[x]"):
        stem = name.removesuffix("[x]")
        return sum(key.startswith(stem) and key[len(stem) :][:1].isupper() for key in parent)
    value = parent.get(name)
    if isinstance(value, list):
        return len(value)
    return int(value is not None)


def _pair(coding: Mapping[str, Any]) -> tuple[str, str]:
    return str(coding.get("system", "")), str(coding.get("code", ""))


def _typed(one: Slice, place: str, entry: Mapping[str, Any]) -> Iterator[Remark]:
    """The remark on a reference that shows a type which the slice does not take."""
    for where, reference in _children(place, entry, "reference"):
        kind = _type_of(reference)
        if one.types and kind and kind not in one.types:
            yield Remark(path=where, why=f"{one.meaning} refers to {' or '.join(one.types)}, not to {kind}")


def _type_of(reference: Mapping[str, Any]) -> str:
    """The type that a Reference names, or that stands in its literal ``Type/id``; empty if neither."""
    named, literal = reference.get("type"), reference.get("reference")
    if isinstance(named, str):
        return named.rpartition("/")[2]
    parts = literal.split("/_history/")[0].split("/") if isinstance(literal, str) else []
    return parts[-2] if len(parts) > 1 and parts[-2][:1].isupper() else ""

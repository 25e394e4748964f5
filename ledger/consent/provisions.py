"""Provisions of a consent document: what each names, exactly, and nothing that cannot be enforced."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from ledger.consent import codes
from ledger.consent.elements import Node, coding, concept, identity, period, single
from ledger.consent.moments import ALWAYS, Span
from ledger.consent.names import check_name
from ledger.errors import DocumentRejected, InvalidInput, TooLarge

MAX_NESTING = 16
MAX_PROVISIONS = 256
RECIPIENT = "IRCP"
_SECURITY_LABEL = ("confidentialities", "labels")
_INHERITED = ("actors", "purposes", "actions", "classes", *_SECURITY_LABEL, "codes", "data_period", "data")

_TYPED = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}$")

_Item = TypeVar("_Item")


class Meaning(StrEnum):
    """What a data reference selects: that resource, what belongs to it, or what it has written."""

    INSTANCE = "instance"
    RELATED = "related"
    AUTHORED_BY = "authoredby"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A closed interval as it was written, and the span that it covers in the document's zone."""

    start: str | None
    end: str | None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Coded:
    """A coding of ``provision.code``."""

    system: str
    code: str

    @property
    def key(self) -> str:
        """``system|code``, as in record facts."""
        return f"{self.system}|{self.code}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Datum:
    """One entry of ``provision.data``: the identity of a resource or author, and what it selects."""

    meaning: Meaning
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Provision:
    """One rule as it is written. An empty tuple or None means that it does not name this element."""

    path: str
    permit: bool
    period: Period | None
    actors: tuple[str, ...]
    purposes: tuple[str, ...]
    actions: tuple[str, ...]
    classes: tuple[str, ...]
    confidentialities: tuple[str, ...]
    labels: tuple[str, ...]
    codes: tuple[Coded, ...]
    data_period: Period | None
    data: tuple[Datum, ...]
    provisions: tuple["Provision", ...]

    def walk(self) -> "Iterator[Provision]":
        """This provision and all nested ones, in the order of the document."""
        yield self
        for inner in self.provisions:
            yield from inner.walk()


def may_be_visit(reference: str) -> bool:
    """Whether a reference is to an Encounter, or does not show its type."""
    typed = _TYPED.search(reference)
    return typed is None or typed[1] == "Encounter"


def inheriting(own: Provision, enclosing: Provision) -> Provision:
    """`own`, with every element that it does not name taken from `enclosing`; not the period.

    The two kinds of security label are one element.
    """
    inherited = {name: getattr(enclosing, name) for name in _INHERITED if not getattr(own, name)}
    if own.confidentialities or own.labels:
        for name in _SECURITY_LABEL:
            inherited.pop(name, None)
    return replace(own, **inherited)


class Names:
    """The displays of a document: one per identity, one identity per display."""

    def __init__(self) -> None:
        self._names: dict[str, str | None] = {}
        self._owners: dict[str, str] = {}
        self.provisions = 0

    @property
    def known(self) -> MappingProxyType[str, str | None]:
        """The display of every identity that was added, None where there is none."""
        return MappingProxyType(self._names)

    def add(self, node: Node) -> str:
        """Take a Reference; its identity."""
        found, display = self.quoted(node)
        self.put(node.at("display"), found, display)
        return found

    def put(self, path: str, identity: str, display: str | None) -> None:
        """Note a name; refuse one that would make the statement ambiguous."""
        if identity not in self._names:
            self._names[identity] = display
            if display is not None and self._owners.setdefault(display.casefold(), identity) != identity:
                raise DocumentRejected(path, "this name is given to somebody else too", reason="name_twice")
        elif self._names[identity] != display:
            raise DocumentRejected(path, "the same reference has another name before", reason="name_twice")

    @staticmethod
    def quoted(node: Node) -> tuple[str, str | None]:
        """Identity and checked display of a Reference."""
        found = identity(node)
        display = node.optional_text("display")
        node.done()
        if display is not None:
            _checked(node.at("display"), display)
        return found, display


def parse_provision(node: Node, zone: int, names: Names, depth: int = 0) -> Provision:
    """A provision and all nested ones.

    Raises:
        DocumentRejected: something in it cannot be enforced, or a nested one names nothing of its own.
        TooLarge: nested deeper than 16 or more than 256 in all.
    """
    names.provisions += 1
    if depth > MAX_NESTING or names.provisions > MAX_PROVISIONS:
        raise TooLarge(f"at most {MAX_PROVISIONS} provisions, {MAX_NESTING} deep, are accepted")
    confidentialities, labels = _security_labels(node)
    provision = Provision(
        path=node.path,
        permit=node.constant("type", "permit", "deny") == "permit",
        period=_period(node, "period", zone),
        actors=_unique(node.at("actor"), (_actor(actor, names) for actor in node.nodes("actor"))),
        purposes=_purposes(node),
        actions=_unique(node.at("action"), (_action(action) for action in node.nodes("action"))),
        classes=_unique(node.at("class"), (_class(item) for item in node.nodes("class"))),
        confidentialities=confidentialities,
        labels=labels,
        codes=_codes(node, names),
        data_period=_period(node, "dataPeriod", zone),
        data=_unique(node.at("data"), (_datum(item, names) for item in node.nodes("data"))),
        provisions=tuple(parse_provision(inner, zone, names, depth + 1) for inner in node.nodes("provision")),
    )
    node.done()
    if depth and not _names_something(provision):
        raise DocumentRejected(
            node.path, "a nested provision must name what it is about", reason="empty_exception"
        )
    return provision


def _names_something(provision: Provision) -> bool:
    lists = (
        provision.actors,
        provision.purposes,
        provision.actions,
        provision.classes,
        provision.confidentialities,
        provision.labels,
        provision.codes,
        provision.data,
    )
    return any(lists) or provision.period is not None or provision.data_period is not None


def _period(node: Node, name: str, zone: int) -> Period | None:
    if not node.has(name):
        return None
    start, end, first, last = period(node.node(name), zone)
    covered = Span(start=first.start if first else ALWAYS.start, end=last.end if last else ALWAYS.end)
    return Period(start=start, end=end, span=covered)


def _actor(node: Node, names: Names) -> str:
    role = node.node("role")
    if single(role, codes.ROLE_SYSTEM) != RECIPIENT:
        raise DocumentRejected(role.path, f"must be {RECIPIENT}", reason="not_allowed")
    found = names.add(node.node("reference"))
    node.done()
    return found


def _purposes(node: Node) -> tuple[str, ...]:
    found = []
    for item in node.nodes("purpose"):
        _, code = coding(item, codes.PURPOSE_SYSTEM)
        found.append(_known(item, code, code in codes.PURPOSES))
    return _unique(node.at("purpose"), found)


def _security_labels(node: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
    confidentialities, labels = [], []
    for item in node.nodes("securityLabel"):
        system, code = coding(item, codes.CONFIDENTIALITY_SYSTEM, codes.SENSITIVITY_SYSTEM)
        if system == codes.CONFIDENTIALITY_SYSTEM:
            confidentialities.append(_known(item, code, code in codes.CONFIDENTIALITIES))
        else:
            labels.append(_known(item, code, code in codes.SENSITIVITIES))
    path = node.at("securityLabel")
    return _unique(path, confidentialities), _unique(path, labels)


def _action(node: Node) -> str:
    code = single(node, codes.ACTION_SYSTEM)
    return _known(node, code, code in codes.ACTIONS)


def _class(node: Node) -> str:
    system, code = coding(node, codes.LOINC_SYSTEM, codes.CLASS_SYSTEM)
    return _known(node, code, code in codes.CLASSES and codes.CLASSES[code].system == system)


def _codes(node: Node, names: Names) -> tuple[Coded, ...]:
    found = []
    for item in node.nodes("code"):
        for inner in concept(item):
            display = inner.optional_text("display")
            system, code = coding(inner)
            if display is not None:
                _checked(inner.at("display"), display)
            found.append(Coded(system=system, code=code))
            names.put(inner.at("display"), found[-1].key, display)
    _unique(node.at("code"), [entry.key for entry in found])
    return tuple(found)


def _datum(node: Node, names: Names) -> Datum:
    meaning = Meaning(node.constant("meaning", *Meaning))
    reference = names.add(node.node("reference"))
    node.done()
    return Datum(meaning=meaning, reference=reference)


def _known(node: Node, code: str, known: bool) -> str:
    if not known:
        raise DocumentRejected(node.path, "a code that is in none of our tables", reason="unknown_code")
    return code


def _checked(path: str, display: str) -> None:
    try:
        check_name(display)
    except InvalidInput as exc:
        raise DocumentRejected(path, exc.message, reason=exc.reason) from exc


def _unique(path: str, found: Iterable[_Item]) -> tuple[_Item, ...]:
    items = tuple(found)
    if len(set(items)) != len(items):
        raise DocumentRejected(path, "an entry is there twice", reason="duplicate")
    return items

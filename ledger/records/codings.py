"""Walking a FHIR resource: its codings, its references and its security labels, at any depth."""

from collections.abc import Iterator
from typing import Any

_UNITS = "http://unitsofmeasure.org"


def objects(value: object, *, skipping: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """Every JSON object in a value, itself included, but for those below an element in `skipping`."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(child for name, child in item.items() if name not in skipping)
        elif isinstance(item, list):
            stack.extend(item)


def codings(value: object) -> Iterator[tuple[str, str]]:
    """System and code of every coding outside ``meta``; the system is empty if it has none.

    Units of measure are no codings.
    """
    for item in objects(value, skipping=frozenset({"meta"})):
        code, system = item.get("code"), item.get("system", "")
        if isinstance(code, str) and isinstance(system, str) and system != _UNITS:
            yield system, code


def security(value: object) -> Iterator[tuple[str, str]]:
    """System and code of every security label of a resource and of those contained in it."""
    for item in objects(value):
        meta = item.get("meta")
        labels = meta.get("security") if isinstance(meta, dict) else None
        for label in labels if isinstance(labels, list) else ():
            if isinstance(label, dict):
                yield str(label.get("system", "")), str(label.get("code", ""))


def references(value: object) -> Iterator[str]:
    """What every Reference in a value points at: see `identities`."""
    for item in objects(value):
        yield from identities(item)


def identities(reference: object) -> Iterator[str]:
    """The names in a Reference: its literal, and its identifier as a consent document would name it.

    An identifier of the URI system is its value (``did:pkh:…``); any other is ``system|value``. References
    to contained resources have no name outside.
    """
    if not isinstance(reference, dict):
        return
    literal = reference.get("reference")
    if isinstance(literal, str) and literal and not literal.startswith("#"):
        yield literal
    identifier = reference.get("identifier")
    if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
        system = identifier.get("system", "")
        yield identifier["value"] if system == "urn:ietf:rfc:3986" else f"{system}|{identifier['value']}"

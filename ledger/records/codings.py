"""Walking a FHIR resource: its codings, its references and its security labels, at any depth."""

from collections.abc import Iterator
from typing import Any

from ledger.consent.codes import CONFIDENTIALITY_SYSTEM

UNITS = "http://unitsofmeasure.org"


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
        if isinstance(code, str) and isinstance(system, str) and system != UNITS:
            yield system, code


def security(value: object) -> Iterator[tuple[str, str, str]]:
    """Element, system and code of every security label of a resource and of those contained in it.

    Labels are ``meta.security``, ``DocumentReference.securityLabel`` and ``Composition.confidentiality``.
    """
    for item in objects(value):
        meta = item.get("meta")
        yield from _labels("meta.security", meta.get("security") if isinstance(meta, dict) else None)
        if item.get("resourceType") == "DocumentReference":
            for concept in _listed(item.get("securityLabel")):
                codings = concept.get("coding") if isinstance(concept, dict) else None
                yield from _labels("securityLabel", codings)
        if item.get("resourceType") == "Composition" and isinstance(item.get("confidentiality"), str):
            yield "confidentiality", CONFIDENTIALITY_SYSTEM, item["confidentiality"]


def _labels(path: str, labels: object) -> Iterator[tuple[str, str, str]]:
    for label in _listed(labels):
        if isinstance(label, dict):
            yield path, str(label.get("system", "")), str(label.get("code", ""))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


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

"""Every way to change one thing in a document, at every depth: what the statement must not hide."""

import copy
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ledger.consent import codes
from tests.consent.documents import A, B, actor, coding, concept, label, record_class, reference

Path = tuple[str | int, ...]
Mutation = tuple[str, dict[str, Any]]

OTHERS: dict[str, tuple[Any, ...]] = {
    "actor": (actor("did:pkh:eip155:31337:0x" + "09" * 20), actor(A), actor(B)),
    "action": tuple(concept(codes.ACTION_SYSTEM, code) for code in codes.ACTIONS),
    "securityLabel": tuple(label(code) for code in ("U", "M", "V", "MH", "SUD", "REL")),
    "purpose": tuple(coding(codes.PURPOSE_SYSTEM, code) for code in ("HPAYMT", "TREAT", "ETREAT")),
    "class": tuple(record_class(code) for code in ("8716-3", "demographics", "30954-2")),
    "code": (concept(codes.LOINC_SYSTEM, "718-7"), concept("urn:oid:1.2", "2345-7")),
    "data": tuple(
        {"meaning": meaning, "reference": reference(name)}
        for meaning, name in (("instance", "Observation/8"), ("related", "Encounter/8"))
    ),
}
PERIODS = {"period": ("2026-02-03T04:05:06+01:00", "2027"), "dataPeriod": ("2019-03", "2026-04-05")}
NESTED = {"type": "deny", "class": [record_class("devices")]}


def mutations(document: dict[str, Any]) -> Iterator[Mutation]:
    """Name and result of every mutation; some are no documents that are accepted."""
    yield "zone", put(document, ("dateTime",), document["dateTime"][:-6] + "-03:00")
    yield "dateTime", put(document, ("dateTime",), later(document["dateTime"]))
    yield "patient", put(document, ("patient", "identifier", "value"), "did:pkh:eip155:31337:0x" + "08" * 20)
    yield "patient.display", put(document, ("patient", "display"), "Somebody Else")
    for path in places(document["provision"]):
        yield from _provision(document, path)
    yield from _moves(document)


def places(provision: dict[str, Any], path: Path = ("provision",)) -> Iterator[Path]:
    """The paths of a provision and all nested ones."""
    yield path
    for index, inner in enumerate(provision.get("provision", [])):
        yield from places(inner, (*path, "provision", index))


def put(document: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """A copy with the element at `path` set, or taken out if `value` is None; an empty list goes too."""
    found = copy.deepcopy(document)
    inner: Any = found
    for step in path[:-1]:
        inner = inner[step]
    if value is None or value == []:
        inner.pop(path[-1], None)
    else:
        inner[path[-1]] = value
    return found


def at(document: dict[str, Any], path: Path) -> Any:  # noqa: ANN401
    """The element at `path`."""
    inner: Any = document
    for step in path:
        inner = inner[step]
    return inner


def later(text: str) -> str:
    """A second later; a date that is partial becomes another one."""
    if "T" not in text:
        return f"{int(text[:4]) - 1}{text[4:]}"
    return (datetime.fromisoformat(text) + timedelta(seconds=1)).isoformat()


def _provision(document: dict[str, Any], path: Path) -> Iterator[Mutation]:
    provision = at(document, path)
    yield "type", put(document, (*path, "type"), {"permit": "deny", "deny": "permit"}[provision["type"]])
    for name, others in OTHERS.items():
        yield from _entries(document, (*path, name), others)
    for name, bounds in PERIODS.items():
        for bound, new in zip(("start", "end"), bounds, strict=True):
            yield from _bound(document, (*path, name), bound, new)
        if name in provision:
            yield f"{name} removed", put(document, (*path, name), None)
    for index, entry in enumerate(provision.get("data", ())):
        for meaning in {"instance", "related", "authoredby"} - {entry["meaning"]}:
            yield "data.meaning", put(document, (*path, "data", index, "meaning"), meaning)
        yield "data.display", put(document, (*path, "data", index, "reference", "display"), "Something New")
    for index, entry in enumerate(provision.get("code", ())):
        for step, inner in enumerate(entry["coding"]):
            place = (*path, "code", index, "coding", step)
            yield "code.display", put(document, (*place, "display"), "A New Name")
            yield "code.system", put(document, (*place, "system"), inner["system"] + "/x")
    for index, _ in enumerate(provision.get("actor", ())):
        yield "actor.display", put(document, (*path, "actor", index, "reference", "display"), "Dr. New")
    inner = provision.get("provision", [])
    yield "provision added", put(document, (*path, "provision"), [*inner, NESTED])
    for index in range(len(inner)):
        yield "provision removed", put(document, (*path, "provision"), inner[:index] + inner[index + 1 :])


def _entries(document: dict[str, Any], path: Path, others: tuple[Any, ...]) -> Iterator[Mutation]:
    name = path[-1]
    entries = at(document, path[:-1]).get(name, [])
    for other in others:
        yield f"{name} added", put(document, path, [*entries, other])
        for index, entry in enumerate(entries):
            if other != entry:
                yield f"{name} replaced", put(document, (*path, index), other)
    for index in range(len(entries)):
        yield f"{name} removed", put(document, path, entries[:index] + entries[index + 1 :])


def _bound(document: dict[str, Any], path: Path, bound: str, new: str) -> Iterator[Mutation]:
    period = at(document, path[:-1]).get(path[-1], {})
    name = f"{path[-1]}.{bound}"
    if bound not in period:
        yield f"{name} added", put(document, path, period | {bound: new})
        return
    yield f"{name} moved", put(document, (*path, bound), later(period[bound]))
    if len(period) > 1:
        yield f"{name} removed", put(document, (*path, bound), None)


def _moves(document: dict[str, Any]) -> Iterator[Mutation]:
    """A nested provision goes up to its grandparent, or down into the sibling before it."""
    for path in places(document["provision"]):
        if len(path) < 3:
            continue
        moved, parent, index = at(document, path), path[:-2], int(path[-1])
        siblings = at(document, (*parent, "provision"))
        without = put(document, (*parent, "provision"), siblings[:index] + siblings[index + 1 :])
        if len(parent) >= 3:
            above = (*parent[:-2], "provision")
            yield "provision moved up", put(without, above, [*at(without, above), moved])
        if index:
            into = (*parent, "provision", index - 1, "provision")
            held = siblings[index - 1].get("provision", [])
            yield "provision moved down", put(without, into, [*held, moved])

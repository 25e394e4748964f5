"""A second evaluator, written from DESIGN §5 and ledger/policy/__init__.py alone: slow, plain, independent.

It reads the FHIR JSON as it stands and shares no code with the engine, not even code tables or dates.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.policy.dates import extent
from tests.policy.hierarchy import (
    ACTIONS,
    CLASSES,
    CONFIDENTIALITIES,
    PURPOSES,
    SENSITIVITIES,
    upward,
)

INHERITED = ("actor", "purpose", "action", "class", "securityLabel", "code", "dataPeriod", "data")
"""What a nested provision takes from the one it stands in, in the order in which a trace names it."""

Json = dict[str, Any]


class Rule(NamedTuple):
    """A provision with what it inherits."""

    path: str
    permit: bool
    named: Json
    labelled_by_a_permit: bool
    periods: list[dict[str, str]]
    inner: "list[Rule]"


class Said(NamedTuple):
    """What is decided for one record. The trace is of the form of the corpus."""

    outcome: str
    basis: list[int]
    reason: str
    trace: Json


def refusal(request: Json) -> str:
    """Why the request cannot be decided at all; empty if it can."""
    if not request["purposes"]:
        return "purpose_required"
    if any(purpose not in PURPOSES for purpose in request["purposes"]):
        return "unknown_purpose"
    if request.get("action", "access") not in ACTIONS:
        return "unknown_action"
    if extent(request["at"], None) is None:
        return "time_without_offset"
    emergency = any("ETREAT" in upward(purpose) for purpose in request["purposes"])
    return "emergency_required" if emergency and not request.get("emergency", False) else ""


def decide(documents: list[Json], request: Json, record: Json) -> Said:
    reason = unjudgeable(record)
    if reason:
        return Said("DENY", [], reason, {})
    trace = {}
    for index, document in enumerate(documents):
        rules: dict[str, list[str]] = {}
        says = None
        if identity(document["patient"]) == request["patient"]:
            says = speak(read(document), document["dateTime"], request, record, rules)
        trace[str(index)] = {"says": says or "nothing", "rules": rules}
    for says, outcome in (("deny", "DENY"), ("permit", "PERMIT")):
        basis = [int(index) for index, found in trace.items() if found["says"] == says]
        if basis:
            return Said(outcome, basis, "", trace)
    return Said("NO_CONSENT", [], "", trace)


def together(said: list[Said]) -> tuple[str, list[int]]:
    """Outcome and basis for several records: something to open, else something refused, else nothing."""
    outcomes = {found.outcome for found in said}
    overall = next((one for one in ("PERMIT", "DENY") if one in outcomes), "NO_CONSENT")
    return overall, sorted({index for found in said if found.outcome == overall for index in found.basis})


def owed(records: list[Json]) -> dict[str, list[str]]:
    """The obligations for permitted records, each with the ids of those it is about."""
    labelled = [record for record in records if record.get("labels")]
    part2 = [
        record["id"]
        for record in labelled
        if any(upward(label) & {"ETH", "SUD"} for label in record["labels"])
    ]
    found = {
        "keep-labels": [record["id"] for record in labelled],
        "no-redisclosure": part2,
        "part2-notice": part2,
    }
    return {name: ids for name, ids in found.items() if ids}


def unjudgeable(record: Json) -> str:
    confidentiality = record.get("confidentiality")
    if confidentiality is None:
        return "no_confidentiality"
    if confidentiality not in CONFIDENTIALITIES:
        return "unknown_confidentiality"
    if record["class"] not in CLASSES:
        return "unknown_class"
    known = all(label in SENSITIVITIES for label in record.get("labels", []))
    return "" if known else "unknown_label"


def read(document: Json) -> Rule:
    def rule(provision: Json, path: str, outer: Rule | None) -> Rule:
        own = {name: provision[name] for name in INHERITED if name in provision}
        permit = provision["type"] == "permit"
        found = Rule(
            path=path,
            permit=permit,
            named=own if outer is None else {**outer.named, **own},
            labelled_by_a_permit=permit
            if "securityLabel" in own or outer is None
            else outer.labelled_by_a_permit,
            periods=([] if outer is None else outer.periods)
            + ([provision["period"]] if "period" in provision else []),
            inner=[],
        )
        for index, item in enumerate(provision.get("provision", [])):
            found.inner.append(rule(item, f"{path}.provision[{index}]", found))
        return found

    return rule(document["provision"], "Consent.provision", None)


def speak(rule: Rule, zone: str, request: Json, record: Json, trace: dict[str, list[str]]) -> str | None:
    """permit, deny or None, the exceptions before the rule; `trace` gets what failed, by path."""
    trace[rule.path] = failed = list(failures(rule, zone, request, record))
    inner = {speak(item, zone, request, record, trace) for item in rule.inner}
    if "deny" in inner:
        return "deny"
    if "permit" in inner:
        return "permit"
    if failed:
        return None
    return "permit" if rule.permit else "deny"


def failures(rule: Rule, zone: str, request: Json, record: Json) -> Iterator[str]:
    """The elements that the rule names, by itself or by inheritance, and that are not met."""
    if not all(in_force(period, zone, request["at"]) for period in rule.periods):
        yield "period"
    for name in INHERITED:
        if name in rule.named and not meets(name, rule, zone, request, record):
            yield name


def meets(name: str, rule: Rule, zone: str, request: Json, record: Json) -> bool:
    value = rule.named[name]
    match name:
        case "actor":
            named = {identity(actor["reference"]) for actor in value}
            return request["subject"] in named or request.get("organisation") in named
        case "purpose":
            named = {item["code"] for item in value}
            found = [bool(named & upward(purpose)) for purpose in request["purposes"]]
            return all(found) if rule.permit else any(found)
        case "action":
            return request.get("action", "access") in {item["coding"][0]["code"] for item in value}
        case "class":
            return record["class"] in {item["code"] for item in value}
        case "securityLabel":
            return labelled(rule, record)
        case "code":
            return coded(value, record, rule.permit)
        case "dataPeriod":
            return dated(value, record.get("date"), zone, rule.permit)
        case _:
            return any(about(item, record, rule.permit, value) for item in value)


def labelled(rule: Rule, record: Json) -> bool:
    named = [item["code"] for item in rule.named["securityLabel"]]
    levels = [CONFIDENTIALITIES.index(code) for code in named if code in CONFIDENTIALITIES]
    marks = {code for code in named if code not in CONFIDENTIALITIES}
    level = CONFIDENTIALITIES.index(record["confidentiality"])
    if rule.labelled_by_a_permit:
        by_level = bool(levels) and level <= max(levels)
    else:
        by_level = bool(levels) and level >= min(levels)
    found = [bool(marks & upward(label)) for label in record.get("labels", [])]
    if rule.permit:
        return (by_level or not levels) and (not marks or (len(found) > 0 and all(found)))
    return by_level or any(found)


def coded(value: list[Json], record: Json, permit: bool) -> bool:
    named = {f"{coding['system']}|{coding['code']}" for item in value for coding in item["coding"]}
    members = record.get("codes", [])
    if permit:
        return bool(members) and all(named & set(member) for member in members)
    return not members or not all(members) or any(named & set(member) for member in members)


def about(item: Json, record: Json, permit: bool, data: list[Json]) -> bool:
    target = identity(item["reference"])
    named = {identity(other["reference"]) for other in data if other["meaning"] == item["meaning"]}
    members = record.get("resources", [])
    if item["meaning"] == "authoredby":
        authors = record.get("authors", [])
        return target in authors or (not permit and not authors)
    if item["meaning"] == "instance":
        if permit:
            return bool(members) and all(named & set(member) for member in members)
        return not members or not all(members) or any(target in member for member in members)
    if record.get("encounter") == target:
        return True
    if permit:
        single = len(members) == 1 and members[0] and target in record.get("references", [])
        return single or (bool(members) and all(named & set(member) for member in members))
    nowhere = record.get("encounter") is None and kind(target) in ("Encounter", None)
    return nowhere or target in record.get("references", []) or any(target in member for member in members)


def kind(reference: str) -> str | None:
    """The resource type of a reference that ends with ``Type/id``."""
    steps = reference.split("/")
    if len(steps) < 2 or not steps[-2].isalpha() or not steps[-2][0].isupper():
        return None
    named = steps[-1].replace("-", "x").replace(".", "x").isalnum() and len(steps[-1]) <= 64
    return steps[-2] if named else None


def in_force(period: dict[str, str], zone: str, at: str) -> bool:
    now, _ = known(at, zone)
    if "start" in period and now < known(period["start"], zone)[0]:
        return False
    return "end" not in period or now < known(period["end"], zone)[1]


def dated(period: dict[str, str], date: str | None, zone: str, permit: bool) -> bool:
    found = None if date is None else extent(date, zone)
    if found is None:
        return not permit
    first, after = found
    if "start" in period:
        start = known(period["start"], zone)[0]
        if first < start and (permit or after <= start):
            return False
    if "end" in period:
        end = known(period["end"], zone)[1]
        if after > end and (permit or first >= end):
            return False
    return True


def known(text: str, zone: str) -> tuple[int, int]:
    found = extent(text, zone)
    assert found is not None
    return found


def identity(reference: Json) -> str:
    if "reference" in reference:
        return str(reference["reference"])
    system, value = reference["identifier"]["system"], reference["identifier"]["value"]
    return str(value) if system == "urn:ietf:rfc:3986" else f"{system}|{value}"

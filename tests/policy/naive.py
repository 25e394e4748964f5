"""A second evaluator, written from DESIGN §5 and ledger/policy/__init__.py alone: slow, plain, independent.

It reads the FHIR JSON as it stands and shares no code with the engine, not even code tables or dates.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

ABOVE = {
    "COC": "TREAT", "CLINTRL": "TREAT", "ETREAT": "TREAT", "BTG": "ETREAT", "HQUALIMP": "HOPERAT",
    "BIORCH": "HRESCH", "DSRCH": "HRESCH", "CLINTRCH": "HRESCH", "CLINTRCHNPC": "CLINTRCH",
    "PSY": "SPI", "PSYTHPN": "SPI", "SUD": "SPI", "ETHUD": "SUD",
}  # fmt: skip
LEVELS = "ULMNRV"
INHERITED = ("actor", "action", "purpose", "class", "code", "dataPeriod", "data", "securityLabel")


def decide(documents: list[dict[str, Any]], request: dict[str, Any], record: dict[str, Any]) -> str:
    if record.get("confidentiality") is None:
        return "DENY"
    answers = [
        answer(document["provision"], {}, [], document["dateTime"], request, record)
        for document in documents
        if identity(document["patient"]) == request["patient"]
    ]
    if "deny" in answers:
        return "DENY"
    return "PERMIT" if "permit" in answers else "NO_CONSENT"


def answer(
    provision: dict[str, Any],
    enclosing: dict[str, Any],
    periods: list[dict[str, str]],
    zone: str,
    request: dict[str, Any],
    record: dict[str, Any],
) -> str | None:
    """permit, deny or None, exceptions first."""
    whole = {name: provision[name] for name in INHERITED if name in provision}
    if "securityLabel" in whole:
        whole["label of"] = provision["type"]
    whole = {**enclosing, **whole}
    periods = periods + ([provision["period"]] if "period" in provision else [])
    inner = {answer(item, whole, periods, zone, request, record) for item in provision.get("provision", [])}
    if "deny" in inner:
        return "deny"
    if "permit" in inner:
        return "permit"
    permit = provision["type"] == "permit"
    in_force = all(holds_now(period, zone, request["at"]) for period in periods)
    if in_force and asked(whole, request, permit) and fits(whole, record, zone, permit):
        return "permit" if permit else "deny"
    return None


def asked(rule: dict[str, Any], request: dict[str, Any], permit: bool) -> bool:
    if "actor" in rule:
        named = {identity(actor["reference"]) for actor in rule["actor"]}
        if request["subject"] not in named and request.get("organisation") not in named:
            return False
    if "purpose" in rule:
        named = {item["code"] for item in rule["purpose"]}
        found = [bool(named & upward(purpose)) for purpose in request["purposes"]]
        if not (all(found) if permit else any(found)):
            return False
    if "action" in rule:
        named = {item["coding"][0]["code"] for item in rule["action"]}
        return request.get("action", "access") in named
    return True


def fits(rule: dict[str, Any], record: dict[str, Any], zone: str, permit: bool) -> bool:
    if "class" in rule and record["class"] not in {item["code"] for item in rule["class"]}:
        return False
    if "securityLabel" in rule and not labelled(rule, record, permit):
        return False
    if "code" in rule:
        named = {f"{c['system']}|{c['code']}" for item in rule["code"] for c in item["coding"]}
        members = record.get("codes", [])
        if permit and not (members and all(named & set(member) for member in members)):
            return False
        if not permit and members and all(members) and not any(named & set(member) for member in members):
            return False
    if "dataPeriod" in rule and not dated(rule["dataPeriod"], record.get("date"), zone, permit):
        return False
    return "data" not in rule or any(about(item, record, permit, rule["data"]) for item in rule["data"])


def labelled(rule: dict[str, Any], record: dict[str, Any], permit: bool) -> bool:
    levels = [LEVELS.index(item["code"]) for item in rule["securityLabel"] if item["code"] in LEVELS]
    marks = {item["code"] for item in rule["securityLabel"] if item["code"] not in LEVELS}
    level = LEVELS.index(record["confidentiality"])
    by_level = bool(levels) and (
        level <= max(levels) if rule["label of"] == "permit" else level >= min(levels)
    )
    found = [bool(marks & upward(label)) for label in record.get("labels", [])]
    if permit:
        return (by_level or not levels) and (not marks or (len(found) > 0 and all(found)))
    return by_level or any(found)


def about(item: dict[str, Any], record: dict[str, Any], permit: bool, data: list[dict[str, Any]]) -> bool:
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
    nowhere = record.get("encounter") is None and (
        target.startswith("Encounter/") or "/Encounter/" in target or "/" not in target
    )
    return nowhere or target in record.get("references", []) or any(target in member for member in members)


def dated(period: dict[str, str], date: str | None, zone: str, permit: bool) -> bool:
    if date is None or not date[0].isdigit():
        return not permit
    first, after = extent(date, zone)
    start = extent(period["start"], zone)[0] if "start" in period else datetime.min.replace(tzinfo=UTC)
    end = extent(period["end"], zone)[1] if "end" in period else datetime.max.replace(tzinfo=UTC)
    if permit:
        return start <= first and after <= end
    return first < end and start < after


def holds_now(period: dict[str, str], zone: str, at: str) -> bool:
    now = datetime.fromisoformat(at)
    if "start" in period and now < extent(period["start"], zone)[0]:
        return False
    return "end" not in period or now < extent(period["end"], zone)[1]


def extent(text: str, zone: str) -> tuple[datetime, datetime]:
    """First instant, and first instant after."""
    own = datetime.fromisoformat(zone).utcoffset()
    assert own is not None
    if "T" in text:
        first = datetime.fromisoformat(text)
        return first, first + timedelta(seconds=1)
    numbers = [int(part) for part in text.split("-")]
    year, month, day = (*numbers, 1, 1)[:3]
    first = datetime(year, month, day, tzinfo=timezone(own))
    if len(numbers) == 3:
        return first, first + timedelta(days=1)
    if len(numbers) == 2:
        return first, (first + timedelta(days=32)).replace(day=1)
    return first, first.replace(year=year + 1)


def upward(code: str | None) -> set[str]:
    found = set()
    while code is not None:
        found.add(code)
        code = ABOVE.get(code)
    return found


def identity(reference: dict[str, Any]) -> str:
    return str(reference["reference"] if "reference" in reference else reference["identifier"]["value"])

"""Documents for tests, as FHIR JSON: a plain one to change, and random ones from a small vocabulary."""

import copy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ledger.consent import codes
from ledger.consent.document import parse_document
from ledger.errors import DocumentRejected
from ledger.ids import Did, address_from_bytes, did_of

CHAIN = 31337
PATIENT, A, B, ORGANISATION = (did_of(CHAIN, address_from_bytes(bytes([n]) * 20)) for n in range(1, 5))
NAMES = {A: "Dr. Ada Brook", B: "City Clinic", ORGANISATION: "North Hospital"}
WRITTEN = "2026-01-15T09:00:00+01:00"
ACTORS = (A, B, ORGANISATION)
PURPOSES = ("TREAT", "COC", "BTG", "HRESCH", "BIORCH")
LABELS = ("SPI", "PSY", "ETHUD", "HIV", "L", "N", "R")
CLASSES = ("30954-2", "34109-9", "other")
CODES = ("http://loinc.org|2345-7", "http://loinc.org|4548-4")
TARGETS = ("Encounter/1", "CarePlan/7", "Observation/1", "Practitioner/x")
DATES = ("2024", "2024-03", "2024-03-31", "2024-12-31T23:30:00-05:00", "2025-02", "2025")
CONTRADICTIONS = {"never_in_force", "exception_covers_all", "said_twice", "said_both_ways"}
MEANINGS = ("instance", "related", "authoredby")


def examples(count: int) -> settings:
    """Settings for a property over whole documents, which are slow to draw on a busy machine."""
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def reference(identity: str) -> dict[str, Any]:
    if not identity.startswith("did:"):
        return {"reference": identity}
    found: dict[str, Any] = {"identifier": {"system": "urn:ietf:rfc:3986", "value": identity}}
    name = NAMES.get(Did(identity))
    return found if name is None else found | {"display": name}


def actor(identity: str) -> dict[str, Any]:
    return {"role": concept(codes.ROLE_SYSTEM, "IRCP"), "reference": reference(identity)}


def coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [coding(system, code)]}


def label(code: str) -> dict[str, str]:
    known = code in codes.CONFIDENTIALITIES
    return coding(codes.CONFIDENTIALITY_SYSTEM if known else codes.SENSITIVITY_SYSTEM, code)


def record_class(code: str) -> dict[str, str]:
    return coding(codes.CLASSES[code].system, code)


def document(provision: dict[str, Any], **changes: object) -> dict[str, Any]:
    plain = {
        "resourceType": "Consent",
        "status": "active",
        "scope": concept(codes.SCOPE_SYSTEM, "patient-privacy"),
        "category": [concept(codes.LOINC_SYSTEM, "59284-0")],
        "patient": reference(PATIENT),
        "dateTime": WRITTEN,
        "sourceAttachment": {"title": "statement/en/1"},
        "policy": [{"uri": "https://consent-ledger.example/policy/deny-overrides/1"}],
        "provision": provision,
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def plain() -> dict[str, Any]:
    """Every evaluated element once."""
    return document(
        {
            "type": "permit",
            "period": {"start": "2026-01-15T09:00:00+01:00", "end": "2026-12-31"},
            "actor": [actor(A)],
            "action": [concept(codes.ACTION_SYSTEM, "access")],
            "securityLabel": [label("R"), label("SPI")],
            "purpose": [coding(codes.PURPOSE_SYSTEM, "TREAT")],
            "class": [record_class("30954-2"), record_class("34109-9")],
            "code": [concept(codes.LOINC_SYSTEM, "2345-7")],
            "dataPeriod": {"start": "2024", "end": "2025-06"},
            "data": [{"meaning": "authoredby", "reference": reference(B)}],
            "provision": [
                {
                    "type": "deny",
                    "securityLabel": [label("PSY")],
                    "provision": [{"type": "permit", "actor": [actor(B)]}],
                },
                {"type": "deny", "data": [{"meaning": "related", "reference": reference("Encounter/1")}]},
            ],
        }
    )


def changed(value: dict[str, Any], path: tuple[str | int, ...], new: object) -> dict[str, Any]:
    """A copy with the element at `path` replaced, or taken out if `new` is None."""
    found: dict[str, Any] = copy.deepcopy(value)
    inner: Any = found
    for step in path[:-1]:
        inner = inner[step]
    if new is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return found


def chosen(values: tuple[str, ...], most: int = 2) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True)


def periods() -> st.SearchStrategy[dict[str, str]]:
    ends = st.sampled_from(range(len(DATES)))
    both = st.tuples(ends, ends).map(sorted).map(lambda ij: {"start": DATES[ij[0]], "end": DATES[ij[1]]})
    dates = st.sampled_from(DATES)
    return st.one_of(both, dates.map(lambda text: {"start": text}), dates.map(lambda text: {"end": text}))


ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "period": periods(),
    "actor": chosen(ACTORS).map(lambda found: [actor(item) for item in found]),
    "action": chosen(tuple(codes.ACTIONS)).map(
        lambda found: [concept(codes.ACTION_SYSTEM, item) for item in found]
    ),
    "securityLabel": chosen(LABELS).map(lambda found: [label(item) for item in found]),
    "purpose": chosen(PURPOSES).map(lambda found: [coding(codes.PURPOSE_SYSTEM, item) for item in found]),
    "class": chosen(CLASSES).map(lambda found: [record_class(item) for item in found]),
    "code": chosen(CODES).map(lambda found: [concept(*item.split("|")) for item in found]),
    "dataPeriod": periods(),
    "data": st.lists(
        st.tuples(st.sampled_from(MEANINGS), st.sampled_from(TARGETS)), min_size=1, max_size=2, unique=True
    ).map(lambda found: [{"meaning": meaning, "reference": reference(item)} for meaning, item in found]),
}


@st.composite
def provisions(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """A provision that names up to four elements, with up to two nested ones a level."""
    names = draw(st.lists(st.sampled_from(sorted(ELEMENTS)), min_size=1, max_size=4, unique=True))
    found: dict[str, Any] = {"type": draw(st.sampled_from(("permit", "deny")))}
    found |= {name: draw(ELEMENTS[name]) for name in names}
    inner = draw(st.lists(provisions(depth - 1), max_size=2)) if depth else []
    return found | ({"provision": inner} if inner else {})


def documents() -> st.SearchStrategy[dict[str, Any]]:
    return provisions().map(document).filter(is_accepted)


def is_accepted(found: dict[str, Any]) -> bool:
    """Whether a document of understood elements does not contradict itself."""
    try:
        parse_document(found)
    except DocumentRejected as exc:
        if exc.reason not in CONTRADICTIONS:
            raise
        return False
    return True

"""policy: 20 consents with 3 nested rules each decide over 200 records; compiling one; a million in memory.

The peer answers the same question: Cedar (cedarpy), with the policies of this patient alone, both parsed
beforehand. What the consents say is written once, below, and put into both languages; the answers must agree.
"""

import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import cedarpy

from ledger.consent import codes
from ledger.consent.document import ConsentDocument, parse_document
from ledger.consent.moments import Span, instant
from ledger.consent.provisions import Period
from ledger.ids import Address, ConsentId, Did, did_of
from ledger.policy.compiler import CompiledConsent, compile_consent
from ledger.policy.engine import decide
from ledger.policy.index import RecordIndex
from ledger.policy.model import Outcome, RecordFacts, Request
from tests.bench.measure import Figures, median_seconds
from tests.consent.documents import actor, coding, document, label, record_class, reference

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = "2026-12-31"
MILLION = 1_000_000
CHAIN = 31337
PEERS = {"decide_us": "peer_decide_us"}
"""The figure of Cedar that each of ours is compared with."""


def account(number: int) -> Did:
    """Some account."""
    return did_of(CHAIN, Address(f"0x{number:040x}"))


PROVIDER = account(7)
CLASSES = tuple(islice(codes.CLASSES, 12))
PURPOSES = (("TREAT",), ("TREAT", "HPAYMT"), ("COC", "HOPERAT"), ("HRESCH",))
MARKS = ("PSY", "ETH", "HIV", "SEX", "SDV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One consent: who may see which classes for what, but not a mark, not a visit, not a year."""

    who: Did
    purposes: tuple[str, ...]
    classes: tuple[str, ...]
    mark: str
    visit: str
    year: int


def choices() -> Iterator[Choice]:
    """Choices that differ from each other in all but the grantee."""
    for number in range(20):
        yield Choice(
            who=PROVIDER,
            purposes=PURPOSES[number % len(PURPOSES)],
            classes=tuple(CLASSES[(number + step) % len(CLASSES)] for step in range(1 + number % 4)),
            mark=MARKS[number % len(MARKS)],
            visit=f"Encounter/{number}",
            year=2010 + number % 12,
        )


def records() -> list[RecordFacts]:
    """200 records of one patient."""
    return [
        RecordFacts(
            id=f"record-{number}",
            record_class=CLASSES[number % len(CLASSES)],
            confidentiality="R" if number % 9 == 0 else "N",
            labels=frozenset({MARKS[number % len(MARKS)]} if number % 9 == 0 else ()),
            codes=frozenset({f"http://loinc.org|{number}-1", f"http://loinc.org|{number % 7}-2"}),
            resources=frozenset({f"Observation/{number}\nurn:uuid:{number}"}),
            references=frozenset({"Patient/1", f"Encounter/{number % 40}"}),
            encounter=f"Encounter/{number % 40}",
            authors=frozenset({f"Practitioner/{number % 5}"}),
            date=f"{2010 + number % 16}-{number % 12 + 1:02}-{number % 28 + 1:02}",
        )
        for number in range(200)
    ]


def consent_of(choice: Choice) -> dict[str, Any]:
    """A choice as a FHIR document."""
    year = str(choice.year)
    return document(
        {
            "type": "permit",
            "period": {"end": END},
            "actor": [actor(choice.who)],
            "purpose": [coding(codes.PURPOSE_SYSTEM, code) for code in choice.purposes],
            "class": [record_class(code) for code in choice.classes],
            "provision": [
                {"type": "deny", "securityLabel": [label(choice.mark)]},
                {"type": "deny", "data": [{"meaning": "related", "reference": reference(choice.visit)}]},
                {"type": "deny", "dataPeriod": {"start": year, "end": year}},
            ],
        }
    )


def cedar_of(choice: Choice) -> str:
    """The same choice as Cedar policies; is-a is in the sets of the request and the records."""
    head = f'(principal == Participant::"{choice.who}", action == Action::"access", resource)'
    asked = f"context.purposes.containsAny({json.dumps(choice.purposes)})"
    asked += f" && context.at < {instant(datetime(2027, 1, 1, tzinfo=UTC) - timedelta(hours=1))}"
    asked += f" && {json.dumps(choice.classes)}.contains(resource.class)"
    exceptions = (
        f"resource.marks.contains({json.dumps(choice.mark)})",
        f"resource.visit == {json.dumps(choice.visit)}",
        f"resource.year == {choice.year}",
    )
    denied = "".join(f"forbid {head} when {{ {asked} && {exception} }};\n" for exception in exceptions)
    return f"permit {head} when {{ {asked} }};\n{denied}"


def cedar_record(record: RecordFacts) -> dict[str, Any]:
    """The facts of a record that these choices are about, as a Cedar entity."""
    attributes = {
        "class": record.record_class,
        "marks": sorted({code for mark in record.labels for code in codes.SENSITIVITIES.ancestors(mark)}),
        "visit": record.encounter,
        "year": int((record.date or "")[:4]),
    }
    return {"uid": {"type": "Record", "id": record.id}, "attrs": attributes, "parents": []}


def decisions() -> Figures:
    """Microseconds for one decision, ours and the peer's, after both have given the same answer.

    ``decide_us`` is the decision with the list of what is permitted, as a gateway needs it; ``each`` has an
    outcome and basis per record besides, and ``unindexed`` indexes the records too.
    """
    found = records()
    documents = [parse_document(consent_of(choice)) for choice in choices()]
    consents = [
        compile_consent(ConsentId(f"0x{number:064x}"), parsed) for number, parsed in enumerate(documents)
    ]
    asked = Request(subject=PROVIDER, patient=documents[0].patient, purposes=("TREAT",), at=NOW)
    index = RecordIndex.of(found)

    policies = cedarpy.PolicySet.from_str("".join(map(cedar_of, choices())))
    entities = cedarpy.Entities.from_json_str(json.dumps([cedar_record(record) for record in found]))
    context = {"purposes": sorted(codes.PURPOSES.ancestors("TREAT")), "at": instant(NOW)}
    questions = [
        {
            "principal": {"type": "Participant", "id": PROVIDER},
            "action": {"type": "Action", "id": "access"},
            "resource": {"type": "Record", "id": record.id},
            "context": context,
        }
        for record in found
    ]

    def peer() -> list[bool]:
        return [answer.allowed for answer in cedarpy.is_authorized_batch(questions, policies, entities)]

    ours = [one.outcome is Outcome.PERMIT for one in decide(consents, asked, index).records]
    if ours != peer() or len(set(ours)) < 2:
        raise AssertionError("the peer was asked another question")
    return {
        "decide_us": median_seconds(lambda: decide(consents, asked, index).permitted, runs=500) * 1e6,
        "decide_each_us": median_seconds(lambda: decide(consents, asked, index).records, runs=500) * 1e6,
        "decide_unindexed_us": median_seconds(lambda: decide(consents, asked, found), runs=50) * 1e6,
        "peer_decide_us": median_seconds(peer, runs=20) * 1e6,
        "compile_us": median_seconds(lambda: compile_consent(consents[0].id, documents[0]), runs=500) * 1e6,
    }


def varied(parsed: ConsentDocument, number: int) -> ConsentDocument:
    """The document of the patient `number` // 5, with a period of its own."""
    start = instant(NOW) + number
    period = Period(start="", end="", span=Span(start=start, end=start + number))
    return replace(parsed, patient=account(number // 5), root=replace(parsed.root, period=period))


def memory(count: int) -> float:
    """MB that `count` compiled consents take, kept by patient; of a thousand participants, five a patient."""
    parsed = [
        parse_document(consent_of(replace(choice, who=account(participant))))
        for participant in range(1000)
        for choice in islice(choices(), participant % 20, participant % 20 + 1)
    ]
    before = resident()
    kept: dict[Did, list[CompiledConsent]] = {}
    for number in range(count):
        found = varied(parsed[number % len(parsed)], number)
        compiled = compile_consent(ConsentId(f"0x{number:064x}"), found)
        kept.setdefault(compiled.patient, []).append(compiled)
    return (resident() - before) / 1e6


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def run() -> Figures:
    """Medians in microseconds, and MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        taken = pool.apply(memory, (MILLION,))
    return decisions() | {"memory_1m_mb": taken}

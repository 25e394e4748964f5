"""Reading of the cases in tests/vectors/consents: documents, request and records as their JSON has them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ledger.consent.document import parse_document
from ledger.ids import Did, consent_id
from ledger.policy.compiler import CompiledConsent, compile_consent
from ledger.policy.model import RecordFacts, Request

FOLDER = Path(__file__).parents[1] / "vectors" / "consents"


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    documents: list[dict[str, Any]]
    request: dict[str, Any]
    records: list[dict[str, Any]]
    expect: dict[str, Any]


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.json")):
        content = json.loads(path.read_text())
        for case in content["cases"]:
            yield Case(
                name=f"{path.stem}: {case['name']}",
                documents=content["documents"],
                request=case["request"],
                records=case["records"],
                expect=case["expect"],
            )


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(FOLDER.glob("*.json")):
        for index, document in enumerate(json.loads(path.read_text())["documents"]):
            yield f"{path.stem}[{index}]", document


def id_of(index: int) -> str:
    return consent_id(bytes(31) + bytes([index]))


def compiled(found: list[dict[str, Any]]) -> list[CompiledConsent]:
    return [
        compile_consent(consent_id(bytes(31) + bytes([index])), parse_document(document))
        for index, document in enumerate(found)
    ]


def request(value: dict[str, Any]) -> Request:
    organisation = value.get("organisation")
    return Request(
        subject=Did(value["subject"]),
        organisation=None if organisation is None else Did(organisation),
        patient=Did(value["patient"]),
        purposes=tuple(value["purposes"]),
        action=value.get("action", "access"),
        emergency=value.get("emergency", False),
        at=datetime.fromisoformat(value["at"]),
    )


def facts(value: dict[str, Any]) -> RecordFacts:
    return RecordFacts(
        id=value["id"],
        record_class=value["class"],
        confidentiality=value.get("confidentiality"),
        labels=frozenset(value.get("labels", ())),
        codes=frozenset("\n".join(group) for group in value.get("codes", ())),
        resources=frozenset("\n".join(group) for group in value.get("resources", ())),
        references=frozenset(value.get("references", ())),
        encounter=value.get("encounter"),
        authors=frozenset(value.get("authors", ())),
        date=value.get("date"),
    )

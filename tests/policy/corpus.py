"""The cases in tests/vectors/consents: documents, request and records as their JSON has them.

Documents, requests, records and expected decisions are written by hand. The traces are not: the second
evaluator, which shares nothing with the engine, works them out, and they stand in the vectors as it did::

    python -m tests.policy.corpus            # write the traces anew
    python -m tests.policy.corpus --check    # say which files would change; exit code 1 if any would

A file has ``about``, ``documents``, ``cases``; a case has ``name``, ``request``, ``records``, ``expect``:

=============== ==========================================================================================
``refused``     the reason for which the request cannot be decided; then nothing else is expected
``outcome``     of the decision as a whole
``records``     outcome by record, if they differ
``basis``       indices in ``documents`` of the consents that decide
``reason``      why the records cannot be judged; ``reasons`` by record
``obligations`` ids, in order
``trace``       by record, by index of the consent: what it ``says`` (permit, deny, nothing) and, for each of
                its ``rules`` by path, the elements that failed; none failed means that the rule matched. A
                record that cannot be judged has no trace, a consent of another patient no rules.
=============== ==========================================================================================
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ledger.consent.document import parse_document
from ledger.ids import Did, consent_id
from ledger.policy.compiler import CompiledConsent, compile_consent
from ledger.policy.explain import RecordTrace
from ledger.policy.model import RecordFacts, Request
from tests.policy import naive

FOLDER = Path(__file__).parents[1] / "vectors" / "consents"
WIDTH = 110


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    documents: list[dict[str, Any]]
    request: dict[str, Any]
    records: list[dict[str, Any]]
    expect: dict[str, Any]

    @property
    def decided(self) -> bool:
        """Whether the request is one that can be decided."""
        return "refused" not in self.expect

    def outcome_of(self, record: str) -> str:
        """The outcome that is expected for one record."""
        return str(self.expect.get("records", {}).get(record, self.expect["outcome"]))

    def reason_of(self, record: str) -> str:
        """Why one record cannot be judged; empty if it can."""
        return str(self.expect.get("reasons", {}).get(record, self.expect.get("reason", "")))


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
    return consent_id(index.to_bytes(32, "big"))


def compiled(found: list[dict[str, Any]]) -> list[CompiledConsent]:
    return [
        compile_consent(consent_id(index.to_bytes(32, "big")), parse_document(document))
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


def traced(trace: RecordTrace) -> dict[str, Any]:
    """The engine's trace in the form of the vectors: what each consent says, and where each rule fails."""
    says = {"PERMIT": "permit", "DENY": "deny", None: "nothing"}
    return {
        str(int(consent.consent, 16)): {
            "says": says[consent.outcome],
            "rules": {
                rule.path: [item.attribute for item in rule.attributes if not item.matched]
                for rule in consent.rules
            },
        }
        for consent in trace.consents
    }


def regenerated(path: Path) -> str:
    """The file as it should be, its traces worked out by the second evaluator."""
    content = json.loads(path.read_text())
    for case in content["cases"]:
        if "refused" not in case.get("expect", {"refused": ""}):
            case["expect"]["trace"] = {
                record["id"]: naive.decide(content["documents"], case["request"], record).trace
                for record in case["records"]
            }
    return laid_out(content) + "\n"


def laid_out(value: Any, margin: int = 0, used: int = 0) -> str:  # noqa: ANN401
    """JSON with each value on one line if it fits, else one member a line."""
    flat = json.dumps(value)
    if margin + used + len(flat) < WIDTH or not isinstance(value, dict | list):
        return flat
    inner = margin + 2
    if isinstance(value, dict):
        keys = {key: f"{json.dumps(key)}: " for key in value}
        members = [f"{shown}{laid_out(value[key], inner, len(shown))}" for key, shown in keys.items()]
    else:
        members = [laid_out(item, inner) for item in value]
    brackets = "{}" if isinstance(value, dict) else "[]"
    separator = ",\n" + " " * inner
    return f"{brackets[0]}\n{' ' * inner}{separator.join(members)}\n{' ' * margin}{brackets[1]}"


def stale() -> list[Path]:
    """The files that are not as they would be written."""
    return [path for path in sorted(FOLDER.rglob("*.json")) if path.read_text() != regenerated(path)]


def main(arguments: list[str]) -> int:
    found = stale()
    for path in found:
        print(path.relative_to(FOLDER))
        if "--check" not in arguments:
            path.write_text(regenerated(path))
    return int("--check" in arguments and bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

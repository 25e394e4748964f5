"""What an audit found: for each step how much it checked and how much it could not, and every finding.

::

    {"schema": "consent-ledger/audit-report/1", "ok": false, "exit_code": 16, "at": 1772366400000,
     "log": {"origin": "consent-ledger/31337/0x…/0x…", "size": 42, "root": "0x…"},
     "chain": {"id": 31337, "number": 120, "hash": "0x…", "final": 118},
     "steps": [{"step": "ENTRY", "checked": 42, "unchecked": {}, "findings": 1}, …],
     "findings": [{"step": "ENTRY", "index": 7, "expected": "…", "found": "…", "meaning": "…"}],
     "notes": ["…"]}

``index`` is absent where a finding is about no single entry. A step keeps its first thousand findings and
counts the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SCHEMA = "consent-ledger/audit-report/1"
FIRST_EXIT = 13


class Step(StrEnum):
    """The steps of DESIGN §8, in the order in which the first failing one gives the exit code."""

    CHECKPOINT = "CHECKPOINT"
    TREE = "TREE"
    ANCHOR = "ANCHOR"
    ENTRY = "ENTRY"
    TIME = "TIME"
    CONSENT = "CONSENT"
    REPLAY = "REPLAY"
    RELEASE = "RELEASE"
    COMPLETE = "COMPLETE"
    FINAL = "FINAL"

    @property
    def exit_code(self) -> int:
        """What a process ends with when this is the first step that fails: 13 to 21. FINAL never fails."""
        return FIRST_EXIT + list(Step).index(self)

    @property
    def question(self) -> str:
        """The question that the step answers."""
        return _QUESTIONS[self]


_QUESTIONS = {
    Step.CHECKPOINT: "Did this log's key sign the checkpoint, and is its gateway admitted?",
    Step.TREE: "Do the entries that were shown give the root that was signed?",
    Step.ANCHOR: "Is every anchor on chain a root of this same log?",
    Step.ENTRY: "Is each entry the one that its leaf commits to, of the patient whose tag it has?",
    Step.TIME: "Do times, heads and anchors fit together?",
    Step.CONSENT: "Did the patient give each consent, and was it on chain when it was relied on?",
    Step.REPLAY: "Does each decision come out the same when it is made again?",
    Step.RELEASE: "Does each release follow a permit, and each stop a signature or the chain?",
    Step.COMPLETE: "Is nothing missing that was numbered, or that somebody holds a receipt for?",
    Step.FINAL: "How much of this can no longer change?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it must be; ``index`` is the log entry that it is about, if it is one."""

    step: Step
    index: int | None
    expected: str
    found: str
    meaning: str

    def to_json(self) -> dict[str, Any]:
        """The finding as data."""
        where = {} if self.index is None else {"index": self.index}
        return {
            "step": str(self.step),
            **where,
            "expected": self.expected,
            "found": self.found,
            "meaning": self.meaning,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One step: how many things it checked, how many it could not and why, how many findings."""

    step: Step
    checked: int
    could_not: Mapping[str, int]
    findings: int

    @property
    def unchecked(self) -> int:
        """How many things it could not check."""
        return sum(self.could_not.values())

    @property
    def ok(self) -> bool:
        """Whether it found nothing wrong."""
        return self.findings == 0

    def to_json(self) -> dict[str, Any]:
        """The result as data; ``unchecked`` maps each reason to a number."""
        return {
            "step": str(self.step),
            "checked": self.checked,
            "unchecked": dict(self.could_not),
            "findings": self.findings,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one audit.

    size, root: of the checkpoint that was audited; None if there was none to read.
    number, block, final: the last block of the chain as the auditor read it, and the last final one.
    at: when the audit was made, Unix milliseconds.
    notes: what is said without being a failure.
    """

    origin: str
    size: int | None
    root: str | None
    chain_id: int
    number: int | None
    block: str | None
    final: int | None
    at: int
    steps: tuple[StepResult, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no step found anything wrong."""
        return all(result.ok for result in self.steps)

    @property
    def exit_code(self) -> int:
        """0, or that of the first step with a finding."""
        return next((result.step.exit_code for result in self.steps if not result.ok), 0)

    def result(self, step: Step) -> StepResult:
        """What one step did."""
        return next(result for result in self.steps if result.step is step)

    def to_json(self) -> dict[str, Any]:
        """The report as data."""
        log = {"origin": self.origin, "size": self.size, "root": self.root}
        chain = {"id": self.chain_id, "number": self.number, "hash": self.block, "final": self.final}
        return {
            "schema": SCHEMA,
            "ok": self.ok,
            "exit_code": self.exit_code,
            "at": self.at,
            "log": _present(log),
            "chain": _present(chain),
            "steps": [result.to_json() for result in self.steps],
            "findings": [finding.to_json() for finding in self.findings],
            "notes": list(self.notes),
        }


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}

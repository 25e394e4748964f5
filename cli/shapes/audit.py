"""Answers about the audit of a log."""

from cli.shapes.base import Part, Shape


class LogPart(Part, frozen=True, kw_only=True):
    """The checkpoint that was audited."""

    origin: str
    size: int | None = None
    root: str | None = None


class AuditedChain(Part, frozen=True, kw_only=True):
    """The chain as the auditor read it."""

    id: int
    number: int | None = None
    hash: str | None = None
    final: int | None = None


class StepPart(Part, frozen=True, kw_only=True):
    """One step: how much it checked, how much it could not and why, how many findings."""

    step: str
    checked: int
    unchecked: dict[str, int]
    findings: int


class FindingPart(Part, frozen=True, kw_only=True):
    """Something that is not as it must be; ``index`` is the log entry it is about, if it is one."""

    step: str
    expected: str
    found: str
    meaning: str
    index: int | None = None


class AuditReport(Shape, frozen=True, kw_only=True, tag="consent-ledger/audit-report/1"):
    """The outcome of one audit; ``at`` in Unix milliseconds."""

    ok: bool
    exit_code: int
    at: int
    log: LogPart
    chain: AuditedChain
    steps: list[StepPart]
    findings: list[FindingPart]
    notes: list[str]


class LogExported(Shape, frozen=True, kw_only=True):
    """A log that was saved to be audited without its gateway; ``log_key`` is the file with its key."""

    directory: str
    entries: int
    log_key: str

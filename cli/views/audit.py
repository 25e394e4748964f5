"""The outcome of an audit."""

import shlex

from cli.shapes.audit import AuditReport, FindingPart, LogExported, StepPart
from cli.views.text import counted, table

SHOWN = 20
"""Findings printed in full; the rest are counted, and all are in ``--json``."""


def report_text(report: AuditReport) -> str:
    """The verdict, then each step with its numbers, then findings, then what it was proven against."""
    size = report.log.size or 0
    if report.ok:
        verdict = f"OK. All {counted(size, 'entry', 'entries')} of the log are what they claim to be."
    else:
        verdict = (
            f"FAILED. {counted(len(report.findings), 'finding')} in {counted(size, 'entry', 'entries')}."
        )
    parts = [verdict, table([_row(step) for step in report.steps], indent="  ")]
    parts += [_finding(finding) for finding in report.findings[:SHOWN]]
    if len(report.findings) > SHOWN:
        parts.append(f"... and {counted(len(report.findings) - SHOWN, 'more finding')}; see --json")
    parts += [f"Note: {note}" for note in report.notes]
    return "\n".join([*parts, "Proof", table(_proof(report), indent="  ")])


def exported_text(shape: LogExported) -> str:
    """Where the copy is, and how to audit it."""
    saved, key = shlex.quote(shape.directory), shlex.quote(shape.log_key)
    return (
        f"Saved {counted(shape.entries, 'entry', 'entries')} in {shape.directory}, "
        f"and the log's key in {shape.log_key}.\n"
        f'Audit the copy with: consent audit verify --export {saved} --log-key "$(cat {key})"'
    )


def _row(step: StepPart) -> tuple[str, ...]:
    could_not = "; ".join(f"{count} not checked: {why}" for why, count in sorted(step.unchecked.items()))
    return step.step, counted(step.checked, "checked", "checked"), _verdict(step), could_not


def _verdict(step: StepPart) -> str:
    if step.findings:
        return counted(step.findings, "finding").upper()
    return "nothing checked" if step.unchecked and not step.checked else "ok"


def _finding(finding: FindingPart) -> str:
    where = "" if finding.index is None else f" entry {finding.index}"
    return (
        f"{finding.step}{where}: {finding.meaning}\n"
        f"  expected: {finding.expected}\n"
        f"  found:    {finding.found}"
    )


def _proof(report: AuditReport) -> list[tuple[str, ...]]:
    log, chain = report.log, report.chain
    return [
        ("log", log.origin),
        ("root", log.root or "none"),
        ("chain", f"{chain.id}, block {chain.number} {chain.hash}, final {chain.final}"),
    ]

"""What tests say about a report."""

from ledger.audit import Report, Step


def caught(report: Report, step: Step, index: int | None = None, *, first: bool = True) -> None:
    """`step` has a finding (about entry `index`); it is the first failing one unless `first` is False."""
    of_step = [finding for finding in report.findings if finding.step is step]
    assert of_step, f"{step} found nothing; {report.findings}"
    assert all(finding.expected and finding.found and finding.meaning for finding in of_step), of_step
    assert index is None or index in [finding.index for finding in of_step], of_step
    assert not report.ok
    assert report.result(step).findings >= len(of_step)
    if first:
        assert report.exit_code == step.exit_code, report.findings


def only(report: Report, step: Step, index: int | None = None) -> None:
    """As `caught`, and no other step found anything."""
    caught(report, step, index)
    assert {finding.step for finding in report.findings} == {step}, report.findings


def passed(report: Report) -> None:
    """No step found anything."""
    assert report.findings == ()
    assert report.ok
    assert report.exit_code == 0

"""`consent audit` against the gateway that the other tests use."""

import time
from pathlib import Path

import pytest

from cli.shapes.audit import AuditedChain, AuditReport, LogPart, StepPart
from cli.views.audit import report_text
from tests.cli.support import Town

PATIENCE = 30


def test_an_audit_finds_the_log_in_order(town: Town) -> None:
    report = town.ok("-p", "auditor", "audit", "verify")
    assert report["schema"] == "consent-ledger/audit-report/1"
    assert report["ok"]
    assert [step["step"] for step in report["steps"]][:4] == ["CHECKPOINT", "TREE", "ANCHOR", "ENTRY"]


def test_the_text_says_the_verdict_first_then_each_step_then_the_proof(town: Town) -> None:
    lines = town.run("-p", "auditor", "audit", "verify").out.splitlines()
    assert lines[0].startswith("OK.")
    assert lines[1].split()[0] == "CHECKPOINT"
    assert "Proof" in lines


def test_receipts_are_looked_for_in_the_log(town: Town) -> None:
    assert town.run("-p", "clinic", "read", "alice", "--purpose", "HRESCH").code == 11
    receipts = town.home / "profiles" / "clinic" / "receipts"
    report = town.ok("-p", "auditor", "audit", "verify", "--receipts", receipts)
    complete = next(step for step in report["steps"] if step["step"] == "COMPLETE")
    assert complete["checked"] > report["log"]["size"]


def test_the_copy_comes_with_its_key_and_is_for_nobody_else(town: Town, tmp_path: Path) -> None:
    place = tmp_path / "a copy"
    (place).mkdir()
    (place / "checkpoint").write_text("an earlier one")
    saved = town.ok("-p", "auditor", "audit", "export", place)
    assert sorted(file.name for file in place.iterdir()) == ["checkpoint", "entries.jsonl", "log.pub"]
    assert {file.stat().st_mode & 0o777 for file in place.iterdir()} == {0o600}
    key = Path(saved["log_key"]).read_text().strip()
    report = town.ok("-p", "alice", "audit", "verify", "--export", place, "--log-key", key)
    assert key.startswith(f"{report['log']['origin']}+")
    said = town.run("-p", "auditor", "audit", "export", place).out
    assert f"--export '{place}' --log-key \"$(cat '{place / 'log.pub'}')\"" in said


def test_a_copy_that_is_older_than_the_chain_is_audited_as_far_as_it_goes(town: Town, tmp_path: Path) -> None:
    saved = town.ok("-p", "auditor", "audit", "export", tmp_path / "saved")
    assert town.run("-p", "clinic", "read", "alice", "--purpose", "HRESCH").code == 11
    end = time.monotonic() + PATIENCE
    later = 0
    while not later and time.monotonic() < end:  # the next anchor comes by itself
        report = town.ok("-p", "auditor", "audit", "verify", "--export", tmp_path / "saved")
        anchor = next(step for step in report["steps"] if step["step"] == "ANCHOR")
        later = anchor["unchecked"].get("anchored after this copy was saved", 0)
    assert later > 0
    assert report["log"]["size"] == saved["entries"]


def test_the_log_key_is_trusted_only_after_an_audit_that_found_no_fault(town: Town, tmp_path: Path) -> None:
    town.admitted("newcomer", "Nora New", "auditor")
    place = tmp_path / "saved"
    town.ok("-p", "newcomer", "audit", "export", place)
    lines = (place / "entries.jsonl").read_text().splitlines()
    (place / "entries.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    failed = town.run("-p", "newcomer", "audit", "verify", "--export", place)
    assert failed.code in range(13, 22)
    assert "from now on this profile trusts" not in failed.err
    first = town.run("-p", "newcomer", "audit", "verify")
    assert "from now on this profile trusts" in first.err
    assert "log key" not in town.run("-p", "newcomer", "audit", "verify").err


@pytest.mark.parametrize(
    ("checked", "unchecked", "findings", "verdict"),
    [
        (0, {"sealed": 2}, 0, "nothing checked"),
        (1, {"sealed": 2}, 0, "ok"),
        (0, {}, 0, "ok"),
        (0, {"sealed": 2}, 1, "1 FINDING"),
    ],
)
def test_a_step_that_checked_nothing_is_not_called_ok(
    checked: int, unchecked: dict[str, int], findings: int, verdict: str
) -> None:
    step = StepPart(step="CONSENT", checked=checked, unchecked=unchecked, findings=findings)
    report = AuditReport(
        ok=not findings,
        exit_code=0,
        at=0,
        log=LogPart(origin="o"),
        chain=AuditedChain(id=1),
        steps=[step],
        findings=[],
        notes=[],
    )
    assert report_text(report).splitlines()[1].split("  ")[3] == verdict


def test_a_saved_log_is_audited_without_its_gateway(town: Town, tmp_path: Path) -> None:
    saved = town.ok("-p", "auditor", "audit", "export", tmp_path / "saved")
    report = town.ok("-p", "auditor", "audit", "verify", "--export", tmp_path / "saved")
    assert report["log"]["size"] == saved["entries"]
    lines = (tmp_path / "saved" / "entries.jsonl").read_text().splitlines()
    (tmp_path / "saved" / "entries.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    ran = town.run("-p", "auditor", "audit", "verify", "--export", tmp_path / "saved", "--json")
    assert ran.code in range(13, 22)
    assert ran.code == ran.answer["exit_code"]
    assert not ran.answer["ok"]


def test_another_logs_key_does_not_fit(town: Town) -> None:
    report = town.ok("-p", "auditor", "audit", "verify")
    stranger = f"{report['log']['origin']}+00000000+AAAA"
    assert town.run("-p", "auditor", "audit", "verify", "--log-key", stranger).code in {2, 10, 13}


@pytest.mark.parametrize("name", ["missing", "nothing.receipt.json"])
def test_receipts_that_are_not_there_are_said(town: Town, tmp_path: Path, name: str) -> None:
    assert town.failed(2, "-p", "auditor", "audit", "verify", "--receipts", tmp_path / name)["reason"] == (
        "file_missing"
    )

"""`consent audit` against the gateway that the other tests use."""

from pathlib import Path

import pytest

from tests.cli.support import Town


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

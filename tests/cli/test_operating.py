"""What an operator does with `consent gateway` and `consent doctor --operator`, on a gateway that runs."""

import json
from pathlib import Path

import pytest

from tests.cli.support import Consent, Town

pytestmark = pytest.mark.chain


def test_the_example_of_the_settings_is_a_file_that_can_be_used(consent: Consent, tmp_path: Path) -> None:
    made = consent("gateway", "settings", "--example")
    assert made.code == 0
    (tmp_path / "settings.toml").write_text(made.out)
    refused = consent("gateway", "settings", "--check", "--settings", tmp_path / "settings.toml")
    assert refused.code == 2
    assert "line 9: deployment: cannot be read" in refused.err  # the one file that it needs


def test_all_errors_are_named_at_once_as_data_too(consent: Consent, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("prot = 1\nport = 70000\n")
    refused = consent("--json", "gateway", "settings", "--check", "--settings", tmp_path / "settings.toml")
    error = json.loads(refused.out)["error"]
    assert (refused.code, error["reason"]) == (2, "bad_setting")
    assert all(f"line {line}" in error["message"] for line in (1, 2))


def test_every_setting_is_shown_with_where_it_is_from(town: Town) -> None:
    state = town.home / "stack"
    shown = town.ok("gateway", "settings", "--state", state)
    found = {one["key"]: one for one in shown["settings"]}
    assert found["state"] == {"key": "state", "value": str(state), "origin": "--state"}
    assert found["port"]["origin"] == "default"


def test_a_gateway_that_runs_is_backed_up_tried_and_examined(town: Town, tmp_path: Path) -> None:
    state, kept, keys = town.home / "stack", tmp_path / "database", tmp_path / "keys"
    before = town.run("doctor", "--operator", "--state", state, "--json").answer
    assert {one["name"] for one in before["checks"] if not one["ok"]} >= {"backups"}
    made = town.ok("gateway", "backup", kept, "--keys", keys, "--state", state)
    assert made["log_size"] > 0
    tried = town.ok("gateway", "drill", kept, "--keys", keys, "--state", state)
    assert (tried["ok"], tried["drill"], tried["missing"]) == (True, True, 0)
    assert tried["records"] > 0
    after = town.run("doctor", "--operator", "--state", state, "--json").answer
    wrong = {one["name"]: one["detail"] for one in after["checks"] if not one["ok"]}
    assert wrong.keys() <= {"serving", "disk"}, wrong  # its port was free, and is no setting
    assert len(after["checks"]) == 10


def test_a_restore_that_would_overwrite_is_refused(town: Town, tmp_path: Path) -> None:
    state, kept, keys = town.home / "stack", tmp_path / "database", tmp_path / "keys"
    town.ok("gateway", "backup", kept, "--keys", keys, "--state", state)
    refused = town.failed(2, "gateway", "restore", kept, "--keys", keys, "--state", state)
    assert refused["reason"] == "not_empty"


def test_a_backup_that_was_changed_is_refused_with_the_code_of_a_failed_proof(
    town: Town, tmp_path: Path
) -> None:
    state, kept, keys = town.home / "stack", tmp_path / "database", tmp_path / "keys"
    town.ok("gateway", "backup", kept, "--keys", keys, "--state", state)
    (kept / "database").write_bytes(b"")
    refused = town.failed(10, "gateway", "drill", kept, "--keys", keys, "--state", state)
    assert refused["reason"] == "backup_altered"

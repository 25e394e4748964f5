"""What is not there, or not allowed: gateways, nodes, keys, roles."""

import re
from pathlib import Path

import pytest

from tests.cli.support import Town

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("where", "code"), [("--gateway", "gateway_unreachable"), ("--rpc", "chain_unreachable")]
)
def test_what_does_not_answer_is_said_and_safe_to_retry(town: Town, where: str, code: str) -> None:
    error = town.failed(3, "-p", "alice", "list", where, NOWHERE)
    assert error["code"] == code
    assert error["fix"]


def test_a_wrong_passphrase_opens_nothing(town: Town, tmp_path: Path) -> None:
    (tmp_path / "wrong").touch(mode=0o600)
    (tmp_path / "wrong").write_text("not it\n")
    assert (
        town.failed(4, "-p", "alice", "list", "--passphrase-file", tmp_path / "wrong")["code"] == "key_locked"
    )


def test_a_profile_without_an_identity_is_told_to_make_one(town: Town) -> None:
    assert town.failed(2, "-p", "nobody", "list")["reason"] == "no_identity"


def test_only_an_auditor_reads_the_log(town: Town) -> None:
    for who in ("alice", "insurer"):
        assert town.failed(11, "-p", who, "audit", "verify")["reason"] == "no_auditor"
        assert town.failed(11, "-p", who, "audit", "export", town.home / "stolen")["reason"] == "no_auditor"
    assert not (town.home / "stolen").exists()


def test_a_provider_that_is_none_is_told_so_and_not_to_ask_the_patient(town: Town) -> None:
    town.newcomer("hugo")
    town.introduced("alice", "hugo")
    error = town.failed(11, "-p", "hugo", "read", "alice", "--purpose", "TREAT")
    assert error["message"] == "your account is not in the participant directory"
    assert "consent participant apply" in error["fix"]
    error = town.failed(
        11,
        "-p",
        "auditor",
        "read",
        str(town.ok("-p", "alice", "identity", "show")["did"]),
        "--purpose",
        "TREAT",
    )
    assert error["reason"] == "role_missing"


def test_a_suspended_provider_is_told_so(town: Town) -> None:
    did = town.admitted("ida", "Ida Clinic")
    town.introduced("alice", "ida")
    assert town.failed(11, "-p", "ida", "read", "alice", "--purpose", "TREAT")["code"] == "access_denied"
    town.ok("participant", "suspend", did, "--yes")
    error = town.failed(11, "-p", "ida", "read", "alice", "--purpose", "TREAT")
    assert (error["code"], error["reason"]) == ("not_admitted", "suspended")
    assert "Ask the patient" not in error["fix"]


def test_a_no_and_no_answer_sound_the_same_to_a_provider(town: Town) -> None:
    jane = town.newcomer("jane")
    town.admitted("kate", "Kate Clinic")
    town.introduced("jane", "kate")
    town.ok("-p", "jane", "record", "add", town.home / "bundle.json")
    before = town.failed(11, "-p", "kate", "read", "jane", "--purpose", "TREAT", "--class", "labs")
    town.ok("-p", "jane", "grant", "--deny", "--to", "Kate Clinic", "--purpose", "TREAT", "--yes")
    after = town.failed(11, "-p", "kate", "read", "jane", "--purpose", "TREAT", "--class", "labs")
    for error in (before, after):
        del error["where"]
    assert before == after
    assert jane not in str(after)


def test_only_an_accreditor_admits(town: Town, tmp_path: Path) -> None:
    town.newcomer("eve")
    applied = town.ok("-p", "eve", "participant", "apply", "--name", "Eve Clinic", "--role", "provider")
    (tmp_path / "eve.application").write_text(applied["application"])
    key = tmp_path / "eve.key"
    key.write_text("0x" + "11" * 32 + "\n")
    key.chmod(0o600)
    error = town.failed(11, "participant", "admit", tmp_path / "eve.application", "--key", key, "--yes")
    assert error["reason"] == "no_accreditor"
    names = {one.get("name") for one in town.ok("participant", "list")["participants"]}
    assert "Eve Clinic" not in names


def test_admitting_asks_first(town: Town, tmp_path: Path) -> None:
    town.newcomer("fred")
    applied = town.ok("-p", "fred", "participant", "apply", "--name", "Fred Clinic", "--role", "provider")
    (tmp_path / "fred.application").write_text(applied["application"])
    assert town.run("participant", "admit", tmp_path / "fred.application").code == 5


def test_a_forged_application_is_refused(town: Town, tmp_path: Path) -> None:
    town.newcomer("gina")
    applied = town.ok("-p", "gina", "participant", "apply", "--name", "Gina Clinic", "--role", "provider")
    forged = applied["application"].replace("Gina Clinic", "City Clinic")
    (tmp_path / "forged").write_text(forged)
    error = town.failed(10, "participant", "admit", tmp_path / "forged", "--yes")
    assert error["code"] == "signature_invalid"
    assert "for a new application" in error["fix"]


def test_doctor_finds_all_well_and_says_how_soon_a_stop_counts(town: Town) -> None:
    found = town.ok("-p", "alice", "doctor")
    assert found["ok"]
    stops = {check["name"]: check["detail"] for check in found["checks"]}["stops"]
    assert re.fullmatch(
        r"a stop made on chain alone counts \d+\.\d s after it is sent, "
        r"\d+\.\d s after its block, as measured, 60\.0 s after its block at most",
        stops,
    )


def test_a_gateway_gets_its_keys_once(town: Town, tmp_path: Path) -> None:
    made = town.ok("gateway", "init", "--state", tmp_path / "gateway")
    assert all(Path(name).stat().st_mode & 0o777 == 0o600 for name in made["files"])
    assert town.ok("gateway", "init", "--state", tmp_path / "gateway") == made


def test_serving_without_settings_names_the_missing_one(town: Town, tmp_path: Path) -> None:
    error = town.failed(2, "serve", "--state", tmp_path)
    assert error["reason"] == "bad_setting"
    assert "CONSENT_RPC" in error["message"]

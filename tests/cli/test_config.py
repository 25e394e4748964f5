"""Settings and where they come from."""

from pathlib import Path

import pytest

from tests.cli.support import Consent


@pytest.fixture(autouse=True)
def profile(consent: Consent, network: Path) -> None:
    """A profile with a network."""
    assert consent("config", "set", "network", network).code == 0


def origins(consent: Consent, *arguments: str) -> dict[str, tuple[str, str]]:
    settings = consent(*arguments, "config", "get", "--json").answer["settings"]
    return {setting["key"]: (setting["value"], setting["origin"]) for setting in settings}


def test_a_flag_comes_before_the_environment_and_that_before_the_profile(
    consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert origins(consent)["gateway"] == ("http://127.0.0.1:9", "profile")
    monkeypatch.setenv("CONSENT_GATEWAY", "http://127.0.0.1:10")
    assert origins(consent)["gateway"] == ("http://127.0.0.1:10", "environment")
    flagged = origins(consent, "--gateway", "http://127.0.0.1:11")
    assert flagged["gateway"] == ("http://127.0.0.1:11", "flag")
    assert flagged["profile"] == ("default", "default")


def test_one_setting_is_printed_bare(consent: Consent) -> None:
    assert consent("config", "get", "chain_id").out == "31337\n"
    assert consent("config", "get", "gateway", "--show-origin").out.split() == [
        "gateway",
        "http://127.0.0.1:9",
        "profile",
    ]


def test_a_setting_is_changed_and_the_rest_stays(consent: Consent) -> None:
    before = origins(consent)
    assert consent("config", "set", "rpc", "http://127.0.0.1:8545/").code == 0
    assert origins(consent) == {**before, "rpc": ("http://127.0.0.1:8545", "profile")}


def test_several_nodes_are_named_with_commas(consent: Consent) -> None:
    assert consent("config", "set", "rpc", "http://127.0.0.1:9/, http://127.0.0.1:10/").code == 0
    assert origins(consent)["rpc"] == ("http://127.0.0.1:9,http://127.0.0.1:10", "profile")
    assert consent("doctor", "--json").code == 3


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("gateway", "ftp://x", "bad_url"),
        ("rpc", "", "bad_url"),
        ("rpc", "http://127.0.0.1:8545,ftp://x", "bad_url"),
        ("gateway", "http://user:pw@x", "bad_url"),
        ("rpc", "http://[", "bad_url"),
        ("colour", "red", "unknown_setting"),
        ("blocks_factor", "0", "bad_factor"),
        ("blocks_factor", "two", "bad_factor"),
    ],
)
def test_what_cannot_be_set_changes_nothing(consent: Consent, key: str, value: str, reason: str) -> None:
    before = origins(consent)
    ran = consent("config", "set", key, value)
    assert ran.code == 2
    assert reason in ran.err
    assert origins(consent) == before


def test_how_many_places_must_take_a_block_and_the_token_s_file_are_settings(
    consent: Consent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert consent("config", "set", "blocks_factor", "2").code == 0
    assert consent("config", "set", "blocks_token_file", tmp_path / "token").code == 0
    found = origins(consent)
    assert found["blocks_factor"] == ("2", "profile")
    assert found["blocks_token_file"] == (str(tmp_path / "token"), "profile")
    monkeypatch.setenv("CONSENT_BLOCKS_FACTOR", "3")
    assert origins(consent)["blocks_factor"] == ("3", "environment")


def test_an_unknown_setting_names_those_that_are(consent: Consent) -> None:
    ran = consent("config", "get", "colour")
    assert ran.code == 2
    assert "gateway" in ran.err


def test_a_file_that_is_no_network_is_refused(consent: Consent, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"format":"consent-ledger/config/1"}')
    ran = consent("config", "set", "network", tmp_path / "x.json")
    assert ran.code == 2
    assert "bad_config" in ran.err


def test_doctor_says_what_does_not_answer(consent: Consent) -> None:
    ran = consent("doctor", "--json")
    assert ran.code == 3
    assert {check["name"]: check["ok"] for check in ran.answer["checks"]} == {
        "gateway": False,
        "network": False,
        "chain": False,
        "stops": False,
        "kept stops": False,
    }

"""Making, restoring and showing an identity."""

import re
from pathlib import Path

import pytest

from cli.shapes.people import IdentityCard, IdentityShown
from tests.cli.support import Consent, made

FAST = ("--work-factor", "14")


def words_in(text: str) -> str:
    """The numbered words under the warning, in order."""
    return " ".join(re.findall(r"\d+ ([a-z]+)", text.partition("nobody is.")[2]))


def test_without_a_terminal_the_words_go_to_a_file_only(consent: Consent, tmp_path: Path) -> None:
    ran = consent("identity", "create", *FAST, "--words-to", tmp_path / "words", "--json")
    assert ran.code == 0
    words = (tmp_path / "words").read_text().split()
    assert len(words) == 24
    assert " ".join(words[:3]) not in ran.out + ran.err
    assert words_in(ran.err) == ""
    assert ran.shape(IdentityShown).account.startswith("0x")
    assert ran.answer["profile"] == "default"


@pytest.mark.parametrize("more", [[], ["--json"], ["-q"], ["--yes"]])
def test_without_a_terminal_no_identity_is_made_unless_a_file_for_the_words_is_named(
    consent: Consent, home: Path, more: list[str]
) -> None:
    ran = consent("identity", "create", *FAST, *more)
    assert ran.code == 2
    assert "words_to_needed" in ran.out + ran.err
    assert "--words-to" in ran.out + ran.err
    assert not home.exists()


def test_restoring_the_words_gives_the_same_account(consent: Consent, tmp_path: Path) -> None:
    first = consent("-p", "one", "identity", "create", *FAST, "--words-to", tmp_path / "words", "--json")
    assert words_in(first.err) == ""
    assert (tmp_path / "words").stat().st_mode & 0o777 == 0o600
    ran = consent("-p", "two", "identity", "restore", *FAST, "--words-from", tmp_path / "words", "--json")
    assert ran.code == 0
    assert ran.answer["account"] == first.answer["account"]


def test_an_identity_is_never_overwritten(consent: Consent, home: Path, tmp_path: Path) -> None:
    made(consent, "default", tmp_path)
    keystore = home / "profiles" / "default" / "keystore.json"
    before = keystore.read_bytes()
    ran = consent("identity", "create", *FAST, "--words-to", tmp_path / "others")
    assert ran.code == 2
    assert "identity_exists" in ran.err
    assert keystore.read_bytes() == before


def test_words_go_to_no_file_that_is_there(consent: Consent, tmp_path: Path, home: Path) -> None:
    (tmp_path / "words").write_text("mine")
    ran = consent("identity", "create", *FAST, "--words-to", tmp_path / "words")
    assert ran.code == 2
    assert (tmp_path / "words").read_text() == "mine"
    assert not (home / "profiles" / "default" / "keystore.json").exists()


def test_words_that_are_none_make_no_profile(consent: Consent, tmp_path: Path, home: Path) -> None:
    (tmp_path / "words").write_text("abandon " * 24)
    ran = consent("identity", "restore", *FAST, "--words-from", tmp_path / "words")
    assert ran.code == 2
    assert "bad_words" in ran.err
    assert not (home / "profiles" / "default" / "keystore.json").exists()


def test_nobody_to_ask_for_a_passphrase(
    consent: Consent, monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
) -> None:
    monkeypatch.delenv("CONSENT_PASSPHRASE_FILE")
    ran = consent("identity", "create", *FAST, "--words-to", tmp_path / "words")
    assert ran.code == 4
    assert "--passphrase-file" in ran.err
    assert not home.exists()


def test_a_wrong_passphrase_is_key_locked(consent: Consent, tmp_path: Path, network: Path) -> None:
    made(consent, "default", tmp_path, "--network", network)
    (tmp_path / "wrong").touch(mode=0o600)
    (tmp_path / "wrong").write_text("another\n")
    ran = consent("identity", "show", "--card", "--passphrase-file", tmp_path / "wrong")
    assert ran.code == 4
    assert "key_locked" in ran.err
    assert "another" not in ran.err


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_passphrase_file_that_others_may_use_is_refused(
    consent: Consent, tmp_path: Path, network: Path, mode: int
) -> None:
    made(consent, "default", tmp_path, "--network", network)
    (tmp_path / "passphrase").chmod(mode)
    ran = consent("identity", "show", "--card")
    assert ran.code == 4
    assert "passphrase_exposed" in ran.err
    assert f"chmod 600 {tmp_path / 'passphrase'}" in ran.err
    (tmp_path / "passphrase").chmod(0o400)
    assert consent("identity", "show", "--card").code == 0


def test_a_directory_instead_of_a_passphrase_file_is_said(consent: Consent, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir(mode=0o700)
    given = ("--words-to", tmp_path / "words", "--passphrase-file", tmp_path / "place")
    ran = consent("identity", "create", *FAST, *given)
    assert ran.code == 2
    assert f"The path {tmp_path / 'place'} is a directory" in ran.err


def test_a_card_needs_a_network_and_says_how_to_name_one(consent: Consent, tmp_path: Path) -> None:
    made(consent, "default", tmp_path)
    ran = consent("identity", "show", "--card")
    assert ran.code == 2
    assert "config set network" in ran.err


def test_a_card_is_taken_by_somebody_else(consent: Consent, network: Path, tmp_path: Path) -> None:
    made(consent, "alice", tmp_path, "--network", network)
    card = consent("-p", "alice", "identity", "show", "--card", "--name", "Alice Example", "--json")
    (tmp_path / "card").write_text(card.shape(IdentityCard).card)
    consent("-p", "clinic", "config", "set", "network", network)
    ran = consent("-p", "clinic", "contact", "add", "alice", tmp_path / "card", "--json")
    assert ran.code == 0
    assert ran.answer["contact"] == {
        "name": "alice",
        "did": card.answer["did"],
        "own_name": "Alice Example",
        "has_encryption_key": False,
        "has_inbox_key": True,
    }


def test_the_network_of_up_is_taken_if_none_is_named(
    consent: Consent, home: Path, network: Path, tmp_path: Path
) -> None:
    (home / "stack").mkdir(parents=True)
    (home / "stack" / "network.json").write_bytes(network.read_bytes())
    ran = made(consent, "default", tmp_path, "--json")
    assert ran.answer["did"] == f"did:pkh:eip155:31337:{ran.answer['account']}"


def test_an_identity_that_cannot_be_kept_leaves_no_words_behind(consent: Consent, tmp_path: Path) -> None:
    (tmp_path / "empty").touch(mode=0o600)
    (tmp_path / "empty").write_text("\n")
    words = tmp_path / "words"
    ran = consent("identity", "create", *FAST, "--words-to", words, "--passphrase-file", tmp_path / "empty")
    assert ran.code == 2
    assert "empty_passphrase" in ran.err
    assert not words.exists()

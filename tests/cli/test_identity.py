"""Making, restoring and showing an identity."""

import re
from pathlib import Path

import pytest

from cli.shapes.people import IdentityCard, IdentityShown
from tests.cli.support import Consent

FAST = ("--work-factor", "14")


def words_in(text: str) -> str:
    """The numbered words under the warning, in order."""
    return " ".join(re.findall(r"\d+ ([a-z]+)", text.partition("nobody is.")[2]))


def test_create_shows_24_words_once_on_stderr_and_the_account_on_stdout(consent: Consent) -> None:
    ran = consent("identity", "create", *FAST, "--json")
    assert ran.code == 0
    words = words_in(ran.err)
    assert len(words.split()) == 24
    assert " ".join(words.split()[:3]) not in ran.out
    assert ran.shape(IdentityShown).account.startswith("0x")
    assert ran.answer["profile"] == "default"


def test_restoring_the_words_gives_the_same_account(consent: Consent, tmp_path: Path) -> None:
    made = consent("-p", "one", "identity", "create", *FAST, "--words-to", tmp_path / "words", "--json")
    assert words_in(made.err) == ""
    assert (tmp_path / "words").stat().st_mode & 0o777 == 0o600
    ran = consent("-p", "two", "identity", "restore", *FAST, "--words-from", tmp_path / "words", "--json")
    assert ran.code == 0
    assert ran.answer["account"] == made.answer["account"]


def test_an_identity_is_never_overwritten(consent: Consent, home: Path) -> None:
    consent("identity", "create", *FAST)
    keystore = home / "profiles" / "default" / "keystore.json"
    before = keystore.read_bytes()
    ran = consent("identity", "create", *FAST)
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
    consent: Consent, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.delenv("CONSENT_PASSPHRASE_FILE")
    ran = consent("identity", "create", *FAST)
    assert ran.code == 4
    assert "--passphrase-file" in ran.err
    assert not home.exists()


def test_a_wrong_passphrase_is_key_locked(consent: Consent, tmp_path: Path, network: Path) -> None:
    consent("identity", "create", *FAST, "--network", network)
    (tmp_path / "wrong").write_text("another\n")
    ran = consent("identity", "show", "--card", "--passphrase-file", tmp_path / "wrong")
    assert ran.code == 4
    assert "key_locked" in ran.err
    assert "another" not in ran.err


def test_a_card_needs_a_network_and_says_how_to_name_one(consent: Consent) -> None:
    consent("identity", "create", *FAST)
    ran = consent("identity", "show", "--card")
    assert ran.code == 2
    assert "config set network" in ran.err


def test_a_card_is_taken_by_somebody_else(consent: Consent, network: Path, tmp_path: Path) -> None:
    consent("-p", "alice", "identity", "create", *FAST, "--network", network)
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


def test_the_network_of_up_is_taken_if_none_is_named(consent: Consent, home: Path, network: Path) -> None:
    (home / "stack").mkdir(parents=True)
    (home / "stack" / "network.json").write_bytes(network.read_bytes())
    ran = consent("identity", "create", *FAST, "--json")
    assert ran.answer["did"] == f"did:pkh:eip155:31337:{ran.answer['account']}"


def test_an_identity_that_cannot_be_kept_leaves_no_words_behind(consent: Consent, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    words = tmp_path / "words"
    ran = consent("identity", "create", *FAST, "--words-to", words, "--passphrase-file", tmp_path / "empty")
    assert ran.code == 2
    assert "empty_passphrase" in ran.err
    assert not words.exists()


def test_the_words_are_shown_even_if_all_else_is_quiet(consent: Consent) -> None:
    assert len(words_in(consent("-q", "identity", "create", *FAST).err).split()) == 24

"""Keeping the people one knows."""

from pathlib import Path

import pytest

from tests.cli.support import Consent, made


@pytest.fixture
def card(consent: Consent, network: Path, tmp_path: Path) -> Path:
    """Alice's card; the default profile is on the same network."""
    made(consent, "alice", tmp_path, "--network", network)
    path = tmp_path / "alice.card"
    path.write_text(consent("-p", "alice", "identity", "show", "--card").out)
    consent("config", "set", "network", network)
    return path


def test_added_listed_shown_removed(consent: Consent, card: Path) -> None:
    assert consent("contact", "add", "alice", card).code == 0
    assert [contact["name"] for contact in consent("contact", "list", "--json").answer["contacts"]] == [
        "alice"
    ]
    assert consent("contact", "show", "alice", "--json").answer["contact"]["has_inbox_key"]
    assert consent("contact", "remove", "alice", "--yes").code == 0
    assert consent("contact", "list", "--json").answer["contacts"] == []


def test_removing_asks_and_without_a_terminal_names_yes(consent: Consent, card: Path) -> None:
    consent("contact", "add", "alice", card)
    ran = consent("contact", "remove", "alice")
    assert ran.code == 5
    assert "--yes" in ran.err
    assert consent("contact", "show", "alice").code == 0


def test_a_name_that_is_somebody_else_is_kept(
    consent: Consent, card: Path, network: Path, tmp_path: Path
) -> None:
    consent("contact", "add", "alice", card)
    made(consent, "mallory", tmp_path, "--network", network)
    other = tmp_path / "mallory.card"
    other.write_text(consent("-p", "mallory", "identity", "show", "--card").out)
    before = consent("contact", "show", "alice", "--json").out
    ran = consent("contact", "add", "alice", other)
    assert ran.code == 2
    assert "contact_exists" in ran.err
    assert consent("contact", "show", "alice", "--json").out == before


def test_a_card_with_another_name_on_it_does_not_verify(consent: Consent, card: Path) -> None:
    card.write_text(_renamed(card.read_text()))
    ran = consent("contact", "add", "alice", card)
    assert ran.code == 10
    assert "signature_invalid" in ran.err
    assert "Ask that person for a new card" in ran.err
    assert "gateway" not in ran.err


def test_a_card_of_another_chain_is_refused(consent: Consent, card: Path, network: Path) -> None:
    network.write_text(network.read_text().replace("31337", "31338"))
    consent("-p", "elsewhere", "config", "set", "network", network)
    ran = consent("-p", "elsewhere", "contact", "add", "alice", card)
    assert ran.code == 2
    assert "other_chain" in ran.err


def test_what_is_no_card_is_refused(consent: Consent, card: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("not a card")
    ran = consent("contact", "add", "alice", tmp_path / "x")
    assert ran.code == 2
    assert "not_json" in ran.err


def test_a_missing_file_is_named(consent: Consent, card: Path, tmp_path: Path) -> None:
    ran = consent("contact", "add", "alice", tmp_path / "nowhere")
    assert ran.code == 2
    assert "nowhere" in ran.err


@pytest.mark.parametrize("name", ["Alice", "../alice", "a" * 41, ""])
def test_names_that_cannot_be(consent: Consent, card: Path, name: str) -> None:
    ran = consent("contact", "add", name, card)
    assert ran.code == 2
    assert "bad_contact_name" in ran.err


def _renamed(text: str) -> str:
    """The same card with a name that its holder did not sign."""
    return text.replace('"signature":"0x', '"name":"Bob","signature":"0x').replace(
        '"name":"Bob","signature":"0x', '"signature":"0x', 1
    )

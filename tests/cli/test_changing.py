"""`consent identity change`: what a patient reads, does and gets; and that it goes on after a break."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.shapes.changing import KeyChangePlanned, KeysChanged
from cli.views import changing as view
from ledger.client.handover import Handover
from ledger.errors import GatewayUnreachable
from tests.cli.support import Town
from tests.cli.test_patient_text import ALICE, FORBIDDEN
from tests.consent.readability import grade, words_a_sentence
from tests.network import small_bundle

PLANNED = KeyChangePlanned(old=ALICE.did, new="did:x", witness="did:y", records=12, statements=[])
CHANGED = KeysChanged(old=ALICE.did, new="did:x", log_index=7, records=12, lost=[], consents=2, unshared=[])
TEXTS = {
    "begun": view.BEGUN,
    "planned": view.planned_text(PLANNED),
    "changed": view.changed_text(CHANGED),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_patient_can_read_it(name: str) -> None:
    assert grade(TEXTS[name]) <= 8, grade(TEXTS[name])
    assert words_a_sentence(TEXTS[name]) <= 15
    assert not FORBIDDEN.search(TEXTS[name])


def test_it_says_what_a_change_cannot_undo() -> None:
    assert "What this cannot undo" in TEXTS["planned"]


@dataclass
class Story:
    """What each command of one change said."""

    town: Town
    old: str
    begun: dict[str, Any]
    early: dict[str, Any]
    planned: dict[str, Any]
    changed: dict[str, Any]


NAME = "vera-changes"


def step(town: Town, name: str, *more: str | Path) -> list[str | Path]:
    return ["-p", name, "identity", "change", "--work-factor", "14", *more]


def witnessed(town: Town, name: str) -> tuple[dict[str, Any], Path]:
    """New words, and the file that came back from the clinic."""
    begun = town.ok(*step(town, name, "--words-to", town.home / f"{name}.new"))
    asked, met = town.home / f"{name}.change", town.home / f"{name}.identified"
    asked.write_text(begun["change"])
    met.write_text(town.ok("-p", "clinic", "participant", "identify", asked, "--yes")["change"])
    return begun, met


def sharing(town: Town, name: str) -> str:
    """A patient with records whom the clinic may treat; their did."""
    did = town.newcomer(name)
    bundle = town.home / "few-records.json"
    bundle.write_bytes(small_bundle("Immunization"))
    town.ok("-p", name, "record", "add", bundle)
    share = ("grant", "--to", "City Hospital", "--purpose", "TREAT")
    town.ok("-p", name, *share, "--yes", "--wait", "seen")
    return did


@pytest.fixture(scope="module")
def story(town: Town) -> Story:
    old = sharing(town, NAME)
    begun, met = witnessed(town, NAME)
    early = town.failed(2, *step(town, NAME, "--identified", town.home / f"{NAME}.change", "--yes"))
    planned = town.ok(*step(town, NAME, "--identified", met, "--dry-run"))
    changed = town.ok(*step(town, NAME, "--identified", met, "--yes"))
    return Story(town, old, begun, early, planned, changed)


@pytest.mark.chain
class TestCommand:
    def test_new_words_alone_change_nothing(self, story: Story) -> None:
        assert story.begun["old"] == story.old != story.begun["new"]
        assert story.early["reason"] == "no_witness"
        assert "participant identify" in story.early["fix"]

    def test_the_plan_shows_every_text_that_is_signed_anew(self, story: Story) -> None:
        (text,) = story.planned["statements"]
        assert "City Hospital" in text
        assert story.planned["records"] == story.changed["records"] > 0

    def test_records_and_choices_go_on(self, story: Story) -> None:
        town = story.town
        shown = town.ok("-p", NAME, "identity", "show")
        assert shown["did"] == story.changed["new"]
        states = {one["state"] for one in town.consents(NAME)}
        assert states <= {"active", "pending"}
        assert len(town.ok("-p", NAME, "record", "list")["records"]) == story.changed["records"]

    def test_the_new_words_are_those_in_the_file(self, story: Story, tmp_path: Path) -> None:
        town = story.town
        words = town.home / f"{NAME}.new"
        again = town.ok(
            "-p", "vera-again", "identity", "restore", "--work-factor", "14", "--words-from", words
        )
        assert again["did"] == story.changed["new"]

    def test_the_old_words_are_worth_nothing(self, story: Story) -> None:
        town = story.town
        words = town.home / f"{NAME}.words"
        town.ok("-p", "vera-thief", "identity", "restore", "--work-factor", "14", "--words-from", words)
        for command in (("list",), ("record", "list"), ("patient", "history")):
            refused = town.failed(4, "-p", "vera-thief", *command)
            assert refused["reason"] == "account_succeeded"

    def test_the_history_and_the_old_files_are_kept(self, story: Story) -> None:
        former = story.town.home / "profiles" / NAME / "former"
        (account,) = former.iterdir()
        assert story.old.lower().endswith(account.name.lower())
        assert (account / "keystore.json").exists()
        assert not (former.parent / "successor").exists()

    def test_the_log_verifies_and_says_so(self, story: Story) -> None:
        report = story.town.ok("-p", "auditor", "audit", "verify")
        assert not report["findings"]
        assert any("left this log" in note for note in report["notes"])

    def test_a_provider_asks_for_no_change_that_was_bent(self, story: Story) -> None:
        bent = json.loads(story.begun["change"])
        bent["old"], bent["new"] = bent["new"], bent["old"]
        path = story.town.home / "bent.change"
        path.write_text(json.dumps(bent, separators=(",", ":"), sort_keys=True))
        refused = story.town.failed(10, "-p", "clinic", "participant", "identify", path, "--yes")
        assert refused["code"] == "signature_invalid"


@pytest.mark.chain
@pytest.mark.nightly
def test_a_change_that_breaks_off_anywhere_goes_on(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger.client import succession

    name = "willa-changes"
    sharing(town, name)
    _, met = witnessed(town, name)
    command = step(town, name, "--identified", met, "--yes")

    def broken(*_: object, **__: object) -> None:
        raise GatewayUnreachable("it went away", reason="no_answer")

    for act in ("give_up", "fill", "share"):
        with monkeypatch.context() as patch:
            patch.setattr(succession, act, broken)
            town.failed(3, *command)
    move = Handover._move
    for after in (1, 2):
        moved: list[Path] = []

        def once(
            self: Handover, source: Path, target: Path, moved: list[Path] = moved, after: int = after
        ) -> None:
            moved.append(source)
            if len(moved) == after:
                (source / "keystore.json").rename(target / "keystore.json")
                raise GatewayUnreachable("the machine stopped", reason="no_answer")
            move(self, source, target)

        with monkeypatch.context() as patch:
            patch.setattr(Handover, "_move", once)
            town.failed(3, *command)
    done = town.ok(*command)
    assert town.ok("-p", name, "identity", "show")["did"] == done["new"]
    assert len(town.ok("-p", name, "record", "list")["records"]) == done["records"] > 0
    assert len(town.consents(name)) == 1

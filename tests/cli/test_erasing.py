"""`consent patient erase`: what it shows, what it asks, what it does, and what the auditor says of it."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.shapes.consents import PersonPart
from cli.shapes.erasing import (
    ErasedCounts,
    ErasurePlanned,
    HolderPart,
    LeftChoicePart,
    LogReaderPart,
    PatientErased,
    RemainsPart,
)
from cli.views import erasing as view
from tests.cli.support import Town
from tests.cli.test_patient_text import FORBIDDEN, HOSPITAL
from tests.cli.test_terminal import typed
from tests.consent.readability import grade, words_a_sentence

pytestmark = pytest.mark.chain

COUNTS = ErasedCounts(records=12, consents=2, capsules=3, compartments=4, requests=1, entries=40)
REMAINS = RemainsPart(
    holders=[
        HolderPart(person=HOSPITAL, records=12, times=2, last=1_767_225_600_000),
        HolderPart(person=PersonPart(did="did:x", name="Old Insurance"), records=0, times=0),
    ],
    auditors=[LogReaderPart(person=PersonPart(did="did:y", name="Ada Audit"), time=1_767_225_600_000)],
    on_chain=[LeftChoicePart(consent="0x" + "4f" * 32, on_chain="ended")],
    entries=40,
    asked_before=2,
    retained=0,
    profile="/home/alice/profiles/alice",
)
PLANNED = ErasurePlanned(
    patient="did:pkh:eip155:1:0x00",
    gateway="http://127.0.0.1:8440",
    key_backup_days=30,
    running=["0x" + "4f" * 32],
    destroys=COUNTS,
    remains=REMAINS,
)
ERASED = PatientErased(
    patient="did:pkh:eip155:1:0x00",
    gateway="http://127.0.0.1:8440",
    tag="0x" + "1a" * 20,
    at=1_767_225_600_000,
    keys_until=1_769_817_600_000,
    blocks_left=0,
    blocks_kept=0,
    log_index=57,
    receipt="/home/alice/profiles/alice/receipts/57.receipt.json",
    destroyed=COUNTS,
    remains=REMAINS,
)
NOTHING = msgspec.structs.replace(REMAINS, holders=[], auditors=[], on_chain=[], asked_before=0)
TEXTS = {
    "planned": view.planned_text(PLANNED),
    "erased": view.erased_text(ERASED),
    "erased with little": view.erased_text(msgspec.structs.replace(ERASED, remains=NOTHING)),
    "erased but for blocks": view.erased_text(msgspec.structs.replace(ERASED, blocks_left=7)),
    "erased but for shared blocks": view.erased_text(msgspec.structs.replace(ERASED, blocks_kept=3)),
}


class TestText:
    @pytest.mark.parametrize("name", TEXTS)
    def test_a_patient_can_read_it(self, name: str) -> None:
        text = TEXTS[name].partition("\nDetails\n")[0]
        assert grade(text) <= 8, grade(text)
        assert words_a_sentence(text) <= 15
        assert not FORBIDDEN.search(text)

    def test_it_says_first_whether_anyone_can_still_open_something(self) -> None:
        assert TEXTS["erased"].splitlines()[1].startswith("Nobody can open anything more of yours")

    def test_everybody_who_holds_something_is_named_with_it(self) -> None:
        text = TEXTS["erased"]
        assert '"City Hospital": 12 records, 2 times, last on 1 January 2026, 00:00 UTC' in text
        assert '"Old Insurance"' in text.partition("who were given nothing")[2]
        assert '"Ada Audit"' in text.partition("checked the log")[2]
        assert "until 31 January 2026, 00:00 UTC" in text
        assert "2 questions from before you joined" in text
        assert REMAINS.profile in text

    def test_who_was_given_nothing_is_told_so(self) -> None:
        assert "Nobody was given records of yours." in TEXTS["erased with little"]
        assert "Nothing on the public ledger." in TEXTS["erased with little"]

    def test_blocks_that_are_left_are_named(self) -> None:
        assert "7 locked files could not be thrown away yet" in TEXTS["erased but for blocks"]
        assert "locked files could not" not in TEXTS["erased"]

    def test_blocks_that_others_have_too_are_named(self) -> None:
        assert "3 locked files stay, as the records of somebody else" in TEXTS["erased but for shared blocks"]
        assert "of somebody else have" not in TEXTS["erased"]

    @pytest.mark.parametrize("name", TEXTS)
    def test_what_was_sent_and_never_published_is_named(self, name: str) -> None:
        assert "locked files that you sent and that are in no record" in TEXTS[name]

    def test_the_same_facts_give_the_same_text(self) -> None:
        assert view.erased_text(msgspec.structs.replace(ERASED)) == TEXTS["erased"]

    def test_a_name_that_misleads_a_terminal_is_shown_as_codes(self) -> None:
        bad = HolderPart(person=PersonPart(did="did:x", name="\x1b[2J"), records=1, times=1)
        remains = msgspec.structs.replace(REMAINS, holders=[bad])
        assert "\x1b" not in view.erased_text(msgspec.structs.replace(ERASED, remains=remains))


@pytest.fixture(scope="module")
def story(town: Town) -> dict[str, Any]:
    """Nora shares with the clinic, which reads; then she erases herself."""
    town.newcomer("nora")
    town.introduced("nora", "clinic", "insurer")
    town.ok("-p", "nora", "record", "add", town.home / "bundle.json")
    town.ok("-p", "nora", "grant", "--to", "City Hospital", "--purpose", "TREAT", "--yes", "--wait", "seen")
    read = town.ok("-p", "clinic", "read", "nora", "--purpose", "TREAT", "--to", town.home / "nora.read")
    before = town.ok("-p", "auditor", "audit", "verify")
    plan = town.ok("-p", "nora", "patient", "erase", "--dry-run")
    asked = town.failed(5, "-p", "nora", "patient", "erase", "--yes")
    other = town.failed(2, "-p", "nora", "patient", "erase", "--confirm", "alice")
    file = town.home / "nora.erased"
    done = town.ok("-p", "nora", "patient", "erase", "--confirm", "nora", "--statement", file)
    return {"read": read, "before": before, "plan": plan, "asked": asked, "other": other, "done": done}


class TestCommand:
    def test_a_dry_run_shows_what_goes_and_stops_nothing(self, story: dict[str, Any]) -> None:
        plan = story["plan"]
        assert len(plan["running"]) == 1
        assert plan["destroys"]["records"] > 0
        (holder,) = plan["remains"]["holders"]
        assert holder["person"]["name"] == "City Hospital"

    def test_the_name_must_be_typed_and_yes_is_not_enough(self, story: dict[str, Any]) -> None:
        assert story["asked"]["reason"] == "confirmation_needed"
        assert "--confirm nora" in story["asked"]["fix"]
        assert story["other"]["reason"] == "other_name"

    def test_the_statement_names_who_holds_what(self, story: dict[str, Any]) -> None:
        done = story["done"]
        (holder,) = done["remains"]["holders"]
        assert (holder["person"]["name"], holder["times"]) == ("City Hospital", 1)
        assert holder["records"] > 0
        assert done["remains"]["auditors"][0]["person"]["name"] == "Ada Audit"
        (left,) = done["remains"]["on_chain"]
        assert left["on_chain"] in ("active", "ended")
        assert (done["blocks_left"], done["blocks_kept"]) == (0, 0)
        assert done["keys_until"] - done["at"] == 30 * 86_400_000

    def test_statement_and_receipt_are_kept(self, town: Town, story: dict[str, Any]) -> None:
        profile = town.home / "profiles" / "nora"
        text = (town.home / "nora.erased").read_text()
        assert text == (profile / "erasure-statement.txt").read_text()
        assert '"City Hospital"' in text
        assert json.loads((profile / "erasure-statement.json").read_text()) == story["done"]
        receipt = json.loads(Path(story["done"]["receipt"]).read_text())
        entry = json.loads(receipt["entry"])
        assert (entry["kind"], entry["tag"]) == ("patient.erased", story["done"]["tag"])

    def test_the_same_command_again_tells_the_same(self, town: Town, story: dict[str, Any]) -> None:
        again = town.ok("-p", "nora", "patient", "erase", "--confirm", "nora")
        assert again == story["done"]

    def test_these_words_do_not_join_again(self, town: Town, story: dict[str, Any]) -> None:
        refused = town.failed(2, "-p", "nora", "list")
        assert refused["reason"] == "erased"
        assert "new words" in refused["fix"]

    def test_the_clinic_is_told_that_nothing_is_there(self, town: Town, story: dict[str, Any]) -> None:
        refused = town.failed(
            11, "-p", "clinic", "read", "nora", "--purpose", "TREAT", "--to", town.home / "nora.again"
        )
        assert refused["code"] == "access_denied"

    def test_the_log_still_verifies_and_counts_what_was_erased(
        self, town: Town, story: dict[str, Any]
    ) -> None:
        report = town.ok("-p", "auditor", "audit", "verify")
        assert not report["findings"]
        entries = {step["step"]: step for step in report["steps"]}["ENTRY"]
        assert entries["unchecked"]["of an erased patient"] == story["done"]["destroyed"]["entries"]
        replayed = {step["step"]: step for step in report["steps"]}["REPLAY"]
        assert replayed["checked"] > 0

    def test_an_export_holds_nothing_of_the_erased_and_verifies(
        self, town: Town, story: dict[str, Any], tmp_path: Path
    ) -> None:
        town.ok("-p", "auditor", "audit", "export", tmp_path / "saved")
        lines = map(json.loads, (tmp_path / "saved" / "entries.jsonl").read_text().splitlines())
        theirs = [line for line in lines if line["tag"] == story["done"]["tag"]]
        assert len(theirs) == story["done"]["destroyed"]["entries"]
        assert not any({"salt", "entry"} & line.keys() for line in theirs)
        report = town.ok("-p", "auditor", "audit", "verify", "--export", tmp_path / "saved")
        assert report["ok"]

    def test_somebody_who_never_joined_has_nothing_to_erase(self, town: Town) -> None:
        town.newcomer("nobody-to-erase")
        refused = town.failed(2, "-p", "nobody-to-erase", "patient", "erase", "--confirm", "nobody-to-erase")
        assert refused["reason"] == "not_enrolled"


def test_the_order_is_kept_before_it_is_sent(town: Town) -> None:
    """The answer is lost; the same command again takes up what became of the order."""
    from ledger.client.gateway import GatewayClient
    from ledger.errors import GatewayUnreachable

    town.newcomer("oscar-erased")
    town.ok("-p", "oscar-erased", "record", "add", town.home / "bundle.json")
    erase = GatewayClient.erase

    def lost(self: GatewayClient, erasure: str, size: int, signature: str) -> object:
        erase(self, erasure, size, signature)
        raise GatewayUnreachable("the gateway does not answer", reason="no_answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GatewayClient, "erase", lost)
        town.failed(3, "-p", "oscar-erased", "patient", "erase", "--confirm", "oscar-erased")
    done = town.ok("-p", "oscar-erased", "patient", "erase")
    assert done["destroyed"]["records"] > 0
    assert re.fullmatch(r"0x[0-9a-f]{40}", done["tag"])


def test_the_name_is_asked_at_a_terminal_and_another_one_erases_nothing(town: Town) -> None:
    town.newcomer("petra-erased")
    town.ok("-p", "petra-erased", "record", "add", town.home / "bundle.json")
    given = ("--passphrase-file", str(town.home / "passphrase"), "-p", "petra-erased", "patient", "erase")
    question = "Type 'petra-erased' to go on:"
    code, shown = typed(town.home, *given, answers={question: "petra"})
    assert (code, "nothing was done" in shown) == (5, True)
    assert town.ok("-p", "petra-erased", "patient", "erase", "--dry-run")["destroys"]["records"] > 0
    code, shown = typed(town.home, *given, answers={question: "petra-erased"})
    assert code == 0
    assert shown.index("What stays, and what it can still tell") < shown.index(question)
    assert "You were erased on" in shown

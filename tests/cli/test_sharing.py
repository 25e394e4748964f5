"""Sharing, asking, reading and stopping through the commands, against a gateway and a chain that run."""

import json
from pathlib import Path
from typing import NoReturn

import pytest

from cli import stopping
from ledger.client.filing import Done
from ledger.client.home import Home
from ledger.client.opening import open_desk
from ledger.client.patient import PatientClient
from ledger.client.waiting import wait_for_consent
from ledger.errors import GatewayUnreachable, ProofInvalid, Undecidable
from ledger.ids import ConsentId
from ledger.records.bundle import extract_resources, read_bundle
from ledger.records.samples import sample_bundle
from tests.cli.support import Town

LABS = ("--purpose", "TREAT", "--class", "labs")


@pytest.fixture
def shared(town: Town) -> str:
    """Alice shares her labs with the clinic; the consent's id."""
    filed = town.ok(
        "-p", "alice", "grant", "--to", "City Hospital", *LABS, "--until", "90d", "--yes", "--wait", "seen"
    )
    return str(filed["consent"])


def test_a_dry_run_shows_the_text_and_signs_nothing(town: Town) -> None:
    before = town.consents("alice")
    shown = town.ok("-p", "alice", "grant", "--to", "City Hospital", *LABS, "--dry-run")
    assert shown["schema"] == "consent-ledger/cli/draft-shown/1"
    assert '"City Hospital"' in shown["statement"]
    assert shown["document"]["resourceType"] == "Consent"
    assert town.consents("alice") == before


def test_nobody_to_ask_means_nothing_is_signed_and_yes_is_named(town: Town) -> None:
    before = town.consents("alice")
    ran = town.run("-q", "-p", "alice", "grant", "--to", "City Hospital", *LABS)
    assert ran.code == 5
    assert ran.out == ""
    assert '| You let "City Hospital"' in ran.err
    assert "--yes" in ran.err
    assert town.consents("alice") == before


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--to", "clinic-x", *LABS], 2, "unknown_person"),
        (["--to", "City Hospital", "--class", "gossip", "--purpose", "TREAT"], 2, "unknown_class"),
        (["--to", "City Hospital", "--class", "labs", "--purpose", "FUN"], 2, "unknown_purpose"),
        (["--to", "City Hospital", "--class", "labs"], 2, "purpose_required"),
        (["--purpose", "TREAT"], 2, "grantee_required"),
        (["--to", "City Hospital", *LABS, "--until", "2020-01-01"], 2, "until_past"),
        (["--to", "City Hospital", *LABS, "--until", "whenever"], 2, "bad_time"),
        (["--to", "City Hospital", *LABS, "--except", "SECRET"], 2, "bad_exception"),
        (["--to", "City Hospital", *LABS, "--action", "sell"], 2, "unknown_action"),
        (["--to", "Ada Audit", *LABS], 11, "role_missing"),
    ],
)
def test_a_wish_that_cannot_be_changes_nothing(
    town: Town, options: list[str], code: int, reason: str
) -> None:
    before = town.consents("alice")
    error = town.failed(code, "-p", "alice", "grant", *options, "--yes")
    assert error["reason"] == reason
    assert error["fix"]
    assert town.consents("alice") == before


def test_somebody_who_is_not_in_the_directory_gets_nothing(town: Town) -> None:
    town.newcomer("stranger")
    town.introduced("stranger", "alice")
    before = town.consents("alice")
    ran = town.run("-p", "alice", "grant", "--to", "stranger", *LABS, "--yes", "--json")
    assert ran.code in {2, 11}
    assert ran.answer["error"]["code"] in {"not_found", "not_admitted"}
    assert town.consents("alice") == before


def test_somebody_who_is_suspended_gets_nothing(town: Town) -> None:
    town.admitted("quack", "Quack Clinic")
    assert town.ok("participant", "suspend", "Quack Clinic", "--yes")["change"] == "suspended"
    again = town.failed(2, "participant", "admit", town.home / "quack.application", "--yes")
    assert again["reason"] == "suspended"
    assert "consent participant reinstate" in again["fix"]
    error = town.failed(11, "-p", "alice", "grant", "--to", "Quack Clinic", *LABS, "--yes")
    assert error["reason"] == "suspended"
    assert town.ok("participant", "show", "Quack Clinic")["participant"]["suspended"]
    assert town.ok("participant", "reinstate", "Quack Clinic", "--yes")["change"] == "reinstated"
    assert not town.ok("participant", "show", "Quack Clinic")["participant"]["suspended"]


def test_a_document_with_an_element_that_cannot_be_enforced_is_refused_with_its_path(
    town: Town, tmp_path: Path
) -> None:
    shown = town.ok("-p", "alice", "grant", "--to", "City Hospital", *LABS, "--dry-run")
    document = shown["document"]
    path = tmp_path / "consent.json"
    path.write_text(json.dumps(document))
    assert town.ok("-p", "alice", "grant", "--document", path, "--dry-run")["statement"] == shown["statement"]
    document["provision"]["modifierExtension"] = [{"url": "https://example.org/unless", "valueBoolean": True}]
    path.write_text(json.dumps(document))
    error = town.failed(2, "-p", "alice", "grant", "--document", path, "--yes")
    assert error["code"] == "document_rejected"
    assert "Consent.provision.modifierExtension" in error["message"]


def test_a_document_of_another_patient_is_refused(town: Town, tmp_path: Path) -> None:
    document = town.ok("-p", "alice", "grant", "--to", "City Hospital", *LABS, "--dry-run")["document"]
    path = tmp_path / "consent.json"
    path.write_text(json.dumps(document))
    town.newcomer("bob")
    assert town.failed(2, "-p", "bob", "grant", "--document", path, "--yes")["reason"] == "other_patient"


def test_what_is_shared_is_read_and_after_the_stop_it_is_not(town: Town, shared: str, tmp_path: Path) -> None:
    mine = {one["consent"]: one for one in town.consents("alice")}[shared]
    assert (mine["state"], mine["on_chain"]) == ("active", "active")
    assert [person["name"] for person in mine["people"]] == ["City Hospital"]
    assert shared in {one["consent"] for one in town.consents("clinic")}
    assert (
        town.ok("-p", "clinic", "show", shared)["statement"]
        == town.ok("-p", "alice", "show", shared)["statement"]
    )

    read = town.ok("-p", "clinic", "read", "alice", *LABS, "--to", tmp_path / "out")
    assert read["decision"]["outcome"] == "PERMIT"
    originals = {one.full_url: one.raw for one in read_bundle(sample_bundle()).resources}
    found = dict(extract_resources(Path(read["saved"]).read_bytes()))
    assert found
    assert all(originals[full_url] == raw for full_url, raw in found.items())
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert Path(read["saved"]).stat().st_mode & 0o777 == 0o600

    assert town.failed(11, "-p", "clinic", "read", "alice", "--purpose", "HMARKT")["reason"] == "no_consent"
    assert town.failed(11, "-p", "insurer", "read", "alice", *LABS)["reason"] == "no_consent"

    stopped = town.ok("-p", "alice", "revoke", shared, "--yes")
    assert stopped["consent"] == shared
    assert town.failed(11, "-p", "clinic", "read", "alice", *LABS)["reason"] == "no_consent"
    state = town.ok("-p", "alice", "show", shared, "--wait", "final")["consent"]
    assert (state["state"], state["on_chain"], state["stop"]["state"]) == ("stopped", "ended", "final")
    kinds = [line["kind"] for line in town.ok("-p", "alice", "patient", "history")["disclosures"]]
    assert "release" in kinds


def test_stopping_asks_first_and_shows_the_text(town: Town, shared: str) -> None:
    ran = town.run("-p", "alice", "revoke", shared)
    assert ran.code == 5
    assert '| You let "City Hospital"' in ran.err
    assert town.ok("-p", "alice", "show", shared)["consent"]["state"] == "active"
    town.ok("-p", "alice", "revoke", shared, "--yes")


@pytest.mark.parametrize("on_chain", ["at-once", "spread"])
def test_stopping_all_stops_what_shares_and_leaves_a_no(town: Town, shared: str, on_chain: str) -> None:
    other = town.ok("-p", "alice", "grant", "--to", "Old Insurance", *LABS, "--yes")["consent"]
    refusal = town.ok("-p", "alice", "grant", "--to", "Old Insurance", "--deny", "--yes")["consent"]
    asked = town.run("-p", "alice", "revoke", "--all")
    assert asked.code == 5
    assert "City Hospital" in asked.err
    assert "The public ledger hears of it all at once." in asked.err
    stopped = town.ok("-p", "alice", "revoke", "--all", "--on-chain", on_chain, "--yes", "--wait", "seen")
    assert {one["consent"] for one in stopped["stopped"]} == {shared, other}
    assert stopped["standing"] == []
    assert {one["chain"]["state"] for one in stopped["stopped"]} <= {"seen", "final"}
    states = {one["consent"]: one["state"] for one in town.consents("alice")}
    assert (states[shared], states[other], states[refusal]) == ("stopped", "stopped", "active")
    assert town.run("-p", "clinic", "read", "alice", *LABS).code == 11
    again = town.failed(2, "-p", "alice", "revoke", "--all", "--yes")
    assert again["code"] == "not_found"
    town.ok("-p", "alice", "revoke", refusal, "--yes")


def test_a_stop_that_fails_keeps_no_other_from_being_tried(
    town: Town, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = town.ok("-p", "alice", "grant", "--to", "Old Insurance", *LABS, "--yes")["consent"]
    revoke = PatientClient.revoke

    def unreachable_once(self: PatientClient, consent: ConsentId, *, spread: bool = False) -> Done:
        if consent == shared:
            raise GatewayUnreachable("no gateway answers")
        return revoke(self, consent, spread=spread)

    with monkeypatch.context() as patched:
        patched.setattr(PatientClient, "revoke", unreachable_once)
        ran = town.run("-p", "alice", "revoke", "--all", "--yes", "--json")
    assert ran.code == 3
    assert [one["consent"] for one in ran.answer["stopped"]] == [other]
    assert [(one["consent"], one["code"]) for one in ran.answer["standing"]] == [
        (shared, "gateway_unreachable")
    ]
    again = town.ok("-p", "alice", "revoke", "--all", "--yes")
    assert [one["consent"] for one in again["stopped"]] == [shared]


def test_stops_that_cannot_be_waited_for_are_told_all_the_same(
    town: Town, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undecided(*_: object, **__: object) -> NoReturn:
        raise Undecidable("it is still on its way to the chain", reason="not_yet")

    with monkeypatch.context() as patched:
        patched.setattr(stopping, "waited", undecided)
        ran = town.run("-p", "alice", "revoke", "--all", "--yes", "--json", "--wait", "final")
    assert ran.code == 12
    assert [one["consent"] for one in ran.answer["stopped"]] == [shared]
    assert ran.answer["stopped"][0]["chain"]["state"]
    assert ran.answer["standing"] == []


def test_a_stop_that_was_not_proven_is_graver_than_one_to_try_again(
    town: Town, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = town.ok("-p", "alice", "grant", "--to", "Old Insurance", *LABS, "--yes")["consent"]

    def failing(_: PatientClient, consent: ConsentId, *, spread: bool = False) -> NoReturn:
        if consent == shared:
            raise ProofInvalid("the receipt does not prove this stop")
        raise GatewayUnreachable("no gateway answers")

    with monkeypatch.context() as patched:
        patched.setattr(PatientClient, "revoke", failing)
        ran = town.run("-p", "alice", "revoke", "--all", "--yes")
    assert ran.code == 10
    assert "Run the command again" not in ran.out
    assert {one["consent"] for one in town.ok("-p", "alice", "revoke", "--all", "--yes")["stopped"]} == {
        shared,
        other,
    }


def test_one_choice_is_stopped_or_all_but_not_both(town: Town, shared: str) -> None:
    assert town.failed(2, "-p", "alice", "revoke", "--yes")["reason"] == "one_or_all"
    assert town.failed(2, "-p", "alice", "revoke", shared, "--all", "--yes")["reason"] == "one_or_all"
    town.ok("-p", "alice", "revoke", shared, "--yes")


def test_ids_may_be_cut_but_not_too_short(town: Town, shared: str) -> None:
    assert town.ok("-p", "alice", "show", shared[:12])["consent"]["consent"] == shared
    assert town.failed(2, "-p", "alice", "show", shared[:5])["reason"] == "too_short"
    assert town.failed(2, "-p", "alice", "revoke", "0x00000000", "--yes")["reason"] == "unknown_consent"
    town.ok("-p", "alice", "revoke", shared, "--yes")


def test_a_no_is_filed_and_counts_more_than_a_yes(town: Town, shared: str) -> None:
    refusal = town.ok("-p", "alice", "grant", "--to", "City Hospital", "--deny", "--yes", "--wait", "seen")
    assert refusal["statement"].startswith("NO, do not share")
    assert town.run("-p", "clinic", "read", "alice", *LABS).code == 11
    town.ok("-p", "alice", "revoke", refusal["consent"], "--yes", "--wait", "final")
    assert town.run("-p", "clinic", "read", "alice", *LABS).code == 0
    town.ok("-p", "alice", "revoke", shared, "--yes")


def test_a_request_is_narrowed_approved_and_then_closed(town: Town) -> None:
    sent = town.ok("-p", "clinic", "request", "send", "alice", "--purpose", "TREAT", "--note", "Monday")
    shown = town.ok("-p", "alice", "request", "show", sent["request"])
    assert shown["request"]["note"] == "Monday"
    assert shown["request"]["provider"]["name"] == "City Hospital"
    assert len(shown["effects"][0]["after"]) == shown["records"]
    approve = ("-p", "alice", "request", "approve", sent["request"])
    assert town.run(*approve).code == 5
    assert town.failed(2, *approve, "--class", "gossip", "--yes")["reason"] == "unknown_class"
    filed = town.ok(*approve, "--class", "vitals", "--until", "30d", "--yes", "--wait", "seen")
    assert filed["request"] == sent["request"]
    assert len(filed["effects"][0]["after"]) < filed["records"]
    assert town.failed(2, *approve, "--yes")["reason"] == "request_closed"
    states = {one["request"]: one["state"] for one in town.ok("-p", "clinic", "request", "list")["requests"]}
    assert states[sent["request"]] == "approved"
    town.ok("-p", "alice", "revoke", filed["consent"], "--yes")


def test_a_request_is_not_approved_beyond_what_it_asks_for(town: Town) -> None:
    sent = town.ok("-p", "clinic", "request", "send", "alice", *LABS, "--until", "30d")
    before = town.consents("alice")
    approve = ("-p", "alice", "request", "approve", sent["request"], "--yes")
    for more in (["--class", "labs", "--class", "notes"], ["--until", "31d"]):
        error = town.failed(2, *approve, *more)
        assert error["reason"] == "beyond_request"
        assert "consent grant" in error["fix"]
    assert town.consents("alice") == before
    assert (
        town.ok(*approve, "--class", "30954-2", "--until", "29d", "--dry-run")["request"] == sent["request"]
    )
    town.ok("-p", "alice", "request", "decline", sent["request"], "--yes")


def test_a_choice_that_opens_nothing_is_said_to_open_nothing(town: Town) -> None:
    grant = ("-p", "alice", "grant", "--to", "Old Insurance", "--dry-run")
    assert "none of your records fit" in town.run(*grant, "--purpose", "TREAT", "--class", "other").err
    assert "none of your records fit" not in town.run(*grant, *LABS).err
    assert "none of your records fit" not in town.run(*grant, "--deny").err


def test_who_can_see_records_is_counted_by_records_not_by_choices(town: Town) -> None:
    town.newcomer("erin")
    (town.home / "knee.txt").write_text("a picture of another knee")
    town.ok("-p", "erin", "record", "add", town.home / "knee.txt", "--class", "imaging")

    def choose(*options: str) -> str:
        to = ("--to", "City Hospital", "--yes", "--wait", "seen")
        return str(town.ok("-p", "erin", "grant", *to, *options)["consent"])

    def open_to() -> object:
        return town.ok("-p", "erin", "list")["open_to"]

    choose(*LABS)
    assert open_to() == 0
    choose("--purpose", "TREAT", "--class", "imaging")
    assert open_to() == 1
    choose("--deny")
    assert open_to() == 0
    assert len(town.consents("erin")) == 3
    assert "open_to" not in town.ok("-p", "clinic", "list")


def test_a_no_counts_at_once_and_is_taken_back(town: Town) -> None:
    no = town.run("-p", "alice", "grant", "--to", "Old Insurance", "--deny", "--yes")
    assert "Your NO counts from now on." in no.out
    assert "Take it back at any time with: consent revoke 0x" in no.out
    assert "as soon as" not in no.out
    consent = no.out.partition("consent revoke ")[2].split()[0]
    shown = town.run("-p", "alice", "show", consent).out
    assert "This is the text you signed on " in shown
    assert "This is the text the patient signed on " in town.run("-p", "insurer", "show", consent).out
    assert "Taken back." in town.run("-p", "alice", "revoke", consent, "--yes").out


def test_a_request_is_declined(town: Town) -> None:
    sent = town.ok("-p", "clinic", "request", "send", "alice", *LABS)
    assert town.run("-p", "alice", "request", "decline", sent["request"]).code == 5
    assert town.ok("-p", "alice", "request", "decline", sent["request"], "--yes")["state"] == "declined"
    assert town.failed(2, "-p", "alice", "request", "approve", sent["request"], "--yes")["code"] == "conflict"


def test_a_request_without_a_purpose_or_to_nobody_is_refused(town: Town) -> None:
    assert town.failed(2, "-p", "clinic", "request", "send", "alice")["reason"] == "purpose_required"
    error = town.failed(2, "-p", "clinic", "request", "send", "nobody", "--purpose", "TREAT")
    assert error["reason"] == "unknown_person"


def test_somebody_who_is_no_provider_is_refused(town: Town, shared: str) -> None:
    town.newcomer("carol")
    town.introduced("alice", "carol")
    assert town.run("-p", "carol", "read", "alice", *LABS).code == 11
    town.ok("-p", "alice", "revoke", shared, "--yes")


def test_waiting_for_what_does_not_come_ends_and_says_that_nothing_is_lost(town: Town, shared: str) -> None:
    profile = Home(town.home).profile("alice")
    passed = [0.0]

    def pause(seconds: float) -> None:
        passed[0] += 60 * seconds

    with (
        open_desk(profile, profile.config(), profile.unlock("only for tests")) as desk,
        pytest.raises(Undecidable) as caught,
    ):
        wait_for_consent(
            desk.gateway,
            desk.directory,
            ConsentId(shared),
            "seen",
            stop=True,
            clock=lambda: passed[0],
            pause=pause,
        )
    assert caught.value.reason == "not_yet"
    assert "Nothing is lost" in caught.value.fix
    town.ok("-p", "alice", "revoke", shared, "--yes")

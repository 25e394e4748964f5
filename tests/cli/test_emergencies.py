"""Reading in an emergency through the commands, and what patient, provider and auditor are told of it."""

from collections.abc import Iterator

import msgspec
import pytest

from cli.shapes.consents import PersonPart
from cli.shapes.emergencies import EmergencyList, EmergencyPart, ReviewPart
from cli.views import emergencies as view
from tests.cli.support import Town
from tests.consent.readability import grade, words_a_sentence

REASON = "Found unconscious after a fall"
STATE = ("--reason", REASON)
NOWHERE = ("--rpc", "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def ward(town: Town) -> Iterator[str]:
    """A ward with which Alice shares in emergencies, for as long as these tests run; its profile's name."""
    town.admitted("er-ward", "Emergency Ward")
    town.admitted("er-other", "Another Ward")
    town.introduced("alice", "er-ward", "er-other")
    shared = town.ok(
        *("-p", "alice", "grant", "--to", "Emergency Ward", "--for", "emergency", "--yes", "--wait", "seen")
    )
    yield "er-ward"
    town.ok("-p", "alice", "revoke", shared["consent"], "--yes")


@pytest.fixture(scope="module")
def stated(town: Town, ward: str) -> str:
    """An emergency in which the ward has read; its id."""
    return str(town.ok("-p", ward, "emergency", "read", "alice", *STATE)["emergency"])


def test_a_provider_reads_at_once_and_again_while_it_lasts(town: Town, ward: str, stated: str) -> None:
    again = town.ok("-p", ward, "emergency", "read", "alice", "--class", "labs")
    assert again["records"] > 0
    assert (again["emergency"], again["purpose"]) == (stated, ["ETREAT"])
    assert "stale" not in again


def test_it_needs_no_chain_of_the_providers_own(town: Town, ward: str, stated: str) -> None:
    assert town.failed(3, "-p", ward, *NOWHERE, "read", "alice", "--purpose", "TREAT")
    read = town.ok("-p", ward, *NOWHERE, "emergency", "read", "alice")
    assert (read["emergency"], bool(read["resources"])) == (stated, True)


def test_whom_nothing_was_set_aside_for_is_denied(town: Town, ward: str) -> None:
    assert ward
    error = town.failed(11, "-p", "er-other", "emergency", "read", "alice", *STATE)
    assert (error["code"], error["reason"]) == ("access_denied", "no_emergency_capsule")


def test_without_a_reason_there_must_be_one_that_lasts(town: Town, ward: str) -> None:
    error = town.failed(2, "-p", ward, "emergency", "read", "alice", "--purpose", "BTG")
    assert error["reason"] == "no_emergency"
    assert "--reason" in error["fix"]


def test_the_patient_is_told_wherever_they_look(town: Town, stated: str) -> None:
    (found,) = [
        one
        for one in town.ok("-p", "alice", "emergency", "list")["emergencies"]
        if one["emergency"] == stated
    ]
    assert (found["provider"]["name"], found["reason"]) == ("Emergency Ward", REASON)
    assert found["state"] == "unreviewed"
    for words in (("list",), ("request", "list")):
        assert town.ok("-p", "alice", *words)["emergencies"] >= 1
        assert "consent emergency list" in town.run("-p", "alice", *words).out
    history = town.ok("-p", "alice", "patient", "history")["disclosures"]
    assert "emergency.declared" in [line["kind"] for line in history]
    assert "stated an emergency" in town.run("-p", "alice", "patient", "history").out


def test_an_auditor_is_shown_whose_it_is_only_one_by_one(town: Town, stated: str) -> None:
    listed = town.ok("-p", "auditor", "emergency", "list")
    (found,) = [one for one in listed["emergencies"] if one["emergency"] == stated]
    assert not {"patient", "reason"} & found.keys()
    shown = town.ok("-p", "auditor", "emergency", "show", stated[:12])["emergency"]
    assert shown["reason"] == REASON


def test_a_review_is_shown_first_and_counts_once(town: Town, ward: str) -> None:
    emergency = str(town.ok("-p", ward, "emergency", "read", "alice", *STATE)["emergency"])
    review = ("-p", "alice", "emergency", "review", emergency, "--finding", "justified", "--note", "I fell")
    asked = town.run(*review)
    assert asked.code == 5
    assert REASON in asked.err
    said = town.ok(*review, "--yes")
    assert (said["emergency"], said["finding"]) == (emergency, "justified")
    again = ("-p", "auditor", "emergency", "review", emergency, "--finding", "unjustified", "--yes")
    assert town.failed(2, *again)["reason"] == "reviewed"
    shown = town.ok("-p", ward, "emergency", "show", emergency)["emergency"]
    assert (shown["state"], shown["review"]["note"]) == ("justified", "I fell")


def test_an_audit_of_all_that_passes_and_says_what_waits(town: Town, stated: str) -> None:
    assert stated
    report = town.ok("-p", "auditor", "audit", "verify")
    assert report["ok"]
    assert any(note.startswith("Emergencies that nobody has reviewed") for note in report["notes"])


WARD = PersonPart(did="did:pkh:eip155:31337:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", name="City Ward")
AUDITOR = PersonPart(did="did:pkh:eip155:31337:0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF", name="Ada Audit")


def part(state: str, review: ReviewPart | None = None) -> EmergencyPart:
    return EmergencyPart(
        emergency="em_" + "7" * 26,
        state=state,
        provider=WARD,
        purpose="ETREAT",
        reason=REASON,
        declared=1_772_366_400_000,
        until=1_772_370_000_000,
        due=1_772_971_200_000,
        log_index=7,
        review=review,
    )


REVIEW = ReviewPart(
    reviewer=AUDITOR, finding="unjustified", time=1_772_366_500_000, log_index=9, note="No visit"
)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (part("unreviewed"), "Nobody has said yet if it was right. That is due: by 8 March 2026"),
        (part("overdue"), "That is too late now: by 8 March 2026"),
        (part("unjustified", REVIEW), "Ada Audit says it was not right: No visit"),
    ],
)
def test_what_was_found_is_said_in_words(shown: EmergencyPart, said: str) -> None:
    assert said in view.emergency_text(shown)


@pytest.mark.parametrize("count", [1, 3])
def test_the_news_is_plain(count: int) -> None:
    text = view.news_text(count).split("See it")[0]
    assert grade(text) <= 8
    assert words_a_sentence(text) <= 15


def test_a_list_says_first_how_many_wait() -> None:
    shape = EmergencyList(role="patient", emergencies=[part("overdue"), part("unjustified", REVIEW)])
    assert view.list_text(shape).startswith("1 emergency nobody has looked into yet, 1 of them too late.")
    assert view.list_text(EmergencyList(role="patient", emergencies=[])) == view.NONE["patient"]


def test_what_somebody_wrote_misleads_no_terminal() -> None:
    nasty = msgspec.structs.replace(part("overdue"), reason="a\x1b[2Jb")
    assert "\x1b" not in view.emergency_text(nasty)

"""Asking, answering, going on and stopping, as inboxes and a provider's own program hear of it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from cli.shapes.consents import PersonPart
from cli.shapes.inbox import InboxPart, InboxShown
from cli.shapes.webhooks import WebhookPart, WebhookTested
from cli.views import inbox as view
from cli.views import webhooks as hook_view
from tests.cli.support import Town
from tests.consent.readability import grade, words_a_sentence
from tests.network import eventually
from tests.receivers import Receiver, verified


@pytest.fixture(scope="module")
def people(town: Town, receiver: Receiver) -> Iterator[Town]:
    """A patient of her own, and a clinic whose program listens."""
    town.newcomer("imke")
    town.admitted("lake", "Lake Clinic")
    town.introduced("imke", "lake")
    town.ok("-p", "imke", "patient", "enrol")
    added = town.ok("-p", "lake", "webhook", "add", receiver.url)
    yield town
    town.ok("-p", "lake", "webhook", "remove", added["webhook"]["webhook"])
    assert town.ok("-p", "lake", "webhook", "list")["webhooks"] == []


@pytest.fixture(scope="module")
def shared(people: Town) -> str:
    """A consent that Imke gave when she was asked; its id."""
    asked = people.ok(*ASK, "--until", "10d", "--note", "For Monday")["request"]
    return str(people.ok("-p", "imke", "request", "approve", asked, "--yes")["consent"])


ASK = ("-p", "lake", "request", "send", "imke", "--purpose", "TREAT", "--class", "labs")


def inbox(town: Town, name: str, *more: str) -> dict[str, Any]:
    return town.ok("-p", name, "inbox", *more)


def kinds(found: dict[str, Any], about: str) -> set[tuple[str, str]]:
    return {(one["kind"], one["does"]) for one in found["items"] if one["about"] == about}


def heard(receiver: Receiver, about: str) -> set[str]:
    return {event["type"] for event in receiver.events if about in event.values()}


def test_a_request_waits_for_the_patient_and_is_under_way_for_the_provider(people: Town) -> None:
    before = inbox(people, "imke")["answer"]
    asked = people.ok(*ASK)["request"]
    found = inbox(people, "imke")
    assert found["answer"] == before + 1
    assert kinds(found, asked) == {("request.open", "answer")}
    assert kinds(inbox(people, "lake"), asked) == {("request.open", "open")}
    text = people.run("-p", "imke", "inbox").out
    assert "Lake Clinic asks for your records." in text
    assert f"consent request show {asked}" in text
    people.ok("-p", "imke", "request", "decline", asked, "--yes")
    assert kinds(inbox(people, "imke"), asked) == set()
    assert ("request.declined", "news") in kinds(inbox(people, "lake"), asked)


def test_what_is_taken_back_waits_no_more_and_cannot_be_answered(people: Town) -> None:
    asked = people.ok(*ASK)["request"]
    taken = people.ok("-p", "lake", "request", "withdraw", asked)
    assert (taken["request"], taken["state"]) == (asked, "withdrawn")
    assert people.ok("-p", "lake", "request", "withdraw", asked)["state"] == "withdrawn"
    assert kinds(inbox(people, "imke"), asked) == {("request.withdrawn", "news")}
    shown = people.ok("-p", "imke", "request", "show", asked)["request"]
    assert shown["state"] == "withdrawn"
    assert people.failed(2, "-p", "imke", "request", "approve", asked, "--yes")["reason"] == "request_closed"
    assert people.failed(2, "-p", "imke", "request", "decline", asked, "--yes")["reason"] == "answered"


def test_a_program_hears_of_each_step_under_signatures_that_a_stranger_verifies(
    people: Town, shared: str, receiver: Receiver
) -> None:
    eventually(lambda: "consent.granted" in heard(receiver, shared))
    (url,) = {event["origin"] for event in receiver.events}
    jwks = httpx2.get(f"{url}/.well-known/consent-ledger-webhook-keys").json()
    for got in receiver.received:
        verified(got, jwks)
    told = " ".join(one.body.decode() for one in receiver.received)
    for name in ("imke", "lake"):
        did = people.ok("-p", name, "identity", "show")["did"]
        assert did.rpartition(":")[2].lower() not in told.lower()
    assert "Monday" not in told
    (hook,) = people.ok("-p", "lake", "webhook", "list")["webhooks"]
    assert (hook["state"], hook["failures"]) == ("healthy", 0)


def test_a_test_says_whether_the_program_took_it(people: Town, receiver: Receiver) -> None:
    (hook,) = people.ok("-p", "lake", "webhook", "list")["webhooks"]
    tested = people.ok("-p", "lake", "webhook", "test", hook["webhook"][:10])
    assert tested["taken"]
    assert heard(receiver, tested["event"]) == {"webhook.test"}
    assert people.ok("-p", "lake", "webhook", "show", hook["webhook"])["webhook"]["state"] == "healthy"


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://hooks.hospital.com/", "https://a@b.com/"])
def test_a_url_that_is_not_public_is_refused(people: Town, url: str) -> None:
    assert people.failed(2, "-p", "lake", "webhook", "add", url)["reason"] == "bad_webhook_url"


def test_going_on_is_asked_for_shown_and_signed_as_it_was_but_for_longer(
    people: Town, shared: str, receiver: Receiver
) -> None:
    assert ("consent.ending", "open") in kinds(inbox(people, "lake"), shared)
    assert ("consent.ending", "open") in kinds(inbox(people, "imke"), shared)
    asked = people.ok("-p", "lake", "request", "renew", shared[:12], "--until", "90d")["request"]
    assert "asks to go on" in people.run("-p", "imke", "inbox").out
    shown = people.run("-p", "imke", "request", "show", asked)
    assert f"this is a renewal of {shared[:12]}" in shown.out
    old = people.ok("-p", "imke", "show", shared)["document"]
    part = people.ok("-p", "imke", "request", "show", asked)["request"]
    assert part["renews"] == {"consent": shared, "ends": old["provision"]["period"]["end"]}
    approve = ("-p", "imke", "request", "approve", asked, "--yes")
    assert people.failed(2, *approve, "--except", "PSY")["reason"] == "renewed_as_it_was"
    assert people.failed(2, *approve, "--until", "1y")["reason"] == "beyond_request"
    longer = people.ok(*approve, "--until", "60d")
    new = longer["document"]
    assert new["provision"]["period"]["start"] > old["provision"]["period"]["end"]
    for document in (old, new):
        del document["provision"]["period"], document["dateTime"]
    assert new == old
    eventually(lambda: "request.approved" in heard(receiver, asked))
    eventually(lambda: "consent.granted" in heard(receiver, longer["consent"]))


def test_a_stop_reaches_the_program_and_what_was_stopped_is_not_prolonged(
    people: Town, receiver: Receiver
) -> None:
    asked = people.ok(*ASK, "--until", "10d")["request"]
    shared = people.ok("-p", "imke", "request", "approve", asked, "--yes")["consent"]
    again = people.ok("-p", "lake", "request", "renew", shared, "--until", "90d")["request"]
    people.ok("-p", "imke", "revoke", shared, "--yes")
    eventually(lambda: "consent.revoked" in heard(receiver, shared))
    assert ("consent.revoked", "news") in kinds(inbox(people, "lake"), shared)
    assert people.failed(2, "-p", "imke", "request", "approve", again, "--yes")["reason"] == "stopped"
    renew = ("-p", "lake", "request", "renew", shared, "--until", "90d")
    assert people.failed(2, *renew)["reason"] == "stopped"


def test_news_are_of_the_time_that_is_asked_for(people: Town, shared: str) -> None:
    assert inbox(people, "lake", "--since", "7d")["news"] == inbox(people, "lake")["news"] > 0
    assert inbox(people, "lake", "--since", "2999-01-01")["news"] == 0
    assert people.failed(2, "-p", "lake", "inbox", "--since", "soon")["reason"] == "bad_time"


def test_an_audit_takes_what_was_withdrawn_and_what_was_prolonged(people: Town) -> None:
    assert people.ok("-p", "auditor", "audit", "verify")["ok"]


CLINIC = PersonPart(did="did:pkh:eip155:31337:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", name="Lake Clinic")


def item(kind: str, does: str = "news", **more: Any) -> InboxPart:  # noqa: ANN401
    at = 1_772_366_400_000
    return InboxPart(
        kind=kind, does=does, about="0x" + "1" * 64, at=at, by=at, providers=[CLINIC], patient=CLINIC, **more
    )


@pytest.mark.parametrize("kind", view.TO_PATIENTS)
def test_a_patient_reads_it_in_plain_words(kind: str) -> None:
    shape = InboxShown(role="patient", answer=0, open=0, news=1, items=[item(kind)])
    text = view.inbox_text(shape).splitlines()[3].partition("UTC: ")[2]
    assert "Lake Clinic" in text
    assert grade(text) <= 8
    assert words_a_sentence(text) <= 15


def test_every_kind_has_words_for_whom_it_reaches() -> None:
    assert view.TO_PROVIDERS.keys() >= view.TO_PATIENTS.keys()


def test_what_no_version_of_ours_knows_is_shown_as_it_is() -> None:
    shape = InboxShown(role="patient", answer=1, open=0, news=0, items=[item("{odd}\x1b", "answer")])
    text = view.inbox_text(shape)
    assert "{odd}" in text
    assert "\x1b" not in text
    assert text.startswith("1 thing waits for your answer.")


def test_an_empty_inbox_says_so() -> None:
    assert view.inbox_text(InboxShown(role="patient", answer=0, open=0, news=0, items=[])) == (
        "Nothing waits for your answer."
    )


def test_a_webhook_that_fails_says_why_and_when_next() -> None:
    at = 1_772_366_400_000
    part = WebhookPart(
        webhook="wh_" + "7" * 26,
        url="https://hooks.hospital.com/",
        events=["consent.revoked"],
        state="failing",
        created=at,
        waiting=2,
        failures=3,
        lost=1,
        failed=at,
        reason="status_500",
        next=at,
    )
    text = hook_view.webhook_text(part)
    assert "status_500, 3 times in a row" in text
    assert "waiting: 2 events, next try 1 March 2026, 12:00 UTC" in text
    assert "last success: never" in text
    assert "lost: 1 event." in text
    tested = WebhookTested(webhook=part.webhook, event="ev_1", taken=False, reason="timeout")
    assert "did not take it: timeout" in hook_view.tested_text(tested)

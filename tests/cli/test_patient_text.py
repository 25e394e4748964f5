"""What patients read besides the statement: plain, short, and without the words of engineers."""

import inspect
import re

import pytest

from cli import granting
from cli.shapes.consents import (
    ChainPart,
    ConsentFiled,
    ConsentList,
    ConsentPart,
    ConsentStopped,
    DisclosurePart,
    EffectPart,
    HistoryShown,
    PersonPart,
    RequestList,
    RequestPart,
)
from cli.shapes.records import RecordPart, RecordsVerified
from cli.views import consents, records, requests
from tests.consent.readability import grade, words_a_sentence

FORBIDDEN = re.compile(
    r"\b(scope|grants?|granted|opt out|hash|hashes|blockchain|transaction|gas|cid)\b", re.I
)

CONSENT = "0x" + "4f" * 32
PKH = "did:pkh:eip155:31337:"
HOSPITAL = PersonPart(did=f"{PKH}0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", name="City Hospital")
ALICE = PersonPart(did=f"{PKH}0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF", name="Alice")
ON_ITS_WAY = ChainPart(state="signed")
THERE = ChainPart(state="final", transaction="0x" + "ab" * 32, block=7, gas_used=49170)


def filed(chain: ChainPart) -> str:
    shape = ConsentFiled(
        consent=CONSENT, statement="", document={}, records=0, effects=[], log_index=7, chain=chain
    )
    return consents.filed_text(shape)


def stopped(chain: ChainPart) -> str:
    return consents.stopped_text(ConsentStopped(consent=CONSENT, statement="", log_index=7, chain=chain))


def listed(state: str, role: str = "patient") -> str:
    part = ConsentPart(
        consent=CONSENT,
        state=state,
        permits=True,
        patient=ALICE,
        people=[HOSPITAL],
        on_chain="active",
        chain=THERE,
        ends="2027-03-31T10:00:00+00:00",
        filed=1_767_225_600_000,
    )
    open_to = 1 if state == "active" else 0
    return consents.list_text(ConsentList(role=role, open_to=open_to, consents=[part]))


def asked(state: str = "proposed") -> RequestPart:
    return RequestPart(
        request="rq_" + "0" * 26,
        state=state,
        patient=ALICE,
        provider=HOSPITAL,
        purpose=["TREAT"],
        action="access",
        classes=["labs"],
        expires=1_767_225_600_000,
        until=1_767_225_600_000,
    )


def history(kind: str) -> str:
    line = DisclosurePart(
        index=7,
        time=1_767_225_600_000,
        kind=kind,
        person=HOSPITAL,
        purpose=["TREAT"],
        action="access",
        outcome="PERMIT" if kind == "release" else "NO_CONSENT",
        records=["bafy"],
        basis=[CONSENT],
    )
    return requests.history_text(HistoryShown(patient=ALICE.did, disclosures=[line]))


def record(root: str, *labels: str) -> RecordPart:
    return RecordPart(
        root=root,
        kind="fhir-segment",
        record_class="labs",
        class_code="30954-2",
        confidentiality="R" if labels else "N",
        labels=list(labels),
        resources=1,
        bytes=10,
        media_type="application/fhir+json",
    )


EFFECTS = consents.effects_text(
    [EffectPart(person=HOSPITAL, before=[], after=["a"])], [record("a"), record("b", "PSY")]
)
TEXTS = {
    "filed and there": filed(THERE),
    "filed and on its way": filed(ON_ITS_WAY),
    "stopped and there": stopped(THERE),
    "stopped and on its way": stopped(ON_ITS_WAY),
    "list of one": listed("active"),
    "list of what is over": listed("stopped"),
    "empty list": consents.list_text(ConsentList(role="patient", open_to=0, consents=[])),
    "effects": EFFECTS,
    "request": requests.request_text(asked()),
    "no requests": requests.requests_text(RequestList(role="patient", requests=[])),
    "history": history("release"),
    "history of a refusal": history("decision"),
    "records": records.verified_text(RecordsVerified(ok=True, blocks=0, bytes=0, records=[])),
}


def main_path(text: str) -> str:
    """What stands before the details."""
    return text.partition("\nDetails\n")[0]


@pytest.mark.parametrize("name", TEXTS)
def test_the_main_path_has_none_of_the_words_of_engineers(name: str) -> None:
    if name != "records":
        assert not FORBIDDEN.search(main_path(TEXTS[name])), name


def test_the_whole_main_path_is_plain_and_short() -> None:
    prose = "\n".join(main_path(text) for text in TEXTS.values())
    assert grade(prose) <= 8
    assert words_a_sentence(prose) <= 15


def test_first_it_is_said_whether_anyone_can_see_the_records() -> None:
    assert TEXTS["empty list"] == "Nobody can see your records through a choice of yours."
    assert TEXTS["list of what is over"].startswith("Nobody can see your records")
    assert TEXTS["list of one"].startswith("1 person or group can see")


def test_what_a_stop_cannot_undo_and_what_is_on_its_way_is_said() -> None:
    assert "What they have seen stays with them." in TEXTS["stopped and there"]
    assert "You need not wait" in TEXTS["stopped and on its way"]
    assert "You need not wait" not in TEXTS["stopped and there"]
    assert "as soon as" in TEXTS["filed and on its way"]


def test_the_details_have_what_the_main_path_does_not() -> None:
    details = TEXTS["filed and there"].partition("\nDetails\n")[2]
    assert "49,170 gas" in details
    assert f"transaction {THERE.transaction}" in details
    assert CONSENT in details


def test_what_stays_closed_is_said() -> None:
    assert "stays closed: 1 record marked PSY" in EFFECTS


def test_the_questions_are_plain() -> None:
    questions = re.findall(r'session\.confirm\("([^"]+)"\)', inspect.getsource(granting))
    assert len(questions) == 2
    for question in questions:
        assert grade(question) <= 8
        assert not FORBIDDEN.search(question)

"""What patients read besides the statement: plain, short, and without the words of engineers."""

import inspect
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from cli import answering, granting, stopping
from cli.exits import EXITS, Exit
from cli.shapes.consents import (
    ChainPart,
    ConsentFiled,
    ConsentList,
    ConsentPart,
    ConsentShown,
    ConsentsStopped,
    ConsentStopped,
    DisclosurePart,
    EffectPart,
    HistoryShown,
    LaterPart,
    PersonPart,
    PurposePart,
    RequestList,
    RequestPart,
    RequestShown,
    StandingPart,
    StopPart,
)
from cli.shapes.records import ListedRecord, RecordPart, RecordsAdded, RecordsVerified
from cli.views import consents, records, requests
from ledger.errors import (
    Bug,
    GatewayUnreachable,
    InvalidInput,
    LedgerError,
    ProofInvalid,
    Undecidable,
)
from tests.consent.readability import grade, words_a_sentence

if TYPE_CHECKING:
    from ledger.client.opening import Desk

FORBIDDEN = re.compile(
    r"\b(scope|grants?|granted|opt out|hash|hashes|blockchain|transaction|gas|cid)\b", re.I
)

CONSENT = "0x" + "4f" * 32
PKH = "did:pkh:eip155:31337:"
HOSPITAL = PersonPart(did=f"{PKH}0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", name="City Hospital")
ALICE = PersonPart(did=f"{PKH}0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF", name="Alice")
ON_ITS_WAY = ChainPart(state="signed")
THERE = ChainPart(state="final", transaction="0x" + "ab" * 32, block=7, gas_used=49170)


def filed(chain: ChainPart, *, permits: bool = True) -> str:
    shape = ConsentFiled(
        consent=CONSENT,
        permits=permits,
        statement="",
        document={},
        records=0,
        effects=[],
        log_index=7,
        chain=chain,
    )
    return consents.filed_text(shape)


def stopped(chain: ChainPart, *, permits: bool = True) -> str:
    shape = ConsentStopped(consent=CONSENT, permits=permits, statement="", log_index=7, chain=chain)
    return consents.stopped_text(shape)


def all_stopped(*standing: str, chain: ChainPart = THERE, again: bool = True) -> str:
    stops = [StopPart(consent=CONSENT, log_index=7, chain=chain)]
    left = [StandingPart(consent=CONSENT, code="gateway_unreachable", message=why) for why in standing]
    return consents.all_stopped_text(ConsentsStopped(stopped=stops, standing=left), again=again)


def choice(state: str) -> ConsentPart:
    return ConsentPart(
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


def listed(state: str, *, adds_only: bool = False) -> str:
    open_to = 1 if state == "active" and not adds_only else 0
    one = msgspec.structs.replace(choice(state), adds_only=adds_only)
    return consents.list_text(ConsentList(role="patient", open_to=open_to, consents=[one]))


def shown(state: str) -> str:
    document = {"dateTime": "2026-05-03T10:00:00+02:00"}
    shape = ConsentShown(consent=choice(state), statement="YES, share", document=document)
    return consents.shown_text(shape, own=True)


def asked(state: str = "proposed", **other: Any) -> RequestPart:  # noqa: ANN401
    return msgspec.structs.replace(_asked(state), **other)


def _asked(state: str) -> RequestPart:
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


def by_another(**marks: bool) -> ListedRecord:
    return ListedRecord(**msgspec.structs.asdict(record("bafy")) | {"writer": HOSPITAL} | marks)


def effects(*after: str, permits: bool = True, excepted: tuple[str, ...] = ("PSY",)) -> str:
    return consents.effects_text(
        [EffectPart(person=HOSPITAL, before=[], after=list(after))],
        [record("a"), record("b", "PSY"), record("c"), record("d", "ETH")],
        people=[HOSPITAL.did],
        permits=permits,
        excepted=excepted,
    )


EFFECTS = effects("a")
NOBODY = consents.effects_text([], [record("a")], people=[], permits=False, excepted=())
ADDING = consents.effects_text(
    [EffectPart(person=HOSPITAL, before=[], after=[])],
    [record("a")],
    people=[HOSPITAL.did],
    permits=True,
    adds=True,
    excepted=(),
)


def in_an_emergency(*others: PurposePart) -> str:
    return consents.effects_text(
        [
            EffectPart(
                person=HOSPITAL,
                before=[],
                after=["a", "b"],
                purposes=[*others, PurposePart(code="ETREAT", after=["a", "b"])],
            )
        ],
        [record("a"), record("b")],
        people=[HOSPITAL.did],
        permits=True,
        excepted=(),
    )


IN_PARTS = consents.effects_text(
    [
        EffectPart(
            person=HOSPITAL,
            before=[],
            after=["a", "b"],
            purposes=[PurposePart(code="TREAT", after=["a", "b"]), PurposePart(after=["a"])],
            starts="2027-03-31T00:00:00+02:00",
            later=[LaterPart(at="2027-05-01T00:00:00+02:00", after=["a"])],
        )
    ],
    [record("a"), record("b", "PSY")],
    people=[HOSPITAL.did],
    permits=True,
    excepted=(),
)
TEXTS = {
    "a preview in parts": IN_PARTS,
    "filed and there": filed(THERE),
    "filed and on its way": filed(ON_ITS_WAY),
    "stopped and there": stopped(THERE),
    "stopped and on its way": stopped(ON_ITS_WAY),
    "all stopped": all_stopped(),
    "not all stopped": all_stopped("no gateway answers"),
    "not all stopped, for good": all_stopped("the receipt does not prove it", again=False),
    "all stopped and on its way": all_stopped(chain=ON_ITS_WAY),
    "list of one": listed("active"),
    "list of what is over": listed("stopped"),
    "empty list": consents.list_text(ConsentList(role="patient", open_to=0, consents=[])),
    "effects": EFFECTS,
    "effects on nothing": effects(),
    "effects on nobody": NOBODY,
    "effects of adding": ADDING,
    "effects in an emergency": in_an_emergency(),
    "no filed": filed(ON_ITS_WAY, permits=False),
    "no taken back": stopped(ON_ITS_WAY, permits=False),
    "no taken back for good": stopped(THERE, permits=False),
    "shown": shown("stopped"),
    "requests": requests.requests_text(RequestList(role="patient", requests=[asked()])),
    "request": requests.request_text(asked()),
    "no requests": requests.requests_text(RequestList(role="patient", requests=[])),
    "history": history("release"),
    "history of a refusal": history("decision"),
    "published": records.added_text(RecordsAdded(patient="", records=[], skipped=[])),
    "listed": records.others_text([by_another()]),
    "listed and waiting": records.others_text([by_another(waiting=True, suspended=True)]),
    "listed and not asked for": records.others_text([by_another(unasked=True)]),
    "asked to add": requests.request_text(asked(action="collect")),
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


def test_by_whom_a_record_was_written_and_what_is_wrong_with_it_is_said() -> None:
    assert "City Hospital" in TEXTS["listed"]
    assert "CAUTION" not in TEXTS["listed"]
    assert "waits, suspended since" in TEXTS["listed and waiting"]
    assert "nobody else can be given it" in TEXTS["listed and waiting"]
    assert "CAUTION: you never let anybody add" in TEXTS["listed and not asked for"]
    assert "asks to add to: labs" in TEXTS["asked to add"]


def test_what_could_not_be_stopped_comes_first() -> None:
    assert TEXTS["not all stopped"].startswith("1 choice could not be stopped and may still share.")
    assert "still stands" in TEXTS["not all stopped"]
    assert TEXTS["all stopped"].startswith("1 choice stopped. Nobody can open")


def test_the_command_is_run_again_only_where_that_may_help() -> None:
    assert "Run the command again." in TEXTS["not all stopped"]
    assert "again" not in TEXTS["not all stopped, for good"]
    assert "the receipt does not prove it" in TEXTS["not all stopped, for good"]


def test_what_the_public_ledger_does_not_show_for_good_follows() -> None:
    assert "The public ledger follows." in TEXTS["all stopped and on its way"]
    assert "follows" not in TEXTS["all stopped"]


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
    assert "stays closed: 3 records, 1 of them marked as psychiatric illness" in EFFECTS
    assert effects("a", excepted=()).endswith("stays closed: 3 records")
    assert "marked" not in effects("a", "b")


def test_a_yes_that_opens_nothing_is_said_to_open_nothing() -> None:
    assert "It opens nothing yet." in effects()
    assert "opens nothing" not in effects("a")
    assert "opens nothing" not in effects(permits=False)
    elsewhere = consents.effects_text(
        [
            EffectPart(person=HOSPITAL, before=[], after=[]),
            EffectPart(person=ALICE, before=["a"], after=["a"]),
        ],
        [record("a")],
        people=[HOSPITAL.did],
        permits=True,
        excepted=(),
    )
    assert "It opens nothing yet." in elsewhere


def test_a_choice_about_nobody_says_that_nobody_can_see_any() -> None:
    assert NOBODY.endswith("Nobody can see any of them, now or then.")


def test_a_yes_to_add_records_says_so_and_is_not_said_to_open_nothing() -> None:
    assert ADDING.endswith("This choice lets them add records. It lets them see none.")
    assert "opens nothing" not in ADDING


def test_what_opens_in_an_emergency_only_is_said_to() -> None:
    only = "only once they state that it is an emergency"
    assert only in in_an_emergency()
    assert only in in_an_emergency(PurposePart(code="TREAT", after=[]))
    assert only not in in_an_emergency(PurposePart(code="TREAT", after=["a"]))
    assert only not in in_an_emergency(PurposePart(after=["a"]))


def test_who_may_only_add_is_not_listed_as_one_to_share_with() -> None:
    assert "let add" in listed("active", adds_only=True)
    assert "share" not in listed("active", adds_only=True)
    assert "share" in listed("active")


def test_a_no_counts_at_once_and_on_its_way_back_still_counts() -> None:
    assert TEXTS["no filed"].startswith("Done. Your NO counts from now on.\nTake it back at any time with:")
    assert "still counts" in TEXTS["no taken back"]
    assert "does not count any more" in TEXTS["no taken back for good"]
    assert "Nobody can open" not in TEXTS["no taken back"]


def test_a_choice_of_any_state_is_shown_under_a_heading_that_says_what_it_is() -> None:
    assert TEXTS["shown"].startswith(
        "This choice is stopped.\n\nThis is the text you signed on 3 May 2026:\n\nYES, share\n"
    )


def test_patients_read_words_where_the_wire_has_codes() -> None:
    assert "until 31 March 2027" in TEXTS["list of one"]
    assert "treating you" in TEXTS["requests"]
    assert "treating you" in TEXTS["history"]
    assert "state: waiting for your answer; answer by 1 January 2026, 00:00 UTC" in TEXTS["request"]
    assert "on its way" in TEXTS["filed and on its way"].partition("\nDetails\n")[2]
    for text in TEXTS.values():
        assert not re.search(r"TREAT|proposed|intended|NO_CONSENT|20[0-9]{2}-[0-9]{2}", text)


def test_nothing_that_a_gateway_makes_up_misleads_a_terminal_or_breaks_the_inbox() -> None:
    bad = "\x1b[2J\u202eright\u2028below"
    forged = asked(
        bad,
        note=f"hi {bad}",
        purpose=[bad],
        action=bad,
        classes=[bad],
        request=bad,
        expires=10**20,
        until=10**20,
        provider=PersonPart(did=bad),
    )
    line = DisclosurePart(
        index=1,
        time=-(10**20),
        kind="decision",
        person=PersonPart(did=bad),
        purpose=[bad],
        action=bad,
        outcome=bad,
        records=[],
        basis=[bad],
    )
    strange = msgspec.structs.replace(choice(bad), chain=ChainPart(state=bad, transaction=bad))
    document = {"dateTime": "2026-05-03T10:00:00+02:00"}
    for text in (
        requests.request_text(forged),
        requests.requests_text(RequestList(role="patient", requests=[forged])),
        requests.history_text(HistoryShown(patient=ALICE.did, disclosures=[line])),
        consents.list_text(ConsentList(role="patient", open_to=0, consents=[strange])),
        consents.shown_text(ConsentShown(consent=strange, statement="", document=document), own=True),
    ):
        assert not set("\x1b\u202e\u2028") & set(text)
        assert "\\u{1b}[2J\\u{202e}" in text
    assert "they say: hi \\u{1b}[2J\\u{202e}right\\u{2028}below" in requests.request_text(forged)
    assert "until a date that cannot be shown" in requests.request_text(forged)


def test_a_request_whose_end_is_no_date_is_shown_and_can_only_be_declined() -> None:
    nobody, request = cast("Desk", None), asked(until=10**20)
    shape, text = answering.preview(nobody, request)
    assert shape == RequestShown(request=request)
    assert "until a date that cannot be shown" in text
    with pytest.raises(InvalidInput) as caught:
        answering.answer(nobody, request, at=datetime.now(UTC))
    assert caught.value.reason == "bad_time"
    assert "consent request decline" in caught.value.fix


def test_the_questions_are_plain() -> None:
    for module in (granting, stopping):
        assert not re.search(r'session\.confirm\("', inspect.getsource(module))
    stops = (stopping.STOP, stopping.STOP_ALL, stopping.STOP_ALL_SPREAD, stopping.TAKE_BACK)
    for question in (granting.AGREE, *stops):
        assert grade(question) <= 8
        assert not FORBIDDEN.search(question)


def test_whoever_stops_all_is_told_when_the_public_ledger_hears_of_it() -> None:
    assert "hears of it all at once" in stopping.STOP_ALL
    assert "hears of each stop later, at a time of its own" in stopping.STOP_ALL_SPREAD


@pytest.mark.parametrize(
    ("failures", "end"),
    [
        ([], Exit.OK),
        ([GatewayUnreachable], Exit.RETRY),
        ([GatewayUnreachable, Undecidable], Exit.UNDECIDED),
        ([Undecidable, ProofInvalid, GatewayUnreachable], Exit.FAILED),
        ([ProofInvalid, Bug], Exit.UNEXPECTED),
    ],
)
def test_a_command_ends_with_the_gravest_of_its_failures(
    failures: list[type[LedgerError]], end: Exit
) -> None:
    assert stopping.gravest([failure("so") for failure in failures]) is end


def test_every_ending_that_an_error_can_have_has_its_gravity() -> None:
    assert {*EXITS.values(), Exit.OK} == set(stopping.GRAVITY)

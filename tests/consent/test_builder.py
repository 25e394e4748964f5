"""The builder: plain options in, a document out that is accepted, filable and says what was asked."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fhir.resources.R4B.consent import Consent as FhirConsent
from hypothesis import given, reject
from hypothesis import strategies as st

from ledger.consent import cases
from ledger.consent.builder import Party, build
from ledger.consent.codes import ACTIONS, CLASSES, CONFIDENTIALITIES, PURPOSES, SENSITIVITIES, class_code
from ledger.consent.document import ConsentDocument, parse_document, require_filable
from ledger.consent.selection import EVERYTHING, Code, Dates, Named, Selection, any_of
from ledger.consent.statement import statement
from ledger.errors import DocumentRejected, InvalidInput, LedgerError, UnknownCode
from ledger.ids import Did
from tests.consent.documents import CHAIN, ORGANISATION, PATIENT, A, B, examples
from tests.consent.readability import grade, words_a_sentence

AT = datetime(2026, 5, 3, 10, 0, 30, 999_999, tzinfo=timezone(timedelta(hours=2)))
BROOK = Party(did=A, display="Dr. Ada Brook")
CLINIC = Party(did=B, display="City Clinic")


def options(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    plain = {
        "patient": PATIENT,
        "grantees": [BROOK],
        "purposes": ["TREAT"],
        "starts": AT,
        "until": AT + timedelta(days=90),
        "at": AT,
    }
    return plain | changes


def built(**changes: Any) -> ConsentDocument:  # noqa: ANN401
    found = parse_document(build(**options(**changes)))
    require_filable(found, CHAIN)
    return found


def test_everything_that_was_asked_for_is_in_the_document() -> None:
    found = built(
        grantees=[BROOK, CLINIC],
        organization=Party(did=ORGANISATION, display="North Hospital"),
        patient_name="Jane Doe",
        which=Selection(classes=["labs", "8716-3"]),
        purposes=["TREAT", "HPAYMT"],
        actions=["access", "use"],
        exceptions=any_of(labels=["PSY", "R", "HIV"], classes=["notes"]),
    )
    assert (found.patient, found.patient_name, found.actors) == (PATIENT, "Jane Doe", (A, B))
    root = found.root
    assert (root.classes, root.purposes, root.actions) == (
        ("30954-2", "8716-3"),
        ("TREAT", "HPAYMT"),
        ("access", "use"),
    )
    exceptions = [
        (item.permit, item.labels, item.confidentialities, item.classes) for item in root.provisions
    ]
    assert exceptions == [
        (False, ("PSY", "HIV"), (), ()),
        (False, (), ("R",), ()),
        (False, (), (), ("34109-9",)),
    ]
    assert found.json["organization"][0]["display"] == "North Hospital"
    FhirConsent.model_validate(found.json)


def test_instants_are_full_and_in_the_zone_of_writing() -> None:
    found = built(starts=AT.astimezone(UTC), until=datetime(2026, 8, 1, tzinfo=UTC))
    assert found.written == "2026-05-03T10:00:30+02:00"
    assert found.root.period is not None
    assert (found.root.period.start, found.root.period.end) == (
        "2026-05-03T10:00:30+02:00",
        "2026-08-01T02:00:00+02:00",
    )


def test_a_consent_that_starts_now_is_in_force_now() -> None:
    period = built(starts=AT).root.period
    assert period is not None
    assert period.span.start <= int(AT.timestamp() * 1_000_000) < period.span.end


def test_no_end_and_no_class_are_left_out() -> None:
    found = built(until=None)
    assert found.root.period is not None
    assert found.root.period.end is None
    assert "class" not in found.json["provision"]


def test_a_refusal_may_be_for_everybody_and_everything() -> None:
    found = built(grantees=[], purposes=[], actions=[], deny=True)
    assert not found.permits
    assert set(found.json["provision"]) == {"type", "period"}


REFUSED: dict[str, tuple[dict[str, Any], type[LedgerError], str]] = {
    "unknown class": ({"which": Selection(classes=["lab"])}, UnknownCode, "unknown_class"),
    "unknown excepted class": ({"exceptions": [Selection(classes=["lab"])]}, UnknownCode, "unknown_class"),
    "unknown purpose": ({"purposes": ["CURE"]}, UnknownCode, "unknown_purpose"),
    "abstract purpose": ({"purposes": ["PurposeOfUse"]}, UnknownCode, "unknown_purpose"),
    "unknown action": ({"actions": ["read"]}, UnknownCode, "unknown_action"),
    "unknown label": ({"exceptions": [Selection(labels=["MENTAL"])]}, UnknownCode, "unknown_label"),
    "nobody": ({"grantees": []}, InvalidInput, "grantee_required"),
    "for nothing": ({"purposes": []}, InvalidInput, "purpose_required"),
    "a refusal with exceptions": (
        {"deny": True, "exceptions": [Selection(labels=["PSY"])]},
        InvalidInput,
        "deny_with_exceptions",
    ),
    "all that is shared, excepted": (
        {"which": Selection(classes=["labs"]), "exceptions": [Selection(classes=["notes", "labs"])]},
        InvalidInput,
        "nothing_left",
    ),
    "until now": ({"until": AT}, InvalidInput, "until_past"),
    "until before it starts": ({"starts": AT + timedelta(days=91)}, InvalidInput, "until_past"),
    "until in the past": (
        {"starts": AT - timedelta(days=9), "until": AT - timedelta(days=1)},
        InvalidInput,
        "until_past",
    ),
    "a time without offset": ({"starts": AT.replace(tzinfo=None)}, InvalidInput, "time_without_offset"),
    "an end without offset": (
        {"until": AT.replace(tzinfo=None) + timedelta(days=1)},
        InvalidInput,
        "time_without_offset",
    ),
    "an offset with seconds": (
        {"at": AT.replace(tzinfo=timezone(timedelta(seconds=61)))},
        InvalidInput,
        "time_without_offset",
    ),
    "a bad name": ({"grantees": [Party(did=A, display='A" and "B')]}, InvalidInput, "bad_name"),
    "a bad name of the patient": ({"patient_name": "Jane\nDoe"}, InvalidInput, "bad_name"),
    "a bad account": ({"grantees": [Party(did=Did("did:web:x"), display="X")]}, InvalidInput, "bad_did"),
    "an exception of nothing": ({"exceptions": [EVERYTHING]}, DocumentRejected, "empty_exception"),
    "a class twice": ({"which": Selection(classes=["labs", "30954-2"])}, DocumentRejected, "duplicate"),
    "no such date": ({"which": Selection(dated=Dates(first="2024-13"))}, DocumentRejected, "bad_date"),
    "dates reversed": (
        {"which": Selection(dated=Dates(first="2024", last="2023"))},
        DocumentRejected,
        "period_reversed",
    ),
    "a bad reference": (
        {"which": Selection(encounters=[Named(reference="Encounter 7")])},
        DocumentRejected,
        "bad_identity",
    ),
    "a bad name of a visit": (
        {"which": Selection(encounters=[Named(reference="Encounter/7", display='a "visit"')])},
        InvalidInput,
        "bad_name",
    ),
    "a bad account of the patient": ({"patient": Did("Patient/1")}, InvalidInput, "bad_did"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_builder_refuses(case: str) -> None:
    changes, kind, reason = REFUSED[case]
    with pytest.raises(kind) as refused:
        build(**options(**changes))
    assert refused.value.reason == reason


def test_dates_need_a_bound() -> None:
    with pytest.raises(InvalidInput) as refused:
        Dates()
    assert refused.value.reason == "dates_required"


VISIT = Named(reference="Encounter/7", display="your visit of 3 May 2026")
LETTER = Named(reference="DocumentReference/7", display="letter")
DOCTOR = Named(reference="Practitioner/7")


@pytest.mark.parametrize(
    "mixed",
    [
        {"encounters": [VISIT], "authors": [DOCTOR]},
        {"encounters": [VISIT], "instances": [LETTER]},
        {"instances": [LETTER], "authors": [DOCTOR]},
    ],
    ids=str,
)
def test_what_would_widen_where_it_should_narrow_is_refused(mixed: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        Selection(**mixed)
    assert refused.value.reason == "selection_mixed"
    assert refused.value.fix


def test_a_selection_is_one_provision_and_exceptions_are_one_each() -> None:
    found = built(
        which=Selection(
            classes=["labs"],
            labels=["HIV", "N"],
            codes=[Code(system="http://loinc.org", code="4548-4", display="Blood sugar")],
            encounters=[VISIT],
            dated=Dates(first="2024", last="2025-06"),
        ),
        exceptions=any_of(
            authors=[DOCTOR, Named(reference="http://npi.example|42")],
            instances=[LETTER],
            dated=[Dates(last="2020"), Dates(first="2030")],
        ),
    )
    root = found.root
    assert (root.classes, root.labels, root.confidentialities) == (("30954-2",), ("HIV",), ("N",))
    assert [entry.key for entry in root.codes] == ["http://loinc.org|4548-4"]
    assert [(entry.meaning, entry.reference) for entry in root.data] == [("related", "Encounter/7")]
    assert root.data_period is not None
    assert (root.data_period.start, root.data_period.end) == ("2024", "2025-06")
    letter, authors, early, late = root.provisions
    assert [entry.reference for entry in letter.data] == ["DocumentReference/7"]
    assert [entry.reference for entry in authors.data] == ["Practitioner/7", "http://npi.example|42"]
    assert [item.data_period and item.data_period.end for item in (early, late)] == ["2020", None]
    assert not any(item.permit for item in root.provisions)


def frame(**changes: Any) -> Any:  # noqa: ANN401
    return {"patient": PATIENT, "grantees": [BROOK], "starts": AT, "at": AT} | changes


CASES: dict[str, tuple[dict[str, Any], tuple[str, ...], tuple[str, ...], str]] = {
    "whole record": (cases.whole_record(**frame()), ("TREAT",), ("access",), "see all your records."),
    "whole record, but": (
        cases.whole_record(any_of(labels=["PSY"], classes=["notes"]), **frame()),
        ("TREAT",),
        ("access",),
        "\n2. NO, do not share. Kinds of records: notes and letters.\n",
    ),
    "some classes": (
        cases.some_records(Selection(classes=["labs", "vitals"]), **frame()),
        ("TREAT",),
        ("access",),
        "\nKinds of records: lab test results and vital signs.\n",
    ),
    "one document": (
        cases.some_records(Selection(instances=[LETTER]), **frame()),
        ("TREAT",),
        ("access",),
        '\nOnly these: the record "letter".\n',
    ),
    "by author": (
        cases.some_records(Selection(authors=[DOCTOR]), **frame()),
        ("TREAT",),
        ("access",),
        "\nOnly these: what was written by <Practitioner/7>.\n",
    ),
    "of a time": (
        cases.some_records(Selection(dated=Dates(first="2024", last="2024")), **frame()),
        ("TREAT",),
        ("access",),
        "\nOnly records dated: in the year 2024.\n",
    ),
    "research": (cases.research(**frame()), ("HRESCH",), ("access",), "\nWhat for: health research"),
    "emergency": (
        cases.emergency_only(**frame()),
        ("ETREAT",),
        ("access",),
        "\nThey must first state that it is an emergency.\n",
    ),
    "one visit": (
        cases.one_visit(VISIT, **frame()),
        ("TREAT",),
        ("access", "collect"),
        '\nOnly these: what belongs to "your visit of 3 May 2026".\n',
    ),
    "device": (
        cases.device_writer(["vitals"], **frame()),
        ("TREAT",),
        ("collect",),
        "\nThey may not look at your records through this choice. ",
    ),
    "refusal": (cases.refuse(**frame()), (), (), 'You do not let "Dr. Ada Brook" see any of your records.'),
    "refusal for all": (cases.refuse(**frame(grantees=[])), (), (), "You do not let anyone see any"),
    "refusal of research": (
        cases.refuse(purposes=["HRESCH"], **frame(grantees=[])),
        ("HRESCH",),
        (),
        "\nNot for: health research",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_everyday_case_is_filable_and_says_so(case: str) -> None:
    json, purposes, actions, said = CASES[case]
    found = parse_document(json)
    require_filable(found, CHAIN)
    assert (found.root.purposes, found.root.actions) == (purposes, actions)
    assert said in statement(found)
    FhirConsent.model_validate(json)


@pytest.mark.parametrize("case", CASES)
def test_an_everyday_case_reads_easily(case: str) -> None:
    found = statement(parse_document(CASES[case][0])).rpartition("\n\n")[0]
    assert grade(found) <= 6
    assert words_a_sentence(found) <= 15


def test_a_visit_lasts_a_day_unless_said_otherwise() -> None:
    day, week = AT + timedelta(days=1), AT + timedelta(days=7)
    for given_, end in ((None, day), (week, week)):
        period = parse_document(cases.one_visit(VISIT, **frame(until=given_))).root.period
        assert period is not None
        assert period.end == end.isoformat(timespec="seconds")


def test_whoever_only_adds_is_not_said_to_see() -> None:
    found = statement(parse_document(cases.device_writer(["vitals"], **frame())))
    assert found.startswith("YES, they may add to your health records\n")
    assert " see " not in found
    assert "share" not in found


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=3, unique=True)


NAMES = st.sampled_from(["Encounter/1", "CarePlan/2", "ipfs://bafyx", "urn:uuid:1", "did:web:x", "s|v"])
NAMED = st.lists(st.builds(Named, reference=NAMES), max_size=2, unique_by=lambda named: named.reference)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "classes": some([entry.word for entry in CLASSES.values()]),
    "labels": some([*SENSITIVITIES, *CONFIDENTIALITIES]),
    "codes": st.lists(
        st.builds(Code, system=st.just("http://loinc.org"), code=st.sampled_from(["1-8", "2 x"])),
        max_size=2,
        unique_by=lambda code: code.code,
    ),
    "encounters": NAMED,
    "instances": NAMED,
    "authors": NAMED,
}
DATED = st.sampled_from(
    [Dates(first="2024"), Dates(last="2025-06-30"), Dates(first="2024-02", last="2024-02"), None]
)


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """Any selection that makes sense."""
    data = draw(st.sampled_from(["encounters", "instances", "authors"]))
    names = ("classes", "labels", "codes", data)
    return Selection(**{name: draw(KINDS[name]) for name in names}, dated=draw(DATED))


@examples(150)
@given(
    selections(),
    st.fixed_dictionaries(KINDS),
    st.lists(DATED.filter(bool), max_size=2, unique=True),
    some(list(PURPOSES)).filter(bool),
    st.none() | some(list(ACTIONS)),
    st.sampled_from([(BROOK,), (BROOK, CLINIC)]),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_built_is_accepted_filable_and_reads_back(
    which: Selection,
    closed: dict[str, Any],
    dates: list[Dates],
    purposes: list[str],
    actions: list[str] | None,
    grantees: tuple[Party, ...],
    endless: bool,
    deny: bool,
) -> None:
    exceptions = [] if deny else any_of(**closed, dated=dates)
    try:
        found = built(
            which=which,
            exceptions=exceptions,
            purposes=purposes,
            actions=actions,
            grantees=grantees,
            until=None if endless else AT + timedelta(days=1),
            deny=deny,
        )
    except InvalidInput as exc:
        if exc.reason != "nothing_left" or not exceptions:
            raise
        reject()
    assert found.permits != deny
    assert len(found.root.provisions) == len(exceptions)
    assert parse_document(found.canonical) == found
    assert parse_document(found.canonical).json == found.json
    text = statement(found)
    assert text.startswith(("NO,",) if deny else ("YES,",))
    for selection, rule in zip([which, *exceptions], found.provisions(), strict=True):
        assert rule.classes == tuple(map(class_code, selection.classes))
        assert sorted([*rule.labels, *rule.confidentialities]) == sorted(selection.labels)
        assert len(rule.codes) == len(selection.codes)
        named = (*selection.encounters, *selection.instances, *selection.authors)
        assert [entry.reference for entry in rule.data] == [entry.reference for entry in named]
        assert (rule.data_period is None) == (selection.dated is None)

"""The statement: complete, deterministic, one text for one meaning, and readable."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.consent import tables
from ledger.consent.builder import Party, build
from ledger.consent.codes import ACTIONS, CLASSES, PURPOSES, SENSITIVITIES
from ledger.consent.document import parse_document
from ledger.consent.statement import statement
from tests.consent.documents import (
    ELEMENTS,
    NAMES,
    PATIENT,
    WRITTEN,
    A,
    B,
    changed,
    coding,
    document,
    documents,
    examples,
    is_accepted,
    plain,
)
from tests.consent.readability import grade, words_a_sentence
from tests.policy import corpus

AT = datetime(2026, 5, 3, 10, 0, tzinfo=timezone(timedelta(hours=2)))
FORBIDDEN = re.compile(r"\b(scope|grants?|granted|opt(ing)? out|hash|blockchain)\b", re.IGNORECASE)


def built(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    options: dict[str, Any] = {
        "patient": PATIENT,
        "patient_name": "Jane Doe",
        "grantees": [Party(did=A, display="Dr. Ada Brook")],
        "classes": ["labs", "vitals"],
        "purposes": ["TREAT"],
        "starts": AT,
        "until": AT + timedelta(days=90),
        "excepted_labels": ["PSY"],
        "at": AT,
    }
    return build(**(options | changes))


def text(found: dict[str, Any]) -> str:
    return statement(parse_document(found))


def main_part(found: str) -> str:
    """What people read: all but the last block, which has forms, rules, names and accounts."""
    return found.rpartition("\n\n")[0]


def test_the_everyday_statement_word_for_word() -> None:
    assert (
        text(built())
        == f"""\
YES, share: the health records of "Jane Doe"

You let "Dr. Ada Brook" see some of your records.
Kinds of records: lab test results and vital signs.
Sensitive records of these kinds are shared too.
What for: treating you (and all that goes with it).
What they may do: look at them.
When: from 3 May 2026 at 10:00 to 1 August 2026 at 10:00.

But this is different:
1. NO, do not share. Records marked as: psychiatric illness. \
A record with no such mark is not held back by this.
Each point says only what is different. All else stays as said above it. \
A NO here counts more than a YES in any other choice you make.

New records that fit are shared too, for as long as this lasts. \
If you name a group, the people who work for it are part of it. \
This choice lets nobody else see your records.

You can stop this at any time. Stopping takes one step, the same as sharing. \
From then on they can open nothing more through this choice. \
What they have seen or kept by then stays with them. \
We cannot take it back, and we cannot control who they tell.

You wrote this on 3 May 2026 at 10:00. Dates and times are in UTC+02:00.

Form: statement/en/1; rules: https://consent-ledger.example/policy/deny-overrides/1
Accounts: you are {PATIENT}; "Dr. Ada Brook" is {A}"""
    )


def test_a_refusal_says_no_first() -> None:
    lines = text(
        built(grantees=[], purposes=[], excepted_labels=[], deny=True, patient_name=None)
    ).splitlines()
    assert lines[0] == "NO, do not share: your health records"
    assert lines[2] == "You do not let anyone see the records named here."
    assert "What they may not do: look at them." in lines
    assert "What for: any reason." in lines


def test_nested_points_are_numbered_and_say_how_they_weigh() -> None:
    found = text(plain())
    assert "\n1. NO, do not share. Records marked as: psychiatric illness. A record with no such" in found
    assert '\n1.1. YES, share. Who: "City Clinic".\n' in found
    assert "\n2. NO, do not share. Only these: what belongs to Encounter/1. If a record does not say" in found
    assert "A point counts more than the one it stands under." in found
    assert "If two points clash, NO wins." in found


def test_the_last_line_gives_every_account() -> None:
    last = text(plain()).splitlines()[-1]
    assert last == f'Accounts: you are {PATIENT}; "{NAMES[A]}" is {A}; "{NAMES[B]}" is {B}'


def test_many_entries_stand_on_lines_of_their_own() -> None:
    assert "Kinds of records:\n- lab test results\n- vital signs\n- medicines\n- allergies\n" in text(
        built(classes=["labs", "vitals", "medications", "allergies"])
    )


ROOT = ("provision",)
FIRST = ("provision", "provision", 0)
CHANGES: dict[str, tuple[tuple[str | int, ...], object]] = {
    "patient": (("patient", "identifier", "value"), "did:pkh:eip155:31337:0x" + "09" * 20),
    "chain of the patient": (("patient", "identifier", "value"), PATIENT.replace("31337", "1")),
    "zone": (("dateTime",), WRITTEN.replace("+01:00", "+02:00")),
    "type": ((*ROOT, "type"), "deny"),
    "start": ((*ROOT, "period", "start"), "2026-01-15T09:00:01+01:00"),
    "no start": ((*ROOT, "period", "start"), None),
    "end": ((*ROOT, "period", "end"), "2026-12-30"),
    "end in other precision": ((*ROOT, "period", "end"), "2026-12"),
    "no end": ((*ROOT, "period", "end"), None),
    "no period": ((*ROOT, "period"), None),
    "actor": ((*ROOT, "actor", 0, "reference", "identifier", "value"), "did:pkh:eip155:31337:0x" + "09" * 20),
    "no actor": ((*ROOT, "actor"), None),
    "action": ((*ROOT, "action", 0, "coding", 0, "code"), "use"),
    "no action": ((*ROOT, "action"), None),
    "confidentiality": ((*ROOT, "securityLabel", 0, "code"), "N"),
    "label": ((*ROOT, "securityLabel", 1, "code"), "PSY"),
    "only confidentiality": ((*ROOT, "securityLabel", 1), None),
    "only labels": ((*ROOT, "securityLabel", 0), None),
    "no label": ((*ROOT, "securityLabel"), None),
    "purpose": ((*ROOT, "purpose", 0, "code"), "COC"),
    "no purpose": ((*ROOT, "purpose"), None),
    "class": ((*ROOT, "class", 1), {"system": "http://loinc.org", "code": "8716-3"}),
    "one class": ((*ROOT, "class", 1), None),
    "no class": ((*ROOT, "class"), None),
    "code": ((*ROOT, "code", 0, "coding", 0, "code"), "2345-8"),
    "code system": ((*ROOT, "code", 0, "coding", 0, "system"), "http://snomed.info/sct"),
    "no code": ((*ROOT, "code"), None),
    "data start": ((*ROOT, "dataPeriod", "start"), "2023"),
    "data end": ((*ROOT, "dataPeriod", "end"), "2025-07"),
    "no data period": ((*ROOT, "dataPeriod"), None),
    "meaning": ((*ROOT, "data", 0, "meaning"), "instance"),
    "author": ((*ROOT, "data", 0, "reference"), {"reference": "Practitioner/x"}),
    "no data": ((*ROOT, "data"), None),
    "type of an exception": ((*FIRST, "type"), "permit"),
    "label of an exception": ((*FIRST, "securityLabel", 0, "code"), "MH"),
    "exception of an exception": ((*FIRST, "provision"), None),
    "no exception": ((*ROOT, "provision", 0), None),
    "no exceptions": ((*ROOT, "provision"), None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_changed_element_changes_the_text(change: str) -> None:
    path, new = CHANGES[change]
    assert text(changed(plain(), path, new)) != text(plain())


@examples(80)
@given(documents(), st.data())
def test_one_changed_element_changes_the_text_of_any_document(
    found: dict[str, Any], data: st.DataObject
) -> None:
    places = list(_provisions(found["provision"], ("provision",)))
    place = data.draw(st.sampled_from(places))
    name = data.draw(st.sampled_from((*sorted(ELEMENTS), "type")))
    new = data.draw(st.sampled_from(("permit", "deny")) if name == "type" else ELEMENTS[name])
    other = changed(found, (*place, name), new)
    assume(is_accepted(other))
    assume(parse_document(found).root != parse_document(other).root)
    assert text(found) != text(other)


@examples(80)
@given(documents(), documents())
def test_two_rules_never_have_one_text(one: dict[str, Any], other: dict[str, Any]) -> None:
    same_rule = parse_document(one).root == parse_document(other).root
    assert (text(one) == text(other)) == same_rule


def test_names_and_narrative_without_effect_leave_the_rule_alone() -> None:
    carried = plain() | {"language": "en", "meta": {"versionId": "7"}, "id": "c1"}
    assert text(carried) == text(plain())


def _provisions(provision: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    yield path
    for index, inner in enumerate(provision.get("provision", [])):
        yield from _provisions(inner, (*path, "provision", index))


READ = {
    "everyday": built(),
    "whole record": built(classes=[], excepted_labels=[]),
    "every class": built(classes=[entry.word for entry in CLASSES.values()]),
    "many exceptions": built(excepted_labels=["PSY", "HIV", "SUD", "SEX", "R"], excepted_classes=["billing"]),
    "several people": built(grantees=[Party(did=A, display="Dr. A"), Party(did=B, display="Dr. B")]),
    "several purposes": built(purposes=["TREAT", "HPAYMT", "HOPERAT"], actions=list(ACTIONS)),
    "research": built(purposes=["HRESCH"], until=None),
    "refusal": built(excepted_labels=[], deny=True),
    "refusal for all": built(excepted_labels=[], deny=True, grantees=[], purposes=[], classes=[]),
    "every element": plain(),
    **dict(corpus.documents()),
}


@pytest.mark.parametrize("name", READ)
def test_reading_grade_of_a_statement(name: str) -> None:
    found = main_part(text(READ[name]))
    assert grade(found) <= 8
    assert words_a_sentence(found) <= 15


def test_reading_grade_of_statements_on_average() -> None:
    grades = [grade(main_part(text(found))) for found in READ.values()]
    assert sum(grades) / len(grades) <= 6


@pytest.mark.parametrize("code", [*PURPOSES])
def test_reading_grade_with_each_purpose(code: str) -> None:
    found = main_part(text(built(purposes=[code])))
    assert grade(found) <= 8
    assert PURPOSES.words(code) in found


@pytest.mark.parametrize("code", [*SENSITIVITIES])
def test_reading_grade_with_each_label(code: str) -> None:
    found = main_part(text(built(excepted_labels=[code])))
    assert grade(found) <= 8
    assert SENSITIVITIES.words(code) in found


def test_words_that_patients_should_not_meet() -> None:
    everything = [*map(text, READ.values()), tables.PURPOSES, tables.SENSITIVITIES, tables.CLASSES]
    found = [FORBIDDEN.search(main_part(part)) for part in everything]
    assert not any(found)


def test_the_measure_of_reading_tells_plain_from_learned() -> None:
    assert grade("You can stop this at any time. We tell you when.") < 3
    learned = "Authorisation notwithstanding, subsequent revocation invalidates prospective dissemination."
    assert grade(learned) > 15


def test_a_provision_that_is_open_says_so() -> None:
    lines = text(document({"type": "permit"})).splitlines()
    assert lines[2:7] == [
        "You let anyone see all your records.",
        "Kinds of records: all, the sensitive ones too.",
        "What for: any reason.",
        "What they may do: anything.",
        "When: from the time you sign, with no end date.",
    ]


def test_dates_in_words() -> None:
    for written, words in (
        ("2026", "When: until the end of the year 2026."),
        ("2026-02", "When: until the end of February 2026."),
        ("2026-02-03", "When: until the end of 3 February 2026."),
        ("2026-02-03T04:05:00+01:00", "When: until 3 February 2026 at 04:05."),
        ("2026-02-03T04:05:06.5Z", "When: until 3 February 2026 at 04:05:06.5 (UTC)."),
        ("2026-02-03T04:05:06-09:30", "When: until 3 February 2026 at 04:05:06 (UTC-09:30)."),
    ):
        assert words in text(document({"type": "permit", "period": {"end": written}}))


def test_codes_are_named_with_their_system_below() -> None:
    named = coding("http://loinc.org", "2345-7") | {"display": "Glucose"}
    lines = text(document({"type": "permit", "code": [{"coding": [named]}]})).splitlines()
    assert any(line.startswith('Only about: "Glucose".') for line in lines)
    assert lines[-2] == 'Names: "Glucose" is http://loinc.org|2345-7'

"""The statement: complete, deterministic, one text for one meaning, and readable."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from itertools import permutations, product
from statistics import mean
from typing import Any

import pytest
from hypothesis import given

from ledger.consent import codes, tables
from ledger.consent.builder import Party, build
from ledger.consent.codes import ACTIONS, CLASSES, CONFIDENTIALITIES, PURPOSES, SENSITIVITIES
from ledger.consent.document import parse_document
from ledger.consent.provisions import Provision
from ledger.consent.selection import Selection, any_of
from ledger.consent.statement import statement
from ledger.consent.wording import code_words, joined
from ledger.errors import DocumentRejected
from tests.consent.documents import (
    NAMES,
    ORGANISATION,
    PATIENT,
    A,
    B,
    actor,
    changed,
    coding,
    concept,
    document,
    documents,
    examples,
    label,
    plain,
    record_class,
    reference,
)
from tests.consent.mutations import OTHERS, PERIODS, Mutation, mutations, put
from tests.consent.readability import grade, words_a_sentence
from tests.policy import corpus

AT = datetime(2026, 5, 3, 10, 0, tzinfo=timezone(timedelta(hours=2)))
FORBIDDEN = re.compile(r"\b(scope|grants?|granted|opt(ing)? out|hash|blockchain)\b", re.IGNORECASE)


def built(
    *,
    classes: Sequence[str] = ("labs", "vitals"),
    excepted_labels: Sequence[str] = ("PSY",),
    excepted_classes: Sequence[str] = (),
    **changes: Any,  # noqa: ANN401
) -> dict[str, Any]:
    options: dict[str, Any] = {
        "patient": PATIENT,
        "patient_name": "Jane Doe",
        "grantees": [Party(did=A, display="Dr. Ada Brook")],
        "which": Selection(classes=classes),
        "exceptions": any_of(labels=excepted_labels, classes=excepted_classes),
        "purposes": ["TREAT"],
        "starts": AT,
        "until": AT + timedelta(days=90),
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
If you name a group, this counts for all who ask in its name. \
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
    assert "What they may not do: anything." in lines
    assert "Not for: any reason." in lines


def test_nested_points_are_numbered_and_say_how_they_weigh() -> None:
    found = text(plain())
    assert "\n1. NO, do not share. Records marked as: psychiatric illness. A record with no such" in found
    assert '\n1.1. YES, share. Who: "City Clinic". A record with no mark, or with some other mark,' in found
    assert "\n2. NO, do not share. These: what belongs to <Encounter/1>. If a record does not name" in found
    assert "A point counts more than the one it stands under." in found
    assert "If two points clash, NO wins." in found


def point(provision: dict[str, Any]) -> str:
    """The line of the first exception."""
    return next(line for line in text(document(provision)).splitlines() if line.startswith("1. "))


def test_a_point_says_how_it_reads_what_it_takes_over_from_its_opposite() -> None:
    named = {
        "securityLabel": [label("N"), label("HIV")],
        "code": [concept("http://loinc.org", "2345-7")],
        "dataPeriod": {"start": "2024"},
        "data": [{"meaning": "authoredby", "reference": reference("Practitioner/x")}],
    }
    labs = {"class": [record_class("30954-2")]}
    assert point({"type": "permit", **named, "provision": [{"type": "deny", **labs}]}) == (
        "1. NO, do not share. Kinds of records: lab test results."
        " A record with no such mark is not held back by this."
        " The privacy level or one of the marks is enough."
        " If a record does not say what it is about, it is held back."
        " Records are kept in small groups. A group is held back if any of it fits."
        " If a record has no date, it is held back."
        " If a record does not say who wrote it, it is held back."
    )
    assert point({"type": "deny", **named, "provision": [{"type": "permit", **labs}]}) == (
        "1. YES, share. Kinds of records: lab test results."
        " A record with no mark, or with some other mark, is not shared by this."
        " The privacy level and the marks must both fit."
        " If a record does not say what it is about, it is not shared."
        " Records are kept in small groups. A group is shared only if all of it fits."
        " If a record has no date, it is not shared."
        " If a record does not say who wrote it, it is not shared."
    )
    alike = point({"type": "permit", **named, "provision": [{"type": "permit", **labs}]})
    assert alike == "1. YES, share. Kinds of records: lab test results."


@pytest.mark.parametrize(
    ("name", "held_back"), [("CarePlan/7", False), ("Encounter/1", True), ("urn:uuid:5", True)]
)
def test_only_a_no_that_may_be_about_a_visit_holds_back_what_names_none(name: str, held_back: bool) -> None:
    found = text(document({"type": "deny", "data": [{"meaning": "related", "reference": reference(name)}]}))
    assert ("If a record does not name a visit, it is held back." in found) is held_back
    assert "where it belongs" not in found


@pytest.mark.parametrize(
    ("actions", "others"),
    [(["access"], True), (["disclose", "collect"], True), (["collect"], False), (list(ACTIONS), False)],
)
def test_a_no_to_some_ways_of_seeing_says_that_others_are_left(actions: list[str], others: bool) -> None:
    named = [concept(codes.ACTION_SYSTEM, code) for code in actions]
    said = "Other ways to see them are not held back by this."
    assert (said in text(document({"type": "deny", "action": named}))) is others
    assert said not in text(document({"type": "permit", "action": named}))


def test_the_last_line_gives_every_account() -> None:
    last = text(plain()).splitlines()[-1]
    assert last == f'Accounts: you are {PATIENT}; "{NAMES[A]}" is {A}; "{NAMES[B]}" is {B}'


def test_many_entries_stand_on_lines_of_their_own() -> None:
    assert "Kinds of records:\n- lab test results\n- vital signs\n- medicines\n- allergies\n" in text(
        built(classes=["labs", "vitals", "medications", "allergies"])
    )


def accepted(changes: Iterable[Mutation]) -> Iterator[tuple[str, str]]:
    """Name and text of those mutations that are documents."""
    for name, found in changes:
        with suppress(DocumentRejected):
            yield name, text(found)


def full() -> dict[str, Any]:
    """Every element at every depth, with what can be moved up and down."""
    found = plain()
    root = found["provision"]
    every = {name: value for name, value in root.items() if name not in ("provision", "type", "actor")}
    every["period"] = {"start": "2026-03-01T00:00:00+01:00", "end": "2026-11-30T12:00:00-05:00"}
    root["provision"][0] |= every | {"actor": [actor(ORGANISATION)]}
    root["provision"][0]["provision"][0] |= every
    return found


MUTATED = {
    *("zone", "dateTime", "patient", "patient.display", "type", "data.meaning", "data.display"),
    *("actor.display", "code.display", "code.system"),
    *(f"{name} {verb}" for name in (*OTHERS, "provision") for verb in ("added", "removed")),
    *(f"{name} replaced" for name in OTHERS),
    *(
        f"{name}.{bound} {verb}"
        for name in PERIODS
        for bound in ("start", "end")
        for verb in ("moved", "removed")
    ),
    *("period.start added", "period.end added", "dataPeriod.start added", "dataPeriod.end added"),
    *("period removed", "dataPeriod removed", "provision moved up", "provision moved down"),
}


def test_one_changed_element_at_any_depth_changes_the_text() -> None:
    seen = set()
    for document_ in (full(), plain()):
        before = text(document_)
        for name, after in accepted(mutations(document_)):
            assert after != before, name
            seen.add(name)
    assert seen == MUTATED


def test_no_two_mutations_give_one_text() -> None:
    texts: dict[str, dict[str, Any]] = {}
    for _, found in mutations(full()):
        with suppress(DocumentRejected):
            other = texts.setdefault(text(found), found)
            assert meaning(found) == meaning(other)
    assert len(texts) > 150


@examples(60)
@given(documents())
def test_one_changed_element_changes_the_text_of_any_document(found: dict[str, Any]) -> None:
    before = text(found)
    texts = [after for _, after in accepted(mutations(found))]
    assert len(texts) > 20
    assert before not in texts


def meaning(found: dict[str, Any]) -> tuple[object, ...]:
    """All that is enforced or named: spans of time in place of the texts that say them."""
    parsed = parse_document(found, accepted_policies=OTHER_POLICIES)
    names = tuple(sorted((key, name) for key, name in parsed.names.items() if name is not None))
    return parsed.patient, parsed.patient_name, parsed.written, parsed.policy, rule(parsed.root), names


def rule(provision: Provision) -> tuple[object, ...]:
    """A provision by what it covers."""
    periods = [
        entry and (entry.span.start, entry.span.end) for entry in (provision.period, provision.data_period)
    ]
    return (
        *periods,
        *(
            getattr(provision, name)
            for name in ("permit", "actors", "purposes", "actions", "classes", "confidentialities", "labels")
        ),
        tuple(entry.key for entry in provision.codes),
        tuple((entry.meaning, entry.reference) for entry in provision.data),
        *(rule(inner) for inner in provision.provisions),
    )


@examples(80)
@given(documents(), documents())
def test_two_rules_never_have_one_text(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (text(one) == text(other)) == (meaning(one) == meaning(other))


OTHER_POLICIES = frozenset({"https://example.org/policy/other"})


def test_another_policy_is_another_text() -> None:
    (other,) = OTHER_POLICIES
    found = plain() | {"policy": [{"uri": other}]}
    assert statement(parse_document(found, accepted_policies=OTHER_POLICIES)) != text(plain())


def test_a_document_that_names_another_statement_is_refused() -> None:
    for title in ("statement/en/2", "statement/de/1", "statement/en/1 ", "Statement/en/1"):
        with pytest.raises(DocumentRejected) as refused:
            parse_document(changed(plain(), ("sourceAttachment", "title"), title))
        assert refused.value.message.startswith("Consent.sourceAttachment.title")


def test_an_end_in_the_last_second_of_a_day_is_the_end_of_that_day() -> None:
    day = document({"type": "permit", "period": {"end": "2026-02-03"}})
    second = document({"type": "permit", "period": {"end": "2026-02-03T23:59:59+01:00"}})
    assert meaning(day) == meaning(second)
    assert text(day) == text(second)
    for end in ("2026-02-03T23:59:58+01:00", "2026-02-03T23:59:59.0+01:00", "2026-02-03T23:59:59+02:00"):
        assert text(document({"type": "permit", "period": {"end": end}})) != text(day)


def distinct(family: Iterable[dict[str, Any]]) -> int:
    """How many texts there are, after a check that each stands for one meaning."""
    texts: dict[str, tuple[object, ...]] = {}
    for found in family:
        with suppress(DocumentRejected):
            assert texts.setdefault(text(found), meaning(found)) == meaning(found)
    return len(texts)


def ordered(values: Sequence[Any], most: int = 3) -> Iterator[tuple[Any, ...]]:
    for count in range(most + 1):
        yield from permutations(values, count)


def test_no_code_reads_like_two() -> None:
    hostile = ("x", "y", "x or s|y", "x, s|y or s|z", "z", "x.", "x,")
    names = (None, "s|x or s|y", "<s|x>")
    family = (
        document({"type": "permit", "code": [concept("s", code) for code in chosen]})
        for chosen in ordered(hostile)
        if chosen
    )
    assert distinct(family) == 7 + 42 + 210
    named = (
        document(
            {
                "type": "permit",
                "code": [{"coding": [coding("s", one) | ({"display": name} if name else {})]}],
                "provision": [{"type": "deny", "code": [concept("s", other)]}],
            }
        )
        for one, other, name in product(hostile, hostile, names)
        if one != other
    )
    assert distinct(named) == 7 * 6 * 3


@pytest.mark.parametrize(
    "provision",
    [
        {"data": [{"meaning": "instance", "reference": reference("Observation/1>,<Observation/2")}]},
        {"data": [{"meaning": "instance", "reference": {"identifier": {"system": "s", "value": "1>;<2"}}}]},
        {"actor": [actor("a>,<b")]},
        {"code": [concept("s", "1>,<s|2")]},
        {"code": [concept("s>,<t", "1")]},
    ],
)
def test_what_could_close_its_brackets_is_refused(provision: dict[str, Any]) -> None:
    with pytest.raises(DocumentRejected) as refused:
        parse_document(document({"type": "deny"} | provision))
    assert refused.value.reason == "bad_identity"


def test_no_account_reads_like_words_of_the_text() -> None:
    hostile = ("anyone", "anyone,", "and", "or", "a", "a,", "Who:", "see", "a;")
    family = (
        put(
            document({"type": "permit", "provision": [{"type": "deny", "actor": [actor(other)]}]}),
            ("provision", "actor"),
            [actor(one) for one in root],
        )
        for root, other in product(ordered(hostile, 2), hostile)
    )
    same = len(hostile)  # an exception for exactly whom it stands under is refused
    assert distinct(family) == (1 + 9 + 72) * 9 - same


def test_no_name_reads_like_two_or_like_words_of_the_text() -> None:
    hostile = (
        "labs. You let anyone",
        "Ann and Bob",
        "Ann, Bob",
        "Ann; Bob is <b>",
        "anyone",
        "<Encounter/1>",
        "- Ann",
        "1. NO, do not share.",
        "Encounter/2",
    )
    references = ("Encounter/1", "Encounter/2")
    family = (
        document(
            {
                "type": "permit",
                "data": [{"meaning": "related", "reference": {"reference": one} | named(first)}],
                "provision": [
                    {
                        "type": "deny",
                        "data": [{"meaning": "related", "reference": {"reference": other} | named(second)}],
                    }
                ],
            }
        )
        for (one, other), first, second in product(
            permutations(references, 2), (None, *hostile), (None, *hostile)
        )
    )
    assert distinct(family) == 2 * (1 + 9 + 9 + 72)


def named(display: str | None) -> dict[str, str]:
    return {} if display is None else {"display": display}


@pytest.mark.parametrize(
    "name",
    [
        'Ann" and "Bob',
        "Ann\u201d and \u201cBob",
        "Ann\nBob",
        "Ann\u202eBob",
        f"{A}",
        "Ann  Bob",
        "Ann\u200bBob",
    ],
)
def test_a_name_that_could_end_its_quotation_or_hide_is_refused(name: str) -> None:
    root = ("provision", "actor", 0, "reference", "display")
    with pytest.raises(DocumentRejected) as refused:
        parse_document(changed(plain(), root, name))
    assert refused.value.reason == "bad_name"


@pytest.mark.parametrize(
    "words",
    [
        code_words(PURPOSES, list(PURPOSES)),
        code_words(SENSITIVITIES, list(SENSITIVITIES)),
        list(CONFIDENTIALITIES.values()),
        list(ACTIONS.values()),
        [entry.words for entry in CLASSES.values()],
    ],
    ids=["purposes", "labels", "confidentialities", "actions", "classes"],
)
def test_no_list_of_codes_reads_like_another(words: list[str]) -> None:
    for last in ("and", "or"):
        said = [joined(chosen, last) for chosen in ordered(words) if chosen]
        assert len(set(said)) == len(said)


def test_names_and_narrative_without_effect_leave_the_rule_alone() -> None:
    carried = plain() | {"language": "en", "meta": {"versionId": "7"}, "id": "c1"}
    assert text(carried) == text(plain())


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
    """With -s it prints the figures."""
    grades = {name: grade(main_part(text(found))) for name, found in READ.items()}
    lengths = {name: words_a_sentence(main_part(text(found))) for name, found in READ.items()}
    for what, found in (("reading grade", grades), ("words a sentence", lengths)):
        worst = max(found, key=found.__getitem__)
        print(f"\n{what} of {len(found)} statements: {mean(found.values()):.1f} on average,", end=" ")
        print(f"at worst {found[worst]:.1f} ({worst})", end="")
    assert mean(grades.values()) <= 6
    assert mean(lengths.values()) <= 15


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
    assert any(line.startswith('Only records about: "Glucose".') for line in lines)
    assert lines[-2] == 'Names: "Glucose" is http://loinc.org|2345-7'

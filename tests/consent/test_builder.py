"""The builder: plain options in, a document out that is accepted, filable and says what was asked."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fhir.resources.R4B.consent import Consent as FhirConsent
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.consent.builder import Party, build
from ledger.consent.codes import ACTIONS, CLASSES, CONFIDENTIALITIES, PURPOSES, SENSITIVITIES, class_code
from ledger.consent.document import ConsentDocument, parse_document, require_filable
from ledger.consent.statement import statement
from ledger.errors import InvalidInput, LedgerError, UnknownCode
from ledger.ids import Did
from tests.consent.documents import CHAIN, ORGANISATION, PATIENT, A, B, examples

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
        classes=["labs", "8716-3"],
        purposes=["TREAT", "HPAYMT"],
        actions=["access", "use"],
        excepted_labels=["PSY", "R", "HIV"],
        excepted_classes=["notes"],
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
    "unknown class": ({"classes": ["lab"]}, UnknownCode, "unknown_class"),
    "unknown excepted class": ({"excepted_classes": ["lab"]}, UnknownCode, "unknown_class"),
    "unknown purpose": ({"purposes": ["CURE"]}, UnknownCode, "unknown_purpose"),
    "abstract purpose": ({"purposes": ["PurposeOfUse"]}, UnknownCode, "unknown_purpose"),
    "unknown action": ({"actions": ["read"]}, UnknownCode, "unknown_action"),
    "unknown label": ({"excepted_labels": ["MENTAL"]}, UnknownCode, "unknown_label"),
    "nobody": ({"grantees": []}, InvalidInput, "grantee_required"),
    "for nothing": ({"purposes": []}, InvalidInput, "purpose_required"),
    "a refusal with exceptions": (
        {"deny": True, "excepted_labels": ["PSY"]},
        InvalidInput,
        "deny_with_exceptions",
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
    "a bad account of the patient": ({"patient": Did("Patient/1")}, InvalidInput, "bad_did"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_builder_refuses(case: str) -> None:
    changes, kind, reason = REFUSED[case]
    with pytest.raises(kind) as refused:
        build(**options(**changes))
    assert refused.value.reason == reason


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=4, unique=True)


@examples(60)
@given(
    some([entry.word for entry in CLASSES.values()]),
    some(list(PURPOSES)).filter(bool),
    some(list(ACTIONS)),
    some([*SENSITIVITIES, *CONFIDENTIALITIES]),
    some(list(CLASSES)),
    st.booleans(),
)
def test_whatever_is_built_is_accepted_and_put_into_words(
    classes: list[str],
    purposes: list[str],
    actions: list[str],
    labels: list[str],
    closed: list[str],
    endless: bool,
) -> None:
    assume(not classes or not {class_code(word) for word in classes} <= set(closed))
    found = built(
        classes=classes,
        purposes=purposes,
        actions=actions,
        excepted_labels=labels,
        excepted_classes=closed,
        until=None if endless else AT + timedelta(days=1),
    )
    assert statement(found).startswith("YES, share: ")

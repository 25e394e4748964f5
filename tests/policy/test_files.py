"""Request files: every case of the corpus can be cut out and run; what is not understood is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.errors import InvalidInput, LedgerError, UnknownCode
from ledger.policy.files import Question, read_facts, read_question
from tests.policy.corpus import Case, cases, facts, request

NOW = datetime(2026, 2, 1, tzinfo=UTC)
ASKED = {"subject": "Practitioner/1", "patient": "Patient/1", "purposes": ["TREAT"]}
LAB = {"id": "lab", "class": "30954-2", "confidentiality": "N"}


def file(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"format": "consent-ledger/request/1", "request": ASKED, "records": [LAB]} | more


def read(value: object, at: datetime | None = None) -> Question:
    return read_question(json.dumps(value).encode(), at=at, now=NOW)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])
def test_a_case_of_the_corpus_reads_as_it_is(case: Case) -> None:
    cut_out = file(request=case.request, records=case.records)
    if "refused" in case.expect:
        with pytest.raises(InvalidInput) as refused:
            read(cut_out)
        assert refused.value.reason == case.expect["refused"]
        return
    found = read(cut_out)
    assert found.request == request(case.request)
    assert found.records == tuple(facts(item) for item in case.records)


def test_what_is_left_out_has_its_default() -> None:
    found = read({"format": "consent-ledger/request/1", "request": ASKED})
    assert (found.request.action, found.request.emergency, found.request.organisation) == (
        "access",
        False,
        None,
    )
    assert (found.identities, found.records) == ({}, ())


def test_the_time_is_the_one_given_else_that_of_the_file_else_now() -> None:
    given, written = datetime(2025, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    timed = file(request=ASKED | {"at": "2024-01-01T00:00:00Z"})
    assert [read(file()).request.at, read(timed).request.at] == [NOW, written]
    assert read(timed, given).request.at == given


def test_identities_are_read() -> None:
    assert read(file(identities={"Practitioner/1": "did:x"})).identities == {"Practitioner/1": "did:x"}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "another format": (file(format="consent-ledger/request/2"), "bad_request_file", "$.format"),
    "no format": ({"request": ASKED}, "bad_request_file", "$.format"),
    "an unknown member": (file(consents=[]), "bad_request_file", "$"),
    "an unknown member of the request": (
        file(request=ASKED | {"purpose": ["TREAT"]}),
        "bad_request_file",
        "$.request",
    ),
    "an unknown member of a record": (
        file(records=[LAB, LAB | {"label": ["PSY"]}]),
        "bad_request_file",
        "$.records[1]",
    ),
    "null": (file(request=ASKED | {"organisation": None}), "bad_request_file", "$.request.organisation"),
    "no subject": (
        file(request={"patient": "Patient/1", "purposes": ["TREAT"]}),
        "bad_request_file",
        "$.request",
    ),
    "a text for a list": (
        file(request=ASKED | {"purposes": "TREAT"}),
        "bad_request_file",
        "$.request.purposes",
    ),
    "a text for a truth value": (
        file(request=ASKED | {"emergency": "true"}),
        "bad_request_file",
        "$.request.emergency",
    ),
    "codes without members": (
        file(records=[LAB | {"codes": ["x|1"]}]),
        "bad_request_file",
        "$.records[0].codes[0]",
    ),
    "a name of two lines": (
        file(records=[LAB | {"resources": [["a\nb"]]}]),
        "bad_request_file",
        "$.records[0].resources[0][0]",
    ),
    "a name that ends its line": (
        file(records=[LAB | {"codes": [["a\n"]]}]),
        "bad_request_file",
        "$.records[0].codes[0][0]",
    ),
    "a record twice": (file(records=[LAB, LAB]), "record_twice", "$.records[1].id"),
    "a date for a time": (file(request=ASKED | {"at": "2026-01-01"}), "bad_date", "$.request.at"),
    "a time in another form": (file(request=ASKED | {"at": "20260101T000000Z"}), "bad_date", "$.request.at"),
    "no such time": (file(request=ASKED | {"at": "2026-02-30T00:00:00Z"}), "bad_date", "$.request.at"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_understood_is_refused_where_it_stands(case: str) -> None:
    value, reason, path = REFUSED[case]
    with pytest.raises(InvalidInput) as refused:
        read(value)
    assert (refused.value.reason, refused.value.fields["path"]) == (reason, path)


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        read(file(request=ASKED | {"at": "2026-01-01T00:00:00"}))
    assert refused.value.reason == "time_without_offset"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"request":1,"request":1}', b"\xff", b'{"at":NaN}'])
def test_what_is_no_request_file_is_refused(raw: bytes) -> None:
    with pytest.raises(LedgerError):
        read_question(raw, at=None, now=NOW)


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(UnknownCode):
        read(file(request=ASKED | {"purposes": ["FUN"]}))


def test_facts_of_records_stand_in_a_file_of_their_own() -> None:
    form = {"format": "consent-ledger/record-facts/1", "records": [LAB]}
    assert read_facts(json.dumps(form).encode()) == (facts(LAB),)
    with pytest.raises(InvalidInput):
        read_facts(json.dumps(file()).encode())

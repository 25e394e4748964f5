"""Where encounter, author, date, codes and references of a resource are read from."""

import json
from typing import Any

import pytest

from ledger.records.attributes import Attributes, attributes_of, day_of
from ledger.records.bundle import read_bundle

VISIT = {
    "fullUrl": "urn:uuid:e",
    "resource": {
        "resourceType": "Encounter",
        "id": "e",
        "participant": [{"individual": {"reference": "Practitioner/d"}}],
        "serviceProvider": {"reference": "Organization/c"},
        "period": {"start": "2024-01-01T10:00:00+01:00"},
    },
}
DOCTOR = {"fullUrl": "urn:uuid:d", "resource": {"resourceType": "Practitioner", "id": "d"}}


def attributes(kind: str = "Observation", **members: object) -> Attributes:
    patient = {"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient", "id": "p"}}
    own = {"fullUrl": "urn:uuid:o", "resource": {"resourceType": kind, "id": "o", **members}}
    raw = {"resourceType": "Bundle", "type": "collection", "entry": [patient, VISIT, DOCTOR, own]}
    bundle = read_bundle(json.dumps(raw).encode())
    return attributes_of(bundle.resources[-1], bundle)


E = {"reference": "urn:uuid:e"}
D = {"reference": "Practitioner/d"}


@pytest.mark.parametrize(
    ("members", "encounter"),
    [
        ({"encounter": E}, "Encounter/e"),
        ({"encounter": {"reference": "Encounter/e"}}, "Encounter/e"),
        ({"encounter": {"reference": "Encounter/e/_history/1"}}, "Encounter/e"),
        ({"encounter": {"reference": "https://x.example/Encounter/9"}}, "https://x.example/Encounter/9"),
        ({"encounter": {"identifier": {"system": "urn:visit", "value": "7"}}}, "urn:visit|7"),
        ({"encounter": {**E, "identifier": {"system": "urn:visit", "value": "7"}}}, "Encounter/e"),
        ({"context": {"encounter": [E]}}, "Encounter/e"),
        ({"context": E}, "Encounter/e"),
        ({"context": {"encounter": [E, {"reference": "Encounter/other"}]}}, None),
        ({"item": [{"encounter": [E]}, {"sequence": 2}, {"encounter": [E]}]}, "Encounter/e"),
        ({"item": [{"encounter": [E]}, {"encounter": [{"reference": "Encounter/other"}]}]}, None),
        ({"encounter": {"reference": "Encounter/first"}, "context": E}, "Encounter/first"),
        ({"encounter": {"display": "a visit"}}, None),
        ({}, None),
    ],
    ids=str,
)
def test_encounter(members: dict[str, Any], encounter: str | None) -> None:
    assert attributes(**members).encounter == encounter


def test_an_encounter_belongs_to_itself() -> None:
    own = attributes("Encounter")
    assert own.encounter == "Encounter/o"


@pytest.mark.parametrize(
    ("members", "authors"),
    [
        ({"performer": [D]}, {"Practitioner/d", "urn:uuid:d"}),
        ({"performer": [{"actor": D}]}, {"Practitioner/d", "urn:uuid:d"}),
        (
            {"asserter": {"reference": "Patient/x"}, "recorder": D},
            {"Patient/x", "Practitioner/d", "urn:uuid:d"},
        ),
        ({"requester": {"reference": "Practitioner/9"}}, {"Practitioner/9"}),
        ({"author": [{"identifier": {"system": "urn:ietf:rfc:3986", "value": "did:pkh:x"}}]}, {"did:pkh:x"}),
        ({"provider": {"identifier": {"system": "urn:npi", "value": "5"}}}, {"urn:npi|5"}),
        ({"encounter": E}, {"Practitioner/d", "urn:uuid:d", "Organization/c"}),
        ({"encounter": E, "performer": [{"reference": "Practitioner/9"}]}, {"Practitioner/9"}),
        ({"encounter": {"reference": "Encounter/elsewhere"}}, set()),
        ({}, set()),
    ],
    ids=str,
)
def test_authors_are_known_by_all_their_names(members: dict[str, Any], authors: set[str]) -> None:
    assert set(attributes(**members).authors) == authors


@pytest.mark.parametrize(
    ("members", "date"),
    [
        ({"effectiveDateTime": "2021-05-03T23:59:59.999-05:00", "issued": "2021-06-01"}, "2021-05-03"),
        ({"effectivePeriod": {"start": "2021-05-03", "end": "2021-06-01"}}, "2021-05-03"),
        ({"effectiveInstant": "2021-05-03T10:00:00Z"}, "2021-05-03"),
        ({"performedPeriod": {"start": "2020"}}, "2020"),
        ({"occurrenceDateTime": "2020-02"}, "2020-02"),
        ({"onsetAge": {"value": 5}, "recordedDate": "2019-01-01"}, "2019-01-01"),
        ({"onsetDateTime": "2018-01-01", "recordedDate": "2019-01-01"}, "2018-01-01"),
        ({"authoredOn": "2019-01-01"}, "2019-01-01"),
        ({"period": {"end": "2019-01-01"}, "billablePeriod": {"start": "2018-01-01"}}, "2018-01-01"),
        ({"issued": "2019-01-01T00:00:00Z"}, "2019-01-01"),
        ({"started": "2017-01-01"}, "2017-01-01"),
        ({"date": "2016-01-01"}, "2016-01-01"),
        ({"effectiveDateTime": "yesterday", "issued": "2019-01-01T00:00:00Z"}, "2019-01-01"),
        ({"effectiveDateTime": "2021-02-30"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_date(members: dict[str, Any], date: str | None) -> None:
    assert attributes(**members).date == date


@pytest.mark.parametrize(
    "text",
    ["", "21-05-03", "2021-05-03 10:00", "2021-13", "20210503", "\u0662\u0660\u0662\u0661", 2021, None],
)
def test_what_is_no_date_has_no_day(text: object) -> None:
    assert day_of(text) is None


def test_codes_are_all_codings_at_any_depth_but_units_and_meta() -> None:
    own = attributes(
        meta={"tag": [{"system": "urn:tag", "code": "t"}], "security": [{"system": "urn:s", "code": "s"}]},
        code={"coding": [{"system": "urn:a", "code": "1"}, {"system": "urn:a", "code": "1"}, {"code": "2"}]},
        component=[{"code": {"coding": [{"system": "urn:b", "code": "3"}]}}],
        contained=[{"resourceType": "Medication", "code": {"coding": [{"system": "urn:c", "code": "4"}]}}],
        valueQuantity={"value": 1.5, "system": "http://unitsofmeasure.org", "code": "cm"},
    )
    assert own.codes == ("urn:a|1", "urn:b|3", "urn:c|4", "|2")


def test_references_are_known_by_all_their_names() -> None:
    own = attributes(
        subject={"reference": "Patient/p"},
        extension=[{"url": "urn:x", "valueReference": {"reference": "Device/9"}}],
        hasMember=[{"reference": "#inside"}, {"reference": "urn:uuid:elsewhere"}],
    )
    assert own.references == {"Patient/p", "urn:uuid:p", "Device/9", "urn:uuid:elsewhere"}
    assert own.names == ("Observation/o", "urn:uuid:o")

"""Pointing at visits, documents and authors among one's own records."""

from dataclasses import replace
from typing import Any

import pytest

from ledger.client.pointing import Pointing
from ledger.client.publications import VerifiedRecord
from ledger.consent.codes import class_code
from ledger.consent.selection import Named
from ledger.errors import InvalidInput, LedgerError, NotFound
from ledger.ids import Cid, address_from_bytes, did_of
from ledger.records.header import RecordHeader, record_name

PATIENT = did_of(31337, address_from_bytes(bytes([1]) * 20))


def record(root: str, word: str, *, names: tuple[str, ...] = (), **more: Any) -> VerifiedRecord:  # noqa: ANN401
    """A record with one group of names for each member."""
    header = RecordHeader(
        kind="file" if "name" in more else "fhir-segment",
        patient=PATIENT,
        record_class=class_code(word),
        confidentiality="N",
        media_type="application/fhir+json",
        compression="none",
        size=1,
        resources=tuple(sorted((name, f"urn:uuid:{name}") for name in names)),
        **more,
    )
    return VerifiedRecord(root=Cid(root), header=header, epoch=0, capsule=b"", writer=header.patient)


def visit(root: str, number: int, date: str | None) -> VerifiedRecord:
    name = f"Encounter/{number}"
    return record(root, "encounters", names=(name,), encounter=name, date=date)


def images(root: str, *uids: str, study: str) -> VerifiedRecord:
    """Images of a study, each of which goes by the study's name too."""
    made = record(root, "imaging", name=f"CT {root}")
    groups = tuple((f"urn:oid:{study}", f"urn:oid:{uid}") for uid in uids)
    return replace(made, header=replace(made.header, resources=groups))


RECORDS = [
    record(
        "bafylabs1",
        "labs",
        names=("Observation/1", "Observation/2"),
        date="2024-09-02",
        encounter="Encounter/7",
    ),
    record("bafylabs2", "labs", names=("Observation/3",), date="2024-09-02", authors=("Practitioner/7",)),
    visit("bafyvisit7", 7, "2024-09-01"),
    visit("bafyvisit8", 8, "2024-03-14"),
    visit("bafyvisit9", 9, "2024-03-14"),
    record("bafyknee", "imaging", name="knee.pdf"),
    record("bafyfoot1", "imaging", name="foot.pdf"),
    record("bafyfoot2", "imaging", name="foot.pdf"),
    record("bafyodd", "notes", name='a "letter".pdf', date="2024-05"),
    record("bafygoals", "goals", names=("Goal/1",)),
    images("bafyseries1", "1.1", "1.2", study="1"),
    images("bafyseries2", "2.1", study="2"),
    images("bafyseries3", "2.2", "2.3", study="2"),
]
POINTING = Pointing(RECORDS)


@pytest.mark.parametrize(
    ("text", "reference", "display"),
    [
        ("2024-09-01", "Encounter/7", "your visit of 1 September 2024"),
        ("Encounter/7", "Encounter/7", "your visit of 1 September 2024"),
        ("urn:uuid:Encounter/7", "Encounter/7", "your visit of 1 September 2024"),
        ("bafylabs1", "Encounter/7", "your visit of 1 September 2024"),
        ("Encounter/9", "Encounter/9", "your visit of 14 March 2024 (2 of 2)"),
        ("Encounter/to-come", "Encounter/to-come", None),
    ],
)
def test_a_visit_is_found_by_its_day_its_name_or_a_record_of_it(
    text: str, reference: str, display: str | None
) -> None:
    assert POINTING.visit(text) == Named(reference=reference, display=display)


@pytest.mark.parametrize("text", ["2024-09-01", "Encounter/7", "bafylabs1", "bafyother7"])
def test_a_name_that_visits_of_two_places_bear_is_not_taken_for_one_of_them(text: str) -> None:
    again, elsewhere = visit("bafyagain7", 7, "2024-09-01"), visit("bafyother7", 7, "2026-01-20")
    assert Pointing([*RECORDS, again]).visit("Encounter/7") == POINTING.visit("Encounter/7")
    with pytest.raises(InvalidInput) as refused:
        Pointing([*RECORDS, elsewhere]).visit(text)
    assert refused.value.reason == "name_shared"


@pytest.mark.parametrize(
    ("text", "reference", "display"),
    [
        ("bafylabs1", "ipfs://bafylabs1", "lab test results of 2 September 2024 (1 of 2)"),
        ("bafygo", "ipfs://bafygoals", "health goals"),
        ("knee.pdf", "ipfs://bafyknee", "knee.pdf"),
        ("bafyfoot2", "ipfs://bafyfoot2", "foot.pdf (2 of 2)"),
        ("bafyodd", "ipfs://bafyodd", "notes and letters of May 2024"),
        ("Observation/3", "Observation/3", "lab test results of 2 September 2024 (2 of 2)"),
        ("urn:uuid:Observation/3", "urn:uuid:Observation/3", "lab test results of 2 September 2024 (2 of 2)"),
    ],
)
def test_a_record_is_found_by_its_cid_its_file_or_its_name(text: str, reference: str, display: str) -> None:
    assert POINTING.record(text) == Named(reference=reference, display=display)


def test_an_author_is_who_a_record_names() -> None:
    assert POINTING.author("Practitioner/7") == Named(reference="Practitioner/7")


@pytest.mark.parametrize(
    ("kind", "text", "error", "reason"),
    [
        ("visit", "2024-03-14", InvalidInput, "ambiguous"),
        ("visit", "2020-01-01", NotFound, "unknown_visit"),
        ("visit", "bafyknee", NotFound, "unknown_visit"),
        ("visit", "last week", NotFound, "unknown_visit"),
        ("record", "foot.pdf", InvalidInput, "ambiguous"),
        ("record", "bafylabs", InvalidInput, "ambiguous"),
        ("record", "bafy", NotFound, "unknown_record"),
        ("record", "Observation/9", NotFound, "unknown_record"),
        ("record", "Observation/1", InvalidInput, "kept_together"),
        ("author", "Practitioner/8", NotFound, "unknown_author"),
    ],
)
def test_what_is_not_clear_or_not_there_is_refused_with_a_way_on(
    kind: str, text: str, error: type[LedgerError], reason: str
) -> None:
    with pytest.raises(error) as refused:
        getattr(POINTING, kind)(text)
    assert refused.value.reason == reason
    assert refused.value.fix


def test_a_record_with_several_members_opens_by_its_own_name_only() -> None:
    """The name of a whole record is a name of each member, and of a file, which has no other."""
    for one in (RECORDS[0], RECORDS[5]):
        own = record_name(one.root)
        members = one.facts.resources
        assert members
        assert all(own in member.split("\n") for member in members)
    assert len(RECORDS[0].facts.resources) == 2


def test_a_study_is_named_by_its_uid_if_one_record_has_all_of_it() -> None:
    assert POINTING.record("urn:oid:1") == Named(reference="urn:oid:1", display="CT bafyseries1")


@pytest.mark.parametrize(
    ("name", "reason"), [("urn:oid:1.2", "kept_together"), ("urn:oid:2", "several_records")]
)
def test_what_a_uid_does_not_name_exactly_is_refused(name: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        POINTING.record(name)
    assert caught.value.reason == reason
    assert "--record bafyseries" in str(caught.value.fix)

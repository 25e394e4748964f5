"""The record header has one text, one reading, and nothing in it goes unchecked."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from ledger.canonical import canonical
from ledger.errors import InvalidInput, TooLarge, UnknownCode
from ledger.ids import Did
from ledger.records.cid import Codec, cid_of
from ledger.records.header import RecordHeader, compartment_of, record_name

OTHER = Did("did:pkh:eip155:31337:0x70997970C51812dc3A010C7d01b50e0d17dc79C8")


@pytest.fixture
def full(patient: Did) -> RecordHeader:
    return RecordHeader(
        kind="fhir-segment",
        patient=patient,
        record_class="30954-2",
        confidentiality="R",
        labels=("ETH", "HIV"),
        date="2021-05",
        encounter="Encounter/1",
        authors=("Practitioner/1", "urn:uuid:1"),
        codes=((), ("http://loinc.org|4548-4", "local|a b")),
        resources=(("Observation/1", "urn:uuid:2"), ("Observation/2",)),
        references=("Patient/1",),
        media_type="application/fhir+json",
        compression="zstd",
        size=1234,
    )


def changed(header: RecordHeader, **members: object) -> bytes:
    value = json.loads(header.to_bytes())
    value.update(members)
    return canonical({name: item for name, item in value.items() if item is not ...})


def test_a_header_reads_as_it_was_written(full: RecordHeader, header: RecordHeader) -> None:
    for one in (full, header):
        assert RecordHeader.from_bytes(one.to_bytes()) == one
        assert one.digest == hashlib.sha256(one.to_bytes()).digest()


def test_what_is_absent_is_left_out(header: RecordHeader) -> None:
    value = json.loads(replace(header, date=None, name=None).to_bytes())
    assert not {"date", "name", "encounter"} & value.keys()
    assert value["format"] == "consent-ledger/record/1"


def test_another_spelling_of_the_same_header_is_refused(header: RecordHeader) -> None:
    text = header.to_bytes()
    for other in (text + b" ", json.dumps(json.loads(text)).encode(), text.replace(b"scan", b"\\u0073can")):
        with pytest.raises(InvalidInput):
            RecordHeader.from_bytes(other)


@pytest.mark.parametrize(
    "members",
    [
        {"format": "consent-ledger/record/2"},
        {"kind": "dicom"},
        {"kind": 1},
        {"patient": "did:pkh:eip155:31337:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"},
        {"labels": ["HIV", "ETH"]},
        {"labels": ["ETH", "ETH"]},
        {"labels": "ETH"},
        {"labels": [1]},
        {"date": "2021-02-30"},
        {"date": "2021-5"},
        {"date": "2021-05-03T10:00:00Z"},
        {"date": "0000"},
        {"authors": ["b", "a"]},
        {"authors": [""]},
        {"encounter": "a\nb"},
        {"codes": [["b", "a"]]},
        {"codes": [["b"], ["a"]]},
        {"codes": ["a"]},
        {"codes": [["a\nb"]]},
        {"resources": [["a"], ["a"]]},
        {"references": ["a", "a"]},
        {"media_type": "text"},
        {"media_type": "Text/Plain"},
        {"media_type": "text/plain; charset=utf-8"},
        {"name": "../x"},
        {"name": "a\u202egnp.exe"},
        {"compression": "gzip"},
        {"size": -1},
        {"size": True},
        {"size": 1.5},
        {"size": "1"},
        {"class": 1},
        {"extra": 1},
        {"authors": ...},
        {"size": ...},
    ],
    ids=str,
)
def test_a_member_out_of_its_form_is_refused(full: RecordHeader, members: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        RecordHeader.from_bytes(changed(full, **members))


@pytest.mark.parametrize(
    "members", [{"class": "labs"}, {"class": "1-1"}, {"confidentiality": "S"}, {"labels": ["X"]}]
)
def test_a_code_that_no_table_has_is_refused(full: RecordHeader, members: dict[str, Any]) -> None:
    with pytest.raises((UnknownCode, InvalidInput)):
        RecordHeader.from_bytes(changed(full, **members))


def test_an_abstract_label_is_refused(full: RecordHeader) -> None:
    with pytest.raises(UnknownCode):
        replace(full, labels=("_InformationSensitivityPolicy",))


def test_a_header_has_a_limit(header: RecordHeader) -> None:
    with pytest.raises(TooLarge):
        replace(header, references=tuple(f"{n:06}" + "x" * 1000 for n in range(1100)))


def test_facts_hold_one_string_for_each_member(full: RecordHeader) -> None:
    root = cid_of(Codec.DAG_CBOR, b"x")
    facts = full.facts(root)
    assert facts.id == root
    assert facts.record_class == "30954-2"
    assert facts.codes == {"", "http://loinc.org|4548-4\nlocal|a b"}
    name = record_name(root)
    assert facts.resources == {f"Observation/1\nurn:uuid:2\n{name}", f"Observation/2\n{name}"}
    assert facts.labels == {"ETH", "HIV"}
    assert (facts.confidentiality, facts.encounter, facts.date) == ("R", "Encounter/1", "2021-05")
    assert facts.authors == {"Practitioner/1", "urn:uuid:1"}
    assert facts.references == {"Patient/1"}


def test_a_compartment_is_a_patient_a_class_and_a_set_of_labels(full: RecordHeader, patient: Did) -> None:
    same = compartment_of(patient, "30954-2", ("HIV", "ETH", "HIV"))
    assert full.compartment == same
    expected = {
        "format": "consent-ledger/compartment/1",
        "patient": patient,
        "class": "30954-2",
        "labels": ["ETH", "HIV"],
    }
    assert same == hashlib.sha256(canonical(expected)).digest()
    others = {
        compartment_of(OTHER, "30954-2", ("ETH", "HIV")),
        compartment_of(patient, "8716-3", ("ETH", "HIV")),
        compartment_of(patient, "30954-2", ("HIV",)),
        compartment_of(patient, "30954-2", ()),
    }
    assert len(others | {same}) == 5


def test_a_header_shows_nothing_in_its_repr(full: RecordHeader) -> None:
    assert "HIV" not in repr(full)
    assert full.patient not in repr(full)

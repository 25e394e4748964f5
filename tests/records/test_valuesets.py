"""The value sets: whole, checked by what their systems check, and found however a source spells a code."""

import re

import pytest

from ledger.consent.codes import SENSITIVITIES
from ledger.records.valuesets import GROUPS, Row, labels_of_code, rows_of_text, systems, value_sets
from tests.records.checkdigits import is_loinc, is_snomed, swapped

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_9 = "http://hl7.org/fhir/sid/icd-9-cm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

ROWS = [row for shipped in value_sets().values() for row in shipped.rows]
FORMS = {
    "icd-10-cm": re.compile(r"[A-TV-Z](?:\d(?:[0-9A-Z?]{1,5})?)?"),
    "icd-9-cm": re.compile(r"(?:\d{2,5}|V\d{2,4}|E\d{2,4})"),
    "rxnorm": re.compile(r"[1-9]\d{1,6}"),
    "cpt": re.compile(r"\d{5}"),
    "hcpcs": re.compile(r"[A-V]\d{4}"),
    "revenue": re.compile(r"0\d{3}"),
    "nucc": re.compile(r"[0-9A-Z]{9}X"),
}


def labels_of_text(text: str) -> set[str]:
    return {label for row in rows_of_text(text) for label in row.labels}


def rows_in(system: str) -> list[Row]:
    return [row for row in ROWS if row.system == system]


@pytest.mark.parametrize("group", GROUPS)
def test_every_row_is_whole(group: str) -> None:
    shipped = value_sets()[group]
    assert (shipped.format, shipped.group) == ("consent-ledger/valueset/2", group)
    assert len({(row.system, row.code) for row in shipped.rows}) == len(shipped.rows)
    for row in shipped.rows:
        assert row.system in systems()
        assert row.match in ("exact", "prefix", "word")
        assert (row.match == "prefix") == row.system.startswith("icd-")
        assert (row.match == "word") == (row.system == "words")
        assert row.labels == tuple(sorted(set(row.labels)))
        assert row.labels
        assert all(label in SENSITIVITIES for label in row.labels)
        assert row.meaning
        assert row.source


def test_every_label_of_a_group_has_rows_in_it() -> None:
    for shipped in value_sets().values():
        assert set(shipped.labels) <= {label for row in shipped.rows for label in row.labels}


def test_every_promised_label_has_rows() -> None:
    promised = (
        "ETH SUD ETHUD OPIOIDUD MH PSY PSYTHPN BH COGN DVD EMOTDIS HIV SEX PREGNANT STD GENDER SDV VIO MST"
    )
    assert {*promised.split(), "GDIS", "SCA"} == {label for row in ROWS for label in row.labels}


def test_codes_have_the_check_digits_and_forms_of_their_systems() -> None:
    assert [row.code for row in rows_in("snomed-ct") if not is_snomed(row.code)] == []
    assert [row.code for row in rows_in("loinc") if not is_loinc(row.code)] == []
    for system, form in FORMS.items():
        codes = [code for row in rows_in(system) for code in (row.code, *row.excluded)]
        assert [code for code in codes if not form.fullmatch(code)] == []
        assert codes


def test_check_digits_tell_swapped_digits() -> None:
    for code in ("86406008", "428211000124100", "6471006"):
        assert is_snomed(code)
        assert not any(map(is_snomed, swapped(code)))
    assert is_loinc("20447-9")
    assert not is_loinc("24047-9")
    assert not is_loinc("20447-8")
    assert not is_snomed("12")


def test_an_exception_stands_below_its_row_and_above_nothing_sensitive() -> None:
    for row in ROWS:
        if row.match == "prefix":
            for code in row.excluded:
                assert code.startswith(row.code)
                assert code != row.code


@pytest.mark.parametrize("row", [row for row in ROWS if row.match == "word"], ids=lambda row: row.code)
def test_each_word_is_found_and_its_exceptions_are_not(row: Row) -> None:
    text = row.code.replace("*", "")
    assert row in rows_of_text(f"Patient has: {text}, since May.")
    assert row not in rows_of_text(f"x{text}x")
    for phrase in row.excluded:
        assert row not in rows_of_text(phrase.replace("*", "")), phrase


@pytest.mark.parametrize(
    ("system", "code", "labels"),
    [
        (ICD, "F33.1", {"BH", "MH", "PSY"}),
        (ICD, "F331", {"BH", "MH", "PSY"}),
        (ICD, " f33.1 ", {"BH", "MH", "PSY"}),
        (ICD, "F33.1+", {"BH", "MH", "PSY"}),
        ("http://hl7.org/fhir/sid/icd-10", "F20", {"PSY", "MH"}),
        ("https://hl7.org/fhir/sid/icd-10-cm/", "F20.0", {"PSY", "MH"}),
        ("http://hl7.org/fhir/sid/ICD-10-CM|2024", "F20.0", {"PSY", "MH"}),
        ("urn:oid:2.16.840.1.113883.6.90", "F10.20", {"ETH", "ETHUD"}),
        ("2.16.840.1.113883.6.90", "F10.20", {"ETH", "ETHUD"}),
        ("ICD-10-CM", "F10.20", {"ETH", "ETHUD"}),
        (ICD, "F52.0", {"PSY", "MH", "SEX"}),
        (ICD, "B20", {"HIV"}),
        (ICD, "A54.01", {"STD", "SEX"}),
        (ICD, "Y07.01", {"SDV", "VIO"}),
        (ICD, "O80", {"PREGNANT", "SEX"}),
        (ICD, "O99.310", {"ETH", "PREGNANT", "SEX"}),
        (ICD, "O99.330", {"PREGNANT", "SEX"}),
        (ICD_9, "042", {"HIV"}),
        (ICD_9, "305.00", {"ETH", "ETHUD"}),
        (SNOMED, "86406008", {"HIV"}),
        (SNOMED, "86406008 |HIV infection|", {"HIV"}),
        (SNOMED, "243796009:246090004=86406008", {"HIV"}),
        ("http://snomed.info/sct/731000124108/version/20240301", "86406008", {"HIV"}),
        (SNOMED, "75544000", {"ETH", "OPIOIDUD"}),
        (SNOMED, "370143000", {"BH", "MH", "PSY"}),
        (LOINC, "20447-9", {"HIV"}),
        ("https://www.loinc.org/", "20447-9", {"HIV"}),
        (LOINC, "44261-6", {"MH"}),
        (RXNORM, "36437", {"BH", "MH", "PSY"}),
        ("", "B20", {"HIV"}),
        ("", "F33.1", {"BH", "MH", "PSY"}),
        ("", "86406008", {"HIV"}),
        ("", "20447-9", {"HIV"}),
        (ICD, "F17.210", set()),
        (ICD_9, "305.1", set()),
        (ICD, "T40.2X5A", set()),
        (ICD, "T40.2X1A", {"ETH"}),
        (ICD, "T40.2X2A", {"ETH", "MH", "PSY"}),
        (ICD, "T40.2X3A", {"ETH", "VIO"}),
        (ICD, "T65.892A", {"MH", "PSY"}),
        (ICD, "T65.92XA", {"MH", "PSY"}),
        (ICD, "T65.891A", set()),
        (ICD, "T65.8", set()),
        (ICD, "T33.012A", set()),
        (ICD, "F48.2", set()),
        (ICD, "Z71.1", set()),
        (ICD, "Z71.41", {"ETH"}),
        (ICD, "Z71.51", {"ETH"}),
        (ICD, "Z11.3", {"SEX", "STD"}),
        (ICD, "Z11.4", {"HIV"}),
        (ICD, "B19.10", set()),
        (ICD, "T75.00XA", set()),
        (ICD, "I10", set()),
        (ICD, "", set()),
        (SNOMED, "38341003", set()),
        (LOINC, "86406008", set()),
        ("urn:oid:1.2.3", "B20", set()),
        ("", "36437", set()),
        ("", "F331", set()),
        ("", "", set()),
    ],
)
def test_a_code_is_found_however_it_is_spelled(system: str, code: str, labels: set[str]) -> None:
    assert labels_of_code(system, code) == labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("HIV positive", {"HIV"}),
        ("hiv-positive", {"HIV"}),
        ("Human  immunodeficiency\nvirus", {"HIV"}),
        ("AIDS", {"HIV"}),
        ("Hearing aids", set()),
        ("She aids her mother", set()),
        ("HEARING AIDS, and AIDS since 2001", {"HIV"}),
        ("ST depression; known depression", {"BH", "MH", "PSY"}),
        ("ST-depression", set()),
        ("Nonalcoholic steatohepatitis", set()),
        ("Non-alcoholic fatty liver", set()),
        ("Chlamydia trachomatis", {"SEX", "STD"}),
        ("Chlamydia pneumoniae", set()),
        ("Recommendation to limit sexual activity", set()),
        ("", set()),
    ],
)
def test_words_are_found_in_texts_but_not_in_what_only_looks_alike(text: str, labels: set[str]) -> None:
    assert labels_of_text(text) == labels

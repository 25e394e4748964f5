"""The code tables: complete, closed, ordered, and each code with words of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.consent import codes, tables
from ledger.consent.codes import ACTIONS, CLASSES, CONFIDENTIALITIES, PURPOSES, SENSITIVITIES
from ledger.errors import UnknownCode
from ledger.policy.index import RecordIndex
from ledger.policy.model import RecordFacts
from ledger.policy.obligations import obligations
from ledger.records.valuesets import value_sets

SHARED = Path(__file__).parents[3] / "shared" / "data" / "codes"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="HL7 code lists are not beside the repository")


RECORD = RecordFacts(
    id="r", record_class="30954-2", confidentiality="R", labels=frozenset({"ETHUD"}), codes=frozenset({""})
)


def load(name: str) -> Any:  # noqa: ANN401
    return json.loads((SHARED / name).read_text())


# What HL7 has retired, and what only groups others: the codes of the lists that ours leave out.
RETIRED_SENSITIVITIES = {"SICKLE"}
RETIRED_CONFIDENTIALITIES = {
    *("B", "C", "D", "I", "S", "T"),
    "_ConfidentialityByAccessKind",
    "_ConfidentialityByInfoType",
    "_ConfidentialityModifiers",
    *("ETH", "HIV", "PSY", "SDV"),
}
CONFIDENTIALITY_GROUPS = {"_Confidentiality"}


def hl7_paths(concepts: list[dict[str, Any]]) -> dict[str, frozenset[str]]:
    """Every code with itself and all codes above it, from the levels of a list in the order of its tree."""
    path: list[str] = []
    found = {}
    for concept in concepts:
        path = [*path[: concept["level"]], concept["code"]]
        found[concept["code"]] = frozenset(path)
    return found


def our_paths(tree: codes.Tree) -> dict[str, frozenset[str]]:
    """The same of one of our trees: its concrete codes, and the abstract ones above them."""
    every = {code for concrete in tree for code in tree.ancestors(concrete)}
    return {code: tree.ancestors(code) for code in every}


def compare(tree: codes.Tree, concepts: list[dict[str, Any]], retired: set[str]) -> None:
    """Each code, each is-a edge and which codes are abstract are HL7's; only `retired` codes are left out."""
    assert {concept["code"] for concept in concepts if concept["status"] != "active"} == retired
    theirs = {code: path for code, path in hl7_paths(concepts).items() if code not in retired}
    assert our_paths(tree) == theirs
    concrete = {concept["code"] for concept in concepts if not concept["abstract"]}
    assert set(tree) == concrete - retired


@needs_shared
def test_purposes_are_those_of_hl7() -> None:
    compare(PURPOSES, load("purposeofuse.json"), set())


@needs_shared
def test_sensitivities_are_those_of_hl7() -> None:
    concepts = load("codelists.json")["v3-ActCode:InformationSensitivityPolicy"]["concepts"]
    compare(SENSITIVITIES, concepts, RETIRED_SENSITIVITIES)


@needs_shared
def test_actions_and_confidentialities_are_those_of_hl7() -> None:
    lists = load("codelists.json")
    assert set(ACTIONS) == {concept["code"] for concept in lists["consentaction"]["concepts"]}
    concepts = lists["v3-Confidentiality"]["concepts"]
    assert {item["code"] for item in concepts if item["status"] != "active"} == RETIRED_CONFIDENTIALITIES
    every = {item["code"] for item in concepts}
    assert set(CONFIDENTIALITIES) == every - RETIRED_CONFIDENTIALITIES - CONFIDENTIALITY_GROUPS


@needs_shared
def test_systems_and_versions_are_those_that_the_tables_name() -> None:
    lists = load("codelists.json")
    assert lists["consentaction"]["url"] == codes.ACTION_SYSTEM
    assert lists["consentscope"]["url"] == codes.SCOPE_SYSTEM
    assert "commit a19c2636" in lists["_source"]
    for named, name in (
        ("v3-ActCode", "v3-ActCode:InformationSensitivityPolicy"),
        ("v3-Confidentiality", "v3-Confidentiality"),
        ("consentaction", "consentaction"),
    ):
        assert f"{named} {lists[name]['version']}" in (tables.__doc__ or "")
    assert "commit a19c2636" in (tables.__doc__ or "")


@needs_shared
def test_the_duties_that_come_with_a_permit_have_codes_of_hl7() -> None:
    lists = load("codelists.json")
    given = {one.type: one.code for one in obligations(RecordIndex.of([RECORD]), 1)}
    assert given == {"label": "PERSISTLABEL", "refrain": "NORDSCLCD", "notice": "42CFRPart2"}
    for kind, policy in (
        ("label", "ObligationPolicy"),
        ("refrain", "RefrainPolicy"),
        ("notice", "ActUSPrivacyLaw"),
    ):
        concepts = lists[f"v3-ActCode:{policy}"]["concepts"]
        assert {"active"} == {item["status"] for item in concepts if item["code"] == given[kind]}


@needs_shared
def test_the_codes_of_hl7_that_the_value_sets_read_are_those_of_hl7() -> None:
    lists = load("codelists.json")
    known = {item["code"] for name in lists if ":" in name for item in lists[name]["concepts"]}
    old = {item["code"] for item in lists["v3-Confidentiality"]["concepts"]}
    rows = [row for shipped in value_sets().values() for row in shipped.rows]
    assert {row.code for row in rows if row.system == "act-code"} <= known
    assert {row.code for row in rows if row.system == "confidentiality"} <= old & RETIRED_CONFIDENTIALITIES


def test_is_a_goes_up_and_not_down() -> None:
    assert PURPOSES.is_a("BTG", "TREAT")
    assert PURPOSES.is_a("TREAT", "TREAT")
    assert not PURPOSES.is_a("TREAT", "BTG")
    assert not PURPOSES.is_a("TREAT", "HPAYMT")
    assert not PURPOSES.is_a("nonsense", "nonsense")
    assert SENSITIVITIES.is_a("ETHUD", "SPI")
    assert not SENSITIVITIES.is_a("ETH", "SUD")


def test_confidentiality_is_ordered() -> None:
    assert [codes.rank(code) for code in "ULMNRV"] == list(range(6))
    with pytest.raises(UnknownCode):
        codes.rank("X")


@pytest.mark.parametrize("code", ["PurposeOfUse", "treat", "TREAT ", "", "SICKLE"])
def test_abstract_and_unknown_codes_cannot_be_named(code: str) -> None:
    assert code not in PURPOSES
    with pytest.raises(UnknownCode) as refused:
        PURPOSES.check(code)
    assert refused.value.reason == "unknown_purpose"


def test_an_unknown_code_says_which_there_are() -> None:
    for tree, shown in (
        (codes.PURPOSES, "HPAYMT, HRESCH, PATRQT, PUBHLTH, TREAT, or one below them in v3-ActReason."),
        (codes.SENSITIVITIES, "PSY"),
    ):
        with pytest.raises(UnknownCode) as refused:
            tree.check("FUN")
        assert shown in refused.value.fix
        assert len(refused.value.fix) < 300


def test_what_needs_an_emergency() -> None:
    assert {code for code in PURPOSES if codes.needs_emergency(code)} == {"ETREAT", "BTG", "ERTREAT"}


def test_classes_by_word_and_by_code() -> None:
    assert codes.class_code("labs") == codes.class_code("30954-2") == "30954-2"
    assert codes.class_code("demographics") == "demographics"
    assert CLASSES["30954-2"].system == codes.LOINC_SYSTEM
    assert CLASSES["devices"].system == codes.CLASS_SYSTEM
    with pytest.raises(UnknownCode) as refused:
        codes.class_code("lab")
    assert "labs" in refused.value.fix


def test_no_two_codes_of_a_list_have_the_same_words() -> None:
    for words in (
        [PURPOSES.words(code) for code in PURPOSES],
        [SENSITIVITIES.words(code) for code in SENSITIVITIES],
        list(ACTIONS.values()),
        list(CONFIDENTIALITIES.values()),
        [entry.words for entry in CLASSES.values()],
        [entry.word for entry in CLASSES.values()],
    ):
        assert len(set(words)) == len(words)

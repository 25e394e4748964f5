"""The code tables: complete, closed, ordered, and each code with words of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.consent import codes
from ledger.consent.codes import ACTIONS, CLASSES, CONFIDENTIALITIES, PURPOSES, SENSITIVITIES
from ledger.errors import UnknownCode

SHARED = Path(__file__).parents[3] / "shared" / "data" / "codes"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="HL7 code lists are not beside the repository")


def load(name: str) -> Any:  # noqa: ANN401
    return json.loads((SHARED / name).read_text())


def compare(tree: codes.Tree, concepts: list[dict[str, Any]]) -> None:
    path: list[str] = []
    for concept in concepts:
        path = [*path[: concept["level"]], concept["code"]]
        active = concept["status"] == "active"
        assert tree.ancestors(concept["code"]) == (frozenset(path) if active else frozenset())
        assert (concept["code"] in tree) == (active and not concept["abstract"])
    assert set(tree) <= {concept["code"] for concept in concepts}


@needs_shared
def test_purposes_are_those_of_hl7() -> None:
    compare(PURPOSES, load("purposeofuse.json"))


@needs_shared
def test_sensitivities_are_those_of_hl7() -> None:
    compare(SENSITIVITIES, load("codelists.json")["v3-ActCode:InformationSensitivityPolicy"]["concepts"])


@needs_shared
def test_actions_and_confidentialities_are_those_of_hl7() -> None:
    lists = load("codelists.json")
    assert set(ACTIONS) == {concept["code"] for concept in lists["consentaction"]["concepts"]}
    concepts = lists["v3-Confidentiality"]["concepts"]
    active = {item["code"] for item in concepts if item["status"] == "active"}
    assert set(CONFIDENTIALITIES) == active - {"_Confidentiality"}


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

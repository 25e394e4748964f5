"""The shipped set of labelled resources: large, varied, and labelled without a miss or a false mark."""

from collections import Counter

import pytest
from fhir.resources.R4B import get_fhir_model_class

from ledger.consent.codes import SENSITIVITIES
from ledger.records.classes import is_known
from ledger.records.measuring import Case, labels_of_case, measure, shipped_cases
from ledger.records.valuesets import GROUPS, value_sets

CASES = shipped_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_a_resource_gets_exactly_the_labels_that_it_must_get(case: Case) -> None:
    assert labels_of_case(case) == case.expects


def test_no_group_and_no_label_has_a_miss_or_a_false_mark() -> None:
    for found in measure(CASES):
        assert (found.found, found.wrongly_marked, found.wrong) == (found.positives, 0, ())


def test_the_set_is_large_enough_for_every_group_and_label() -> None:
    measures = {found.name: found for found in measure(CASES)}
    assert list(measures) == [name for group in GROUPS for name in (group, *value_sets()[group].labels)]
    for name, found in measures.items():
        least = 8 if name in GROUPS else 5
        assert found.positives >= least, name
        assert found.near_misses >= least, name


def test_a_miss_and_a_false_mark_are_counted_and_named() -> None:
    virus, gene = (next(case for case in CASES if case.name == name) for name in ("HIV disease", "thrush"))
    missed = Case("hiv", "missed", ("HIV",), "", gene.resource)
    marked = Case("hiv", "marked", (), "", virus.resource)
    found = next(one for one in measure([missed, marked]) if one.name == "hiv")
    assert (found.positives, found.found, found.near_misses, found.wrongly_marked) == (1, 0, 1, 1)
    assert found.wrong == ("missed", "marked")


def test_cases_are_named_once_explained_and_of_many_types() -> None:
    assert max(Counter(case.name for case in CASES).values()) == 1
    assert all(case.why and case.group in GROUPS for case in CASES)
    assert all(
        label in SENSITIVITIES and list(case.expects) == sorted(case.expects)
        for case in CASES
        for label in case.expects
    )
    types = Counter(case.resource["resourceType"] for case in CASES)
    assert len(types) >= 15
    assert all(is_known(name) for name in types)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_fhir(case: Case) -> None:
    for value in (case.resource, *case.others):
        read = get_fhir_model_class(value["resourceType"]).model_validate(value)
        assert read.get_resource_type() == value["resourceType"]

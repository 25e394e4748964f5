"""How good the labelling is: measured on the shipped set of resources, of which each says its labels.

A *positive* is a resource that must get a label, a *near miss* one of the same field that must not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from ledger import data
from ledger.records.classes import class_of
from ledger.records.labels import label_bundle
from ledger.records.loose import of_values
from ledger.records.valuesets import value_sets


class Case(msgspec.Struct, frozen=True):
    """A resource, the others that it needs, and exactly the labels that it must get."""

    group: str
    name: str
    expects: tuple[str, ...]
    why: str
    resource: dict[str, Any]
    others: tuple[dict[str, Any], ...] = ()


class CaseSet(msgspec.Struct, frozen=True):
    """The shipped set."""

    format: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Counts for one group of labels, or for one label of it; wrong cases by name."""

    name: str
    positives: int
    found: int
    near_misses: int
    wrongly_marked: int
    wrong: tuple[str, ...] = ()


@cache
def shipped_cases() -> tuple[Case, ...]:
    """The cases of the shipped set."""
    return msgspec.json.decode(data.read("labelled.json"), type=CaseSet).cases


def labels_of_case(case: Case) -> tuple[str, ...]:
    """The labels that the rules give the resource of a case."""
    loose = of_values([{"resource": value} for value in (case.resource, *case.others)])
    classes = {one.full_url: class_of(one) for one in loose.resources}
    return label_bundle(loose, classes)[loose.resources[0].full_url].labels


def measure(cases: Sequence[Case]) -> list[Measure]:
    """One measure for each group, and after it one for each of its labels."""
    given = {case.name: frozenset(labels_of_case(case)) for case in cases}
    measures = []
    for group, shipped in value_sets().items():
        mine = [case for case in cases if case.group == group]
        measures.append(_of(group, mine, frozenset(shipped.labels), given))
        measures += [_of(label, mine, frozenset({label}), given) for label in shipped.labels]
    return measures


def _of(
    name: str, cases: Iterable[Case], labels: frozenset[str], given: dict[str, frozenset[str]]
) -> Measure:
    wanted = [(case, labels & frozenset(case.expects), labels & given[case.name]) for case in cases]
    positives = [(case, must, got) for case, must, got in wanted if must]
    near = [(case, must, got) for case, must, got in wanted if not must]
    return Measure(
        name=name,
        positives=len(positives),
        found=sum(must <= got for _, must, got in positives),
        near_misses=len(near),
        wrongly_marked=sum(bool(got) for *_, got in near),
        wrong=tuple(case.name for case, must, got in wanted if must != got),
    )

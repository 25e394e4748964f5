"""Sensitivity labels and confidentiality of resources, and why each has them.

Labels only ever add up. Confidentiality is what the source says, else N, else R for a class ``other``; never
below R for a resource that is labelled sensitive, that is of a type which FHIR R4 does not have, or that
carries a security label which is not understood here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger.consent.codes import CONFIDENTIALITIES, rank
from ledger.records.classes import OTHER, is_known
from ledger.records.clues import Clues, clues_of
from ledger.records.codings import security
from ledger.records.reasons import Names, Reason, causes, own_reasons, parts
from ledger.records.resources import Resource, Resources
from ledger.records.valuesets import name_of_system

SENSITIVE = "R"
"""The least confidentiality of what is labelled sensitive."""

_JUDGED = frozenset({"act-code", "act-reason", "observation-value"})
_WHOLE = frozenset({"category", "code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """Labels, sorted, and confidentiality of one resource."""

    labels: tuple[str, ...]
    confidentiality: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Explanation:
    """The labelling of one resource, every reason for its labels, and why it is as confidential as it is."""

    labelling: Labelling
    reasons: tuple[Reason, ...]
    confidential: str


def label_bundle(bundle: Resources, classes: Mapping[str, str]) -> dict[str, Labelling]:
    """The labelling of each resource by full URL; `classes` gives the class of each."""
    return {full_url: one.labelling for full_url, one in explain_bundle(bundle, classes).items()}


def explain_bundle(bundle: Resources, classes: Mapping[str, str]) -> dict[str, Explanation]:
    """The labelling of each resource by full URL, with its reasons; `classes` gives the class of each."""
    reasons = _reasons(bundle)
    return {
        resource.full_url: _explained(resource, reasons[resource.full_url], classes[resource.full_url])
        for resource in bundle.resources
    }


def confidentiality_floor(labels: tuple[str, ...]) -> str:
    """The least confidentiality of something with these labels: R if there is any, else U."""
    return SENSITIVE if labels else "U"


def _reasons(bundle: Resources) -> dict[str, list[Reason]]:
    clues = {resource.full_url: clues_of(resource.value) for resource in bundle.resources}
    reasons = {one.full_url: own_reasons(one, clues[one.full_url]) for one in bundle.resources}
    names = Names(bundle)
    _pass_down(bundle.resources, clues, names, reasons)
    own = {full_url: _labels(found) for full_url, found in reasons.items()}
    edges = {one.full_url: list(causes(one, clues[one.full_url], names)) for one in bundle.resources}
    labels = _spread(own, edges)
    for full_url, found in edges.items():
        for path, cause in found:
            if more := labels[cause.full_url] - own[full_url]:
                reasons[full_url].append(Reason(kind="because", labels=more, path=path, cause=cause))
    return reasons


def _pass_down(
    resources: Iterable[Resource],
    clues: Mapping[str, Clues],
    names: Names,
    reasons: Mapping[str, list[Reason]],
) -> None:
    """Give the parts of a report or panel the labels that it has for what it is, not for what it found."""
    whole = {
        one.full_url: _labels(reason for reason in reasons[one.full_url] if _names_the_whole(reason))
        for one in resources
    }
    for one in resources:
        if whole[one.full_url]:
            for path, part in parts(clues[one.full_url], names):
                reason = Reason(kind="part", labels=whole[one.full_url], path=path, cause=one)
                reasons[part.full_url].append(reason)


def _names_the_whole(reason: Reason) -> bool:
    return reason.path.partition(".")[0] in _WHOLE


def _spread(
    own: Mapping[str, frozenset[str]], edges: Mapping[str, list[tuple[str, Resource]]]
) -> dict[str, frozenset[str]]:
    """The labels of all, when each has those of its causes too."""
    heirs: dict[str, list[str]] = defaultdict(list)
    for full_url, found in edges.items():
        for _, cause in found:
            heirs[cause.full_url].append(full_url)
    labels = dict(own)
    grown = [full_url for full_url, found in own.items() if found]
    while grown:
        given = grown.pop()
        for heir in heirs[given]:
            if not labels[given] <= labels[heir]:
                labels[heir] |= labels[given]
                grown.append(heir)
    return labels


def _labels(reasons: Iterable[Reason]) -> frozenset[str]:
    return frozenset(label for reason in reasons for label in reason.labels)


def _explained(resource: Resource, reasons: list[Reason], record_class: str) -> Explanation:
    labels = tuple(sorted(_labels(reasons)))
    confidentiality, why = max(
        _confidentialities(resource, labels, record_class), key=lambda found: rank(found[0])
    )
    return Explanation(
        labelling=Labelling(labels=labels, confidentiality=confidentiality),
        reasons=tuple(reasons),
        confidential=why,
    )


def _confidentialities(
    resource: Resource, labels: tuple[str, ...], record_class: str
) -> list[tuple[str, str]]:
    """Every confidentiality that a resource must have at least, and why; of equals the first counts."""
    found = [(code, "said by the source") for code in _said(resource)]
    if not found:
        other = record_class == OTHER
        found = [(SENSITIVE, "of no common class") if other else ("N", "nothing sensitive was found")]
    if labels:
        found.append((SENSITIVE, "labelled sensitive"))
    if not is_known(resource.type):
        found.append((SENSITIVE, "of a type that FHIR R4 does not have"))
    if not all(_is_understood(system, code) for _, system, code in security(resource.value)):
        found.append((SENSITIVE, "has a security label that is not understood"))
    return found


def _said(resource: Resource) -> list[str]:
    return [
        code.strip().upper()
        for _, system, code in security(resource.value)
        if name_of_system(system) == "confidentiality" and code.strip().upper() in CONFIDENTIALITIES
    ]


def _is_understood(system: str, code: str) -> bool:
    """Whether a security label is of a system of HL7's; of its confidentialities, whether it is one."""
    name = name_of_system(system)
    return name in _JUDGED or (name == "confidentiality" and code.strip().upper() in CONFIDENTIALITIES)

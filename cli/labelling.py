"""What marks the resources of a file get, and how well the rules for it do; all on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.inputs import read_source
from cli.shapes.labels import (
    LabelledFile,
    LabelledResource,
    LabelsMeasured,
    LabelsShown,
    MeasurePart,
    ReasonPart,
)
from ledger.errors import InvalidInput, LedgerError

if TYPE_CHECKING:
    from ledger.records.labels import Explanation
    from ledger.records.reasons import Reason
    from ledger.records.resources import Resource

# Elements that say in words what a resource is, the first that is there.
_TITLES = (
    "code",
    "medicationCodeableConcept",
    "vaccineCode",
    "type",
    "serviceType",
    "category",
    "reasonCode",
)


def require_task(files: list[Path], *, measure: bool) -> None:
    """Refuse to do nothing, or two things at once.

    Raises:
        InvalidInput: neither a file nor `measure`, or both.
    """
    if bool(files) == measure:
        raise InvalidInput(
            "name a file, or measure the rules; not both" if files else "no file is named",
            reason="file_or_measure",
            fix="Name FHIR files, or say --measure.",
        )


def shown(files: list[Path]) -> LabelsShown:
    """The marks of all resources of files.

    Raises:
        LedgerError: a file that cannot be read or holds no FHIR, named in the field ``file``.
    """
    return LabelsShown(files=[_labelled(path) for path in files])


def measured() -> LabelsMeasured:
    """The rules, measured on the shipped set."""
    from ledger.records.measuring import measure, shipped_cases
    from ledger.records.valuesets import GROUPS

    cases, parts, group = shipped_cases(), [], ""
    for one in measure(cases):
        group = one.name if one.name in GROUPS else group
        parts.append(
            MeasurePart(
                group=group,
                label=None if one.name == group else one.name,
                positives=one.positives,
                found=one.found,
                near_misses=one.near_misses,
                wrongly_marked=one.wrongly_marked,
                wrong=list(one.wrong),
            )
        )
    return LabelsMeasured(resources=len(cases), measures=parts)


def _labelled(path: Path) -> LabelledFile:
    from ledger.records.bundle import MAX_BUNDLE
    from ledger.records.classes import class_of
    from ledger.records.labels import explain_bundle
    from ledger.records.loose import read_loose

    try:
        loose = read_loose(read_source(path, limit=MAX_BUNDLE))
    except LedgerError as exc:
        exc.fields.setdefault("file", path.name)
        raise
    classes = {one.full_url: class_of(one) for one in loose.resources}
    found = explain_bundle(loose, classes)
    parts = [_part(one, classes[one.full_url], found[one.full_url]) for one in loose.resources]
    return LabelledFile(file=str(path), sensitive=sum(bool(part.labels) for part in parts), resources=parts)


def _part(resource: "Resource", class_code: str, found: "Explanation") -> LabelledResource:
    from ledger.consent.codes import CLASSES

    return LabelledResource(
        name=_name(resource),
        type=resource.type,
        title=_title(resource.value),
        record_class=CLASSES[class_code].word,
        class_code=class_code,
        confidentiality=found.labelling.confidentiality,
        confidential=found.confidential,
        labels=list(found.labelling.labels),
        reasons=[_reason(one) for one in found.reasons],
    )


def _reason(reason: "Reason") -> ReasonPart:
    row = reason.row
    return ReasonPart(
        kind=reason.kind,
        labels=sorted(reason.labels),
        path=reason.path,
        found=reason.found or None,
        system=reason.system or None,
        meaning=row.meaning if row else None,
        source=row.source if row else None,
        cause=_name(reason.cause) if reason.cause else None,
    )


def _name(resource: "Resource") -> str:
    return f"{resource.type}/{resource.id}" if resource.id else f"{resource.type} {resource.index + 1}"


def _title(value: dict[str, Any]) -> str | None:
    concepts = (one for element in _TITLES for one in _objects(value.get(element)))
    return next((title for title in map(_words, concepts) if title), None)


def _words(concept: dict[str, Any]) -> str | None:
    shown = (one.get("display") for one in _objects(concept.get("coding")))
    return next((text for text in (concept.get("text"), *shown) if isinstance(text, str) and text), None)


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]

"""What marks resources get, and why."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cli.shapes.labels import LabelledFile, LabelledResource, LabelsMeasured, LabelsShown, ReasonPart
from cli.views.text import counted, listed, plain, table

_CUT = 60


def shown_text(report: LabelsShown) -> str:
    """For each file what is marked, each with its reasons; of all that is ordinary how much of each class."""
    files = ["\n".join(_file(one)) for one in report.files]
    return "\n\n".join([*files, *_legend(report)])


def measured_text(report: LabelsMeasured) -> str:
    """The table of groups and labels, and the resources at fault, if there are any."""
    rows = [
        (
            part.group if part.label is None else f"  {part.label}",
            str(part.positives),
            str(part.found),
            str(part.near_misses),
            str(part.wrongly_marked),
        )
        for part in report.measures
    ]
    wrong = [f"WRONG: {name}" for part in report.measures if part.label is None for name in part.wrong]
    head = ("GROUP", "POSITIVES", "FOUND", "NEAR MISSES", "WRONGLY MARKED")
    verdict = f"Measured on {counted(report.resources, 'resource')} written for this, all synthetic."
    return "\n".join([table([head, *rows]), "", *wrong, verdict])


def _legend(report: LabelsShown) -> Iterator[str]:
    """What the marks that were given mean."""
    from ledger.consent.codes import CONFIDENTIALITIES, SENSITIVITIES

    marked = [part for one in report.files for part in one.resources if _is_marked(part)]
    grades = {part.confidentiality for part in marked}
    labels = {label for part in marked for label in part.labels}
    rows = [(code, words) for code, words in CONFIDENTIALITIES.items() if code in grades]
    rows += [(code, SENSITIVITIES.words(code)) for code in SENSITIVITIES if code in labels]
    if rows:
        yield f"Marks\n{table(rows, indent='  ')}"


def _file(one: LabelledFile) -> Iterator[str]:
    yield f"{plain(one.file)}: {counted(len(one.resources), 'resource')}, {one.sensitive} marked sensitive"
    for resource in one.resources:
        if _is_marked(resource):
            yield from _resource(resource)
    ordinary = Counter(part.record_class for part in one.resources if not _is_marked(part))
    if ordinary:
        yield ""
        yield f"  Ordinary, N: {listed(f'{count} {name}' for name, count in sorted(ordinary.items()))}"


def _is_marked(resource: LabelledResource) -> bool:
    return bool(resource.labels) or resource.confidentiality != "N"


def _resource(resource: LabelledResource) -> Iterator[str]:
    name = plain(resource.name)
    yield ""
    yield f"  {plain(resource.title)[:_CUT]} ({name})" if resource.title else f"  {name}"
    marks = " ".join([resource.confidentiality, *resource.labels])
    yield f"    {resource.record_class}, {marks}: {resource.confidential}"
    yield from dict.fromkeys(f"      {_reason(reason)}" for reason in _telling(resource.reasons))


def _telling(reasons: Sequence[ReasonPart]) -> Iterator[ReasonPart]:
    """The reasons that add something: a word that stands beside a code with the same labels does not."""
    coded = {label for reason in reasons if reason.kind in ("said", "code") for label in reason.labels}
    return (reason for reason in reasons if reason.kind != "word" or not coded.issuperset(reason.labels))


def _reason(reason: ReasonPart) -> str:
    labels, found, path = " ".join(reason.labels), plain(reason.found or ""), plain(reason.path)
    if reason.kind == "said":
        return f"{labels}: said by the source, in {path}"
    if reason.kind == "because":
        return f"{labels}: because of {plain(reason.cause or '')}, in {path}"
    if reason.kind == "part":
        return f"{labels}: part of {plain(reason.cause or '')}"
    if reason.kind == "word":
        return f"{labels}: the word '{found}' in {path}: {reason.meaning}"
    return f"{labels}: {found} in {path}: {reason.meaning} ({reason.source})"

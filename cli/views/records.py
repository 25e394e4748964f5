"""Records."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cli.shapes.consents import PersonPart
from cli.shapes.records import (
    DescribedRecord,
    FaultPart,
    ListedRecord,
    PlannedRecord,
    RecordCheck,
    RecordPart,
    RecordsAdded,
    RecordsPlanned,
    RecordsRead,
    RecordsVerified,
    SkippedPart,
)
from cli.views.people import person_text
from cli.views.text import counted, listed, plain, size_words, table

if TYPE_CHECKING:
    from cli.planning import Plan
    from ledger.client.publications import VerifiedRecord
    from ledger.client.publishing import Publisher
    from ledger.client.verifying import BlockCheck
    from ledger.records.header import RecordHeader

SEGMENT = "fhir-segment"
FILE_SET = "file-set"
UNASKED = (
    "CAUTION: you never let anybody add what is marked NOT ASKED FOR. You share it with nobody.\n"
    "Show it to an auditor. Somebody at the gateway may have helped."
)


class AnyRecord(Protocol):
    """A record by its root, or by another id, with what is told of it in words."""

    @property
    def root(self) -> str:
        """Its root, or another id."""

    @property
    def record_class(self) -> str:
        """The word for its class."""

    @property
    def labels(self) -> list[str]:
        """Its sensitivity labels."""


def record_part(root: str, header: "RecordHeader", *, waiting: bool = False) -> RecordPart:
    """One record as data."""
    return RecordPart(root=root, waiting=waiting, **_described(header))


def listed_part(record: "VerifiedRecord", writer: PersonPart | None, *, unasked: bool) -> ListedRecord:
    """One of a patient's records as data; `writer` is None for the patient."""
    return ListedRecord(
        root=record.root,
        waiting=record.waiting,
        writer=writer,
        suspended=record.suspended and writer is not None,
        unasked=unasked,
        **_described(record.header),
    )


def planned(plan: "Plan") -> RecordsPlanned:
    """What would be published."""
    found = [(header, one.sources) for one in plan.bundles for header in one.headers]
    found += [(one.header, one.sources) for one in plan.records]
    return RecordsPlanned(
        patient=plan.patient,
        records=[_planned_part(header, sources) for header, sources in found],
        skipped=skipped_parts(plan),
    )


def added(plan: "Plan", publisher: "Publisher", *, by_writer: bool = False) -> RecordsAdded:
    """What a run of publishing has published, `by_writer` and not by the patient."""
    return RecordsAdded(
        patient=plan.patient,
        by_writer=by_writer,
        records=[
            record_part(one.root, one.header, waiting=one.kind == "inbox") for one in publisher.published
        ],
        already=publisher.already,
        skipped=skipped_parts(plan),
    )


def skipped_parts(plan: "Plan") -> list[SkippedPart]:
    """What was left out, as data."""
    return [SkippedPart(path=str(one.path), why=one.why) for one in plan.skipped]


def planned_text(shape: RecordsPlanned) -> str:
    """One record a line, with the file that it is made of."""
    rows = [(*_columns(part), _source(part)) for part in shape.records]
    lines = [table([("CLASS", "MARKS", "DATE", "HOLDS", "SIZE", "FROM"), *rows]), ""]
    lines.append(f"{counted(len(shape.records), 'record')}. Nothing is published yet.")
    return "\n".join([*lines, *_skipped(shape.skipped)])


def records_text(parts: Sequence[RecordPart]) -> str:
    """One record a line: class, marks, date, what it holds, its CID."""
    if not parts:
        return "No records yet. Add some with: consent record add FILE"
    rows = [(*_columns(part), part.root) for part in parts]
    return table([("CLASS", "MARKS", "DATE", "HOLDS", "SIZE", "CID"), *rows])


def list_text(parts: Sequence[ListedRecord]) -> str:
    """The records and, if others wrote some of them, who did."""
    others = others_text(parts)
    return f"{records_text(parts)}\n\n{others}" if others else records_text(parts)


def others_text(parts: Sequence[ListedRecord]) -> str:
    """Who wrote what the patient did not write, and what of it is not as it should be; or nothing."""
    rows = [(part.root, person_text(part.writer), _standing(part)) for part in parts if part.writer]
    said = [f"Written by others:\n{table(rows, indent='  ')}"] if rows else []
    if any(part.waiting for part in parts):
        said.append("What waits is not filed yet, so nobody else can be given it.")
    if any(part.unasked for part in parts):
        said.append(UNASKED)
    return "\n\n".join(said)


def classes_text(parts: Iterable[AnyRecord]) -> str:
    """How many of each class: ``4 labs, 2 vitals``."""
    counts = Counter(part.record_class for part in parts)
    return listed(f"{count} {name}" for name, count in sorted(counts.items()))


def added_text(shape: RecordsAdded) -> str:
    """What was published, and how much was there already."""
    parts = shape.records
    there = f"{counted(shape.already, 'record')} {'was' if shape.already == 1 else 'were'} there already."
    if not parts:
        return "\n".join([f"Nothing new: {there}", *_skipped(shape.skipped)])
    resources = sum(part.resources for part in parts if part.kind == SEGMENT)
    holding = f" with {counted(resources, 'resource')}" if resources else ""
    said = f"Published {counted(len(parts), 'record')}{holding}. {_readers(shape)}"
    known = [there] if shape.already else []
    return "\n".join([records_text(parts), "", said, *known, *_skipped(shape.skipped)])


def check_part(check: "BlockCheck") -> RecordCheck:
    """What was found of one record's blocks, as data."""
    fault = check.fault
    return RecordCheck(
        root=check.root,
        ok=fault is None,
        blocks=check.blocks,
        bytes=check.size,
        repaired=check.repaired,
        code=None if fault is None else fault.code,
        problem=None if fault is None else fault.message,
    )


def verified(checks: list[RecordCheck]) -> RecordsVerified:
    """All checks together."""
    return RecordsVerified(
        ok=all(check.ok for check in checks),
        blocks=sum(check.blocks for check in checks),
        bytes=sum(check.bytes for check in checks),
        repaired=sum(check.repaired for check in checks),
        records=checks,
    )


def verified_text(report: RecordsVerified) -> str:
    """The verdict, how much was read, and each record that is not whole."""
    verdict = "Every record is whole." if report.ok else "Some records are not whole."
    whole = sum(check.ok for check in report.records)
    lines = [
        verdict,
        f"  {whole} of {counted(len(report.records), 'record')}: {counted(report.blocks, 'block')},"
        f" {size_words(report.bytes)}, each byte hashed again",
        *([f"  REPAIRED: {_mended(report.repaired)}"] if report.repaired else []),
        *(f"  NOT WHOLE: {check.root}: {check.problem}" for check in report.records if not check.ok),
    ]
    return "\n".join(lines)


def _mended(count: int) -> str:
    return counted(count, "block or pin", "blocks and pins")


def read_text(report: RecordsRead) -> str:
    """The decision, what was read and where it is, and what did not open."""
    held = [counted(len(report.resources), "resource")] if report.resources else []
    held += [counted(len(report.files), "file")] if report.files else []
    lines = [
        f"Allowed: {counted(report.records, 'record')} with {' and '.join(held) or 'nothing'}.",
        *(f"  {kind}: {count}" for kind, count in sorted(_kinds(report).items())),
        *_writers(report),
    ]
    if report.waiting:
        lines.append(
            f"Still sealed: {counted(len(report.waiting), 'record')}; the patient's client must run first."
        )
    if report.stale:
        lines.append("The gateway does not hear of the chain. This rests on what was final last.")
    if report.unchecked:
        left_out = counted(len(report.unchecked), "record")
        lines.append(f"Left out: {left_out}. Without the chain nobody can tell who wrote them.")
    how = " Name a directory: --to DIR" if report.records else ""
    lines += [f"Saved {path}" for path in _paths(report)] or [f"Nothing was saved.{how}"]
    lines += [line for fault in report.faults for line in _fault(fault)]
    decision = report.decision
    rows = [
        ("decision", decision.evaluation),
        ("consents", listed(decision.basis)),
        ("duties", listed(decision.obligations)),
        ("chain head", f"block {decision.head_number} {decision.head_hash}"),
        ("log entry", str(decision.log_index)),
        *([("emergency", report.emergency)] if report.emergency else []),
    ]
    return "\n".join([*lines, "Details", table(rows, indent="  ")])


def _readers(shape: RecordsAdded) -> str:
    if not shape.by_writer:
        return "Only you can read them, and those whom a choice of yours lets."
    waiting = sum(part.waiting for part in shape.records)
    filed = len(shape.records) - waiting
    said = [f"{counted(filed, 'record')} filed"] * bool(filed)
    said += [f"{counted(waiting, 'record')} waiting for the patient to file"] * bool(waiting)
    return f"You cannot read them back. {' and '.join(said)}."


def _standing(part: ListedRecord) -> str:
    words = [("waits", part.waiting), ("suspended since", part.suspended), ("NOT ASKED FOR", part.unasked)]
    return listed(word for word, holds in words if holds) if any(holds for _, holds in words) else ""


def _writers(report: RecordsRead) -> list[str]:
    return [
        f"  {counted(len(part.records), 'record')} written by {person_text(part.writer)}"
        f"{', suspended since' if part.suspended else ''}"
        for part in report.writers
    ]


def _fault(fault: FaultPart) -> list[str]:
    by = "" if fault.writer is None else f", written by {person_text(fault.writer)}"
    return [f"NOT OPENED: {fault.root}{by}: {fault.problem}", f"  Nothing of it was saved. {fault.fix}"]


def _kinds(report: RecordsRead) -> Counter[str]:
    return Counter(resource.type for resource in report.resources)


def _paths(report: RecordsRead) -> list[str]:
    bundle = [] if report.saved is None else [report.saved]
    folders = Counter(file.folder for file in report.files if file.folder is not None)
    single = [file.path for file in report.files if file.path is not None and file.folder is None]
    return bundle + single + [f"{folder} ({counted(count, 'file')})" for folder, count in folders.items()]


def _columns(part: DescribedRecord) -> tuple[str, ...]:
    marks = " ".join([part.confidentiality, *part.labels])
    return part.record_class, marks, part.date or "", _holds(part), size_words(part.bytes)


def _holds(part: DescribedRecord) -> str:
    if part.kind == SEGMENT or part.name is None:
        return counted(part.resources, "resource")
    return f"{part.name} ({counted(part.resources, 'file')})" if part.kind == FILE_SET else part.name


def _planned_part(header: "RecordHeader", sources: Sequence[Path]) -> PlannedRecord:
    return PlannedRecord(files=len(sources), source=str(sources[0]), **_described(header))


def _described(header: "RecordHeader") -> dict[str, Any]:
    """The members of a `DescribedRecord`."""
    from ledger.consent.codes import CLASSES

    return {
        "kind": header.kind,
        "record_class": CLASSES[header.record_class].word,
        "class_code": header.record_class,
        "confidentiality": header.confidentiality,
        "labels": list(header.labels),
        "resources": len(header.resources),
        "bytes": header.size,
        "media_type": header.media_type,
        "date": header.date,
        "name": header.name,
    }


def _source(part: PlannedRecord) -> str:
    more = f" and {part.files - 1:,} more" if part.files > 1 else ""
    return f"{plain(part.source)}{more}"


def _skipped(parts: Sequence[SkippedPart]) -> list[str]:
    return [f"Skipped {plain(part.path)}: {part.why}" for part in parts]

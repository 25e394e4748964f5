"""What a release opened, on disk and as a shape."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.exits import Exit
from cli.shapes.consents import PersonPart
from cli.shapes.records import DecisionPart, FaultPart, FilePart, RecordsRead, ResourcePart, WriterPart
from ledger.errors import ChainUnreachable, EnvironmentFault, InvalidInput, StoreUnavailable

if TYPE_CHECKING:
    from ledger.client.opening import Desk
    from ledger.client.publications import VerifiedRecord
    from ledger.client.reading import ReadFault, ReadFile, ReadReport, ReadResource
    from ledger.client.wire import Decision
    from ledger.ids import Did

BUNDLE = "records.json"
TELL = "Tell the patient and whoever wrote it: it is not a record as it was published."
AGAIN = "Try again later. If it stays so, ask the patient for: consent record verify --repair"


def read(
    desk: "Desk",
    patient: "Did",
    *,
    purposes: Sequence[str],
    classes: Sequence[str],
    records: Sequence[str],
    action: str,
    into: Path | None,
) -> RecordsRead:
    """Ask, open, and save in a directory if one is named: FHIR resources as one bundle, files by their names.

    Raises:
        InvalidInput: something among `records` is no CID; nothing is asked then.
        AccessDenied: nothing is permitted.
        LedgerError: see `ProviderClient.read`.
    """
    prepare(records, into)
    report = desk.provider.read(
        patient, purposes=purposes, classes=classes, records=records, action=action, into=into
    )
    return told(desk, report, patient, purposes=purposes, action=action, into=into)


def prepare(records: Sequence[str], into: Path | None) -> None:
    """Refuse what is no CID before anything is asked, and make the directory.

    Raises:
        InvalidInput: something among `records` is no CID.
    """
    from ledger.client.files import make_private

    for root in records:
        _require_cid(root)
    if into is not None:
        make_private(into)


def told(
    desk: "Desk",
    report: "ReadReport",
    patient: "Did",
    *,
    purposes: Sequence[str],
    action: str,
    into: Path | None,
    emergency: str | None = None,
) -> RecordsRead:
    """What a release opened, as a shape; FHIR resources are saved."""
    names = _names(desk, report, patient)
    return RecordsRead(
        patient=patient,
        purpose=list(purposes),
        action=action,
        decision=decision_part(report.decision),
        records=len({one.root for one in report.resources} | {one.root for one in report.files}),
        resources=[_resource(one) for one in report.resources],
        files=[_file(one) for one in report.files],
        waiting=list(report.waiting),
        receipts=[int(receipt["index"]) for receipt in report.receipts],
        writers=_writers(report, names),
        faults=[_fault(one, names) for one in report.faults],
        saved=_saved(report, into),
        emergency=emergency,
        stale=report.decision.stale,
        unchecked=list(report.unchecked),
    )


def ended(shape: RecordsRead) -> Exit:
    """How a command ends that has shown this: as the worst of its faults."""
    if any(one.corrupt for one in shape.faults):
        return Exit.FAILED
    if any(one.code == StoreUnavailable.code for one in shape.faults):
        return Exit.RETRY
    return Exit.UNDECIDED if shape.faults else Exit.OK


def _names(desk: "Desk", report: "ReadReport", patient: "Did") -> dict[str, str | None]:
    """The names of all who wrote something, the patient apart."""
    people = {one.writer for one in report.records} | {one.writer for one in report.faults}
    people.discard(patient)
    try:
        return desk.people.names(people) if people else {}
    except ChainUnreachable:  # in an emergency: the directory gives no names then
        return {did: desk.people.contacts.name_of(did) for did in people}


def _writers(report: "ReadReport", names: Mapping[str, str | None]) -> list[WriterPart]:
    """Who wrote what, of the records that their patient did not write."""
    by_writer: dict[str, list[VerifiedRecord]] = {}
    for record in report.records:
        if not record.by_patient:
            by_writer.setdefault(record.writer, []).append(record)
    return [
        WriterPart(
            writer=PersonPart(did=did, name=names[did]),
            suspended=records[0].suspended,
            records=[record.root for record in records],
        )
        for did, records in sorted(by_writer.items())
    ]


def _fault(one: "ReadFault", names: Mapping[str, str | None]) -> FaultPart:
    corrupt = not isinstance(one.error, EnvironmentFault)
    return FaultPart(
        root=one.root,
        writer=PersonPart(did=one.writer, name=names[one.writer]) if one.writer in names else None,
        corrupt=corrupt,
        code=one.error.code,
        problem=one.error.message,
        fix=one.error.fix or (TELL if corrupt else AGAIN),
    )


def _require_cid(text: str) -> None:
    """A provider has no list to complete a CID from, and a wrong one would be refused, and logged."""
    from ledger.records.cid import parse_cid

    try:
        parse_cid(text)
    except InvalidInput as exc:
        raise InvalidInput(
            f"{text!r} is not the whole CID of a record",
            reason="bad_cid",
            fix="Give all 59 characters: read without --record shows them with --json.",
        ) from exc


def decision_part(decision: "Decision") -> DecisionPart:
    """A decision as data."""
    return DecisionPart(
        evaluation=decision.evaluation,
        outcome=decision.outcome,
        basis=list(decision.basis),
        obligations=[_obligation(one) for one in decision.obligations],
        permitted=list(decision.permitted),
        head_number=int(decision.head["number"]),
        head_hash=str(decision.head["hash"]),
        log_index=decision.log["index"],
    )


def _obligation(one: object) -> str:
    return str(one["id"]) if isinstance(one, dict) else str(one)


def _resource(one: "ReadResource") -> ResourcePart:
    return ResourcePart(
        root=one.root,
        full_url=one.full_url,
        type=one.type,
        bytes=len(one.data),
        sha256=one.sha256,
    )


def _file(one: "ReadFile") -> FilePart:
    return FilePart(
        root=one.root,
        name=_name(one),
        path=None if one.path is None else str(one.path),
        folder=None if one.folder is None else str(one.folder),
        sha256=one.sha256,
    )


def _name(one: "ReadFile") -> str | None:
    """The name in its set, or the record's own."""
    if one.path is None or one.folder is None:
        return one.header.name
    return one.path.relative_to(one.folder).as_posix()


def _saved(report: "ReadReport", into: Path | None) -> str | None:
    """The bundle of all FHIR resources, written whole or not at all, and never over an earlier one."""
    from ledger.durable import appearing
    from ledger.records.bundle import write_entries

    if into is None or not report.resources:
        return None
    path = _free(into, report.decision.log["index"])
    with appearing(path) as stream:
        stream.write(write_entries((one.full_url, one.data) for one in report.resources))
    return str(path)


def _free(into: Path, index: int) -> Path:
    """``records.json``, or where that is taken, the same with the number of the decision in the log."""
    path = into / BUNDLE
    return path if not path.exists() else into / f"{path.stem}.{index}{path.suffix}"

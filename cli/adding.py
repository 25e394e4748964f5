"""Files as records: a FHIR bundle by its segments, any other file as it is."""

import mimetypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.shapes.records import RecordPart
from cli.views.records import record_part
from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from ledger.client.patient import PatientClient
    from ledger.records.header import RecordHeader

JSON_SUFFIXES = {".json"}
UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the user says of plain files."""

    record_class: str | None
    labels: Sequence[str]
    date: str | None
    media_type: str | None
    same_person: bool


def add(
    patient: "PatientClient", paths: Sequence[Path], said: Described, progress: Callable[[int, int], None]
) -> Iterator[RecordPart]:
    """Publish each file in turn; a JSON file without a class is a FHIR bundle.

    Raises:
        InvalidInput: a plain file without a class.
        LedgerError: see `PatientClient.publish_bundle` and `publish_file`.
    """
    for path in paths:
        if path.suffix.lower() in JSON_SUFFIXES and said.record_class is None:
            made = patient.publish_bundle(path, same_person=said.same_person, progress=progress)
        else:
            made = [patient.publish_file(path, _header(patient, path, said))]
        yield from (record_part(one.root, one.header) for one in made)


def _header(patient: "PatientClient", path: Path, said: Described) -> "RecordHeader":
    from ledger.records.filerecords import file_record

    if said.record_class is None:
        raise InvalidInput(
            f"{path.name} is no FHIR bundle, so say what it is",
            reason="class_required",
            fix="Name its class: --class imaging, --class labs, --class devices ...",
        )
    return file_record(
        path,
        patient=patient.did,
        record_class=said.record_class,
        media_type=said.media_type or mimetypes.guess_type(path.name)[0] or UNKNOWN,
        date=said.date,
        labels=said.labels,
    )

"""Files as records: a FHIR bundle by its segments, any other file as it is."""

import mimetypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.shapes.records import RecordPart
from cli.sniffing import bundle_in, is_named
from cli.views.records import record_part
from ledger.errors import InvalidInput, LedgerError

if TYPE_CHECKING:
    from ledger.client.patient import PatientClient
    from ledger.records.header import RecordHeader
    from ledger.records.publish import Published

UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the user says of plain files; and whose name they say is theirs in a bundle."""

    record_class: str | None
    labels: Sequence[str]
    date: str | None
    media_type: str | None
    same_person: str | None

    @property
    def about_files(self) -> bool:
        """Whether anything is said that only a plain file can be given."""
        return bool(self.record_class or self.labels or self.date or self.media_type)


def add(
    patient: "PatientClient", paths: Sequence[Path], said: Described, progress: Callable[[int, int], None]
) -> Iterator[RecordPart]:
    """Publish each file in turn; what is a FHIR bundle is taken as one, whatever is said of it.

    Nothing is published before every file was looked at.

    Raises:
        InvalidInput: a plain file without a class; a bundle of which more is said than it takes.
        LedgerError: see `PatientClient.publish_bundle` and `publish_file`.
    """
    for path in paths:
        with _naming(path):
            _require_taken(path, said)
    for path in paths:
        with _naming(path):
            made = _published(patient, path, said, progress)
        yield from (record_part(one.root, one.header) for one in made)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Give the name of the file at fault to what is raised about it."""
    try:
        yield
    except LedgerError as exc:
        exc.fields.setdefault("file", path.name)
        raise


def _published(
    patient: "PatientClient", path: Path, said: Described, progress: Callable[[int, int], None]
) -> "list[Published]":
    bundle = bundle_in(path, expected=said.record_class is None)
    if bundle is None:
        return [patient.publish_file(path, _header(patient, path, said))]
    same_person = said.same_person is not None and _is_named(bundle, said.same_person)
    return patient.publish_bundle(bundle, same_person=same_person, progress=progress)


def _require_taken(path: Path, said: Described) -> None:
    """Refuse a bundle that is at fault or whose own marks are passed by, and a plain file without a class."""
    from ledger.records.bundle import read_bundle

    bundle = bundle_in(path, expected=said.record_class is None)
    if bundle is None:
        if said.record_class is None:
            raise InvalidInput(
                f"{path.name} is no FHIR bundle, so say what it is",
                reason="class_required",
                fix="Name its class: --class imaging, --class labs, --class devices ...",
            )
    elif said.about_files:
        raise InvalidInput(
            f"{path.name} is a FHIR bundle: each part of it gets its own class, marks and date",
            reason="bundle_options",
            fix="Leave out --class, --mark, --date and --media-type; add plain files by themselves.",
        )
    else:
        read_bundle(bundle)


def _is_named(bundle: bytes, name: str) -> bool:
    from ledger.records.bundle import read_bundle

    if not is_named(read_bundle(bundle).patient.value, name):
        raise InvalidInput(
            "the Patient in the bundle has another name than the one after --same-person",
            reason="other_name",
            fix="If it is you, type the name in full as the bundle has it: given names, family name.",
        )
    return True


def _header(patient: "PatientClient", path: Path, said: Described) -> "RecordHeader":
    from ledger.records.filerecords import file_record

    return file_record(
        path,
        patient=patient.did,
        record_class=said.record_class or "",
        media_type=said.media_type or mimetypes.guess_type(path.name)[0] or UNKNOWN,
        date=said.date,
        labels=said.labels,
    )

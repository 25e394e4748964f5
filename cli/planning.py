"""What would become of files: each is looked at, and known by what it holds, before anything is published."""

import mimetypes
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cli.sniffing import bundle_in, is_named, is_same_name, lines_in
from ledger.errors import BundleRejected, InvalidInput, LedgerError
from ledger.records.folder import Skipped, walk

if TYPE_CHECKING:
    from datetime import tzinfo

    from ledger.ids import Did
    from ledger.records.dicom import DicomFile
    from ledger.records.header import RecordHeader
    from ledger.records.prepared import Prepared
    from ledger.records.resources import Bundle

UNKNOWN = "application/octet-stream"
BY_DAY = (".csv", ".tsv", ".ndjson", ".jsonl")
"""The files that are cut by day if that is asked for."""
MOST_KEPT = 32 << 20
"""How many bytes of bundles stay in memory between looking and publishing; more are read again."""


class Owner(Protocol):
    """Whose records are planned, and what their segments are of."""

    @property
    def did(self) -> "Did":
        """The patient."""

    @property
    def fingerprint(self) -> bytes | None:
        """Of the person whose bundle was published first for them; see `records.patient`."""

    def bundle_records(self, source: bytes, *, same_person: bool = False) -> "list[Prepared]":
        """See `PatientClient.bundle_records`."""

    def bind(self, person: bytes) -> None:
        """See `PatientClient.bind`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the user says of files that do not say it themselves; and whose name they say is theirs."""

    record_class: str | None = None
    labels: Sequence[str] = ()
    date: str | None = None
    media_type: str | None = None
    same_person: str | None = None
    by_day: bool = False
    time_field: str | None = None
    zone: str | None = None

    @property
    def about_files(self) -> bool:
        """Whether anything is said that a bundle cannot be given."""
        return bool(self.record_class or self.labels or self.date or self.media_type)

    @property
    def cut_by_day(self) -> bool:
        """Whether tables of measurements are to be cut by day."""
        return self.by_day or self.time_field is not None or self.zone is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBundle:
    """A bundle: where it comes from, its bytes whenever asked for, its person, and its segments' headers.

    The segments themselves are kept if they are small, or else cut again from the bytes.
    """

    sources: tuple[Path, ...]
    raw: Callable[[], bytes] = field(repr=False)
    same_person: bool
    person: bytes = field(repr=False)
    headers: "tuple[RecordHeader, ...]" = field(repr=False)
    kept: "list[Prepared] | None" = field(repr=False)

    def records(self, owner: Owner) -> "list[Prepared]":
        """The segments; the person is bound to the owner from now on.

        Raises:
            BundleRejected: no such bundle any more, or another person's.
        """
        if self.kept is None:
            return owner.bundle_records(self.raw(), same_person=self.same_person)
        owner.bind(self.person)
        return self.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be published, bundles first; and what was left out."""

    patient: "Did"
    bundles: tuple[PlannedBundle, ...]
    records: "tuple[Prepared, ...]" = field(repr=False)
    skipped: tuple[Skipped, ...]

    @property
    def total(self) -> int:
        """How many records there will be."""
        return sum(len(one.headers) for one in self.bundles) + len(self.records)


def planned(patient: Owner, paths: Sequence[Path], said: Described) -> Plan:
    """Look at every file, and at those in every directory.

    Raises:
        InvalidInput: ``class_required`` (a plain file of which nobody says what it is), ``bundle_options``,
            ``dicom_options`` (more is said of a file than it takes), ``other_name``, ``nothing_to_add``;
            or as the readers of the formats say.
        BundleRejected: no such bundle, or another person's (``other_person``).
        LedgerError: a file that cannot be read, or is no such file; it is named in the field ``file``.
    """
    task = _Task(patient, said)
    for one in _files(paths):
        task.take(*one)
    return task.plan(paths)


class _Task:
    """One pass over the files, which sorts them by what they are."""

    def __init__(self, patient: Owner, said: Described) -> None:
        self._patient, self._said = patient, said
        self._known = patient.fingerprint
        self._bundles: list[PlannedBundle] = []
        self._lines: list[Path] = []
        self._images: list[DicomFile] = []
        self._records: list[Prepared] = []
        self._skipped: list[Skipped] = []
        self._room = MOST_KEPT

    def take(self, found: Path | Skipped, named: bool) -> None:
        """Sort in one file; `named` by the user, and not merely in a directory."""
        if isinstance(found, Skipped):
            self._skipped.append(found)
            return
        try:
            self._take(found, named)
        except LedgerError as exc:
            exc.fields.setdefault("file", found.name)
            raise

    def plan(self, paths: Sequence[Path]) -> Plan:
        """Everything together; images and lines of FHIR only now, as several files may belong together."""
        from ledger.records.bulk import bundle_of_lines
        from ledger.records.studies import study_records

        if self._lines:
            files = tuple(self._lines)
            self._take_bundle(files, lambda: bundle_of_lines([path.read_bytes() for path in files]))
        _require_one_person(self._images, self._said.same_person)
        studies = study_records(
            self._images, self._patient.did, labels=self._said.labels, date=self._said.date
        )
        plan = Plan(
            patient=self._patient.did,
            bundles=tuple(self._bundles),
            records=(*studies, *self._records),
            skipped=tuple(self._skipped),
        )
        if not plan.total:
            raise InvalidInput(
                f"there is nothing to add in {', '.join(map(str, paths))}",
                reason="nothing_to_add",
                fix="Name files, or a directory with files that are not hidden.",
            )
        return plan

    def _take(self, path: Path, named: bool) -> None:
        from ledger.records.dicom import read_dicom

        said = self._said
        if path.is_file() and (image := read_dicom(path)) is not None:
            self._take_image(image, named)
        elif (raw := bundle_in(path, expected=said.record_class is None and not lines_in(path))) is not None:
            _require_bare(path, said, named)
            self._take_bundle((path,), partial(_again, path), raw)
        elif lines_in(path):
            _require_bare(path, said, named)
            self._lines.append(path)
        elif said.cut_by_day and path.suffix.lower() in BY_DAY:
            self._records += _by_day(path, self._patient.did, said)
        else:
            self._records.append(_plain(path, self._patient.did, said))

    def _take_image(self, image: "DicomFile", named: bool) -> None:
        from ledger.consent.codes import class_code

        if image.is_directory:
            self._skipped.append(Skipped(image.path, "only a list of DICOM files"))
            return
        said = self._said
        other = said.record_class is not None and class_code(said.record_class) != image.record_class
        if named and (other or said.media_type):
            raise InvalidInput(
                f"{image.path.name} is a DICOM file: its header says what it is",
                reason="dicom_options",
                fix="Leave out --class and --media-type.",
            )
        self._images.append(image)

    def _take_bundle(
        self, sources: tuple[Path, ...], raw: Callable[[], bytes], found: bytes | None = None
    ) -> None:
        from ledger.client.publishing import require_same_person, segment_records
        from ledger.records.bundle import read_bundle
        from ledger.records.patient import patient_fingerprint

        data = raw() if found is None else found
        bundle = read_bundle(data)
        name = self._said.same_person
        same = name is not None and _is_patient(bundle, name)
        require_same_person(self._known, bundle, same_person=same)
        person = patient_fingerprint(bundle)
        self._known = self._known or person
        records = segment_records(bundle, self._patient.did)
        self._bundles.append(
            PlannedBundle(
                sources=sources,
                raw=raw,
                same_person=same,
                person=person,
                headers=tuple(one.header for one in records),
                kept=records if self._fits(len(data)) else None,
            )
        )

    def _fits(self, size: int) -> bool:
        fits = size <= self._room
        self._room -= size if fits else 0
        return fits


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path | Skipped, bool]]:
    """Every file once, and whether it was named itself."""
    seen: set[Path] = set()
    for path in paths:
        for found in walk(path) if path.is_dir() else (path,):
            place = (found.path if isinstance(found, Skipped) else found).absolute()
            if place not in seen:
                seen.add(place)
                yield found, found is path


def _again(path: Path) -> bytes:
    raw = bundle_in(path, expected=True)
    if raw is None:
        raise BundleRejected("the file is no bundle any more", reason="not_a_bundle", file=path.name)
    return raw


def _require_bare(path: Path, said: Described, named: bool) -> None:
    """Refuse what would take a bundle that was named past its splitting and marks."""
    if named and said.about_files:
        raise InvalidInput(
            f"{path.name} is a FHIR bundle: each part of it gets its own class, marks and date",
            reason="bundle_options",
            fix="Leave out --class, --mark, --date and --media-type; add plain files by themselves.",
        )


def _is_patient(bundle: "Bundle", name: str) -> bool:
    if not is_named(bundle.patient.value, name):
        raise InvalidInput(
            "the Patient in the bundle has another name than the one after --same-person",
            reason="other_name",
            fix="If it is you, type the name in full as the bundle has it: given names, family name.",
        )
    return True


def _require_one_person(images: "Sequence[DicomFile]", name: str | None) -> None:
    """DICOM files with several patient ids must all have the name that the user types."""
    if len({one.patient_id for one in images if one.patient_id}) < 2:
        return
    if name is None:
        raise InvalidInput(
            "the DICOM files have several patient ids",
            reason="other_person",
            fix="If all are of one person, give the name that they have: --same-person NAME",
        )
    for one in images:
        if not is_same_name(one.patient_name, name):
            raise InvalidInput(
                "the patient in a DICOM file has another name than the one after --same-person",
                reason="other_name",
                fix="If it is you, type the name in full as the file has it: given names, family name.",
                file=one.path.name,
            )


def _by_day(path: Path, patient: "Did", said: Described) -> "list[Prepared]":
    from ledger.records.devicedata import day_records

    if said.date is not None:
        raise InvalidInput(
            "rows tell their day themselves", reason="by_day_options", fix="Leave out --date or --by-day."
        )
    return day_records(
        path,
        patient=patient,
        record_class=said.record_class or "vitals",
        labels=said.labels,
        time_field=said.time_field,
        zone=None if said.zone is None else _zone(said.zone),
    )


def _plain(path: Path, patient: "Did", said: Described) -> "Prepared":
    from ledger.records.filerecords import file_pieces, file_record
    from ledger.records.prepared import Prepared

    if said.record_class is None:
        raise InvalidInput(
            f"{path.name} is no FHIR bundle, so say what it is",
            reason="class_required",
            fix="Name its class: --class imaging, --class labs, --class devices ...",
        )
    header = file_record(
        path,
        patient=patient,
        record_class=said.record_class,
        media_type=said.media_type or mimetypes.guess_type(path.name)[0] or UNKNOWN,
        date=said.date,
        labels=said.labels,
    )
    return Prepared(header=header, sources=(path,), plaintext=partial(file_pieces, path))


def _zone(name: str) -> "tzinfo":
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as exc:
        raise InvalidInput(
            f"there is no time zone {name!r}", reason="unknown_zone", fix="Write it as Europe/Berlin, or UTC."
        ) from exc

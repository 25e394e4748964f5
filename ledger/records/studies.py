"""DICOM files as records: those of one series in few, all known by their study, and none by its patient."""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from ledger.consent.codes import SENSITIVITIES, rank
from ledger.errors import InvalidInput
from ledger.ids import Did
from ledger.records import fileset
from ledger.records.dicom import MEDIA_TYPE, DicomFile
from ledger.records.filerecords import file_pieces
from ledger.records.fileset import Member, pack, packed_size
from ledger.records.header import RecordHeader
from ledger.records.labels import confidentiality_floor
from ledger.records.prepared import Prepared

UID_SYSTEM = "urn:dicom:uid"
"""The system under which FHIR has the UID of a study as an identifier."""


def study_records(
    files: Iterable[DicomFile], patient: Did, *, labels: Iterable[str] = (), date: str | None = None
) -> list[Prepared]:
    """The records of DICOM files, in the order of their first file.

    Files of one series that share class, labels, confidentiality, date and authors go into one record, at
    most 1,000; a file without UIDs is one by itself. `labels` are added to all; `date` is for files without.

    Raises:
        UnknownCode: a label that no code table has.
        InvalidInput: (``study_of_several``) files of one study with several patient ids; a file whose name
            does not fit into a set.
    """
    added = {SENSITIVITIES.check(label) for label in labels}
    groups: dict[tuple[object, ...], list[DicomFile]] = {}
    listed = sorted(files, key=lambda one: one.path)
    _require_one_patient(listed)
    for one in listed:
        known = one.study and one.series and one.instance
        place = (one.study, one.series) if known else (one.path,)
        groups.setdefault((*place, one.record_class, one.labelling, one.date, one.authors), []).append(one)
    return [
        _record(members[start : start + fileset.MAX_MEMBERS], patient, added, date)
        for members in groups.values()
        for start in range(0, len(members), fileset.MAX_MEMBERS)
    ]


def _require_one_patient(files: Iterable[DicomFile]) -> None:
    patients: dict[str, str] = {}
    for one in files:
        known = one.study and one.patient_id
        if known and patients.setdefault(one.study or "", one.patient_id) != one.patient_id:
            raise InvalidInput(
                f"the study of {one.path.name} has files with several patient ids",
                reason="study_of_several",
                fix="Add only the files that are yours.",
                file=one.path.name,
            )


def _record(members: Sequence[DicomFile], patient: Did, added: set[str], date: str | None) -> Prepared:
    first = members[0]
    labels = tuple(sorted({*first.labelling.labels, *added}))
    packed = _packed(members) if len(members) > 1 else []
    day = first.date or date
    header = RecordHeader(
        kind=fileset.KIND if packed else "file",
        patient=patient,
        record_class=first.record_class,
        confidentiality=max(first.labelling.confidentiality, confidentiality_floor(labels), key=rank),
        labels=labels,
        date=day,
        authors=first.authors,
        codes=tuple(sorted({one.codes for one in members})),
        resources=tuple(sorted({_names(one) for one in members} - {()})),
        references=_references(first),
        media_type=fileset.MEDIA_TYPE if packed else MEDIA_TYPE,
        name=_title(first, day) + ("" if packed else ".dcm"),
        compression="none",
        size=packed_size(packed) if packed else first.size,
    )
    return Prepared(
        header=header,
        sources=tuple(one.path for one in members),
        plaintext=partial(pack, packed) if packed else partial(file_pieces, first.path),
    )


def _packed(members: Sequence[DicomFile]) -> list[Member]:
    """The members by their paths below the deepest directory that has them all."""
    root = Path(os.path.commonpath([one.path.parent for one in members]))
    return [
        Member(name=one.path.relative_to(root).as_posix(), path=one.path, size=one.size) for one in members
    ]


def _references(one: DicomFile) -> tuple[str, ...]:
    names = {f"urn:oid:{uid}" for uid in (one.study, one.series) if uid}
    return tuple(sorted(names | _study_names(one)))


def _names(one: DicomFile) -> tuple[str, ...]:
    """A file goes by its study and series too: a consent that names these is about each of their files."""
    own = {f"urn:oid:{uid}" for uid in (one.instance, one.series) if uid}
    return tuple(sorted(own | _study_names(one)))


def _study_names(one: DicomFile) -> set[str]:
    name = f"urn:oid:{one.study}"
    return {name, f"{UID_SYSTEM}|{name}"} if one.study else set()


def _title(one: DicomFile, day: str | None) -> str:
    """What it is called: the names of files often hold those of people."""
    number = f"series {one.number}" if one.number else None
    return " ".join(part for part in (one.modality or "DICOM", day, number) if part)

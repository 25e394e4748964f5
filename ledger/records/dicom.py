"""What a DICOM file is, as far as the policy may know: class, date, codes, authors, study and series, labels.

Names and ids of people stay behind: they only tell whether files are of the same person.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.consent.codes import class_code, rank
from ledger.records.codings import codings
from ledger.records.dicomheader import Concept, DicomHeader, read_header
from ledger.records.header import is_date
from ledger.records.labels import SENSITIVE, Labelling, label_bundle
from ledger.records.loose import of_values

MEDIA_TYPE = "application/dicom"
DCM = "http://dicom.nema.org/resources/ontology/DCM"

# PS3.16, table 8-1: designators of code systems that FHIR knows by a URI.
SYSTEMS = {
    "C4": "http://www.ama-assn.org/go/cpt",
    "CPT4": "http://www.ama-assn.org/go/cpt",
    "DCM": DCM,
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "LN": "http://loinc.org",
    "RADLEX": "http://www.radlex.org",
    "SCT": "http://snomed.info/sct",
}
UNITS = "UCUM"

_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_AUTHORS = ("PerformingPhysicianIdentificationSequence", "InstitutionCodeSequence")
_RESTRICTION = "ConfidentialityConstraintOnPatientDataDescription"
# What may tell that a file is sensitive: what was looked for, what was found, and where.
_TELLING = (
    "AdditionalPatientHistory",
    "AdmittingDiagnosesCodeSequence",
    "AdmittingDiagnosesDescription",
    "Allergies",
    "AnatomicRegionSequence",
    "BodyPartExamined",
    "CommentsOnThePerformedProcedureStep",
    "ConceptNameCodeSequence",
    "ContentSequence",
    "DocumentTitle",
    "ImageComments",
    "InstitutionName",
    "InstitutionalDepartmentName",
    "MedicalAlerts",
    "PatientComments",
    "PerformedProcedureStepDescription",
    "PerformedProtocolCodeSequence",
    "PrimaryAnatomicStructureSequence",
    "ProcedureCodeSequence",
    "ProtocolName",
    "ReasonForPerformedProcedureCodeSequence",
    "ReasonForRequestedProcedureCodeSequence",
    "ReasonForStudy",
    "ReasonForTheRequestedProcedure",
    "RequestAttributesSequence",
    "RequestedProcedureCodeSequence",
    "RequestedProcedureDescription",
    "SeriesDescription",
    "StudyComments",
    "StudyDescription",
    "VisitComments",
)
_NAMING = (
    "Modality",
    "PatientID",
    "PatientName",
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "StudyInstanceUID",
)
WANTED = (*_DATES, *_AUTHORS, _RESTRICTION, *_TELLING, *_NAMING)

_DIRECTORY = "1.2.840.10008.1.3.10"
_DOCUMENTS = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.(?:88\..+|104\.[12])")
# Not among those: lists of key images and reports of doses, which go with the images.
_OF_IMAGES = re.compile(r".+\.88\.(?:59|67|68|73|74|75|76)")
_UID = re.compile(r"(?=.{1,64}$)[0-9]+(?:\.[0-9]+)+")
_MODALITY = re.compile(r"[A-Z0-9_]{1,16}")
_DAY = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_VISIBLE = re.compile(r"[^\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomFile:
    """One file. UIDs that are missing or malformed are None.

    ``patient_id`` and ``patient_name`` (given names first) may be empty, and never go into a record's header.
    """

    path: Path = field(repr=False)
    size: int
    record_class: str
    labelling: Labelling
    date: str | None
    modality: str | None
    number: str | None
    instance: str | None
    study: str | None
    series: str | None
    codes: tuple[str, ...]
    authors: tuple[str, ...]
    is_directory: bool
    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)


def read_dicom(path: Path) -> DicomFile | None:
    """What a DICOM file is; None for any other file, whatever its name.

    Raises:
        InvalidInput, NotFound, StoreUnavailable: see `dicomheader.read_header`.
    """
    header = read_header(path, WANTED)
    return None if header is None else described(header, path)


def described(header: DicomHeader, path: Path) -> DicomFile:
    """The file with this header."""
    texts = header.texts
    kind = texts.get("SOPClassUID", "")
    document = _DOCUMENTS.fullmatch(kind) is not None and _OF_IMAGES.fullmatch(kind) is None
    value = _as_resource(header, "DocumentReference" if document else "ImagingStudy")
    record_class = class_code("notes" if document else "imaging")
    return DicomFile(
        path=path,
        size=path.stat().st_size,
        record_class=record_class,
        labelling=_labelling(header, value, record_class),
        date=next((day for day in (_day(texts.get(name, "")) for name in _DATES) if day), None),
        modality=_matching(_MODALITY, texts.get("Modality")),
        number=_matching(re.compile(r"[0-9]{1,9}"), texts.get("SeriesNumber")),
        instance=_matching(_UID, texts.get("SOPInstanceUID")),
        study=_matching(_UID, texts.get("StudyInstanceUID")),
        series=_matching(_UID, texts.get("SeriesInstanceUID")),
        codes=tuple(sorted({f"{system}|{code}" for system, code in codings(value)})),
        authors=tuple(sorted(_authors(header))),
        is_directory=header.media_class == _DIRECTORY,
        patient_id=texts.get("PatientID", ""),
        patient_name=_spoken(texts.get("PatientName", "")),
    )


def _as_resource(header: DicomHeader, kind: str) -> dict[str, Any]:
    """Codes and texts of the header as a FHIR resource has them, so that the same rules label both."""
    modality = _matching(_MODALITY, header.texts.get("Modality"))
    found = [{"system": DCM, "code": modality}] if modality else []
    found += [
        {"system": _system(one, header), "code": one.code, "display": one.meaning}
        for keyword in _TELLING
        for one in header.concepts.get(keyword, ())
        if one.scheme != UNITS and _VISIBLE.fullmatch(one.code)
    ]
    texts = [text for keyword in _TELLING for text in _said(header, keyword)]
    return {
        "resourceType": kind,
        "code": [{"coding": [coding]} for coding in found],
        "note": [{"text": text} for text in texts],
    }


def _said(header: DicomHeader, keyword: str) -> Iterator[str]:
    text = header.texts.get(keyword)
    for one in ((text,) if text else ()) + header.notes.get(keyword, ()):
        yield re.sub(r"[\^_\\]", " ", one)


def _labelling(header: DicomHeader, value: dict[str, Any], record_class: str) -> Labelling:
    """By the rules; restricted at least if the source restricts it, or what may tell cannot be read."""
    found = of_values([{"resource": value}])
    (name,) = (one.full_url for one in found.resources)
    given = label_bundle(found, {name: record_class})[name]
    if header.texts.get(_RESTRICTION) or header.unread & {_RESTRICTION, *_TELLING}:
        return Labelling(labels=given.labels, confidentiality=max(given.confidentiality, SENSITIVE, key=rank))
    return given


def _authors(header: DicomHeader) -> Iterator[str]:
    """Who made it, as far as that is coded in a system that has a name."""
    for keyword in _AUTHORS:
        for one in header.concepts.get(keyword, ()):
            if (system := _system(one, header)) and _VISIBLE.fullmatch(one.code):
                yield f"{system}|{one.code}"


def _system(concept: Concept, header: DicomHeader) -> str:
    """The URI of a concept's code system: FHIR's, else the UID that the file gives it, else empty."""
    uid = _matching(_UID, header.schemes.get(concept.scheme))
    return SYSTEMS.get(concept.scheme) or (f"urn:oid:{uid}" if uid else "")


def _day(text: str) -> str | None:
    match = _DAY.fullmatch(text)
    day = "-".join(match.groups()) if match else ""
    return day if is_date(day) else None


def _spoken(name: str) -> str:
    """A name as it is spoken: DICOM has family, given, middle names, prefix, suffix."""
    family, given, middle, *_ = [*name.partition("=")[0].split("^"), "", ""]
    return " ".join(part for part in (given, middle, family) if part.strip())


def _matching(form: re.Pattern[str], text: str | None) -> str | None:
    return text if text is not None and form.fullmatch(text) else None

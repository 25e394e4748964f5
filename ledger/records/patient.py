"""Whose bundle it is: exactly one Patient, and nobody else's resources among theirs."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ledger.canonical import canonical
from ledger.errors import BundleRejected
from ledger.records.resources import Bundle, Resource, unversioned

SUBJECTS = ("subject", "patient", "beneficiary", "for")

_PATIENT = re.compile(r"(?:.*/)?Patient/([^/]+)")
_CONDITIONAL = re.compile(r"Patient\?identifier=(.*)\|(.*)")


def patient_fingerprint(bundle: Bundle) -> bytes:
    """SHA-256 over id and identifiers of the Patient: equal for two bundles of the same person's source.

    Over RFC 8785 of ``{"id", "identifiers": [[system, value], …]}``, the identifiers sorted, each once.
    """
    value = {"id": bundle.patient.id or "", "identifiers": sorted(_identifiers(bundle.patient.value))}
    return hashlib.sha256(canonical(value)).digest()


def require_one_patient(resources: Sequence[Resource]) -> Resource:
    """The one Patient among the resources, of whom all the others may be.

    Raises:
        BundleRejected: ``no_patient``, ``several_patients``, ``unidentified_patient``, ``other_patient``.
    """
    patients = [resource for resource in resources if resource.type == "Patient"]
    if not patients:
        raise BundleRejected("the bundle has no Patient", reason="no_patient")
    if len(patients) > 1:
        raise BundleRejected("the bundle has more than one Patient", reason="several_patients")
    patient = patients[0]
    if not patient.id and not _identifiers(patient.value):
        raise BundleRejected(
            "the Patient has neither id nor identifier", reason="unidentified_patient", entry=patient.index
        )
    elsewhere = {resource.full_url for resource in resources} - {patient.full_url}
    for resource in resources:
        if not all(_may_be(patient, subject, elsewhere) for subject in _subjects(resource.value)):
            raise BundleRejected(
                f"entry {resource.index} is about somebody else than the bundle's Patient",
                reason="other_patient",
                entry=resource.index,
            )
    return patient


def _subjects(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The references to whom a resource, or one contained in it, is about."""
    contained = value.get("contained")
    for part in (value, *(contained if isinstance(contained, list) else ())):
        if not isinstance(part, dict):
            continue
        if part is not value and part.get("resourceType") == "Patient":
            yield {"reference": "#"}
        for element in SUBJECTS:
            found = part.get(element)
            yield from (
                one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)
            )


def _may_be(patient: Resource, subject: dict[str, Any], elsewhere: set[str]) -> bool:
    """Whether a subject can be the patient, or is no patient at all."""
    if subject.get("type", "Patient") != "Patient":
        return True
    identifier, reference = subject.get("identifier"), subject.get("reference")
    if isinstance(identifier, dict) and _pair(identifier) not in _identifiers(patient.value):
        return False
    return not isinstance(reference, str) or _names(patient, unversioned(reference)) or reference in elsewhere


def _names(patient: Resource, reference: str) -> bool:
    """Whether a reference names the patient, or something that is plainly not a Patient."""
    if reference == patient.full_url:
        return True
    if match := _CONDITIONAL.fullmatch(reference):
        return (match[1], match[2]) in _identifiers(patient.value)
    if match := _PATIENT.fullmatch(reference):
        elsewhere = "://" in reference and "://" in patient.full_url
        return match[1] == patient.id and not elsewhere
    return not reference.startswith(("urn:", "#"))


def _identifiers(patient: dict[str, Any]) -> set[tuple[str, str]]:
    found = patient.get("identifier")
    rows = found if isinstance(found, list) else []
    return {_pair(row) for row in rows if isinstance(row, dict) and row.get("value")}


def _pair(identifier: dict[str, Any]) -> tuple[str, str]:
    return str(identifier.get("system", "")), str(identifier.get("value", ""))

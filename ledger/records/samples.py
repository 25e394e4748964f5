"""The shipped data as bundles: a synthetic patient, and sensitive resources for the patient of any bundle."""

from ledger import data
from ledger.canonical import canonical
from ledger.records.bundle import extract_resources, write_entries
from ledger.records.resources import Bundle

_OPEN_PATIENT = b'"urn:uuid:00000000-0000-0000-0000-000000000000"'


def sample_bundle() -> bytes:
    """A bundle of one synthetic patient, about thirty resources of all classes, none of them sensitive."""
    return data.read("bundle.json")


def supplement_for(bundle: Bundle) -> bytes:
    """A bundle of sensitive resources of the patient of another bundle.

    It holds that Patient, byte for byte, a practitioner, a psychiatric diagnosis and its medication (PSY),
    an alcohol diagnosis (ETH) and an HIV test (HIV). The labels come from the codes alone.
    """
    patient = bundle.patient
    reference = canonical(patient.full_url)
    template = extract_resources(data.read("supplement.json"))
    entries = [(full_url, raw.replace(_OPEN_PATIENT, reference)) for full_url, raw in template]
    return write_entries([(patient.full_url, patient.raw), *entries])

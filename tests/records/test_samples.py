"""The shipped data: real FHIR, one patient, and a supplement that fits every patient."""

import json
from pathlib import Path

import pytest
from fhir.resources.R4B.bundle import Bundle as Model

from ledger.consent.codes import SENSITIVITIES
from ledger.ids import Did
from ledger.records.bundle import read_bundle
from ledger.records.codings import security
from ledger.records.patient import patient_fingerprint
from ledger.records.resources import Bundle
from ledger.records.samples import sample_bundle, supplement_for
from ledger.records.segments import segment


def test_the_sample_and_its_supplement_are_fhir(bundle: Bundle) -> None:
    for raw in (sample_bundle(), supplement_for(bundle)):
        value = json.loads(raw)
        read = Model.model_validate(value)
        assert len(read.entry or []) == len(value["entry"])


def test_the_sample_has_resources_of_every_common_class(bundle: Bundle, patient: Did) -> None:
    classes = {one.header.record_class for one in segment(bundle, patient)}
    assert len(classes) >= 15
    assert {one.header.confidentiality for one in segment(bundle, patient)} == {"N"}


def require_fitting(bundle: Bundle, patient: Did) -> None:
    supplement = read_bundle(supplement_for(bundle))
    assert patient_fingerprint(supplement) == patient_fingerprint(bundle)
    assert supplement.patient.raw == bundle.patient.raw
    assert not [label for one in supplement.resources[1:] for label in security(one.value)]
    sensitive = [one.header for one in segment(supplement, patient) if one.header.labels]
    for label in ("PSY", "ETH", "HIV"):
        assert any(SENSITIVITIES.is_a(own, label) for header in sensitive for own in header.labels)
    assert {header.confidentiality for header in sensitive} == {"R"}


def test_the_supplement_is_of_the_same_patient_and_sensitive_by_its_codes(
    bundle: Bundle, patient: Did
) -> None:
    require_fitting(bundle, patient)


@pytest.mark.parametrize("full_url", ['"urn:uuid:p"', '"https://x.example/Patient/p"', None])
def test_the_supplement_fits_whatever_the_patient_goes_by(full_url: str | None, patient: Did) -> None:
    url = f'"fullUrl":{full_url},' if full_url else ""
    entry = f'{{{url}"resource":{{"resourceType":"Patient","id":"p"}}}}'
    raw = f'{{"resourceType":"Bundle","type":"searchset","entry":[{entry}]}}'
    require_fitting(read_bundle(raw.encode()), patient)


def test_the_supplement_fits_the_patients_of_the_shared_data(synthea: list[Path], patient: Did) -> None:
    for path in synthea:
        require_fitting(read_bundle(path), patient)

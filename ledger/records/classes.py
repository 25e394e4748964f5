"""Which class of records a resource belongs to: by its type, and for observations and reports by category."""

from types import MappingProxyType

from ledger.consent.codes import class_code
from ledger.records.codings import codings
from ledger.records.resources import Resource

OTHER = class_code("other")

_BY_TYPE = """
allergies      AllergyIntolerance
billing        Claim ClaimResponse Coverage ExplanationOfBenefit
demographics   Patient
devices        Device DeviceMetric DeviceUseStatement
directory      Endpoint HealthcareService Location Organization Practitioner PractitionerRole
encounters     Encounter EpisodeOfCare
goals          Goal
imaging        ImagingStudy
immunizations  Immunization ImmunizationEvaluation ImmunizationRecommendation
labs           Specimen
medications    Medication MedicationAdministration MedicationDispense MedicationRequest MedicationStatement
notes          ClinicalImpression Composition DocumentReference
plan           CarePlan CareTeam ServiceRequest
problems       Condition
procedures     Procedure
"""

# Codes of observation-category, v2-0074 (diagnostic service sections) and LOINC parts, without their systems.
_BY_CATEGORY = """
imaging        imaging RAD RX CT NMR NMS RUS OUS VUS XRC LP29684-5
labs           laboratory LAB BG BLB CG CH CP GE HM IMM MB MCB MYC OSL SP SR TX VR LP7839-6
notes          exam PHY
procedures     procedure therapy CTH CUS EC EN OT PF PT RC RT LP29708-2
social         social-history survey
vitals         vital-signs activity ICU NRS
"""


def class_of(resource: Resource) -> str:
    """The class code of a resource; ``other`` for a type or category that is in no table.

    Of several categories the first that has a class counts.
    """
    if resource.type in ("Observation", "DiagnosticReport"):
        known = (CATEGORIES.get(code) for code in _categories(resource.value.get("category")))
        return next((found for found in known if found), OTHER)
    return TYPES.get(resource.type, OTHER)


def _table(text: str) -> MappingProxyType[str, str]:
    rows = (line.split() for line in text.split("\n") if line)
    return MappingProxyType({name: class_code(word) for word, *names in rows for name in names})


def _categories(value: object) -> list[str]:
    """The codes of a list of CodeableConcepts, in its order."""
    concepts = value if isinstance(value, list) else [value]
    return [code for concept in concepts for _, code in codings(concept)]


TYPES = _table(_BY_TYPE)
CATEGORIES = _table(_BY_CATEGORY)

"""Which class of records a resource belongs to: by its type, and for observations and reports by category."""

from types import MappingProxyType

from ledger.consent.codes import class_code
from ledger.records.codings import codings
from ledger.records.resources import Resource

OTHER = class_code("other")
CATEGORIZED = ("DiagnosticReport", "Observation")

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

# Codes of observation-category, v2-0074 (diagnostic service sections), US Core categories and LOINC parts,
# without their systems.
_BY_CATEGORY = """
imaging        imaging RAD RX CT NMR NMS RUS OUS VUS XRC LP29684-5
labs           laboratory LAB BG BLB CG CH CP GE HM IMM MB MCB MYC OSL PAR PAT SP SR TX URN VR LP7839-6
notes          exam clinical-note PHY
medications    PHR
procedures     procedure therapy clinical-test AU CTH CUS EC EN OT PF PT RC RT LP29708-2
social         social-history survey sdoh
vitals         vital-signs activity ICU NRS
"""

# What is not to be taken for any of these: what a person is able to do, wishes for their care, and the rest.
_CATEGORIES_OF_NO_CLASS = """
care-experience-preference cognitive-status disability-status functional-status observation-adi-documentation
treatment-intervention-preference OTH
"""

# The types of FHIR R4 that hold what no class of ours is for; whatever else is no type of FHIR R4.
_TYPES_OF_NO_CLASS = """
Account ActivityDefinition AdverseEvent Appointment AppointmentResponse AuditEvent Basic Binary
BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CatalogEntry ChargeItem
ChargeItemDefinition CodeSystem Communication CommunicationRequest CompartmentDefinition ConceptMap Consent
Contract CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue DeviceDefinition DeviceRequest
DocumentManifest EffectEvidenceSynthesis EnrollmentRequest EnrollmentResponse EventDefinition Evidence
EvidenceVariable ExampleScenario FamilyMemberHistory Flag GraphDefinition Group GuidanceResponse
ImplementationGuide InsurancePlan Invoice Library Linkage List Measure MeasureReport Media
MedicationKnowledge MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication
MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction
MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical
MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem
NutritionOrder ObservationDefinition OperationDefinition OperationOutcome OrganizationAffiliation Parameters
PaymentNotice PaymentReconciliation Person PlanDefinition Provenance Questionnaire QuestionnaireResponse
RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject
RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter Slot SpecimenDefinition StructureDefinition
StructureMap Subscription Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein
SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest
Task TerminologyCapabilities TestReport TestScript ValueSet VerificationResult VisionPrescription
"""


def class_of(resource: Resource) -> str:
    """The class code of a resource; ``other`` for a type or category that is in no table.

    Of several categories the first that has a class counts.
    """
    if resource.type in CATEGORIZED:
        known = (CATEGORIES.get(code) for code in _categories(resource.value.get("category")))
        return next((found for found in known if found), OTHER)
    return TYPES.get(resource.type, OTHER)


def is_known(resource_type: str) -> bool:
    """Whether this is a resource type of FHIR R4."""
    return resource_type in TYPES or resource_type in OTHER_TYPES or resource_type in CATEGORIZED


def _table(text: str) -> MappingProxyType[str, str]:
    rows = (line.split() for line in text.split("\n") if line)
    return MappingProxyType({name: class_code(word) for word, *names in rows for name in names})


def _categories(value: object) -> list[str]:
    """The codes of a list of CodeableConcepts, in its order."""
    concepts = value if isinstance(value, list) else [value]
    return [code for concept in concepts for _, code in codings(concept)]


TYPES = _table(_BY_TYPE)
CATEGORIES = _table(_BY_CATEGORY)
OTHER_TYPES = frozenset(_TYPES_OF_NO_CLASS.split())
OTHER_CATEGORIES = frozenset(_CATEGORIES_OF_NO_CLASS.split())

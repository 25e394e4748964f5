"""Health data in and out: FHIR bundles to segments, segments and files to encrypted records, and back."""

"""Data shipped with the ledger.

========================= ==============================================================================
``valuesets.json``        codes that make a resource sensitive, each with labels, meaning and source
``bundle.json``           one synthetic patient, FHIR R4, written for this project
``supplement.json``       sensitive resources of a patient left open: see `ledger.records.samples`
========================= ==============================================================================
"""

from importlib.resources import files


def read(name: str) -> bytes:
    """The bytes of a data file of this package."""
    return files(__name__).joinpath(name).read_bytes()

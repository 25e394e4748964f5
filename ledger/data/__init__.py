"""Data shipped with the ledger.

========================= ==============================================================================
``valuesets/``            codes and words that make a resource sensitive, a file for each group of labels
``labelled.json``         resources with the labels that they must get: what the value sets are measured on
``bundle.json``           one synthetic patient, FHIR R4, written for this project
``supplement.json``       sensitive resources of a patient left open: see `ledger.records.samples`
========================= ==============================================================================
"""

from importlib.resources import files


def read(name: str) -> bytes:
    """The bytes of a data file of this package."""
    return files(__name__).joinpath(name).read_bytes()

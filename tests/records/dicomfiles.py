"""DICOM files: the real ones that pydicom ships, and small ones with whatever elements a test needs."""

from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
DISC = SHIPPED / "dicomdirtests"
CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.33"


def coded(system: str, code: str, meaning: str = "") -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning = system, code, meaning
    return item


def write_dicom(path: Path, *, number: int = 1, kind: str = CT, **elements: Any) -> Path:  # noqa: ANN401
    """A file of a study of Alice's with these elements, lists as sequences; None leaves one out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(kind), UID(f"1.2.3.9.{number}")
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    standard = {
        "SOPClassUID": kind,
        "SOPInstanceUID": f"1.2.3.9.{number}",
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.1.1",
        "SeriesNumber": 1,
        "Modality": "CT",
        "StudyDate": "20260503",
        "PatientName": "Miller^Alice^Maria",
        "PatientID": "HOSPITAL-4711",
    }
    for keyword, value in {**standard, **elements}.items():
        if value is not None:
            setattr(dataset, keyword, Sequence(value) if isinstance(value, list) else value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path

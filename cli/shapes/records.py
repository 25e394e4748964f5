"""Answers about records."""

from msgspec import field

from cli.shapes.base import Part, Shape
from cli.shapes.consents import PersonPart


class DescribedRecord(Part, frozen=True, kw_only=True):
    """What the policy may know of one record."""

    kind: str
    record_class: str
    class_code: str
    confidentiality: str
    labels: list[str]
    resources: int
    bytes: int
    media_type: str
    date: str | None = None
    name: str | None = None


class RecordPart(DescribedRecord, frozen=True, kw_only=True):
    """One record by its root CID, with what the policy may know of it.

    ``waiting``: a writer sealed it to the patient's inbox, and the patient's client has not filed it yet.
    """

    root: str
    waiting: bool = False


class ListedRecord(RecordPart, frozen=True, kw_only=True):
    """A record with its writer, if that is not the patient; `suspended` by the directory since, or not.

    ``unasked``: no choice of the patient ever let that writer add it.
    """

    writer: PersonPart | None = None
    suspended: bool = False
    unasked: bool = False


class SkippedPart(Part, frozen=True, kw_only=True):
    """A file or directory that was left out."""

    path: str
    why: str


class RecordsAdded(Shape, frozen=True, kw_only=True):
    """Records that were encrypted, stored and published: of bundles, then of DICOM and other files.

    ``already`` is how many were there before, byte for byte, and were left out. ``by_writer``: by a provider
    who cannot read them back, for the patient.
    """

    patient: str
    records: list[RecordPart]
    already: int = 0
    by_writer: bool = False
    skipped: list[SkippedPart]


class PlannedRecord(DescribedRecord, frozen=True, kw_only=True):
    """A record that would be published; ``files`` is how many it is made of, ``source`` the first of them."""

    files: int
    source: str


class RecordsPlanned(Shape, frozen=True, kw_only=True):
    """What would be published, and what was left out. Nothing was sent."""

    patient: str
    records: list[PlannedRecord]
    skipped: list[SkippedPart]


class RecordList(Shape, frozen=True, kw_only=True):
    """All records of this patient."""

    patient: str
    records: list[ListedRecord]


class RecordCheck(Part, frozen=True, kw_only=True):
    """What was found of one record's blocks: every byte hashed, or what is wrong."""

    root: str
    ok: bool
    blocks: int
    bytes: int
    repaired: int = 0
    code: str | None = None
    problem: str | None = None


class RecordsVerified(Shape, frozen=True, kw_only=True):
    """The blocks of records, hashed again; `repaired`: how many copies were not whole and are now."""

    ok: bool
    blocks: int
    bytes: int
    repaired: int = 0
    records: list[RecordCheck]


class ResourcePart(Part, frozen=True, kw_only=True):
    """One FHIR resource, byte for byte as its source had it."""

    root: str
    full_url: str
    type: str
    bytes: int
    sha256: str


class FilePart(Part, frozen=True, kw_only=True):
    """One file; without a path nothing was saved. Files of a set are in one folder."""

    root: str
    name: str | None = None
    path: str | None = None
    folder: str | None = None
    sha256: str | None = None


class DecisionPart(Part, frozen=True, kw_only=True):
    """What the gateway decided, and what it rested on."""

    evaluation: str
    outcome: str
    basis: list[str]
    obligations: list[str]
    permitted: list[str]
    head_number: int
    head_hash: str
    log_index: int


class WriterPart(Part, frozen=True, kw_only=True):
    """Somebody other than the patient, and the records that they wrote, by root."""

    writer: PersonPart
    suspended: bool
    records: list[str]


class FaultPart(Part, frozen=True, kw_only=True):
    """A record that was allowed and did not open; ``writer`` is None for the patient, ``fix`` what to do.

    ``corrupt``: it is not what it should be. Otherwise it could not be had or saved now.
    """

    root: str
    writer: PersonPart | None = None
    corrupt: bool
    code: str
    problem: str
    fix: str


class RecordsRead(Shape, frozen=True, kw_only=True):
    """What a provider was given. ``saved`` is the bundle that was written, if a directory was named.

    ``writers`` are those who wrote records of it; the others are by the patient. ``faults`` were allowed too,
    but nothing of them is here. In an ``emergency``, ``stale`` says that the gateway did not hear of the
    chain, and ``unchecked`` are records left out, since without a chain nobody can tell who wrote them.
    """

    patient: str
    purpose: list[str]
    action: str
    decision: DecisionPart
    records: int
    resources: list[ResourcePart]
    files: list[FilePart]
    waiting: list[str]
    receipts: list[int]
    writers: list[WriterPart]
    faults: list[FaultPart]
    saved: str | None = None
    emergency: str | None = None
    stale: bool = False
    unchecked: list[str] = field(default_factory=list)

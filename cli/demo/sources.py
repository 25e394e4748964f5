"""What goes into the story, and what must come out of it, resource by resource."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cli.inputs import read_source
from ledger.consent.codes import SENSITIVITIES
from ledger.ids import Did
from ledger.records.bundle import MAX_BUNDLE, extract_resources, read_bundle
from ledger.records.samples import sample_bundle, supplement_for
from ledger.records.segments import segment

Digests = Counter[tuple[str, str]]
"""How often each resource occurs, by full URL and SHA-256 of its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The bundle, and a supplement of sensitive resources of the same patient."""

    bundle: bytes
    supplement: bytes

    @classmethod
    def of(cls, path: Path | None) -> "Sources":
        """The bundle in a file, or the one that ships with the project.

        Raises:
            BundleRejected: not a FHIR R4 bundle with exactly one Patient.
            NotFound: no such file.
        """
        bundle = sample_bundle() if path is None else read_source(path, limit=MAX_BUNDLE)
        return cls(bundle=bundle, supplement=supplement_for(read_bundle(bundle)))

    def holds(self, resource: bytes) -> bool:
        """Whether these very bytes stand somewhere in the sources."""
        return resource in self.bundle or resource in self.supplement

    def resources(self) -> Digests:
        """Every resource of both, with the bytes that it has there; once, if both have it."""
        found = Digests()
        for source in (self.bundle, self.supplement):
            found |= digests((one.full_url, one.raw) for one in read_bundle(source).resources)
        return found

    def marked(self, patient: Did, label: str) -> Digests:
        """Those in segments that carry `label` or one below it."""
        found = Digests()
        for source in (self.bundle, self.supplement):
            for part in segment(read_bundle(source), patient):
                if any(SENSITIVITIES.is_a(mark, label) for mark in part.header.labels):
                    found |= digests(extract_resources(part.plaintext))
        return found


def digests(resources: Iterable[tuple[str, bytes]]) -> Digests:
    """Count resources by full URL and SHA-256."""
    return Counter((full_url, sha256(raw).hexdigest()) for full_url, raw in resources)

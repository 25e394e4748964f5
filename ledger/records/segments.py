"""From a bundle to segments: resources that share everything the policy may decide by, in one record each.

Members of a segment have the same class, confidentiality, labels, encounter, authors and day. Segments come
in the order in which the source has their first member, and members in the order of the source, so the same
bundle gives the same segments, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.ids import Did
from ledger.records.attributes import Attributes, attributes_of
from ledger.records.bundle import write_entries
from ledger.records.classes import class_of
from ledger.records.header import RecordHeader
from ledger.records.labels import Labelling, label_bundle
from ledger.records.resources import Bundle, Resource

MAX_MEMBERS = 1000
MEDIA_TYPE = "application/fhir+json"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Segment:
    """A record that is not encrypted yet: its header, and a ``collection`` bundle of its members."""

    header: RecordHeader
    plaintext: bytes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Member:
    resource: Resource
    record_class: str
    labelling: Labelling
    attributes: Attributes

    @property
    def group(self) -> tuple[object, ...]:
        own = self.attributes
        return (self.record_class, self.labelling, own.encounter, own.authors, own.date)


def segment(bundle: Bundle, patient: Did) -> list[Segment]:
    """The segments of a bundle for the account of its patient; every resource is in exactly one.

    Raises:
        InvalidInput: not a did of an account, or a name or code with control characters.
        TooLarge: a segment's names and codes need more than a header may hold.
    """
    classes = {resource.full_url: class_of(resource) for resource in bundle.resources}
    labelled = label_bundle(bundle, classes)
    groups: dict[tuple[object, ...], list[_Member]] = {}
    for resource in bundle.resources:
        member = _Member(
            resource=resource,
            record_class=classes[resource.full_url],
            labelling=labelled[resource.full_url],
            attributes=attributes_of(resource, bundle),
        )
        groups.setdefault(member.group, []).append(member)
    return [
        _segment(members[start : start + MAX_MEMBERS], patient)
        for members in groups.values()
        for start in range(0, len(members), MAX_MEMBERS)
    ]


def _segment(members: Sequence[_Member], patient: Did) -> Segment:
    plaintext = write_entries((member.resource.full_url, member.resource.raw) for member in members)
    first = members[0]
    header = RecordHeader(
        kind="fhir-segment",
        patient=patient,
        record_class=first.record_class,
        confidentiality=first.labelling.confidentiality,
        labels=first.labelling.labels,
        date=first.attributes.date,
        encounter=first.attributes.encounter,
        authors=first.attributes.authors,
        codes=tuple(sorted({member.attributes.codes for member in members})),
        resources=tuple(sorted({member.attributes.names for member in members})),
        references=tuple(sorted(frozenset().union(*(member.attributes.references for member in members)))),
        media_type=MEDIA_TYPE,
        compression="zstd",
        size=len(plaintext),
    )
    return Segment(header=header, plaintext=plaintext)

"""Records as a gateway hands them out: believed only as far as the writer's signature carries."""

from dataclasses import dataclass
from hashlib import sha256

from ledger.canonical import unb64, unhex
from ledger.client.wire import Record
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Domain, Publication
from ledger.errors import RecordCorrupt, SignatureInvalid
from ledger.ids import Cid, Did, parse_address, parse_did, parse_word
from ledger.policy.model import RecordFacts
from ledger.records.cid import digest_of, parse_cid
from ledger.records.header import RecordHeader


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRecord:
    """A record whose header, place and capsule its writer signed; the ciphertext is not fetched yet."""

    root: Cid
    header: RecordHeader
    epoch: int
    capsule: bytes

    @property
    def compartment(self) -> bytes:
        """The compartment that the header puts it in, 32 bytes."""
        return self.header.compartment

    @property
    def facts(self) -> RecordFacts:
        """What the policy may know of it."""
        return self.header.facts(self.root)


def verify_record(record: Record, *, patient: Did, domain: Domain) -> VerifiedRecord:
    """The record in a gateway's answer, if `patient` wrote it and everything about it is what was signed.

    Raises:
        SignatureInvalid: signed by somebody else, or over another root, header, place or capsule.
        RecordCorrupt: the header is of another patient, or puts the record in another compartment.
        InvalidInput: a value is malformed.
    """
    header, capsule = RecordHeader.from_bytes(record.header.encode()), unb64(record.capsule)
    root, account = parse_cid(record.root), parse_did(patient)[1]
    if parse_address(record.writer) != account:
        # Only patients publish yet; a provider's writing needs its own permission to be checked here.
        raise SignatureInvalid("the record was not published by its patient", reason="another_writer")
    if header.patient != patient or header.compartment != parse_word(record.compartment):
        raise RecordCorrupt("the record's header belongs elsewhere", reason="header_elsewhere", cid=root)
    publication = Publication(
        root=digest_of(root),
        header=header.digest,
        patient=account,
        compartment=header.compartment,
        epoch=record.epoch,
        capsule=sha256(capsule).digest(),
    )
    verify(publication.digest(domain), unhex(record.signature), account)
    return VerifiedRecord(root=root, header=header, epoch=record.epoch, capsule=capsule)

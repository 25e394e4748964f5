"""Records as a gateway hands them out: believed only as far as signatures and the directory carry.

A record is its patient's own, or that of a writer whom the directory has admitted as a provider. A writer who
sealed it to the patient's inbox signed for that; for the compartment, where the record is since the patient
has filed it, the patient did.
"""

from dataclasses import dataclass
from hashlib import sha256

from ledger.canonical import unb64, unhex
from ledger.client.directory import DirectoryView
from ledger.client.wire import Record
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Domain, Publication, Refiling
from ledger.errors import ChainUnreachable, RecordCorrupt, SignatureInvalid
from ledger.ids import Address, Cid, Did, did_of, parse_address, parse_did, parse_word
from ledger.parties import Role
from ledger.policy.model import RecordFacts
from ledger.records.cid import digest_of, parse_cid
from ledger.records.header import INBOX, RecordHeader


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRecord:
    """A record whose header, place and capsule were signed for; the ciphertext is not fetched yet.

    writer: who wrote it, its patient or a provider.
    suspended: the directory has suspended the writer since.
    waiting: it lies in the patient's inbox, sealed to the inbox key of `epoch`; nobody else can be handed it.
    """

    root: Cid
    header: RecordHeader
    epoch: int
    capsule: bytes
    writer: Did
    suspended: bool = False
    waiting: bool = False

    @property
    def compartment(self) -> bytes:
        """The compartment that the header puts it in, 32 bytes."""
        return self.header.compartment

    @property
    def facts(self) -> RecordFacts:
        """What the policy may know of it."""
        return self.header.facts(self.root)

    @property
    def by_patient(self) -> bool:
        """Whether the patient wrote it."""
        return self.writer == self.header.patient


def verify_record(
    record: Record, *, patient: Did, domain: Domain, directory: DirectoryView | None
) -> VerifiedRecord:
    """The record in a gateway's answer, if somebody who may write signed for everything about it.

    Without a directory that is its patient, who wrote it or filed it; and nobody is known to be suspended.

    Raises:
        SignatureInvalid: signed by somebody else, or over another root, header, place or capsule; or by a
            writer whom the directory never admitted as a provider (``another_writer``).
        RecordCorrupt: the header is of another patient, or puts the record in another compartment.
        InvalidInput: a value is malformed.
        ChainUnreachable: the directory cannot be read, and the patient did not sign.
    """
    header, root = RecordHeader.from_bytes(record.header.encode()), parse_cid(record.root)
    chain_id, account = parse_did(patient)
    writer, compartment = parse_address(record.writer), parse_word(record.compartment)
    waiting = compartment == INBOX and writer != account
    if header.patient != patient or not (waiting or compartment == header.compartment):
        raise RecordCorrupt("the record's header belongs elsewhere", reason="header_elsewhere", cid=root)
    if directory is None and writer != account and record.written is None:
        raise ChainUnreachable("nobody can tell who wrote the record", reason="writer_unknown")
    if directory and writer != account and not directory.index.ever_had_role(writer, Role.PROVIDER):
        raise SignatureInvalid(
            "the record was published neither by its patient nor by a provider", reason="another_writer"
        )
    capsule = unb64(record.capsule)
    placed = _publication(root, header, compartment, record.epoch, sha256(capsule).digest())
    if record.written is None:
        verify(placed.digest(domain), unhex(record.signature), writer)
    else:
        moved = Refiling.of(placed, writer)
        verify(moved.digest(domain), unhex(record.signature), account)
        written = _publication(root, header, INBOX, record.written.epoch, parse_word(record.written.capsule))
        verify(written.digest(domain), unhex(record.written.signature), writer)
    return VerifiedRecord(
        root=root,
        header=header,
        epoch=record.epoch,
        capsule=capsule,
        writer=did_of(chain_id, writer),
        suspended=directory is not None and _is_suspended(directory, writer),
        waiting=waiting,
    )


def _publication(
    root: Cid, header: RecordHeader, compartment: bytes, epoch: int, capsule: bytes
) -> Publication:
    return Publication(
        root=digest_of(root),
        header=header.digest,
        patient=parse_did(header.patient)[1],
        compartment=compartment,
        epoch=epoch,
        capsule=capsule,
    )


def _is_suspended(directory: DirectoryView, account: Address) -> bool:
    state = directory.index.participant(account)
    return state is not None and state.suspended

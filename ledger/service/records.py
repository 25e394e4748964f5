"""Publishing record metadata and capsules; the ciphertext itself lies in the block store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from ledger.canonical import unb64, unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Publication
from ledger.errors import BlockMissing, Conflict, InvalidInput
from ledger.ids import Address, Cid, Did, digest, parse_did, parse_word
from ledger.log.entry import EntryKind
from ledger.log.journal import Draft
from ledger.records.cid import Codec, codec_of, digest_of, parse_cid
from ledger.records.header import RecordHeader
from ledger.service import uploads
from ledger.service.consents import CAPSULE
from ledger.service.gateway import Gateway
from ledger.service.patients import compartments, current_epochs
from ledger.service.states import PatientState


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A record as its writer submits it, in the forms of the wire: header text, capsule in base64, words."""

    root: str
    header: str = field(repr=False)
    capsule: str = field(repr=False)
    compartment: str = field(repr=False)
    epoch: int
    signature: str = field(repr=False)

    def sealed_by(self, writer: Address) -> dict[str, Any]:
        """What the gateway keeps of it."""
        return {
            "header": self.header,
            "compartment": self.compartment,
            "epoch": self.epoch,
            "capsule": self.capsule,
            "writer": writer,
            "signature": self.signature,
        }


def publish(gateway: Gateway, state: PatientState, batch: Sequence[Submission]) -> list[int]:
    """Take the headers and capsules of records that the patient signed, all or none; their log positions.

    The same again gives the same answer.

    Raises:
        InvalidInput: a header of another patient or compartment, a capsule of the wrong size, a root twice,
            or one that is no manifest's (``bad_root``).
        Conflict: another epoch is current (``epoch_ended``), or a root is published with other metadata.
        SignatureInvalid: a publication is not signed by the patient.
        BlockMissing: a block of a record is not in the block store.
        RecordCorrupt: a root is not that of a record.
    """
    if len({one.root for one in batch}) != len(batch):
        raise InvalidInput("a record is published once", reason="root_twice")
    there = _positions(state, batch)
    new = [one for one in batch if one.root not in there]
    if new:
        _check(gateway, state, new)
        appended = gateway.journal.append_many(drafts(gateway, state, new, state.account))
        there |= {one.root: entry.index for one, entry in zip(new, appended, strict=True)}
    return [there[one.root] for one in batch]


def header_of(text: str, patient: Did) -> RecordHeader:
    """The header of a record of `patient`; InvalidInput (``other_patient``) if it is of another."""
    header = RecordHeader.from_bytes(text.encode())
    if header.patient != patient:
        raise InvalidInput("the header is of another patient", reason="other_patient")
    return header


def claim(one: Submission, header: RecordHeader) -> Publication:
    """What was signed for a record in its place; InvalidInput (``bad_capsule``) for no capsule."""
    capsule = unb64(one.capsule)
    if len(capsule) != CAPSULE:
        raise InvalidInput(f"a capsule has {CAPSULE} bytes", reason="bad_capsule")
    return Publication(
        root=digest_of(parse_cid(one.root)),
        header=header.digest,
        patient=parse_did(header.patient)[1],
        compartment=parse_word(one.compartment),
        epoch=one.epoch,
        capsule=sha256(capsule).digest(),
    )


def epoch_ended() -> Conflict:
    """The answer to what is sealed to another epoch than the current one."""
    return Conflict(
        "that epoch of the compartment is not the current one",
        reason="epoch_ended",
        fix="Ask again where to, and seal to the current key.",
    )


def require_root(text: str) -> None:
    """Refuse as the root of a record what is no CID of a manifest."""
    if codec_of(parse_cid(text)) is not Codec.DAG_CBOR:
        raise InvalidInput("the root of a record is a dag-cbor CID", reason="bad_root")


def drafts(
    gateway: Gateway, state: PatientState, batch: Sequence[Submission], writer: Address
) -> list[Draft]:
    """The log entries of records that were checked, each with its row, for one transaction.

    The first one asks for the patient's version, the last one moves it and takes the blocks of all out of
    what can be taken back.

    Raises:
        BlockMissing: a block of a record is not in the block store.
        RecordCorrupt: a root is not that of a record.
    """
    head, first, last = gateway.last_head(), batch[0], batch[-1]
    blocks = uploads.hold(gateway, [Cid(one.root) for one in batch])

    def within(one: Submission) -> Callable[[Connection, int], None]:
        def write(connection: Connection, entry: int) -> None:
            sealed = one.sealed_by(writer)
            gateway.stores.records.add(connection, root=one.root, tag=state.tag, entry=entry, sealed=sealed)
            if one is last:
                gateway.stores.uploads.published(connection, blocks)
                gateway.journal.bump(connection, state.tag)

        return write

    return [
        gateway.draft(
            EntryKind.RECORD_PUBLISHED,
            head=head,
            tag=state.tag,
            patient=state.did,
            expect=state.version if one is first else None,
            within=within(one),
            root=one.root,
            header=one.header,
            capsule=digest(sha256(unb64(one.capsule)).digest()),
            compartment=one.compartment,
            epoch=one.epoch,
            writer=writer,
            signature=one.signature,
        )
        for one in batch
    ]


def get_block(gateway: Gateway, cid: Cid) -> bytes:
    """One block of ciphertext, re-hashed; NotFound if this gateway does not hold it."""
    try:
        return gateway.blocks.get(cid)
    except BlockMissing as exc:
        raise uploads.no_block() from exc


def _check(gateway: Gateway, state: PatientState, batch: Sequence[Submission]) -> None:
    """Refuse records that are not this patient's, sealed to what is current, and signed by them."""
    epochs = current_epochs(compartments(gateway, state))
    for one in batch:
        require_root(one.root)
        header = header_of(one.header, state.did)
        if digest(header.compartment) != one.compartment:
            raise InvalidInput("the record belongs in another compartment", reason="bad_compartment")
        if epochs.get(one.compartment) != one.epoch:
            raise epoch_ended()
        signed = claim(one, header).digest(gateway.records_domain)
        verify(signed, unhex(one.signature), state.account)


def _positions(state: PatientState, batch: Sequence[Submission]) -> dict[str, int]:
    """Where those stand that are published already, exactly so."""
    submitted = {one.root: one for one in batch}
    found = {}
    for known in state.records:
        one = submitted.get(known.row.root)
        if one is not None:
            if known.row.sealed != one.sealed_by(state.account):
                raise Conflict("this record is published with other metadata", reason="published_otherwise")
            found[one.root] = known.row.entry
    return found

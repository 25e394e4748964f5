"""Publishing record metadata and capsules; the ciphertext itself lies in the block store."""

from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from ledger.canonical import unb64, unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Publication
from ledger.errors import BlockMissing, Conflict, InvalidInput, NotFound
from ledger.ids import Cid, digest, parse_word
from ledger.log.entry import EntryKind
from ledger.records.cid import digest_of, parse_cid
from ledger.records.header import RecordHeader
from ledger.service.consents import CAPSULE
from ledger.service.gateway import Gateway
from ledger.service.patients import compartments, current_epochs
from ledger.service.states import PatientState


def publish(
    gateway: Gateway,
    state: PatientState,
    *,
    root: str,
    header: str,
    capsule: str,
    compartment: str,
    epoch: int,
    signature: str,
) -> int:
    """Take a record's signed header and capsule; the log position. The same again gives the same answer.

    Raises:
        InvalidInput: a header of another patient or compartment, a capsule of the wrong size.
        Conflict: another epoch is current (``epoch_ended``), or the root is published with other metadata.
        SignatureInvalid: the publication is not signed by the patient.
        BlockMissing: the ciphertext is not in the block store.
    """
    sealed: dict[str, Any] = {
        "header": header,
        "compartment": compartment,
        "epoch": epoch,
        "capsule": capsule,
        "writer": state.account,
        "signature": signature,
    }
    for known in state.records:
        if known.row.root == root:
            if known.row.sealed != sealed:
                raise Conflict("this record is published with other metadata", reason="published_otherwise")
            return known.row.entry
    parsed = RecordHeader.from_bytes(header.encode())
    _check(gateway, state, Cid(root), parsed, sealed)

    def within(connection: Connection, entry: int) -> None:
        gateway.stores.records.add(connection, root=root, tag=state.tag, entry=entry, sealed=sealed)
        gateway.journal.bump(connection, state.tag)

    appended = gateway.append(
        EntryKind.RECORD_PUBLISHED,
        head=gateway.last_head(),
        tag=state.tag,
        patient=state.did,
        expect=state.version,
        within=within,
        root=root,
        header=header,
        capsule=digest(sha256(unb64(capsule)).digest()),
        compartment=compartment,
        epoch=epoch,
        writer=state.account,
        signature=signature,
    )
    return appended.index


def put_block(gateway: Gateway, cid: Cid, data: bytes) -> None:
    """Store one block of ciphertext.

    Raises:
        BlockCorrupt: the bytes do not hash to the CID.
        TooLarge: more than a block may have.
    """
    gateway.blocks.put(cid, data)


def get_block(gateway: Gateway, cid: Cid) -> bytes:
    """One block of ciphertext, re-hashed; NotFound if this gateway does not hold it."""
    try:
        return gateway.blocks.get(cid)
    except BlockMissing as exc:
        raise NotFound("this gateway does not hold that block", reason="no_block") from exc


def _check(
    gateway: Gateway, state: PatientState, root: Cid, header: RecordHeader, sealed: dict[str, Any]
) -> None:
    if header.patient != state.did:
        raise InvalidInput("the header is of another patient", reason="other_patient")
    if digest(header.compartment) != sealed["compartment"]:
        raise InvalidInput("the record belongs in another compartment", reason="bad_compartment")
    current = current_epochs(compartments(gateway, state)).get(sealed["compartment"])
    if current is None or current != sealed["epoch"]:
        raise Conflict(
            "that epoch of the compartment is not the current one",
            reason="epoch_ended",
            fix="Ask for the compartments again and seal to the current key.",
        )
    capsule = unb64(sealed["capsule"])
    if len(capsule) != CAPSULE:
        raise InvalidInput(f"a capsule has {CAPSULE} bytes", reason="bad_capsule")
    publication = Publication(
        root=digest_of(parse_cid(root)),
        header=header.digest,
        patient=state.account,
        compartment=parse_word(sealed["compartment"]),
        epoch=sealed["epoch"],
        capsule=sha256(capsule).digest(),
    )
    verify(publication.digest(gateway.records_domain), unhex(sealed["signature"]), state.account)
    if not gateway.blocks.has(root):
        raise BlockMissing(
            "the record's manifest is not in the block store", fix="Store the blocks first, then publish."
        )

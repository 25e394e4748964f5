"""Filing what writers left in a patient's inbox: opened with the inbox secret, sealed to its compartment."""

from collections.abc import Iterable, Sequence
from typing import Any

from ledger.canonical import b64, hexed
from ledger.client.context import Context
from ledger.client.keys import CompartmentKeys
from ledger.client.publications import VerifiedRecord
from ledger.crypto.sealing import open_capsule
from ledger.crypto.typed import Refiling
from ledger.errors import CapsuleInvalid, Conflict
from ledger.ids import parse_did, word
from ledger.records.publish import MOST_RECORDS, Place, record_info, seal_key


def refile(context: Context, keys: CompartmentKeys, records: Iterable[VerifiedRecord]) -> int:
    """Move waiting records to their compartments, whose keys are deposited as needed; how many were moved.

    One whose capsule does not open stays where it is: its writer sealed it to something else.

    Raises:
        ProofInvalid: the gateway names as current an epoch that a stopped consent has opened.
        GatewayUnreachable: it can be done again later.
    """
    found = [(record, _key(context, record)) for record in records if record.waiting]
    waiting = [(record, key) for record, key in found if key is not None]
    for start in range(0, len(waiting), MOST_RECORDS):
        _move(context, keys, waiting[start : start + MOST_RECORDS])
    return len(waiting)


def _key(context: Context, record: VerifiedRecord) -> bytes | None:
    """The record key, 32 bytes, from its inbox capsule; None if that is for something else."""
    info = record_info(record.root, record.header, record.epoch, "inbox")
    try:
        return open_capsule(context.identity.inbox_secret(record.epoch), record.capsule, info)
    except CapsuleInvalid:
        return None


def _move(context: Context, keys: CompartmentKeys, batch: Sequence[tuple[VerifiedRecord, bytes]]) -> None:
    try:
        context.gateway.refile([_filed(context, keys, record, key) for record, key in batch])
    except Conflict as exc:
        if exc.reason != "epoch_ended":
            raise
        keys.load()  # A stop has closed an epoch meanwhile.
        context.gateway.refile([_filed(context, keys, record, key) for record, key in batch])


def _filed(context: Context, keys: CompartmentKeys, record: VerifiedRecord, key: bytes) -> dict[str, Any]:
    """A record's new place in its wire form, signed."""
    epoch = keys.ensure(record.header.record_class, record.header.labels)
    place = Place(epoch=epoch, public_key=keys.public(record.compartment, epoch))
    filed = seal_key(record.root, record.header, key, place)
    claim = Refiling.of(filed.publication(), parse_did(record.writer)[1])
    return {
        "root": filed.root,
        "capsule": b64(filed.capsule),
        "compartment": word(filed.compartment),
        "epoch": filed.epoch,
        "signature": hexed(context.account.sign(claim.digest(context.records_domain))),
    }

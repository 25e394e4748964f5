"""Filing what writers left in a patient's inbox: opened with the inbox secret, sealed to its compartment."""

from collections.abc import Iterable

from ledger.canonical import b64, hexed
from ledger.client.context import Context
from ledger.client.keys import CompartmentKeys
from ledger.client.publications import VerifiedRecord
from ledger.crypto.sealing import open_capsule
from ledger.errors import CapsuleInvalid, Conflict
from ledger.ids import word
from ledger.records.publish import Place, Published, record_info, seal_key


def refile(context: Context, keys: CompartmentKeys, records: Iterable[VerifiedRecord]) -> int:
    """Move waiting records to their compartments, whose keys are deposited as needed; how many were moved.

    One whose capsule does not open stays where it is: its writer sealed it to something else.

    Raises:
        ProofInvalid: the gateway names as current an epoch that a stopped consent has opened.
        GatewayUnreachable: it can be done again later.
    """
    moved = 0
    for record in records:
        if not record.waiting:
            continue
        try:
            key = _key(context, record)
        except CapsuleInvalid:
            continue
        _move(context, keys, record, key)
        moved += 1
    return moved


def _key(context: Context, record: VerifiedRecord) -> bytes:
    """The record key, 32 bytes, from its inbox capsule."""
    info = record_info(record.root, record.header, record.epoch, "inbox")
    return open_capsule(context.identity.inbox_secret(record.epoch), record.capsule, info)


def _move(context: Context, keys: CompartmentKeys, record: VerifiedRecord, key: bytes) -> None:
    try:
        _send(context, _filed(keys, record, key))
    except Conflict as exc:
        if exc.reason != "epoch_ended":
            raise
        keys.load()  # A stop has closed the epoch meanwhile.
        _send(context, _filed(keys, record, key))


def _filed(keys: CompartmentKeys, record: VerifiedRecord, key: bytes) -> Published:
    epoch = keys.ensure(record.header.record_class, record.header.labels)
    place = Place(epoch=epoch, public_key=keys.public(record.compartment, epoch))
    return seal_key(record.root, record.header, key, place)


def _send(context: Context, filed: Published) -> None:
    signature = context.account.sign(filed.publication().digest(context.records_domain))
    place = {
        "capsule": b64(filed.capsule),
        "compartment": word(filed.compartment),
        "epoch": filed.epoch,
        "signature": hexed(signature),
    }
    context.gateway.refile(filed.root, place)

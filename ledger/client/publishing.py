"""Publishing: a bundle's segments or a file, encrypted, stored, and signed for at the gateway."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from ledger.client.context import Context
from ledger.client.keys import CompartmentKeys
from ledger.client.outbox import OwnOutbox
from ledger.client.ports import Progress, silent
from ledger.crypto.recordcipher import KEY_SIZE
from ledger.errors import BundleRejected, Conflict, LedgerError
from ledger.records.bundle import read_bundle
from ledger.records.filerecords import file_pieces
from ledger.records.header import RecordHeader
from ledger.records.patient import patient_fingerprint
from ledger.records.prepared import Prepared
from ledger.records.publish import Published, encrypt_to, seal_key
from ledger.records.resources import Bundle
from ledger.records.segments import segment


def publish_bundle(
    context: Context,
    keys: CompartmentKeys,
    source: Path | bytes,
    *,
    same_person: bool = False,
    progress: Progress = silent,
) -> list[Published]:
    """Publish every segment of a bundle, in order.

    Args:
        context: the patient's side.
        keys: loaded.
        source: a FHIR R4 bundle with exactly one Patient.
        same_person: the user says that it is the same person although id or identifiers differ.
        progress: called after each segment.

    Raises:
        BundleRejected: no such bundle, or another person's than the first one published (``other_person``).
        GatewayUnreachable, StoreUnavailable, LedgerError: what is published by then stays published.
    """
    bundle = read_bundle(source)
    require_same_person(context.state.fingerprint, bundle, same_person=same_person)
    _bind(context, bundle)
    segments = segment(bundle, context.did)
    published = []
    for done, one in enumerate(segments, 1):
        published.append(_published(context, keys, one.header, partial(iter, [one.plaintext])))
        progress(done, len(segments))
    return published


def publish_file(context: Context, keys: CompartmentKeys, path: Path, header: RecordHeader) -> Published:
    """Publish one file under a header made for it (`records.filerecords.file_record`).

    Raises:
        InvalidInput: the file no longer has the size that the header says.
        GatewayUnreachable, StoreUnavailable, LedgerError: nothing was published.
    """
    return _published(context, keys, header, partial(file_pieces, path))


def publish_prepared(
    context: Context, keys: CompartmentKeys, records: Sequence[Prepared], *, progress: Progress = silent
) -> list[Published]:
    """Publish records that are ready, in order; `progress` is called after each.

    Raises:
        InvalidInput: a file no longer has the size that its header says.
        GatewayUnreachable, StoreUnavailable, LedgerError: what is published by then stays published. The
            first file of the record at fault is named in the field ``file``.
    """
    published = []
    for done, one in enumerate(records, 1):
        try:
            published.append(_published(context, keys, one.header, one.plaintext))
        except LedgerError as exc:
            exc.fields.setdefault("file", one.sources[0].name)
            raise
        progress(done, len(records))
    return published


def require_same_person(known: bytes | None, bundle: Bundle, *, same_person: bool) -> None:
    """Refuse a bundle of another person than `known`, the fingerprint of the first, unless told better.

    Raises:
        BundleRejected: (``other_person``) id or identifiers differ.
    """
    if known is not None and known != patient_fingerprint(bundle) and not same_person:
        raise BundleRejected(
            "the bundle's Patient has another id or other identifiers than the one published before",
            reason="other_person",
            fix="If it is the same person all the same, give the Patient's name: --same-person NAME",
        )


def _bind(context: Context, bundle: Bundle) -> None:
    """Bind the first bundle's person to this identity."""
    if context.state.fingerprint is None:
        context.state.fingerprint = patient_fingerprint(bundle)
        context.state.save()


def _published(
    context: Context,
    keys: CompartmentKeys,
    header: RecordHeader,
    plaintext: Callable[[], Iterable[bytes]],
) -> Published:
    try:
        return _attempt(context, keys, header, plaintext())
    except Conflict as exc:
        if exc.reason != "epoch_ended":
            raise
    keys.load()  # A stop has closed the epoch meanwhile; the next one is what writers seal to now.
    return _attempt(context, keys, header, plaintext())


def _attempt(
    context: Context, keys: CompartmentKeys, header: RecordHeader, plaintext: Iterable[bytes]
) -> Published:
    outbox = OwnOutbox(context, keys)
    key = context.randomness(KEY_SIZE)
    root = encrypt_to(context.blocks, header, plaintext, key=key)
    made = seal_key(root, header, key, outbox.place(header))
    outbox.send([made])
    return made

"""Publishing: records are encrypted on this disk first, then stored, then signed for at the gateway.

======== ==========================================================================================
staged   encrypted into the profile's directory; after a kill until here they are encrypted anew
kept     all of a batch is on disk, with a note; from here on the next run takes it up
stored   its blocks are in the block store; those that are there are not sent again
sent     the gateway has logged them; the same again is success
removed  note and staged blocks are gone
======== ==========================================================================================

Small records go together, a large one by itself.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from ledger.client.context import Context
from ledger.client.known import Known
from ledger.client.outbox import Outbox
from ledger.client.ports import Moving, Progress, silent, unmoved
from ledger.client.staging import Batch, Staging
from ledger.client.undisturbed import undisturbed
from ledger.errors import (
    BlockCorrupt,
    BlockMissing,
    BundleRejected,
    CallerError,
    Conflict,
    EnvironmentFault,
    GatewayUnreachable,
    LedgerError,
    ProofInvalid,
    RecordCorrupt,
    Refusal,
    SignatureInvalid,
)
from ledger.ids import Cid, Did
from ledger.records.ahead import LARGE
from ledger.records.bundle import read_bundle
from ledger.records.patient import patient_fingerprint
from ledger.records.prepared import Prepared
from ledger.records.publish import MOST_RECORDS, Published
from ledger.records.resources import Bundle
from ledger.records.segments import segment
from ledger.records.transfer import take_back

_MOST_PLAINTEXT = 32 << 20
_MOST_METADATA = 3 << 20
_CAPSULE_AND_MORE = 2048
_STORING = 8
_FINAL = (BlockCorrupt, BlockMissing, CallerError, RecordCorrupt, Refusal, SignatureInvalid)
"""What says of a batch of an earlier run that it never will be published, or that it is damaged here."""


class Publisher:
    """One run over records of one patient, each published once."""

    def __init__(self, context: Context, outbox: Outbox, known: Known, *, moving: Moving = unmoved) -> None:
        """Nothing is sent yet.

        Args:
            context: the writer's side.
            outbox: whose records they are, and how they go.
            known: what is there already.
            moving: told of large records as their bytes are encrypted and stored.
        """
        self._context = context
        self._outbox = outbox
        self._known = known
        self._moving = moving
        self._staging = Staging(context.state.staging, context.identity, randomness=context.randomness)
        self._published: dict[Cid, Published] = {}
        self._finished: set[Cid] = set()
        self.already = 0
        """How many records were passed over, since they were there."""

    @property
    def published(self) -> list[Published]:
        """What this run has published, in order."""
        return list(self._published.values())

    def finish(self) -> None:
        """Publish what an earlier run has encrypted and could not finish; what is damaged of it is dropped.

        What was to be added for other purposes is left for a run that declares those.
        What was sent then may be published, so no block of that is ever taken back.

        Raises:
            EnvironmentFault, AuthenticationError, ProofInvalid: it can be done again later.
            LedgerError: refused, and dropped.
        """
        for batch in self._staging.left(self._outbox.patient):
            if batch.purposes != self._outbox.purposes:
                continue
            with suppress(BlockMissing, BlockCorrupt, RecordCorrupt), _published_before():
                self._finished |= {one.root for one in self._deliver(batch)}

    def publish(self, records: Sequence[Prepared], *, progress: Progress = silent) -> list[Published]:
        """Publish records, in order; what is there already is passed over. `progress` is told each record.

        Raises:
            InvalidInput: a file no longer has the size that its header says; the first file of the record at
                fault is named in the field ``file``.
            GatewayUnreachable: what was sent last may be published; the next run finishes it.
            StoreUnavailable, LedgerError: what was published by then stays, of the rest nothing is left.
        """
        done, made = 0, []
        for group in _grouped(records):
            made += self._together(group)
            for _ in group:
                done += 1
                progress(done, len(records))
        return made

    def _together(self, group: Sequence[Prepared]) -> list[Published]:
        batch = self._staging.begin(self._outbox.purposes)
        try:
            for one in group:
                with _named(one):
                    self._stage(batch, one)
            if batch.records:
                batch.keep()
        except BaseException:
            with undisturbed():
                batch.remove()
            raise
        if batch.records:
            return self._deliver(batch)
        batch.remove()
        return []

    def _stage(self, batch: Batch, one: Prepared) -> None:
        there = self._known.find(one.header, one.plaintext)
        if there is None:
            place = self._outbox.place(one.header)
            randomness, moving = self._context.randomness, self._moving
            batch.add(one.header, one.plaintext(), place, randomness=randomness, moving=moving)
        elif there in self._finished:
            self._finished.remove(there)  # this is the record that was finished, and it counts as published
        else:
            self.already += 1

    def _deliver(self, batch: Batch) -> list[Published]:
        try:
            self._store(batch)
        except GatewayUnreachable:
            raise
        except BaseException as exc:
            self._give_up(batch, exc)
            raise
        with undisturbed():
            self._send(batch)
            batch.remove()
            self._known.add(batch.records)
            self._published |= {one.root: one for one in batch.records}
        return batch.records

    def _store(self, batch: Batch) -> None:
        records = batch.records
        if len(records) == 1 and records[0].header.size >= LARGE:
            batch.tell_reading(partial(self._moving, "storing"))
        if len(records) == 1:
            self._context.blocks.adopt(records[0].root, batch.blocks)
            return
        pool = ThreadPoolExecutor(_STORING, thread_name_prefix="storing")
        try:
            adopted = [pool.submit(self._context.blocks.adopt, one.root, batch.blocks) for one in records]
            for one in adopted:
                one.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _send(self, batch: Batch) -> None:
        """Publish; what is refused is taken back. What may have been published stays for the next run."""
        try:
            if any(self._outbox.has_ended(one) for one in batch.records):
                self._seal_again(batch)
            batch.mark_sent()
            self._send_as_current(batch)
        except (GatewayUnreachable, ProofInvalid):
            raise
        except LedgerError as exc:
            self._give_up(batch, exc)
            raise

    def _send_as_current(self, batch: Batch) -> None:
        try:
            self._outbox.send(batch.records)
        except Conflict as exc:
            if exc.reason != "epoch_ended":
                raise
            self._seal_again(batch)
            self._outbox.send(batch.records)

    def _seal_again(self, batch: Batch) -> None:
        self._outbox.refresh()
        batch.seal_again(self._outbox.place)

    def _give_up(self, batch: Batch, why: BaseException) -> None:
        """Remove a batch that cannot be published, with its blocks unless the gateway may have it."""
        published = isinstance(why, Conflict) and why.reason == "published_otherwise"
        if batch.was_sent or published:
            if published or isinstance(why, _FINAL):
                batch.remove()
            return
        with undisturbed():
            try:
                for one in batch.records:
                    take_back(one.root, batch.blocks, self._context.blocks)
            except EnvironmentFault:
                return  # the next run finds it
            batch.remove()


@contextmanager
def _published_before() -> Iterator[None]:
    """Pass over what turns out to be published already, with the seals that it had then."""
    try:
        yield
    except Conflict as exc:
        if exc.reason != "published_otherwise":
            raise


def bundle_records(context: Context, source: Path | bytes, *, same_person: bool = False) -> list[Prepared]:
    """The segments of a bundle as records; its person is bound to this identity if it is the first one.

    Args:
        context: the patient's side.
        source: a FHIR R4 bundle with exactly one Patient.
        same_person: the user says that it is the same person although id or identifiers differ.

    Raises:
        BundleRejected: no such bundle, or another person's than the first one published (``other_person``).
    """
    bundle = read_bundle(source)
    require_same_person(context.state.fingerprint, bundle, same_person=same_person)
    bind(context, patient_fingerprint(bundle))
    return segment_records(bundle, context.did)


def segment_records(bundle: Bundle, patient: Did) -> list[Prepared]:
    """The segments of a bundle as records, in order."""
    return [
        Prepared(header=one.header, sources=(), plaintext=partial(_once, one.plaintext))
        for one in segment(bundle, patient)
    ]


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


def bind(context: Context, person: bytes) -> None:
    """Bind the person of the first bundle, by their fingerprint, to this identity."""
    if context.state.fingerprint is None:
        context.state.fingerprint = person
        context.state.save()


def _once(data: bytes) -> tuple[bytes, ...]:
    return (data,)


def _grouped(records: Sequence[Prepared]) -> Iterator[list[Prepared]]:
    """Records that go together: not too many, not too large, and no two that may be the same."""
    group: list[Prepared] = []
    headers: set[bytes] = set()
    plaintext = metadata = 0
    for one in records:
        size, weight = one.header.size, 2 * len(one.header.to_bytes()) + _CAPSULE_AND_MORE
        if group and (
            len(group) == MOST_RECORDS
            or plaintext + size > _MOST_PLAINTEXT
            or metadata + weight > _MOST_METADATA
            or one.header.digest in headers
        ):
            yield group
            group, headers, plaintext, metadata = [], set(), 0, 0
        group.append(one)
        headers.add(one.header.digest)
        plaintext, metadata = plaintext + size, metadata + weight
    if group:
        yield group


@contextmanager
def _named(one: Prepared) -> Iterator[None]:
    """Name the first file of a record in the error about it."""
    try:
        yield
    except LedgerError as exc:
        if one.sources:
            exc.fields.setdefault("file", one.sources[0].name)
        raise

"""A patient's client: everything that a patient does, through a gateway that is not trusted."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ledger.canonical import hexed
from ledger.client import (
    drafting,
    emergencies,
    erasing,
    export,
    filing,
    memory,
    own,
    publishing,
    reach,
    renewing,
    upkeep,
)
from ledger.client.context import Context
from ledger.client.directory import DirectoryView
from ledger.client.drafting import Draft, Wish
from ledger.client.erasing import Erased, Order, Prospect
from ledger.client.filing import Done
from ledger.client.gateway import GatewayClient, system_clock
from ledger.client.keys import CompartmentKeys
from ledger.client.known import NothingKnown, OwnRecords
from ledger.client.outbox import OwnOutbox
from ledger.client.own import OwnConsent, ToldRecords
from ledger.client.ports import ClientState, Moving, Progress, silent, unmoved
from ledger.client.publications import VerifiedRecord
from ledger.client.publishing import Publisher
from ledger.client.wire import Disclosure, Enrolled, Request
from ledger.crypto.identity import Identity
from ledger.crypto.sealing import KeyPair
from ledger.crypto.typed import Enrolment
from ledger.errors import (
    ChainUnreachable,
    EnvironmentFault,
    GatewayUnreachable,
    NotFound,
    ProofInvalid,
    StoreUnavailable,
)
from ledger.ids import Cid, ConsentId, Did, EmergencyId, RequestId
from ledger.parties import VouchedKey
from ledger.records.blocks import BlockStore
from ledger.records.filerecords import file_pieces
from ledger.records.header import RecordHeader
from ledger.records.prepared import Prepared
from ledger.records.publish import Published

INBOX_EPOCH = 0


class PatientClient:
    """One patient at one gateway. What it raises is written at the functions that it hands over to."""

    def __init__(
        self,
        *,
        identity: Identity,
        gateway: GatewayClient,
        directory: DirectoryView,
        state: ClientState,
        blocks: BlockStore,
        randomness: Callable[[int], bytes] = os.urandom,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        """Nothing is sent yet. `gateway` calls with the account of `identity`; `clock` is aware UTC."""
        self._context = Context(
            identity=identity,
            gateway=gateway,
            directory=directory,
            state=state,
            blocks=blocks,
            randomness=randomness,
            clock=clock,
        )

    @property
    def did(self) -> Did:
        """The patient."""
        return self._context.did

    @property
    def fingerprint(self) -> bytes | None:
        """Of the person whose bundle was published first; see `records.patient.patient_fingerprint`."""
        return self._context.state.fingerprint

    def enrol(self) -> Enrolled:
        """Become a patient of the gateway: erasure address and inbox key, both signed. Again is success.

        Raises:
            Conflict: the account is enrolled with another erasure address.
            ProofInvalid: the gateway would file the patient's log entries under another tag.
        """
        context, deployment = self._context, self._context.deployment
        erasure = context.identity.erasure.address
        claim = Enrolment(patient=context.account.address, erasure=erasure).digest(context.records_domain)
        inbox = VouchedKey.inbox(
            context.account,
            KeyPair.from_secret(context.identity.inbox_secret(INBOX_EPOCH)).public,
            epoch=INBOX_EPOCH,
            chain_id=deployment.chain_id,
            registry=deployment.registry,
        )
        enrolled = context.gateway.enrol(
            erasure,
            hexed(context.account.sign(claim)),
            hexed(context.identity.erasure.sign(claim)),
            inbox.to_json("epoch"),
        )
        if enrolled.tag != hexed(context.tag) or enrolled.patient != context.did:
            raise ProofInvalid("the gateway enrolled somebody else", reason="other_tag")
        return enrolled

    @contextmanager
    def publishing(self, *, again: bool = False, moving: Moving = unmoved) -> Iterator[Publisher]:
        """A run of publishing, which begins with what an earlier one could not finish.

        When it ends well, consents in force are sealed to what is new.

        Args:
            again: publish also what is there already, byte for byte.
            moving: told of large records as their bytes are encrypted and stored.

        Raises:
            LedgerError: see `Publisher.finish`, `known.OwnRecords` and `upkeep.reseal`.
        """
        keys = self._keys()
        known = NothingKnown() if again else OwnRecords(self._context)
        publisher = Publisher(self._context, OwnOutbox(self._context, keys), known, moving=moving)
        upkeep.shut_out(self._context, keys)
        publisher.finish()
        yield publisher
        upkeep.reseal(self._context, keys)

    def bundle_records(self, source: Path | bytes, *, same_person: bool = False) -> list[Prepared]:
        """See `publishing.bundle_records`."""
        return publishing.bundle_records(self._context, source, same_person=same_person)

    def bind(self, person: bytes) -> None:
        """See `publishing.bind`."""
        publishing.bind(self._context, person)

    def publish_bundle(
        self,
        source: Path | bytes,
        *,
        same_person: bool = False,
        again: bool = False,
        progress: Progress = silent,
    ) -> list[Published]:
        """Publish the segments of a bundle; see `bundle_records`, `publishing` and `Publisher.publish`."""
        records = self.bundle_records(source, same_person=same_person)
        return self.publish_prepared(records, again=again, progress=progress)

    def publish_file(self, path: Path, header: RecordHeader) -> Published:
        """Publish a file under a header made for it (`records.filerecords.file_record`), be it there or not.

        Raises as `publish_prepared`.
        """
        plaintext = partial(file_pieces, path)
        prepared = Prepared(header=header, sources=(path,), plaintext=plaintext)
        return self.publish_prepared([prepared], again=True)[0]

    def publish_prepared(
        self, records: Sequence[Prepared], *, again: bool = False, progress: Progress = silent
    ) -> list[Published]:
        """Publish records that are ready; see `publishing` and `Publisher.publish`."""
        with self.publishing(again=again) as publisher:
            return publisher.publish(records, progress=progress)

    def records(self) -> list[VerifiedRecord]:
        """See `own.own_records`."""
        return own.own_records(self._context)

    def told_records(self) -> ToldRecords:
        """See `own.told_records`."""
        return own.told_records(self._context)

    def requests(self) -> list[Request]:
        """What providers have asked of this patient; nobody signs these, a consent says what is so."""
        return [request for request in self._context.gateway.requests() if request.patient == self.did]

    def request(self, request: RequestId) -> Request:
        """One of them, or NotFound."""
        for found in self.requests():
            if found.request == request:
                return found
        raise NotFound("no such request to you", fix="See yours with: consent request list")

    def decline(self, request: RequestId) -> str:
        """Say no to a request; its state."""
        return self._context.gateway.decline(request).state

    def draft(self, wanted: Wish | bytes | dict[str, Any], request: RequestId | None = None) -> Draft:
        """A document from plain options or a given one, checked, with its consequences; see `drafting`."""
        document = drafting.written(self._context, wanted) if isinstance(wanted, Wish) else wanted
        return drafting.drafted(self._context, document, request)

    def renewal(self, request: Request, until: datetime | None = None) -> Draft:
        """See `renewing.draft`."""
        return renewing.draft(self._context, request, until)

    def file(self, draft: Draft) -> Done:
        """Sign and file a draft; see `filing.file`. The patient has read the statement and said yes.

        Whom it shuts out of something is then handed no more keys, if gateway and chain still answer; else
        the next command does that. What is refused is refused from the filing on.
        """
        keys = self._keys()
        upkeep.reseal(self._context, keys)
        done = filing.file(self._context, draft, keys)
        with suppress(GatewayUnreachable, ChainUnreachable):
            upkeep.reseal(self._context, keys)
        return done

    def consents(self) -> list[OwnConsent]:
        """See `own.own_consents`; the chain is read again."""
        self._context.directory.refresh()
        return own.own_consents(self._context)

    def stoppable(self) -> list[OwnConsent]:
        """`consents`; those of `own.remembered_consents` if gateway or chain cannot be asked."""
        try:
            return self.consents()
        except EnvironmentFault:
            return own.remembered_consents(self._context)

    def open_now(self, consents: Sequence[OwnConsent]) -> dict[Did, frozenset[Cid]]:
        """Who can open which records now, under these consents of the patient's; see `reach.open_now`."""
        return reach.open_now(self._context, consents)

    def revoke(self, consent: ConsentId, *, spread: bool = False) -> Done:
        """See `filing.revoke`; it waits for nothing else."""
        return filing.revoke(self._context, consent, spread=spread)

    def reseal(self) -> list[ConsentId]:
        """See `upkeep.reseal`."""
        return upkeep.reseal(self._context, self._keys())

    def history(self) -> list[Disclosure]:
        """Who asked for what, what was decided, and what was handed out, as the gateway tells it."""
        return self._context.gateway.history()

    def export(
        self, path: Path, names: export.Names, *, contents: bool = False, progress: Progress = silent
    ) -> export.Exported:
        """See `export.export`; the chain is read again."""
        self._context.directory.refresh()
        return export.export(self._context, path, names, contents=contents, progress=progress)

    def review(self, emergency: EmergencyId, *, finding: str, note: str) -> int:
        """See `emergencies.review`; for auditors too."""
        return emergencies.review(self._context, emergency, finding=finding, note=note)

    def erasure_prospect(self) -> Prospect:
        """See `erasing.prospect`; the chain is read again."""
        self._context.directory.refresh()
        return erasing.prospect(self._context)

    def erase(self, remember: Callable[[Order], None], *, patience: float = 0.0) -> Erased:
        """See `erasing.erase`; then wait up to `patience` seconds until the gateway has no blocks left."""
        return erasing.settled(self._context, erasing.erase(self._context, remember), patience=patience)

    def erased_by(self, order: Order, *, patience: float = 0.0) -> Erased:
        """See `erasing.erased_by`; waits as `erase`."""
        return erasing.settled(self._context, erasing.erased_by(self._context, order), patience=patience)

    def _keys(self) -> CompartmentKeys:
        context = self._context
        if not context.state.keeps_all:
            raise StoreUnavailable(
                "another command is using this profile", reason="profile_busy", fix="Try again in a moment."
            )
        memory.remember_stops_on_chain(context)
        closed = partial(memory.closed_epochs, context)
        keys = CompartmentKeys(context.identity, context.gateway, context.records_domain, context.did, closed)
        keys.load()
        return keys

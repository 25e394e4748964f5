"""A patient's client: everything that a patient does, through a gateway that is not trusted."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ledger.canonical import hexed
from ledger.client import drafting, filing, memory, own, publishing, reach, upkeep
from ledger.client.context import Context
from ledger.client.directory import DirectoryView
from ledger.client.drafting import Draft, Wish
from ledger.client.filing import Done
from ledger.client.gateway import GatewayClient, system_clock
from ledger.client.keys import CompartmentKeys
from ledger.client.own import OwnConsent
from ledger.client.ports import ClientState, Progress, silent
from ledger.client.publications import VerifiedRecord
from ledger.client.wire import Disclosure, Enrolled, Request
from ledger.crypto.identity import Identity
from ledger.crypto.sealing import KeyPair
from ledger.crypto.typed import Enrolment
from ledger.errors import ChainUnreachable, GatewayUnreachable, NotFound, ProofInvalid
from ledger.ids import Cid, ConsentId, Did, RequestId
from ledger.parties import VouchedKey
from ledger.records.blocks import BlockStore
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

    def publish_bundle(
        self, source: Path | bytes, *, same_person: bool = False, progress: Progress = silent
    ) -> list[Published]:
        """See `publishing.publish_bundle`; then consents in force are sealed to what is new."""
        keys = self._keys()
        published = publishing.publish_bundle(
            self._context, keys, source, same_person=same_person, progress=progress
        )
        upkeep.reseal(self._context, keys)
        return published

    def publish_file(self, path: Path, header: RecordHeader) -> Published:
        """See `publishing.publish_file`; then consents in force are sealed to what is new."""
        keys = self._keys()
        published = publishing.publish_file(self._context, keys, path, header)
        upkeep.reseal(self._context, keys)
        return published

    def publish_prepared(
        self, records: Sequence[Prepared], *, progress: Progress = silent
    ) -> list[Published]:
        """See `publishing.publish_prepared`; then consents in force are sealed to what is new."""
        keys = self._keys()
        published = publishing.publish_prepared(self._context, keys, records, progress=progress)
        upkeep.reseal(self._context, keys)
        return published

    def records(self) -> list[VerifiedRecord]:
        """See `own.own_records`."""
        return own.own_records(self._context)

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

    def _keys(self) -> CompartmentKeys:
        context = self._context
        memory.remember_stops_on_chain(context)
        closed = memory.closed_epochs(context)
        keys = CompartmentKeys(context.identity, context.gateway, context.records_domain, context.did, closed)
        keys.load()
        return keys

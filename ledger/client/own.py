"""A patient's own records and consents, as gateway, chain and the client's own memory together show them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.chain.index import ChainState
from ledger.client.asking import unasked
from ledger.client.context import Context
from ledger.client.memory import is_stopped
from ledger.client.ports import KeptFiling
from ledger.client.publications import VerifiedRecord, verify_record
from ledger.client.wire import ChainStatus, Consent
from ledger.consent.commitment import VerifiedConsent, filing_from_json, verify_filing
from ledger.consent.document import ConsentDocument
from ledger.errors import ChainUnreachable, CommitmentMismatch
from ledger.ids import Address, Cid, ConsentId
from ledger.policy.preview import Standing

UNFILED = "unfiled"
STOPPING = "stopping"
RUNNING = ("pending", "active")
EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnConsent:
    """A consent that this patient signed; everything in it but the gateway's word on states is verified.

    ``state`` is ``pending``, ``active``, ``stopped`` or ``expired``; ``unfiled`` if no gateway knows of it;
    ``stopping`` if this client has stopped it and neither gateway nor chain shows so.
    ``chain`` and ``stop`` are how far the gateway says that it brought recording and stop; ``on_chain`` is
    what the client's own RPC says.
    """

    id: ConsentId
    document: ConsentDocument
    statement: str
    controller: Address
    state: str
    on_chain: ChainState
    filing: dict[str, Any] = field(repr=False)
    chain: ChainStatus | None = None
    stop: ChainStatus | None = None
    filed: int | None = None

    @property
    def standing(self) -> Standing:
        """Document and rules, for decisions; of what is stopped its NO alone, as far as that still counts."""
        found = Standing.of(self.document, self.id)
        return found if self.state in RUNNING else found.refusals


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ToldRecords:
    """All that a gateway says are this patient's records, each as it was signed.

    ``unasked`` are those by others that no consent of the patient ever let them add.
    """

    records: tuple[VerifiedRecord, ...]
    unasked: frozenset[Cid]


def told_records(context: Context) -> ToldRecords:
    """The patient's records, whoever wrote them.

    Raises:
        SignatureInvalid, RecordCorrupt, InvalidInput: see `verify_record`.
        CommitmentMismatch, DocumentRejected: see `own_consents`.
    """
    records = tuple(
        verify_record(record, patient=context.did, domain=context.records_domain, directory=context.directory)
        for record in context.gateway.records()
    )
    if all(record.by_patient for record in records):
        return ToldRecords(records=records, unasked=frozenset())
    signed = [one.document for one in own_consents(context) if one.state != UNFILED]
    return ToldRecords(records=records, unasked=unasked(records, signed, context.clock()))


def own_records(context: Context) -> list[VerifiedRecord]:
    """The records that the patient published, or let somebody add; raises as `told_records`.

    What nobody asked for is left out, so that nothing is ever sealed for its sake.
    """
    told = told_records(context)
    return [record for record in told.records if record.root not in told.unasked]


def own_consents(context: Context) -> list[OwnConsent]:
    """The patient's consents: those that the gateway tells of, and those that only this client remembers.

    Stops that another command made since are heeded.

    Raises:
        CommitmentMismatch: the gateway shows as this patient's what they never agreed to.
        SignatureInvalid, DocumentRejected: the same, found elsewhere in it.
    """
    told = [row for row in context.gateway.consents() if row.filing is not None]
    context.state.heed_stops()
    found = [_told(context, row) for row in told]
    known = {one.id for one in found}
    return found + [
        _remembered(context, consent, kept, context.directory.state(consent))
        for consent, kept in context.state.filings.items()
        if consent not in known
    ]


def remembered_consents(context: Context) -> list[OwnConsent]:
    """What this client itself remembers to have signed, for when the gateway cannot be asked.

    Where the chain cannot be asked either, they are shown as not recorded.
    """
    context.state.heed_stops()
    known = True
    try:
        context.directory.refresh()
    except ChainUnreachable:
        known = False
    found = []
    for consent, kept in context.state.filings.items():
        on_chain = context.directory.state(consent) if known else ChainState.NONE
        one = _remembered(context, consent, kept, on_chain)
        found.append(replace(one, state=_as_remembered(kept, on_chain)))
    return found


def _as_remembered(kept: KeptFiling, on_chain: ChainState) -> str:
    if on_chain is ChainState.ENDED:
        return "stopped"
    if kept.stopped:
        return STOPPING
    if on_chain is ChainState.ACTIVE:
        return "active"
    return "pending" if kept.taken else UNFILED


def verify_told(context: Context, row: Consent) -> VerifiedConsent:
    """The consent of this patient in a gateway's row, checked by itself and against the row's id.

    Raises:
        CommitmentMismatch: another consent (``other_consent``), or another patient's (``other_patient``).
        SignatureInvalid, DocumentRejected, InvalidInput: see `verify_filing`.
    """
    verified = _verified(context, row.filing or {})
    if verified.id != row.consent:
        raise CommitmentMismatch("the gateway shows a consent under another's id", reason="other_consent")
    return verified


def in_force(context: Context, consents: Iterable[OwnConsent]) -> list[OwnConsent]:
    """Those that decisions rest on or soon will.

    Each counts until the first sign of a stop, which this client's own memory is, whatever the gateway says;
    the NO of one whose root denies counts until its end is final on chain.
    """
    return [one for one in consents if one.state != UNFILED and _counts(context, one)]


def _counts(context: Context, one: OwnConsent) -> bool:
    if one.document.permits:
        return one.state in RUNNING and not is_stopped(context, one.id)
    return context.directory.state(one.id, "final") is not ChainState.ENDED


def _told(context: Context, row: Consent) -> OwnConsent:
    verified = verify_told(context, row)
    on_chain = context.directory.state(verified.id)
    ended = context.directory.index.ended_number(verified.id) is not None
    return OwnConsent(
        id=verified.id,
        document=verified.document,
        statement=verified.statement,
        controller=verified.controller,
        state="stopped" if ended else _state(row.state, stopped=is_stopped(context, verified.id)),
        on_chain=on_chain,
        filing=row.filing or {},
        chain=row.chain,
        stop=row.stop,
        filed=row.filed,
    )


def _state(told: str, *, stopped: bool) -> str:
    return STOPPING if stopped and told in RUNNING else told


def _remembered(context: Context, consent: ConsentId, kept: KeptFiling, on_chain: ChainState) -> OwnConsent:
    verified = _verified(context, kept.filing)
    return OwnConsent(
        id=consent,
        document=verified.document,
        statement=verified.statement,
        controller=verified.controller,
        state=STOPPING if kept.stopped and kept.taken else UNFILED,
        on_chain=on_chain,
        filing=kept.filing,
    )


def _verified(context: Context, filing: dict[str, Any]) -> VerifiedConsent:
    deployment = context.deployment
    verified = verify_filing(
        filing_from_json(filing), chain_id=deployment.chain_id, registry=deployment.registry
    )
    if verified.document.patient != context.did:
        raise CommitmentMismatch("the consent is another patient's", reason="other_patient")
    return verified

"""A patient's move to another gateway: everything there first, and only then is the old one told to let go.

======= ==========================================================================================
carried records with their blocks, each key sealed anew, then the consents in force as they were signed
checked the new gateway shows all of it as it was brought, and proves each act in its log
left    the old gateway has the departure in its log: nothing is permitted there any more
======= ==========================================================================================

The new gateway believes nothing of the old one: it takes what the patient's keys sign and the chain shows.
Consents are neither changed nor signed anew, nor recorded again; only the sealed keys are made anew, for the
epochs of the new gateway, none of which is one that somebody was shut out of. Each step may be done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ledger.canonical import hexed
from ledger.client import filing, memory
from ledger.client.context import Context
from ledger.client.filing import controller_index
from ledger.client.keys import CompartmentKeys
from ledger.client.outbox import OwnOutbox
from ledger.client.own import UNFILED, OwnConsent, in_force, own_consents, own_records
from ledger.client.ownopening import record_key
from ledger.client.ports import Progress, silent
from ledger.client.publications import VerifiedRecord
from ledger.client.receipts import require_network
from ledger.consent.commitment import filing_from_json
from ledger.crypto.typed import Departure
from ledger.errors import (
    CapsuleInvalid,
    Conflict,
    InvalidInput,
    NotAdmitted,
    NotFound,
    ProofInvalid,
    RecordCorrupt,
)
from ledger.ids import Cid, ConsentId
from ledger.log.entry import EntryKind
from ledger.records.publish import MOST_RECORDS, seal_key

ATTEMPTS = 16
"""How often what came in at the old gateway meanwhile is brought to the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What is at the new gateway, as of ``version`` of the old one.

    ``left`` are records that do not open, with the reason, and ``lapsed`` consents in which somebody is named
    who is no provider any more: neither is taken along.
    """

    version: int
    records: int
    consents: tuple[ConsentId, ...]
    left: tuple[tuple[Cid, str], ...]
    lapsed: tuple[ConsentId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A move that is done; the receipt is of the old gateway's log."""

    carried: Carried
    index: int
    receipt: dict[str, Any] = field(repr=False)


def arrive(old: Context, new: Context) -> None:
    """Let the new gateway's client remember what the old one's does; a fresh one only.

    Raises:
        InvalidInput: the new gateway is of another network, or has the same log (``same_log``).
    """
    info = new.gateway.info()
    require_network(info, new.deployment)
    if info.log_origin == old.gateway.info().log_origin:
        raise InvalidInput("this is the gateway where you are", reason="same_log", fix="Name another one.")
    for consent, kept in old.state.filings.items():
        new.state.filings.setdefault(consent, replace(kept, sealed=frozenset()))
    new.state.next_controller = max(new.state.next_controller, old.state.next_controller)
    new.state.fingerprint = new.state.fingerprint or old.state.fingerprint
    new.state.save()


def carry(old: Context, new: Context, progress: Progress = silent) -> Carried:
    """Bring everything to the new gateway that is not there yet, and see that it is there.

    Raises:
        ProofInvalid: the old gateway hides a consent that is in force (``consent_hidden``); the new one does
            not show what it was given (``not_taken``), or does not prove it.
        SignatureInvalid, RecordCorrupt, CommitmentMismatch: one of them shows what the patient did not sign.
        BlockMissing, StoreUnavailable, GatewayUnreachable, ChainUnreachable: it can be done again.
    """
    version = old.gateway.patient().version
    keys = _keys(new)
    left = _records(old, new, keys, own_records(old), progress)
    running = _running(old)
    lapsed = [one.id for one in running if not _filed(new, keys, one)]
    expected = {one.root for one in own_records(old)} - {root for root, _ in left}
    consents = tuple(one.id for one in running if one.id not in lapsed)
    _require_taken(new, expected, set(consents))
    return Carried(
        version=version, records=len(expected), consents=consents, left=tuple(left), lapsed=tuple(lapsed)
    )


def leave(old: Context, new: Context, carried: Carried, progress: Progress = silent) -> Moved:
    """Have the old gateway let go; what came in there meanwhile is brought to the new one before.

    Raises:
        Conflict: the patient has left otherwise (``departed``), or changes too fast (``changed_meanwhile``).
        ProofInvalid: the receipt is about something else.
        LedgerError: see `carry`.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _left(old, new, carried)
        except Conflict as exc:
            if exc.reason != "changed_meanwhile":
                raise
        carried = carry(old, new, progress)
    return _left(old, new, carried)


def _records(
    old: Context,
    new: Context,
    keys: CompartmentKeys,
    records: Sequence[VerifiedRecord],
    progress: Progress,
) -> list[tuple[Cid, str]]:
    """Publish records at the new gateway under their own roots; those that do not open, with the reason."""
    there = {one.root for one in own_records(new)}
    outbox, left, batch = OwnOutbox(new, keys), [], []
    for done, record in enumerate(records, start=1):
        if record.root not in there:
            try:
                key = record_key(old, record)
                new.blocks.adopt(record.root, old.blocks)
                batch.append(seal_key(record.root, record.header, key, outbox.place(record.header)))
            except (CapsuleInvalid, RecordCorrupt) as exc:
                left.append((record.root, exc.reason))
        if len(batch) == MOST_RECORDS or (batch and done == len(records)):
            outbox.send(batch)
            batch = []
        progress(done, len(records))
    return left


def _running(old: Context) -> list[OwnConsent]:
    """The consents in force, those too that the old gateway does not tell of any more."""
    found = own_consents(old)
    hidden = [
        one.id
        for one in found
        if one.state == UNFILED and old.state.filings[one.id].taken and not memory.is_stopped(old, one.id)
    ]
    if hidden:
        raise ProofInvalid(
            "the gateway does not show a choice of yours that it once took",
            reason="consent_hidden",
            fix="Nothing was left there yet. Keep your receipts and ask an auditor.",
        )
    return in_force(old, found)


def _filed(new: Context, keys: CompartmentKeys, one: OwnConsent) -> bool:
    """Have a consent at the new gateway; False if somebody whom it names is no provider any more."""
    if one.id in {row.consent for row in new.gateway.consents()}:
        return True
    try:
        filing.file_again(new, filing_from_json(one.filing), controller_index(new, one.controller), keys)
    except (NotAdmitted, NotFound):
        return False
    return True


def _require_taken(new: Context, records: set[Cid], consents: set[ConsentId]) -> None:
    shown = {one.root for one in own_records(new)}
    filed = {one.id for one in own_consents(new) if one.state != UNFILED}
    if not (records <= shown and consents <= filed):
        raise ProofInvalid(
            "the new gateway does not show everything that it was given",
            reason="not_taken",
            fix="You are still at the old one. Run the command again, or choose another gateway.",
        )


def _left(old: Context, new: Context, carried: Carried) -> Moved:
    to, log = new.gateway.info().log_origin, old.gateway.info().log_origin
    claim = Departure(log=log, patient=old.account.address, to=to)
    signature = hexed(old.account.sign(claim.digest(old.records_domain)))
    told = {"to": to, "signature": signature}
    answer = old.gateway.leave({**told, "url": new.gateway.origin, "version": carried.version})
    expected: dict[str, object] = {"patient": old.did, **told}
    old.log.take(answer.receipt, EntryKind.PATIENT_MOVED, expected, tag=old.tag)
    old.log.settle()
    return Moved(carried=carried, index=answer.index, receipt=answer.receipt)


def _keys(new: Context) -> CompartmentKeys:
    closed = partial(memory.closed_epochs, new)
    keys = CompartmentKeys(new.identity, new.gateway, new.records_domain, new.did, closed)
    keys.load()
    return keys

"""Erasing a patient, and keeping them erased.

One transaction appends ``patient.erased`` and deletes every row of the patient; the log keeps tag and inner
hash of their entries, so that it still verifies. Then their data key gives way to a tombstone, which lies
apart from the database, and the blocks of their records are let go of, one after the other, from a list
(`ledger.service.erasedblocks`). Every step may be done again: `replay`, `log_again` and `let_go` do whatever
a crash, a dead disk or a restored backup has left to do:

- an older database is restored: the tombstone says who was erased; the rows go again before anything is
  served, and the log, which has lost the entry, gets one by the same order;
- an older key store is restored: the database says who was erased; the key goes again.

The order names a size of the log. Entries of this patient must all be below it, or an auditor would find some
that nobody had erased; so an entry that comes in between refuses the order (``erasure_outrun``), and the
patient signs a newer size. Nothing can come in between that and the transaction, which is the only writer.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from ledger.canonical import hexed, unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Erasure as SignedErasure
from ledger.errors import Conflict, InvalidInput, NotFound, Undecidable
from ledger.ids import Address, address_from_bytes, parse_address
from ledger.log.entry import NO_PATIENT, EntryKind, decode
from ledger.log.journal import PatientChanged, Within
from ledger.service.anchoring import check_against_chain
from ledger.service.gateway import ENTRY_FORMAT, Gateway, HeadFacts
from ledger.service.states import PatientState
from ledger.service.succession import predecessors
from ledger.service.views import consents_of_patient
from ledger.store.erasures import Erasure
from ledger.store.tombstone import Tombstone

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """An erasure that counts; times in Unix milliseconds.

    ``keys_until``: by when the last backup of the key store is gone. ``blocks_left``: how many blocks are
    known to be in the block store still; they are unreadable, and tried again. ``blocks_kept``: how many
    stay, because somebody else has them too; as unreadable.
    """

    index: int
    at: int
    keys_until: int
    blocks_left: int
    blocks_kept: int


def prospect(gateway: Gateway, state: PatientState) -> dict[str, Any]:
    """What an erasure would destroy, and what of it others have or the gateway keeps; nothing is changed.

    ``readers`` are auditors who were given entries of this patient, with the time of the last. What was asked
    before the patient joined does not belong to their tag: ``asked_before`` counts it.
    """
    entries = gateway.journal.entries(tag=state.tag)
    with gateway.db.read() as connection:
        stores = gateway.stores
        compartments = len({row.compartment for row in stores.patients.keys(connection, state.tag)})
        asked = len(stores.requests.of_patient(connection, state.tag))
        capsules = sum(
            len((stores.consents.capsules(connection, state.tag, one.id) or {"list": []})["list"])
            for one in state.consents
        )
    return {
        "records": len(state.records),
        "consents": len(state.consents),
        "capsules": capsules,
        "compartments": compartments,
        "requests": asked,
        "entries": len(entries),
        "readers": _readers(gateway, [entry.index for entry in entries]),
        "asked_before": len(gateway.journal.entries(tag=gateway.made_up_tag(state.account))),
        "key_backup_days": gateway.settings.key_backup_days,
    }


def erase(gateway: Gateway, state: PatientState, *, size: int, signature: str) -> None:
    """Erase a patient by the order of their erasure key; when this returns, nothing of theirs can be read.

    Raises:
        SignatureInvalid: not signed by the erasure key, over this size.
        Conflict: a consent still runs (``consents_running``); an entry came in between (``erasure_outrun``).
        InvalidInput: a size beyond the log (``size_beyond``).
        PatientChanged: another act of this patient came in between; try again.
    """
    address = address_from_bytes(state.tag)
    signed = SignedErasure(log=gateway.journal.origin, patient=address, size=size)
    verify(signed.digest(gateway.records_domain), unhex(signature), address)
    if running(gateway, state):
        raise Conflict(
            "a consent still runs, and nobody could stop it afterwards",
            reason="consents_running",
            fix="Stop what shares, then erase: consent revoke --all",
        )
    _erase(gateway, state, Tombstone(tag=state.tag, size=size, at=gateway.now_ms(), signature=signature))


def running(gateway: Gateway, state: PatientState) -> list[str]:
    """The consents that permit something now, or will once they are on chain."""
    return [
        one["consent"] for one in consents_of_patient(gateway, state) if one["state"] in ("pending", "active")
    ]


def erase_by_order(gateway: Gateway, state: PatientState, *, order: str) -> Erased:
    """Erase a patient because a named legal order says so; an auditor counts these apart.

    Raises:
        InvalidInput: the order has no name.
        PatientChanged: another act of this patient came in between; try again.
    """
    if not order.strip():
        raise InvalidInput("a legal order has a name", reason="no_order", fix="Name court and number.")
    gateway.journal.follow()
    size = gateway.journal.size
    _erase(gateway, state, Tombstone(tag=state.tag, size=size, at=gateway.now_ms(), order=order))
    return outcome(gateway, state.tag)


def erase_once(gateway: Gateway, account: Address, address: str, *, size: int, signature: str) -> Erased:
    """Erase the patient with this account and erasure address, or say what became of it; sessions end.

    The address may be that of an account for which this one goes on, whose own sessions stay then.

    Raises:
        NotFound: no such patient is here, and none was erased.
        Conflict, InvalidInput, SignatureInvalid: see `erase`.
    """
    tag = bytes.fromhex(parse_address(address)[2:])

    def act(state: PatientState | None) -> None:
        if state is not None and state.tag == tag:
            erase(gateway, state, size=size, signature=signature)

    former = next((row for row in predecessors(gateway, account) if row.tag == tag), None)
    whose = account if former is None else _account_of(gateway, tag)
    gateway.states.of_anybody(whose, act)
    found = erased(gateway, tag, size=size, signature=signature)
    with gateway.db.write() as connection:  # also the one in which the order was sent again
        if former is None:
            gateway.stores.access.close_sessions(connection, account)
    return found


def erased(gateway: Gateway, tag: bytes, *, size: int, signature: str) -> Erased:
    """What became of an erasure, for whoever has the order; finishes what can be finished.

    Raises:
        SignatureInvalid: not signed by the erasure key, over this size.
        NotFound: nobody was erased under this tag.
        Undecidable: the log was restored, and does not say so again yet.
    """
    address = address_from_bytes(tag)
    signed = SignedErasure(log=gateway.journal.origin, patient=address, size=size)
    verify(signed.digest(gateway.records_domain), unhex(signature), address)
    return outcome(gateway, tag)


def outcome(gateway: Gateway, tag: bytes) -> Erased:
    """What became of an erasure; finishes what can be finished.

    Raises:
        NotFound: nobody was erased under this tag.
        Undecidable: the log was restored, and does not say so again yet.
    """
    with gateway.db.read() as connection:
        found = _known(gateway, connection, tag)
        left = gateway.stores.erasures.left(connection, tag)
    _bury(gateway, found.tombstone)
    if found.entry is None:
        raise Undecidable("the log does not say so again yet", reason="unlogged", fix="Try again soon.")
    return Erased(
        index=found.entry,
        at=found.tombstone.at,
        keys_until=found.tombstone.at + gateway.settings.key_backup_days * DAY_MS,
        blocks_left=left,
        blocks_kept=found.kept,
    )


def _known(gateway: Gateway, connection: Connection, tag: bytes) -> Erasure:
    found = gateway.stores.erasures.find(connection, tag)
    if found is None:
        raise NotFound("nobody was erased under this tag", reason="not_erased")
    return found


def replay(gateway: Gateway) -> int:
    """Erase again whoever was erased, in database and key store; how many there are. Before serving.

    Raises:
        StoreUnavailable: database or key store cannot be used; then nothing may be served.
    """
    tombstones = {tombstone.tag: tombstone for tombstone in gateway.data_keys.tombstones()}
    with gateway.db.write() as connection:
        for known in gateway.stores.erasures.all(connection):
            tombstones.setdefault(known.tombstone.tag, known.tombstone)
        for tag, tombstone in tombstones.items():
            if gateway.stores.erasures.find(connection, tag) is None:
                gateway.stores.erasures.add(connection, tombstone, None)
            _forget(gateway, connection, tag)
        asked = {one for tombstone in tombstones.values() for one in tombstone.asked}
        gateway.stores.erasures.forget_asked(connection, asked)
    for tombstone in tombstones.values():
        _bury(gateway, tombstone)
    return len(tombstones)


def log_again(gateway: Gateway) -> int:
    """Log the erasures that a restored log has lost, by the orders that the key store kept; how many.

    Only once the chain has been heard of and does not contradict this log: else it is not the one to go on
    with, and takes nothing.

    Raises:
        ProofInvalid: the chain's anchor is not of this log.
    """
    with gateway.db.read() as connection:
        waiting = gateway.stores.erasures.unlogged(connection)
    if not waiting or gateway.journal.damage is not None:
        return 0
    try:
        head = gateway.head()
    except Undecidable:
        return 0
    check_against_chain(gateway)
    for tombstone in waiting:
        _log_again(gateway, head, tombstone)
    return len(waiting)


def unfinished(gateway: Gateway) -> int:
    """How many erased patients have blocks in the block store still, or are not in the log yet."""
    with gateway.db.read() as connection:
        unlogged = {tombstone.tag for tombstone in gateway.stores.erasures.unlogged(connection)}
        return len(unlogged.union(gateway.stores.erasures.unfinished(connection)))


def _erase(gateway: Gateway, state: PatientState, tombstone: Tombstone) -> None:
    def within(connection: Connection, entry: int) -> None:
        stores = gateway.stores
        if stores.patients.version(connection, state.tag) != state.version:
            raise PatientChanged("another act for this patient came first", fix="look again, then erase")
        _require_covered(stores.erasures.last_entry(connection, state.tag), tombstone.size, entry)
        asked = stores.erasures.asked(connection, gateway.made_up_tag(state.account))
        _forget(gateway, connection, state.tag)
        stores.erasures.forget_asked(connection, asked)
        stores.access.close_sessions(connection, state.account)
        stores.erasures.add(connection, replace(tombstone, asked=asked), entry)

    _append(gateway, gateway.last_head(), tombstone, within)
    with gateway.db.read() as connection:
        known = _known(gateway, connection, state.tag)
    _bury(gateway, known.tombstone)


def _account_of(gateway: Gateway, tag: bytes) -> Address:
    """The account of a patient who is here under this tag."""
    state = gateway.states.tagged(tag)
    if state is None:
        raise NotFound("no such patient is here", reason="not_enrolled")
    return state.account


def _forget(gateway: Gateway, connection: Connection, tag: bytes) -> None:
    gateway.stores.erasures.rename_lane(connection, tag, gateway.randomness(32))
    gateway.stores.erasures.forget(connection, tag)


def _require_covered(last: int, size: int, entry: int) -> None:
    if size > entry:
        raise InvalidInput("the order is for more entries than the log has", reason="size_beyond")
    if last >= size:
        raise Conflict(
            "something about this patient was logged after the size that was signed",
            reason="erasure_outrun",
            fix="Sign the size of the newest checkpoint.",
        )


def _log_again(gateway: Gateway, head: HeadFacts, tombstone: Tombstone) -> None:
    def within(connection: Connection, entry: int) -> None:
        gateway.stores.erasures.logged(connection, tombstone.tag, entry)

    _append(gateway, head, tombstone, within)


def _append(gateway: Gateway, head: HeadFacts | None, tombstone: Tombstone, within: Within) -> None:
    entry: dict[str, Any] = {
        "format": ENTRY_FORMAT,
        "kind": str(EntryKind.PATIENT_ERASED),
        "tag": hexed(tombstone.tag),
        "size": tombstone.size,
        **tombstone.by,
    }
    if head is not None:
        entry["head"] = head.as_json()
    gateway.journal.append(NO_PATIENT, entry, within=within)


def _bury(gateway: Gateway, tombstone: Tombstone) -> None:
    gateway.data_keys.bury(tombstone)
    gateway.db.purge()
    gateway.states.forget(tombstone.tag)


def _readers(gateway: Gateway, indices: list[int]) -> list[dict[str, Any]]:
    """Who read any of these entries as an auditor, and when last."""
    last: dict[str, int] = {}
    for opened in gateway.journal.entries(tag=NO_PATIENT):
        entry = {} if opened.entry is None else decode(opened.entry)
        if entry.get("kind") == EntryKind.LOG_READ and any(
            entry["start"] <= index < entry["end"] for index in indices if index < opened.index
        ):
            last[entry["reader"]] = entry["time"]
    return [{"reader": reader, "time": last[reader]} for reader in sorted(last)]

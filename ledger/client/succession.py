"""A patient's change of keys: new words take over, and everything is locked and shared anew under them.

======== =========================================================================================
gathered what the old account has is read, verified, and kept in the profile, sealed for the new one
given up the gateway has the change in its log: from here on the old words open nothing and sign nothing
filled   every record is opened with the old keys, encrypted under new ones, and published anew
shared   each choice that was in force is signed and filed anew: the old one named the old account
======== =========================================================================================

Each step may be done again. After *given up* all that is needed is in the profile and the block store, so a
change that was broken off goes on from there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import msgspec

from ledger.canonical import canonical, hexed, parse_object
from ledger.client import drafting, filing, upkeep
from ledger.client.context import Context
from ledger.client.filing import controller_index
from ledger.client.keys import CompartmentKeys
from ledger.client.known import OwnRecords
from ledger.client.outbox import OwnOutbox
from ledger.client.own import RUNNING, in_force, own_consents, told_records
from ledger.client.ownopening import record_key
from ledger.client.ports import Progress, silent
from ledger.client.publications import VerifiedRecord, verify_record
from ledger.client.publishing import Publisher
from ledger.client.wire import Record, plain
from ledger.consent.document import parse_document
from ledger.consent.statement import statement
from ledger.crypto.typed import Revocation
from ledger.errors import Conflict, EvidenceError, InvalidInput, NotAdmitted, NotFound
from ledger.ids import Cid, Did, parse_word
from ledger.log.entry import EntryKind
from ledger.parties.succession import Change
from ledger.records.opening import plaintext_of
from ledger.records.prepared import Prepared

ATTEMPTS = 16
"""How often what the old account has is read again because it changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """What the old account had when it was given up.

    ``documents`` are the consents in force, as the new account will sign them; ``records`` as the gateway
    gave them; ``stops`` end the old consents, by id, with their controllers' signatures.
    """

    change: Change
    version: int
    documents: tuple[bytes, ...] = field(repr=False)
    records: tuple[Record, ...] = field(repr=False)
    stops: dict[str, str] = field(repr=False)
    fingerprint: str | None = field(default=None, repr=False)

    @property
    def statements(self) -> list[str]:
        """What the patient signs anew."""
        return [statement(parse_document(document)) for document in self.documents]

    def to_json(self) -> dict[str, Any]:
        """As the profile keeps it."""
        return {
            "change": self.change.text.decode(),
            "version": self.version,
            "documents": [document.decode() for document in self.documents],
            "records": [_without_absent(plain(record)) for record in self.records],
            "stops": self.stops,
            **({} if self.fingerprint is None else {"fingerprint": self.fingerprint}),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any], parse: Callable[[str], Change]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            change=parse(kept["change"]),
            version=kept["version"],
            documents=tuple(document.encode() for document in kept["documents"]),
            records=tuple(msgspec.convert(record, Record) for record in kept["records"]),
            stops=kept["stops"],
            fingerprint=kept.get("fingerprint"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change of keys that is done; ``lost`` are records that did not open, with the reason.

    ``unshared`` are the statements of choices that could not be given anew, since somebody whom they name is
    no provider any more.
    """

    index: int
    receipt: dict[str, Any] = field(repr=False)
    records: int
    consents: int
    lost: tuple[tuple[Cid, str], ...]
    unshared: tuple[str, ...] = field(repr=False)


def gather(old: Context, change: Change) -> Estate:
    """What the old account has, verified.

    Raises:
        SignatureInvalid, RecordCorrupt, CommitmentMismatch: the gateway shows what the patient did not sign.
        GatewayUnreachable, ChainUnreachable: it can be done again.
    """
    version = old.gateway.patient().version
    told = told_records(old)
    asked_for = {record.root for record in told.records} - told.unasked
    consents = own_consents(old)
    running = [one for one in in_force(old, consents) if one.state in RUNNING]
    known = old.state.fingerprint
    return Estate(
        change=change,
        version=version,
        documents=tuple(_of_new(one.document.canonical, change) for one in running),
        records=tuple(one for one in old.gateway.records() if one.root in asked_for),
        stops=dict(_stops(old, [one.id for one in consents], [one.controller for one in consents])),
        fingerprint=None if known is None else hexed(known),
    )


def give_up(old: Context, new: Context, estate: Estate, remember: Callable[[Estate], None]) -> dict[str, Any]:
    """Have the old account given up for the new one; the receipt. What is gathered is remembered before.

    Args:
        old: the old account's side.
        new: the new account's side.
        estate: what the old account has; it is gathered again if that changes meanwhile.
        remember: keeps it durably.

    Raises:
        Conflict: the old account was given up otherwise, or changes too fast (``changed_meanwhile``).
        NotAdmitted: the witness is no provider in force.
        ProofInvalid: the receipt is about something else.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _given_up(old, new, estate)
        except Conflict as exc:
            if exc.reason != "changed_meanwhile":
                raise
        estate = gather(old, estate.change)
        remember(estate)
    return _given_up(old, new, estate)


def fill(old: Context, new: Context, estate: Estate, progress: Progress = silent) -> list[tuple[Cid, str]]:
    """Publish every record anew under the new keys; those that did not open, with the reason.

    Raises:
        BlockMissing, StoreUnavailable, GatewayUnreachable: it can be done again, and goes on.
    """
    if new.state.fingerprint is None and estate.fingerprint is not None:
        new.state.fingerprint = parse_word(estate.fingerprint)
        new.state.save()
    publisher = Publisher(new, OwnOutbox(new, keys_of(new)), OwnRecords(new))
    publisher.finish()
    lost: list[tuple[Cid, str]] = []
    for done, told in enumerate(estate.records, start=1):
        try:
            record = verify_record(told, patient=old.did, domain=old.records_domain, directory=old.directory)
            publisher.publish([_prepared(old, new, record)])
        except (EvidenceError, InvalidInput) as exc:
            lost.append((Cid(told.root), exc.reason))
        progress(done, len(estate.records))
    return lost


def share(new: Context, estate: Estate) -> list[str]:
    """File every choice anew that is not filed yet; the statements of those that could not be.

    Raises:
        GatewayUnreachable, ChainUnreachable: it can be done again, and goes on.
    """
    there = {one.document.canonical for one in own_consents(new)}
    keys, unshared = keys_of(new), []
    for document in estate.documents:
        if document in there:
            continue
        try:
            filing.file(new, drafting.drafted(new, document, None), keys)
        except (NotAdmitted, NotFound):
            unshared.append(statement(parse_document(document)))
    upkeep.reseal(new, keys)
    return unshared


def keys_of(context: Context) -> CompartmentKeys:
    """The compartment keys of an account that has never stopped anything."""
    keys = CompartmentKeys(context.identity, context.gateway, context.records_domain, context.did, dict)
    keys.load()
    return keys


def _given_up(old: Context, new: Context, estate: Estate) -> dict[str, Any]:
    change = estate.change
    signed = {"signature": hexed(change.signature), "acceptance": hexed(change.acceptance)}
    met = {"witness": change.witness, "identification": hexed(change.identification)}
    stops = [{"consent": consent, "signature": signature} for consent, signature in estate.stops.items()]
    body = {"old": old.did, "version": estate.version, "stops": stops, **signed, **met}
    answer = new.gateway.succeed(body)
    expected: dict[str, object] = {"patient": old.did, "successor": new.did, **signed}
    new.log.take(answer.receipt, EntryKind.PATIENT_SUCCEEDED, expected, tag=old.tag)
    new.log.settle()
    return answer.receipt


def _prepared(old: Context, new: Context, record: VerifiedRecord) -> Prepared:
    """A record as it is encrypted anew: the same but for whose it is."""
    key = record_key(old, record)
    plaintext = partial(plaintext_of, record.root, record.header, key, old.blocks)
    return Prepared(header=replace(record.header, patient=new.did), sources=(), plaintext=plaintext)


def _stops(old: Context, consents: Sequence[str], controllers: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """The stops of all consents whose controllers this identity finds among its own."""
    for consent, controller in zip(consents, controllers, strict=True):
        try:
            key = old.identity.controller(controller_index(old, controller))
        except NotFound:  # signed by somebody else who knows the words: it ends at the gateway
            continue
        digest = Revocation(consent=parse_word(consent)).digest(old.consent_domain)
        yield consent, hexed(key.sign(digest))


def _of_new(document: bytes, change: Change) -> bytes:
    """The same consent for the new account, which signs it."""
    content = parse_object(document)
    own = {name: content[name] for name in ("patient", "performer") if name in content}
    return canonical({**content, **_renamed(own, change.old, change.new)})


def _renamed(value: Any, old: Did, new: Did) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _renamed(part, old, new) for name, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, old, new) for part in value]
    return new if value == old else value


def _without_absent(value: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if part is not None}

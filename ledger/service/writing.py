"""Records by others than their patient: asked where to, decided on, and filed or left in the patient's inbox.

A writer holds nothing but public keys. What it adds it cannot read back; a record that it seals to a
compartment's key is filed at once, one sealed to the inbox waits until the patient's client re-files it.
It is told a compartment's key only where a record of its own is filed: who may only add learns from no place
which kinds of records the patient has besides.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from ledger.canonical import unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Refiling
from ledger.errors import AccessDenied, BlockMissing, Conflict, InvalidInput, NotFound
from ledger.ids import Address, Cid, Did, digest, parse_address
from ledger.log.entry import EntryKind
from ledger.log.journal import Appended, Draft
from ledger.policy.model import Outcome
from ledger.records.cid import Codec, cid_of
from ledger.records.header import RecordHeader
from ledger.service import records
from ledger.service.decisions import Decided, Deliberated, Proposed, Question, check, could_permit, deliberate
from ledger.service.gateway import Gateway
from ledger.service.patients import compartments, current_epochs
from ledger.service.records import Submission
from ledger.service.states import IN_INBOX, PatientState, PublishedRecord

COLLECT = "collect"
_NOWHERE = cid_of(Codec.DAG_CBOR, b"")
"""Stands for the root of a record that is not made yet: no manifest is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """To what a record is to be sealed: its compartment's signed public key or, without one, the inbox's."""

    compartment: str
    epoch: int
    key: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a batch: the log positions of all records, or the decisions against some and no more."""

    positions: tuple[int, ...] = ()
    refused: tuple[Decided, ...] = ()


def place(gateway: Gateway, writer: Address, patient: Did, header: str, purpose: tuple[str, ...]) -> Place:
    """Where `writer` would put a record with this header: the inbox, if it has none in that compartment yet.

    Raises:
        AccessDenied: no consent could permit it; or nobody of that name is enrolled, which looks the same.
        InvalidInput, UnknownCode: the header is malformed or of another patient; see `decisions.check`.
        Undecidable: the chain has not been heard of for too long.
    """
    parsed = records.header_of(header, patient)
    permitted = could_permit(gateway, _question(gateway, writer, purpose, _NOWHERE, parsed))
    state = gateway.states.find(gateway.account_of(patient))
    if not permitted or state is None:
        raise AccessDenied(
            "no active consent lets this account add such a record",
            reason="no_consent",
            fix="Ask the patient: consent request send PATIENT --action collect --purpose PURPOSE",
        )
    compartment = digest(parsed.compartment)
    for row in compartments(gateway, state) if _has_one_in(state, compartment, writer) else ():
        if row.compartment == compartment and row.current:
            key, signature = str(row.sealed["key"]), str(row.sealed["signature"])
            return Place(compartment=compartment, epoch=row.epoch, key=key, signature=signature)
    inbox = state.sealed["inbox"]
    return Place(compartment=IN_INBOX, epoch=inbox["epoch"], key=inbox["key"], signature=inbox["signature"])


def _has_one_in(state: PatientState, compartment: str, writer: Address) -> bool:
    """Whether a record by `writer` is filed in a compartment."""
    sealed = (one.row.sealed for one in state.records)
    return any(one["compartment"] == compartment and one["writer"] == writer for one in sealed)


def publish(
    gateway: Gateway, writer: Address, patient: Did, batch: Sequence[Submission], purpose: tuple[str, ...]
) -> Written:
    """Decide on a writer's records and, if each is permitted, take them all; else log the refusals alone.

    Decisions and records are in the log together. The same again gives the same positions and no decision.

    Raises:
        InvalidInput, UnknownCode: a header of another patient or compartment, a bad value, a root twice or
            of no manifest (``bad_root``).
        SignatureInvalid: a publication is not signed by the writer.
        BlockMissing: a record's manifest is not in the block store.
        Conflict: another epoch is current (``epoch_ended``), or the writer published a root otherwise.
        Undecidable: the chain has not been heard of for too long.
    """
    account = gateway.account_of(patient)
    questions = _checked(gateway, writer, patient, batch, purpose)
    if gateway.states.find(account) is None:
        return _refused(gateway, [deliberate(gateway, question, None) for question in questions])
    return gateway.states.sequenced(account, lambda state: _publish(gateway, state, batch, questions, writer))


def refile(gateway: Gateway, state: PatientState, batch: Sequence[Submission]) -> list[int]:
    """Move waiting records from the patient's inbox to their compartments, all or none; the log positions.

    The same again gives the same answer.

    Raises:
        NotFound: no such record of this patient.
        InvalidInput: one belongs in another compartment, a malformed value, or a root twice.
        SignatureInvalid: not signed by the patient.
        Conflict: another epoch is current (``epoch_ended``), or one is filed already (``filed_otherwise``).
    """
    if len({one.root for one in batch}) != len(batch):
        raise InvalidInput("a record is filed once", reason="root_twice")
    there = {one.root: index for one in batch if (index := _filed_at(state, one)) is not None}
    new = [one for one in batch if one.root not in there]
    if new:
        claims = [_checked_move(gateway, state, one) for one in new]
        _require_current(gateway, state, new)
        appended = gateway.journal.append_many(_moves(gateway, state, new, claims))
        there |= {one.root: entry.index for one, entry in zip(new, appended, strict=True)}
    return [there[one.root] for one in batch]


def _record(state: PatientState, root: str) -> PublishedRecord:
    record = next((one for one in state.records if one.row.root == root), None)
    if record is None:
        raise NotFound("no such record of yours", reason="no_record", fix="See yours: consent record list")
    return record


def _filed_at(state: PatientState, one: Submission) -> int | None:
    """Where a move stands that was made before, exactly so; None for a record that waits."""
    record = _record(state, one.root)
    if record.waits:
        return None
    if record.row.refiled is None or not _place(one).items() <= record.row.sealed.items():
        raise Conflict("the record is in its compartment already", reason="filed_otherwise")
    return record.row.refiled


def _checked_move(gateway: Gateway, state: PatientState, one: Submission) -> Refiling:
    """What the patient signed for a record's new place."""
    record = _record(state, one.root)
    header = record.header
    if one.compartment != digest(header.compartment):
        raise InvalidInput("the record belongs in another compartment", reason="bad_compartment")
    place = records.claim(one, header)
    claim = Refiling.of(place, parse_address(record.row.sealed["writer"]))
    verify(claim.digest(gateway.records_domain), unhex(one.signature), state.account)
    return claim


def _moves(
    gateway: Gateway, state: PatientState, batch: Sequence[Submission], claims: Sequence[Refiling]
) -> list[Draft]:
    """The entries of moves, each with its row; the last one moves the version."""
    head, last = gateway.last_head(), batch[-1]

    def within(one: Submission) -> Callable[[Connection, int], None]:
        def write(connection: Connection, entry: int) -> None:
            gateway.stores.records.refile(
                connection, root=one.root, tag=state.tag, entry=entry, sealed=_place(one)
            )
            if one is last:
                gateway.journal.bump(connection, state.tag)

        return write

    return [
        gateway.draft(
            EntryKind.RECORD_REFILED,
            head=head,
            tag=state.tag,
            patient=state.did,
            expect=state.version,
            within=within(one),
            root=one.root,
            **{**_place(one), "capsule": digest(claim.capsule)},
        )
        for one, claim in zip(batch, claims, strict=True)
    ]


def _publish(
    gateway: Gateway,
    state: PatientState,
    batch: Sequence[Submission],
    questions: Sequence[Question],
    writer: Address,
) -> Written:
    there = _positions(state, batch, writer)
    new = {one.root: one for one in batch if one.root not in there}
    made = [deliberate(gateway, asked, state) for asked in questions if _root(asked) in new]
    if any(one.outcome is not Outcome.PERMIT for one in made):
        return _refused(gateway, made)
    if any(
        one.compartment != IN_INBOX and not _has_one_in(state, one.compartment, writer)
        for one in new.values()
    ):
        raise records.epoch_ended()  # as if there were no such compartment
    _require_current(gateway, state, new.values())
    appended = _take(gateway, state, list(new.values()), made, writer)
    there |= {root: entry.index for root, entry in zip(new, appended, strict=True)}
    return Written(positions=tuple(there[one.root] for one in batch))


def _take(
    gateway: Gateway,
    state: PatientState,
    new: Sequence[Submission],
    made: Sequence[Deliberated],
    writer: Address,
) -> list[Appended]:
    """The entries of permitted records, each directly behind its decision."""
    if not new:
        return []
    entries = []
    for decision, entry in zip(made, records.drafts(gateway, state, new, writer), strict=True):
        entries += [decision.draft, replace(entry, follows="decision")]
    return gateway.journal.append_many(entries)[1::2]


def _refused(gateway: Gateway, made: Sequence[Deliberated]) -> Written:
    """The refusals among decisions, sequenced; what was permitted beside them was not, and is not told."""
    refused = [one for one in made if one.outcome is not Outcome.PERMIT]
    appended = gateway.journal.append_many([one.draft for one in refused])
    return Written(refused=tuple(one.sequenced(entry) for one, entry in zip(refused, appended, strict=True)))


def _checked(
    gateway: Gateway, writer: Address, patient: Did, batch: Sequence[Submission], purpose: tuple[str, ...]
) -> list[Question]:
    """What must be decided, of a batch that is sound by itself, whoever the patient is."""
    if len({one.root for one in batch}) != len(batch):
        raise InvalidInput("a record is published once", reason="root_twice")
    gateway.account_of(patient)
    questions: list[Question] = []
    for one in batch:
        records.require_root(one.root)
        header = records.header_of(one.header, patient)
        if one.compartment not in (IN_INBOX, digest(header.compartment)):
            raise InvalidInput("the record belongs in another compartment", reason="bad_compartment")
        claim = records.claim(one, header)
        verify(claim.digest(gateway.records_domain), unhex(one.signature), writer)
        if not gateway.blocks.has(Cid(one.root)):
            raise BlockMissing(
                "the record's manifest is not in the block store",
                fix="Store the blocks first, then publish.",
            )
        questions.append(_question(gateway, writer, purpose, Cid(one.root), header))
        check(gateway, questions[-1])
    return questions


def _question(
    gateway: Gateway, writer: Address, purpose: tuple[str, ...], root: Cid, header: RecordHeader
) -> Question:
    return Question(
        subject=gateway.did(writer),
        patient=header.patient,
        purpose=purpose,
        action=COLLECT,
        proposed=Proposed(root=root, header=header),
    )


def _root(question: Question) -> str | None:
    return None if question.proposed is None else question.proposed.root


def _positions(state: PatientState, batch: Sequence[Submission], writer: Address) -> dict[str, int]:
    """Where those stand that this writer has published already, exactly so."""
    submitted, found = {one.root: one for one in batch}, {}
    for known in state.records:
        one = submitted.get(known.row.root)
        if one is None or known.row.sealed["writer"] != writer:
            continue
        signed = {**known.row.sealed, **known.row.sealed.get("written", {})}
        if (signed["header"], signed["signature"]) != (one.header, one.signature):
            raise Conflict("this record is published with other metadata", reason="published_otherwise")
        found[one.root] = known.row.entry
    return found


def _require_current(gateway: Gateway, state: PatientState, batch: Iterable[Submission]) -> None:
    epochs = {IN_INBOX: state.sealed["inbox"]["epoch"], **current_epochs(compartments(gateway, state))}
    if any(epochs.get(one.compartment) != one.epoch for one in batch):
        raise records.epoch_ended()


def _place(filed: Submission) -> dict[str, Any]:
    return {
        "compartment": filed.compartment,
        "epoch": filed.epoch,
        "capsule": filed.capsule,
        "signature": filed.signature,
    }

"""Releases: asked for with a signature, and believed only as far as receipts and the patient's own go."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

from ledger.canonical import hexed, unb64, unhex
from ledger.client.context import Context
from ledger.client.directory import DirectoryView
from ledger.client.publications import VerifiedRecord, verify_record
from ledger.client.wire import Decision, Record, Release, ReleasedGrant
from ledger.crypto.sealing import capsule_info, open_capsule
from ledger.crypto.signatures import verify
from ledger.crypto.typed import AccessRequest, GrantCapsules
from ledger.errors import (
    AccessDenied,
    CapsuleInvalid,
    ChainUnreachable,
    InvalidInput,
    ProofInvalid,
    RecordCorrupt,
)
from ledger.ids import Did, EmergencyId, parse_did, parse_word, word
from ledger.log.entry import EntryKind
from ledger.policy.model import Outcome

VALID = timedelta(minutes=4)
"""How long a signed access request is good; gateways take at most five minutes."""


LATER_KEYS = 16
"""How many of its own keys a provider tries that cannot read in the directory which one is the newest."""

NO_CAPSULE = "no_emergency_capsule"
"""Why records stay closed in an emergency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """An emergency that this provider declared, and its log index."""

    id: EmergencyId
    index: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Question:
    """Which records of whom, what for. Records by root, or else all of some classes, or else all."""

    patient: Did
    purposes: tuple[str, ...]
    action: str = "access"
    classes: tuple[str, ...] = ()
    records: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no gateway answers."""
        parse_did(self.patient)
        if self.records and self.classes:
            raise InvalidInput("name records or classes, not both", reason="records_and_classes")

    @property
    def resource(self) -> dict[str, Any]:
        """How the log entry of the decision names what was asked for."""
        if self.records:
            return {"type": "record", "ids": sorted(self.records)}
        return {"type": "patient", "classes": sorted(self.classes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRelease:
    """A permitted release of which everything holds. ``secrets`` are the keys of (compartment, epoch).

    ``unchecked``: in an emergency without a chain, records of which nobody can tell who wrote them.
    """

    decision: Decision
    records: tuple[VerifiedRecord, ...]
    waiting: tuple[str, ...]
    unchecked: tuple[str, ...] = ()
    secrets: dict[tuple[bytes, int], bytes] = field(repr=False)
    receipts: tuple[dict[str, Any], ...] = field(repr=False)


def released(context: Context, question: Question, declared: Declared | None = None) -> VerifiedRelease:
    """Ask for records with a signed request, and verify the answer; receipts are kept in any case.

    In an emergency that was `declared`, a chain that does not answer is no hindrance.

    Raises:
        AccessDenied: there is no permit; ``outcome``, ``evaluation`` and ``index`` say which decision.
        ProofInvalid: a receipt does not prove what the gateway answered.
        SignatureInvalid, RecordCorrupt, CapsuleInvalid: a record or capsule is not as its patient signed it.
        GatewayUnreachable, LedgerError: as the gateway answers.
    """
    request, signature = _signed(context, question)
    release = context.gateway.release(request, signature, None if declared is None else declared.id)
    decision = release.decision
    index = _check_decision(context, question, release, declared)
    context.log.settle()
    if decision.outcome != Outcome.PERMIT:
        raise AccessDenied(
            decision.reason or "no active consent covers this",
            reason=NO_CAPSULE if declared else decision.outcome.lower(),
            fix="Ask the patient: consent request send",
            outcome=decision.outcome,
            evaluation=decision.evaluation,
            index=index,
        )
    _check_release(context, release, index, request, signature)
    context.log.settle()
    directory = context.directory if declared is None else readable(context.directory)
    records, unchecked = _verified(context, question, release.records, directory)
    _require_asked_for(question, decision, records)
    return VerifiedRelease(
        decision=decision,
        records=records,
        waiting=tuple(release.waiting),
        unchecked=unchecked,
        secrets=_secrets(context, question.patient, release.grants, directory),
        receipts=tuple(release.receipts),
    )


def decision_entry(context: Context, question: Question, decision: Decision) -> dict[str, object]:
    """What the log entry of a decision must say."""
    return {
        "evaluation": decision.evaluation,
        "subject": context.did,
        "patient": question.patient,
        "purpose": list(question.purposes),
        "action": question.action,
        "resource": question.resource,
        "outcome": decision.outcome,
        "permitted": sorted(decision.permitted),
        "basis": sorted(decision.basis),
    }


def readable(directory: DirectoryView) -> DirectoryView | None:
    """The directory, read again; None if the chain does not answer."""
    try:
        directory.refresh()
    except ChainUnreachable:
        return None
    return directory


def _verified(
    context: Context, question: Question, records: Iterable[Record], directory: DirectoryView | None
) -> tuple[tuple[VerifiedRecord, ...], tuple[str, ...]]:
    """The records, each verified; and the roots of those whose writers cannot be, without a directory."""
    found, unchecked = [], []
    for record in records:
        try:
            found.append(
                verify_record(
                    record, patient=question.patient, domain=context.records_domain, directory=directory
                )
            )
        except ChainUnreachable:
            unchecked.append(record.root)
    return tuple(found), tuple(unchecked)


def _signed(context: Context, question: Question) -> tuple[dict[str, Any], str]:
    """The access request in its wire form, and the signature over it."""
    expires = int((context.clock() + VALID).timestamp())
    nonce = context.randomness(32)
    request = AccessRequest(
        origin=context.gateway.origin,
        participant=context.account.address,
        patient=parse_did(question.patient)[1],
        purpose=question.purposes,
        action=question.action,
        classes=question.classes,
        records=question.records,
        nonce=nonce,
        expires=expires,
    )
    body = {
        "origin": request.origin,
        "participant": context.did,
        "patient": question.patient,
        "purpose": list(question.purposes),
        "action": question.action,
        "classes": list(question.classes),
        "records": list(question.records),
        "nonce": word(nonce),
        "expires": expires,
    }
    return body, hexed(context.account.sign(request.digest(context.gateway_domain)))


def _check_decision(context: Context, question: Question, release: Release, declared: Declared | None) -> int:
    """Take the receipt of the decision; its log position."""
    if not release.receipts:
        raise ProofInvalid("the gateway gave no receipt", reason="receipt_missing")
    expected = decision_entry(context, question, release.decision)
    expected["emergency"] = declared is not None
    if declared is not None:
        expected["declared"] = declared.index
    context.log.take(release.receipts[0], EntryKind.DECISION, expected)
    return int(release.receipts[0]["index"])


def _check_release(
    context: Context, release: Release, decision: int, request: dict[str, Any], signature: str
) -> None:
    if len(release.receipts) != 2:
        raise ProofInvalid("the gateway gave no receipt for the release", reason="receipt_missing")
    expected: dict[str, object] = {
        "decision": decision,
        "subject": context.did,
        "patient": request["patient"],
        "request": request,
        "signature": signature,
        "records": sorted(record.root for record in release.records),
    }
    context.log.take(release.receipts[1], EntryKind.RELEASE, expected)


def _require_asked_for(question: Question, decision: Decision, records: Iterable[VerifiedRecord]) -> None:
    permitted, seen = set(decision.permitted), set()
    for record in records:
        unasked = (
            record.root not in permitted
            or record.root in seen
            or record.waiting
            or (question.records and record.root not in question.records)
            or (question.classes and record.header.record_class not in question.classes)
        )
        if unasked:
            raise RecordCorrupt(
                "the gateway handed out a record that was not asked for, not permitted or not filed",
                reason="record_unasked",
                cid=record.root,
            )
        seen.add(record.root)


def _secrets(
    context: Context, patient: Did, grants: Iterable[ReleasedGrant], directory: DirectoryView | None
) -> dict[tuple[bytes, int], bytes]:
    newest = LATER_KEYS if directory is None else directory.key_version(context.did)
    versions = range(max(newest, 1), 0, -1)
    keys = [context.identity.encryption_secret(version) for version in versions]
    found = {}
    for grant in grants:
        place = (parse_word(grant.compartment), grant.epoch)
        if place not in found:
            found[place] = _opened(context, patient, grant, keys)
    return found


def _opened(context: Context, patient: Did, grant: ReleasedGrant, keys: list[bytes]) -> bytes:
    """The compartment secret in a grant capsule that the patient signed for.

    Raises:
        SignatureInvalid: the list of capsules is not the patient's.
        CapsuleInvalid: the capsule is not in it, or is not for us.
    """
    capsule = unb64(grant.capsule)
    listed = GrantCapsules(
        consent=parse_word(grant.consent), capsules=tuple(unhex(digest) for digest in grant.digests)
    )
    verify(listed.digest(context.records_domain), unhex(grant.signature), parse_did(patient)[1])
    if sha256(capsule).digest() not in listed.capsules:
        raise CapsuleInvalid("the patient did not sign for this capsule", reason="capsule_unlisted")
    info = capsule_info(
        kind="grant",
        consent=grant.consent,
        patient=patient,
        compartment=grant.compartment,
        epoch=grant.epoch,
        recipient=context.did,
    )
    for position, key in enumerate(keys):
        try:
            return open_capsule(key, capsule, info)
        except CapsuleInvalid:
            if position == len(keys) - 1:
                raise
    raise CapsuleInvalid("there is no key to open it with", reason="no_key")

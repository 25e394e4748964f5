"""Emergencies: declaring them, reading in them, saying what one finds of them. All of it is signed for."""

from datetime import datetime

from ledger.canonical import hexed
from ledger.client.context import Context
from ledger.client.releases import Declared
from ledger.crypto.typed import EmergencyDeclaration, EmergencyReview
from ledger.errors import NotFound
from ledger.ids import Did, EmergencyId, parse_did, parse_emergency_id, word
from ledger.log.entry import EntryKind


def declare(context: Context, patient: Did, *, purpose: str, reason: str, until: datetime) -> Declared:
    """Declare an emergency; nothing is opened yet, but the patient is told.

    Args:
        context: the provider's side.
        patient: whose.
        purpose: ETREAT, or what is below it.
        reason: what has happened, in a few words.
        until: how long it lasts at most, aware.

    Raises:
        ProofInvalid: the receipt does not prove this declaration.
        LedgerError: as the gateway answers.
    """
    nonce = context.randomness(32)
    declaration = EmergencyDeclaration(
        origin=context.gateway.origin,
        participant=context.account.address,
        patient=parse_did(patient)[1],
        purpose=purpose,
        reason=reason,
        nonce=nonce,
        until=int(until.timestamp()),
    )
    body = {
        "origin": declaration.origin,
        "participant": context.did,
        "patient": patient,
        "purpose": purpose,
        "reason": reason,
        "nonce": word(nonce),
        "until": declaration.until,
    }
    signature = hexed(context.account.sign(declaration.digest(context.gateway_domain)))
    answer = context.gateway.declare_emergency(body, signature)
    expected: dict[str, object] = {
        "emergency": answer.emergency,
        "subject": context.did,
        "patient": patient,
        "declaration": body,
        "signature": signature,
    }
    context.log.take(answer.receipt, EntryKind.EMERGENCY_DECLARED, expected)
    context.log.settle()
    return Declared(id=parse_emergency_id(answer.emergency), index=int(answer.receipt["index"]))


def lasting(context: Context, patient: Did, purpose: str) -> Declared:
    """The newest emergency of the same kind that this provider declared of a patient and that still lasts.

    Raises:
        NotFound: there is none (``no_emergency``).
        LedgerError: as the gateway answers.
    """
    now = context.clock().timestamp() * 1000
    for one in reversed(context.gateway.emergencies()):
        if (one.subject, one.patient, one.purpose) == (context.did, patient, purpose) and one.until > now:
            return Declared(id=parse_emergency_id(one.emergency), index=one.index)
    raise NotFound(
        "no emergency of this patient lasts that you have declared",
        reason="no_emergency",
        fix="Declare it: say what has happened with --reason.",
    )


def review(context: Context, emergency: EmergencyId, *, finding: str, note: str) -> int:
    """Say what this patient or auditor finds of an emergency; the log index.

    Args:
        context: the patient's or auditor's side.
        emergency: which.
        finding: ``justified`` or ``unjustified``.
        note: a few words about it, or none.

    Raises:
        ProofInvalid: the receipt does not prove this review.
        LedgerError: as the gateway answers.
    """
    found = EmergencyReview(
        origin=context.gateway.origin,
        emergency=emergency,
        reviewer=context.account.address,
        finding=finding,
        note=note,
    )
    signature = hexed(context.account.sign(found.digest(context.gateway_domain)))
    answer = context.gateway.review_emergency(emergency, finding, note, signature)
    expected: dict[str, object] = {
        "emergency": emergency,
        "reviewer": context.did,
        "finding": finding,
        "note": note,
        "signature": signature,
    }
    context.log.take(answer.receipt, EntryKind.EMERGENCY_REVIEWED, expected)
    context.log.settle()
    return int(answer.receipt["index"])

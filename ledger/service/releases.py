"""Releases: a signed request, a decision, and on PERMIT the capsules sealed for the grantee."""

from dataclasses import dataclass, replace
from typing import Any

from ledger.canonical import unhex
from ledger.consent import codes
from ledger.crypto.signatures import verify
from ledger.crypto.typed import AccessRequest
from ledger.errors import Conflict, Forbidden, InvalidInput
from ledger.ids import Address, Did, EmergencyId, parse_did, parse_word
from ledger.log.entry import EntryKind
from ledger.log.journal import Appended, PatientChanged
from ledger.policy.model import Outcome
from ledger.service.capsules import Grant, grants
from ledger.service.decisions import Decided, Question, check, decide_and_log
from ledger.service.emergencies import lasting
from ledger.service.gateway import Gateway

MAX_SECONDS = 300
_ATTEMPTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """An `AccessRequest` as it came over the wire; ``expires`` in Unix seconds."""

    origin: str
    participant: Did
    patient: Did
    purpose: tuple[str, ...]
    action: str
    classes: tuple[str, ...]
    records: tuple[str, ...]
    nonce: str
    expires: int
    signature: str

    def typed(self) -> AccessRequest:
        """The EIP-712 struct that the participant signed."""
        return AccessRequest(
            origin=self.origin,
            participant=parse_did(self.participant)[1],
            patient=parse_did(self.patient)[1],
            purpose=self.purpose,
            action=self.action,
            classes=self.classes,
            records=self.records,
            nonce=parse_word(self.nonce),
            expires=self.expires,
        )

    def as_json(self) -> dict[str, Any]:
        """The request as entries carry it, without the signature."""
        return {
            "origin": self.origin,
            "participant": self.participant,
            "patient": self.patient,
            "purpose": list(self.purpose),
            "action": self.action,
            "classes": list(self.classes),
            "records": list(self.records),
            "nonce": self.nonce,
            "expires": self.expires,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A decision and, on PERMIT, the release: entry and grants; ``waiting`` roots have no grant yet."""

    decided: Decided
    appended: Appended | None
    grants: tuple[Grant, ...]
    waiting: tuple[str, ...]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The released records: signed header, publication and record capsule of each."""
        if self.appended is None:
            return []
        held_back = set(self.waiting)
        return [
            {"root": record.row.root, **record.row.sealed}
            for record in self.decided.permitted
            if record.row.root not in held_back
        ]


def release(
    gateway: Gateway, caller: Address, request: SignedRequest, emergency: EmergencyId | None = None
) -> Released:
    """Answer a signed request; decision and release are in the log before this returns.

    With `emergency`, the caller's own declaration for the same patient and purpose, a chain that is not heard
    of is no hindrance, and what the patient sealed nothing for is DENY.

    Raises:
        NotFound, Conflict: no such emergency of the caller's, or one that is over; see `emergencies.lasting`.
        Forbidden: the request is for another gateway or by another account than the caller.
        InvalidInput: it has expired or lasts too long; a purpose, class or action that no table has, or an
            action that opens no records (``opens_nothing``).
        SignatureInvalid: not signed by the participant.
        Conflict: its nonce was used before, or the emergency is over.
        Undecidable: the chain has not been heard of for too long.
    """
    declared = None if emergency is None else lasting(gateway, caller, emergency, request)
    question = replace(_question(request), declared=declared)
    check(gateway, question)
    _check(gateway, caller, request)
    for _ in range(_ATTEMPTS):
        decided = decide_and_log(gateway, question)
        if decided.at >= request.expires * 1000:
            raise InvalidInput("the request has expired", reason="bad_expiry", fix="Sign a new one.")
        if decided.outcome is not Outcome.PERMIT or decided.state is None:
            return Released(decided=decided, appended=None, grants=(), waiting=())
        try:
            return _release(gateway, request, decided)
        except PatientChanged:
            continue
    raise Conflict("the patient's consents change too fast; nothing was released", reason="too_fast")


def _release(gateway: Gateway, request: SignedRequest, decided: Decided) -> Released:
    found = _grants(gateway, decided)
    sealed_for = {grant.place for grant in found}
    roots = [record.row.root for record in decided.permitted if record.place in sealed_for]
    waiting = [record.row.root for record in decided.permitted if record.row.root not in set(roots)]
    said: dict[str, Any] = {"stale": True} if decided.stale else {}
    appended = gateway.append(
        EntryKind.RELEASE,
        head=decided.head,
        tag=decided.tag,
        patient=request.patient,
        expect=decided.version,
        decision=decided.appended.index,
        subject=request.participant,
        request=request.as_json(),
        signature=request.signature,
        records=sorted(roots),
        **said,
    )
    return Released(decided=decided, appended=appended, grants=tuple(found), waiting=tuple(waiting))


def _grants(gateway: Gateway, decided: Decided) -> list[Grant]:
    """The subject's capsules for the permitted compartments, under the consents of the basis."""
    needed = {record.place for record in decided.permitted}
    held = grants(gateway, decided.tag, decided.decision.basis, decided.question.subject)
    return [grant for grant in held if grant.place in needed]


def _question(request: SignedRequest) -> Question:
    return Question(
        subject=request.participant,
        patient=request.patient,
        purpose=request.purpose,
        action=request.action,
        classes=request.classes,
        records=request.records,
    )


def _check(gateway: Gateway, caller: Address, request: SignedRequest) -> None:
    if not codes.opens(request.action):
        raise InvalidInput(
            "nothing is handed out for this action",
            reason="opens_nothing",
            fix="Ask to access them.",
        )
    if request.origin != gateway.settings.origin:
        raise Forbidden("the request is signed for another gateway", reason="other_origin")
    if request.participant != gateway.did(caller):
        raise Forbidden("the request is by another account than the one signed in", reason="other_account")
    now = gateway.now_ms() // 1000
    if not now < request.expires <= now + MAX_SECONDS:
        raise InvalidInput(
            f"a request lasts from now for at most {MAX_SECONDS} seconds",
            reason="bad_expiry",
            fix="Sign a new one; check the clock.",
        )
    verify(request.typed().digest(gateway.gateway_domain), unhex(request.signature), caller)
    with gateway.db.write() as connection:
        nonce = gateway.keys.hash_token(f"access/{caller}/{request.nonce}")
        if not gateway.stores.access.spend(connection, nonce, request.expires * 1000):
            raise Conflict("this request was used before", reason="replayed", fix="Sign a new one.")

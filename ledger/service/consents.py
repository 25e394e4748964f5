"""Filing and stopping consents.

A filing is checked whole before anything is written: statement, document, commitment and signatures derive
one from the other, the binding is the patient's, every actor is an admitted provider under the name that its
profile has, and every grant capsule belongs to a compartment of this patient. Entry, rows and the relayer's
intent are one transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from ledger.canonical import parse_object, unb64, unhex
from ledger.consent.commitment import VerifiedConsent, filing_from_json, filing_to_json, verify_filing
from ledger.consent.document import ConsentDocument, parse_document, require_filable
from ledger.crypto.signatures import verify
from ledger.crypto.typed import GrantCapsules, Revocation
from ledger.errors import CallerError, CommitmentMismatch, Conflict, InvalidInput, NotAdmitted, NotFound
from ledger.ids import Address, ConsentId, digest, parse_did, parse_word
from ledger.log.entry import EntryKind
from ledger.log.journal import Draft
from ledger.parties import Role
from ledger.service import expiries, traffic
from ledger.service.gateway import Gateway
from ledger.service.news import Event, told_of_consent
from ledger.service.participants import admitted
from ledger.service.quota import require_quota
from ledger.service.requests import answered_by
from ledger.service.states import FiledConsent, PatientState

CAPSULE = 1168
"""Bytes of a capsule that carries a 32-byte secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What a filing or a stop left behind: consent id and log position."""

    consent: ConsentId
    entry: int


def file(
    gateway: Gateway,
    state: PatientState,
    *,
    filing: dict[str, Any],
    capsules: dict[str, Any],
    request: str | None = None,
) -> Filed:
    """File a consent: verify, log, store, hand to the relayer. Filing the same again gives the same answer.

    Raises:
        DocumentRejected, CommitmentMismatch, SignatureInvalid: the filing does not prove itself.
        NotAdmitted: an actor is no admitted provider, or is named otherwise than in its profile.
        Conflict: the controller's epoch has passed, or the consent was stopped before it was filed.
        PatientChanged: another act of this patient came in between; try again.
        RelayQuota: more than may be recorded for one patient, or for all, in so short a time.
    """
    verified = verify_filing(
        filing_from_json(filing), chain_id=gateway.chain_id, registry=gateway.deployment.registry
    )
    if verified.document.patient != state.did:
        raise CommitmentMismatch("the consent is another patient's", reason="other_patient")
    for known in state.consents:
        if known.id == verified.id:
            return Filed(consent=verified.id, entry=known.row.entry)
    _check_document(gateway, verified.document)
    _check_chain(gateway, verified)
    check_capsules(gateway, state, verified.document, verified.id, capsules)
    require_quota(gateway, state)
    return _append(gateway, state, verified, filing, capsules, request)


def stop(
    gateway: Gateway, state: PatientState, consent: ConsentId, signature: str, *, spread: bool = False
) -> Filed:
    """Accept a revocation: from the moment this returns nothing is permitted on that consent.

    The grant capsules are deleted, the compartments that they opened move to their next epoch, and the
    relayer ends the consent on chain: at once, or with `spread` after a random time. Needs neither chain nor
    blocks. Stopping twice gives the first answer; without `spread` it hurries a stop that still waits.

    Raises:
        NotFound: no such consent of this patient.
        SignatureInvalid: not signed by the consent's controller.
    """
    found = next((known for known in state.consents if known.id == consent), None)
    if found is None:
        raise NotFound("no such consent", fix="`consent list` shows yours.")
    _require_signed(gateway, found, signature)
    if found.row.stopped is not None:
        if not spread:
            traffic.hurry(gateway, consent)
        return Filed(consent=consent, entry=found.row.stopped)

    (appended,) = gateway.journal.append_many([_stopping(gateway, state, found, signature, spread=spread)])
    return Filed(consent=consent, entry=appended.index)


def stops(gateway: Gateway, state: PatientState, signatures: Mapping[str, str]) -> list[Draft]:
    """The entries that stop several consents of a patient at once, by their controllers' signatures.

    Those that are stopped already, or that nobody filed, are passed over.

    Raises:
        SignatureInvalid: one is not signed by the consent's controller.
    """
    drafts = []
    for found in state.consents:
        if found.row.stopped is None and found.id in signatures:
            signature = signatures[found.id]
            _require_signed(gateway, found, signature)
            drafts.append(_stopping(gateway, state, found, signature, spread=False))
    return [draft if first == 0 else replace(draft, expect={}) for first, draft in enumerate(drafts)]


def _require_signed(gateway: Gateway, found: FiledConsent, signature: str) -> None:
    signed = Revocation(consent=parse_word(found.id)).digest(gateway.consent_domain)
    verify(signed, unhex(signature), Address(found.row.sealed["filing"]["controller"]))


def _stopping(
    gateway: Gateway, state: PatientState, found: FiledConsent, signature: str, *, spread: bool
) -> Draft:
    filing, consent = found.row.sealed["filing"], found.id

    def within(connection: Connection, entry: int) -> None:
        withdraw(gateway, connection, state.tag, consent, entry)
        traffic.stop(
            gateway,
            connection,
            state.account,
            consent,
            controller=Address(filing["controller"]),
            epoch=filing["epoch"],
            terms_hash=unhex(found.row.sealed["terms_hash"]),
            until=filing["until"],
            signature=unhex(signature),
            spread=spread,
        )

    return gateway.draft(
        EntryKind.CONSENT_REVOKED,
        head=gateway.last_head(),
        tag=state.tag,
        patient=state.did,
        expect=state.version,
        within=within,
        consent=consent,
        source="gateway",
        signature=signature,
    )


def withdraw(gateway: Gateway, connection: Connection, tag: bytes, consent: str, entry: int) -> None:
    """The rows of a stop: the mark, no more grant capsules, their epochs closed, the version raised.

    A recording of which nothing is on its way is given up.
    """
    stores = gateway.stores
    stores.consents.stop(connection, consent, entry)
    capsules = stores.consents.capsules(connection, tag, consent) or {"list": []}
    stores.consents.drop_capsules(connection, consent)
    for compartment, epoch in _epochs(_held(capsules)):
        stores.patients.close_epoch(connection, tag, compartment, epoch)
    gateway.relayer.withdraw(connection, kind="recording", subject=consent)
    told_of_consent(gateway, connection, Event.CONSENT_REVOKED, consent, tag)
    gateway.journal.bump(connection, tag)


def replace_capsules(
    gateway: Gateway, state: PatientState, consent: ConsentId, capsules: dict[str, Any]
) -> None:
    """Take a patient's newly sealed capsules for a running consent; an epoch taken from somebody ends.

    Raises:
        NotFound: no such running consent of this patient.
    """
    found = next((known for known in state.consents if known.id == consent), None)
    if found is None or found.row.stopped is not None:
        raise NotFound("no such running consent", fix="`consent list` shows yours.")
    check_capsules(gateway, state, found.document, consent, capsules)
    with gateway.db.write() as connection:
        row = gateway.stores.consents.get(connection, consent)
        if row is None or row.stopped is not None:
            raise NotFound("no such running consent", fix="`consent list` shows yours.")
        before = gateway.stores.consents.capsules(connection, state.tag, consent) or {"list": []}
        for compartment, epoch in _epochs(_held(before) - _held(capsules)):
            gateway.stores.patients.close_epoch(connection, state.tag, compartment, epoch)
        gateway.stores.consents.put_capsules(connection, state.tag, consent, capsules)
        gateway.journal.bump(connection, state.tag)


def _held(capsules: dict[str, Any]) -> set[tuple[str, int, str]]:
    """Compartment, epoch and recipient of each capsule in a list."""
    return {(item["compartment"], item["epoch"], item["recipient"]) for item in capsules["list"]}


def _epochs(held: Iterable[tuple[str, int, str]]) -> set[tuple[str, int]]:
    """The epochs of compartments that such capsules open."""
    return {(compartment, epoch) for compartment, epoch, _ in held}


def check_capsules(
    gateway: Gateway,
    state: PatientState,
    document: ConsentDocument,
    consent: ConsentId,
    capsules: dict[str, Any],
) -> None:
    """Refuse a capsule list that the patient did not sign, or that names a stranger or no compartment."""
    items = capsules["list"]
    hashes = tuple(sha256(unb64(item["capsule"])).digest() for item in items)
    signed = GrantCapsules(consent=parse_word(consent), capsules=hashes).digest(gateway.records_domain)
    verify(signed, unhex(capsules["signature"]), state.account)
    with gateway.db.read() as connection:
        known = {(row.compartment, row.epoch) for row in gateway.stores.patients.keys(connection, state.tag)}
    actors = set(document.actors)
    for item in items:
        if (item["compartment"], item["epoch"]) not in known:
            raise InvalidInput("a capsule is for a compartment without a signed key", reason="no_compartment")
        if item["recipient"] not in actors:
            raise InvalidInput("a capsule is for somebody the consent does not name", reason="bad_recipient")
        if len(unb64(item["capsule"])) != CAPSULE:
            raise InvalidInput(f"a capsule has {CAPSULE} bytes", reason="bad_capsule")


def _check_document(gateway: Gateway, document: ConsentDocument) -> None:
    require_filable(document, gateway.chain_id)
    names = document.actor_names
    for actor in document.actors:
        profile = admitted(gateway, parse_did(actor)[1], Role.PROVIDER)
        if profile.name != names[actor]:
            raise NotAdmitted(
                "the consent names a provider otherwise than its profile does",
                reason="other_name",
                fix="Use the name that `consent participant list` shows.",
            )


def _check_chain(gateway: Gateway, verified: VerifiedConsent) -> None:
    head = gateway.head()
    index = gateway.follower.index
    if index.epoch_of(verified.controller, head.number) != verified.epoch:
        raise Conflict("the controller's epoch has passed", reason="epoch_passed", fix="Sign a new consent.")
    if index.ended_number(verified.id) is not None:
        raise Conflict("this consent has been stopped already", reason="stopped", fix="Sign a new consent.")
    if verified.until <= gateway.now_ms() // 1000:
        raise InvalidInput("the consent has ended already", reason="until_past", fix="Give a later --until.")


def _append(
    gateway: Gateway,
    state: PatientState,
    verified: VerifiedConsent,
    filing: dict[str, Any],
    capsules: dict[str, Any],
    request: str | None,
) -> Filed:
    body = filing_to_json(filing_from_json(filing))
    parties = [gateway.keys.look_up(actor) for actor in verified.document.actors]
    sealed: dict[str, Any] = {
        "filing": body,
        "terms_hash": digest(verified.terms_hash),
        "filed": gateway.now_ms(),
    }

    def within(connection: Connection, entry: int) -> None:
        stores = gateway.stores
        if stores.consents.get(connection, verified.id) is not None:
            raise Conflict("this consent is filed already", reason="filed_already")
        stores.consents.add(
            connection, consent=verified.id, tag=state.tag, entry=entry, parties=parties, sealed=sealed
        )
        if capsules["list"]:
            stores.consents.put_capsules(connection, state.tag, verified.id, capsules)
        expiries.note_end(gateway, connection, verified.id, verified.document)
        if request is not None:
            answered_by(gateway, connection, state.tag, request)
        told_of_consent(gateway, connection, Event.CONSENT_GRANTED, verified.id, state.tag)
        gateway.journal.bump(connection, state.tag)
        traffic.record(gateway, connection, state.account, verified)

    more = {} if request is None else {"request": request}
    enrolment = {name: state.sealed[name] for name in ("erasure", "signature", "possession")}
    appended = gateway.append(
        EntryKind.CONSENT_FILED,
        head=gateway.last_head(),
        tag=state.tag,
        patient=state.did,
        expect=state.version,
        within=within,
        consent=verified.id,
        filing=body,
        enrolment=enrolment,
        **more,
    )
    return Filed(consent=verified.id, entry=appended.index)


def draft_document(text: str) -> ConsentDocument:
    """A document that is not filed yet, for a preview.

    Raises:
        CallerError: it is not one that could be enforced.
    """
    parsed = parse_object(text)
    if parsed.get("resourceType") != "Consent":
        raise CallerError("a FHIR Consent is expected here", reason="not_a_consent")
    return parse_document(text.encode())

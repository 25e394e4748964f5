"""Filing and stopping consents: the acts for which a patient's keys sign."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.canonical import hexed, unhex
from ledger.chain.calls import revoke_with_preimage
from ledger.client.context import Context
from ledger.client.directory import Recipient
from ledger.client.drafting import Draft
from ledger.client.grants import recipients, sealed, wanted
from ledger.client.keys import CompartmentKeys
from ledger.client.memory import highest, highest_of, remember_grants, remember_stop
from ledger.client.own import in_force, own_consents, own_records, verify_told
from ledger.client.ports import KeptFiling, SealedTo
from ledger.client.wire import ChainStatus, Consent, Filed
from ledger.consent import commitment
from ledger.consent.commitment import commit, filing_from_json, filing_to_json, verify_filing
from ledger.consent.document import ConsentDocument, parse_document
from ledger.consent.statement import statement
from ledger.crypto.identity import Account
from ledger.crypto.typed import Filing, Revocation
from ledger.errors import (
    AuthenticationError,
    CommitmentMismatch,
    EnvironmentFault,
    GatewayUnreachable,
    NotAdmitted,
    NotFound,
    ProofInvalid,
    StopKept,
    StoreUnavailable,
)
from ledger.ids import Address, ConsentId, Did, RequestId, parse_word
from ledger.log.entry import EntryKind
from ledger.policy.preview import Standing

GAP = 20
"""How many unused controllers in a row end the search for used ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An act that the gateway has in its log: consent, log position, receipt, and how far the chain is."""

    consent: ConsentId
    index: int
    chain: ChainStatus
    receipt: dict[str, Any] = field(repr=False)


def file(context: Context, draft: Draft, keys: CompartmentKeys) -> Done:
    """Sign what was drafted and file it: commitment, binding, grant capsules.

    The people are looked up on chain again, because reading takes time. The filing is remembered before it is
    sent, so that a consent whose answer was lost can still be found and stopped.

    Raises:
        CommitmentMismatch: the draft's text is not that of its document (``other_statement``).
        NotAdmitted: somebody's key or standing changed since the draft was made (``key_changed``).
        Conflict, GatewayUnreachable, LedgerError: as the gateway answers.
        ProofInvalid: the receipt does not prove this filing; an epoch that must not be sealed to again.
    """
    document = parse_document(draft.document.canonical)
    if statement(document) != draft.statement:
        raise CommitmentMismatch("the text is not that of this document", reason="other_statement")
    people = _still_the_same(context, draft)
    filing, index = _signed(context, document)
    return _filed(context, filing, index, people, keys, draft.request)


def file_again(context: Context, filing: commitment.Filing, controller: int, keys: CompartmentKeys) -> Done:
    """File at another gateway what was signed and filed before, with new grant capsules.

    Args:
        context: the patient's side at that gateway.
        filing: as it was signed.
        controller: index of the controller that signed it.
        keys: of the compartments there.

    Raises:
        NotAdmitted: somebody whom it names is no provider any more.
        Conflict, GatewayUnreachable, ProofInvalid, LedgerError: see `file`.
    """
    context.directory.refresh()
    people = recipients(context, parse_document(filing.document).actors)
    return _filed(context, filing, controller, people, keys, None)


def _filed(
    context: Context,
    filing: commitment.Filing,
    index: int,
    people: Mapping[Did, Recipient],
    keys: CompartmentKeys,
    request: RequestId | None,
) -> Done:
    deployment = context.deployment
    verified = verify_filing(filing, chain_id=deployment.chain_id, registry=deployment.registry)
    body, document = filing_to_json(filing), verified.document
    grants = _grants(context, Standing.of(document, verified.id), keys)
    known = context.state.filings.get(verified.id)
    kept = KeptFiling(controller=index, filing=body, opened=highest(grants))
    if known is not None:  # at another gateway: what was opened and closed there stays so
        kept = replace(known, opened=highest_of(known.opened, kept.opened))
    context.state.filings[verified.id] = kept
    context.state.save()
    answer = context.gateway.file(body, sealed(context, verified.id, grants, people), request)
    expected: dict[str, object] = {"consent": verified.id, "filing": body, "patient": context.did}
    context.log.take(answer.receipt, EntryKind.CONSENT_FILED, expected, tag=context.tag)
    remember_grants(context, verified.id, grants)
    context.log.settle()
    return _done(verified.id, answer.receipt, answer.chain)


def revoke(context: Context, consent: ConsentId, *, spread: bool = False) -> Done:
    """Stop a consent. From the answer on the gateway permits nothing on it; the chain follows.

    It follows at once, so that whoever reads the chain may guess that stops of the same moment are of one
    patient. With `spread` it follows after a random time, in which only the gateway's word keeps the stop.

    That it is stopped is remembered before the gateway hears of it: this client seals nothing to it any more,
    even if the answer is lost or untrue. Stopping again is how to try again.

    Raises:
        NotFound: no such consent of this patient, or none of this identity's controllers signed it.
        CommitmentMismatch, SignatureInvalid: the gateway shows under this id what the patient did not sign.
        StopKept: the gateway takes the stop, and has yet to log it.
        StoreUnavailable: (``stop_not_kept``) it cannot even keep it; ``to`` and ``data`` are what anybody can
            send to the chain instead.
        GatewayUnreachable, LedgerError: as the gateway answers.
        ProofInvalid: the receipt does not prove this stop.
    """
    controller = _controller_of(context, consent)
    signed = controller.sign(Revocation(consent=parse_word(consent)).digest(context.consent_domain))
    signature = hexed(signed)
    with context.state.stopping():
        remember_stop(context, consent)
        answer = _told(context, consent, signature, spread=spread)
    _take_stop(context, consent, answer.receipt, signature)
    remember_grants(context, consent, frozenset())
    context.log.settle()
    return _done(consent, answer.receipt, answer.stop or answer.chain)


def _told(context: Context, consent: ConsentId, signature: str, *, spread: bool) -> Filed:
    """The gateway's answer to a stop, which it takes without a sign-in where it cannot give one."""
    try:
        return context.gateway.revoke(consent, signature, spread=spread)
    except (StoreUnavailable, GatewayUnreachable, AuthenticationError) as exc:
        if exc.reason == "no_answer":
            raise
    _bring(context, consent, signature, spread=spread)
    try:
        return context.gateway.revoke(consent, signature, spread=spread)
    except (EnvironmentFault, AuthenticationError) as exc:
        raise StopKept(
            "the gateway says that it has logged your stop, and gives no receipt for it now",
            fix="Nothing is lost. The same command again, later, gets the receipt.",
        ) from exc


def _bring(context: Context, consent: ConsentId, signature: str, *, spread: bool) -> None:
    deployment = context.deployment
    signed = verify_filing(
        filing_from_json(context.state.filings[consent].filing),
        chain_id=deployment.chain_id,
        registry=deployment.registry,
    )
    terms = {"controller": signed.controller, "epoch": signed.epoch, "until": signed.until}
    try:
        context.gateway.bring_stop(
            {**terms, "terms_hash": hexed(signed.terms_hash), "signature": signature, "spread": spread}
        )
    except StoreUnavailable as exc:
        exc.fields["to"] = deployment.registry
        exc.fields["data"] = hexed(
            revoke_with_preimage(
                controller=signed.controller,
                epoch=signed.epoch,
                terms_hash=signed.terms_hash,
                until=signed.until,
                signature=unhex(signature),
            )
        )
        raise


def _take_stop(context: Context, consent: ConsentId, receipt: dict[str, Any], signature: str) -> None:
    """Take the receipt of our own stop; or of one seen on chain before it, if our own RPC shows that too."""
    known: dict[str, object] = {"consent": consent, "patient": context.did}
    ours = known | {"source": "gateway", "signature": signature}
    try:
        context.log.take(receipt, EntryKind.CONSENT_REVOKED, ours, tag=context.tag)
    except ProofInvalid as exc:
        if exc.reason != "receipt_of_other_act":
            raise
        if context.directory.refresh().ended_number(consent) is None:
            raise
        seen = known | {"source": "chain"}
        context.log.take(receipt, EntryKind.CONSENT_REVOKED, seen, tag=context.tag)


def _still_the_same(context: Context, draft: Draft) -> dict[Did, Recipient]:
    context.directory.refresh()
    people = recipients(context, draft.document.actors)
    if people != dict(draft.recipients):
        raise NotAdmitted(
            "somebody whom the document names has changed their key or name meanwhile",
            reason="key_changed",
            fix="Look at the draft again, then sign.",
        )
    return people


def _grants(context: Context, consent: Standing, keys: CompartmentKeys) -> frozenset[SealedTo]:
    """What the consent must be sealed to, beside everything that is in force already."""
    beside = [
        one.standing for one in in_force(context, own_consents(context)) if one.id != consent.compiled.id
    ]
    return wanted(consent, [*beside, consent], own_records(context), keys.current, context.clock())


def _signed(context: Context, document: ConsentDocument) -> tuple[commitment.Filing, int]:
    """The filing of a document under a controller that was never used, and the controller's index."""
    index, controller = _fresh_controller(context)
    context.state.next_controller = index + 1
    context.state.save()
    consent = commit(document, controller.address, 0, context.randomness(32))
    digest = consent.digest(context.consent_domain)
    binding = Filing(consent=digest, controller=controller.address).digest(context.consent_domain)
    filing = commitment.Filing(
        document=document.canonical,
        statement=consent.terms.statement,
        salt=consent.terms.salt,
        controller=controller.address,
        epoch=0,
        until=consent.until,
        signature=controller.sign(digest),
        binding=context.account.sign(binding),
    )
    return filing, index


def _fresh_controller(context: Context) -> tuple[int, Account]:
    """The first controller above all that this identity ever used: here, at the gateway, or on chain."""
    used = context.directory.controllers() | {one.controller for one in own_consents(context)}
    fresh = index = context.state.next_controller
    while index < fresh + GAP:
        if context.identity.controller(index).address in used:
            fresh = index + 1
        index += 1
    return fresh, context.identity.controller(fresh)


def controller_index(context: Context, controller: Address) -> int:
    """Which of this identity's controllers an address is.

    Raises:
        NotFound: none of those that could have been used (``foreign_controller``).
    """
    for index in range(context.state.next_controller + GAP):
        if context.identity.controller(index).address == controller:
            return index
    raise NotFound(
        "no key of this identity has signed that consent",
        reason="foreign_controller",
        fix="Use the profile that signed it.",
    )


def _controller_of(context: Context, consent: ConsentId) -> Account:
    """The controller that signed a consent; one that a restored client does not remember is taken up."""
    kept = context.state.filings.get(consent)
    if kept is None:
        kept = _taken_up(context, context.gateway.consent(consent), consent)
        context.state.filings[consent] = kept
        context.state.save()
    return context.identity.controller(kept.controller)


def _taken_up(context: Context, row: Consent, consent: ConsentId) -> KeptFiling:
    if row.filing is None:
        raise NotFound("no such consent of yours", fix="See yours with: consent list")
    verified = verify_told(context, row)
    if verified.id != consent:
        raise CommitmentMismatch("the gateway answers with another consent", reason="other_consent")
    return KeptFiling(
        controller=controller_index(context, verified.controller), filing=row.filing, taken=True
    )


def _done(consent: ConsentId, receipt: dict[str, Any], chain: ChainStatus) -> Done:
    return Done(consent=consent, index=int(receipt["index"]), chain=chain, receipt=receipt)

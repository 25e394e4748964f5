r"""Commitment, filing and its verification: text, document and signatures are one, or it is refused.

A filing on the wire (``binding`` is left out when the controller is the account itself)::

    {"document":"{\"category\":…}","statement":"YES, share: …","salt":"0x…32","controller":"0x…20","epoch":0,
     "until":1798761600,"signature":"0x…65","binding":"0x…65"}

Verifying:

1. ``document`` is the RFC 8785 text of a document that `parse_document` and `require_filable` accept.
2. ``statement`` is the text that `statement` derives from it.
3. ``until`` is the bound that `until_of` derives from it.
4. ``signature`` is the controller's, over `Consent` with these terms; the digest is the consent id.
5. ``binding`` is the patient account's, over `Filing` of that id and controller; there is none, and none is
   needed, when the controller is that account.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.canonical import hexed, unhex
from ledger.consent.document import ConsentDocument, parse_document, require_filable
from ledger.consent.moments import ALWAYS, SECOND, instant, quarter_end
from ledger.consent.statement import statement
from ledger.crypto import typed
from ledger.crypto.signatures import recover
from ledger.errors import CommitmentMismatch, InvalidInput, SignatureInvalid
from ledger.ids import Address, ConsentId, consent_id, parse_address, parse_did

NO_END = (1 << 40) - 1
MAX_EPOCH = (1 << 16) - 1


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Filing:
    """Everything that a patient files; not verified yet. `document` is JCS bytes, `salt` 32 bytes."""

    document: bytes
    statement: str
    salt: bytes
    controller: Address
    epoch: int
    until: int
    signature: bytes
    binding: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedConsent:
    """A consent that its patient demonstrably gave: every step of "Verifying" holds."""

    id: ConsentId
    document: ConsentDocument = field(repr=False)
    statement: str = field(repr=False)
    account: Address = field(repr=False)
    controller: Address
    epoch: int
    until: int
    terms_hash: bytes
    signature: bytes = field(repr=False)


def until_grid(period_end: datetime | None) -> int:
    """The outer bound for a period, Unix seconds, exclusive: the end of the UTC quarter in which it ends.

    Args:
        period_end: the first instant after the period, aware; None for a period without end.
    """
    return NO_END if period_end is None else quarter_end(instant(period_end) - 1) // SECOND


def until_of(document: ConsentDocument) -> int:
    """The outer bound of a document's period; 2^40 - 1 for one without end."""
    period = document.root.period
    if period is None or period.span.end == ALWAYS.end:
        return NO_END
    return quarter_end(period.span.end - 1) // SECOND


def commit(document: ConsentDocument, controller: Address, epoch: int, salt: bytes) -> typed.Consent:
    """The struct that the controller signs; its digest in the consent domain is the consent id."""
    terms = typed.Terms(statement=statement(document), document=document.digest, salt=salt)
    return typed.Consent(controller=controller, epoch=epoch, terms=terms, until=until_of(document))


def verify_filing(
    filing: Filing, *, chain_id: int, registry: Address, accepted_policies: frozenset[str] = frozenset()
) -> VerifiedConsent:
    """Check a filing as the module says under "Verifying".

    Raises:
        DocumentRejected: the document is not understood, or cannot be filed on this chain.
        CommitmentMismatch: ``document_not_canonical``, ``other_statement`` or ``other_until``.
        SignatureInvalid: ``consent_signature``, ``binding_required``, ``binding_signature``.
        InvalidInput: a binding where none belongs, or a member out of range.
    """
    document = parse_document(filing.document, accepted_policies=accepted_policies)
    require_filable(document, chain_id)
    _check_derived(filing, document)
    domain = typed.consent_domain(chain_id, registry)
    commitment = commit(document, filing.controller, filing.epoch, filing.salt)
    digest = commitment.digest(domain)
    _check_signer("consent", digest, filing.signature, filing.controller)
    account = parse_did(document.patient)[1]
    _check_binding(filing, account, domain, digest)
    return VerifiedConsent(
        id=consent_id(digest),
        document=document,
        statement=filing.statement,
        account=account,
        controller=filing.controller,
        epoch=filing.epoch,
        until=filing.until,
        terms_hash=commitment.terms_hash(),
        signature=filing.signature,
    )


def filing_to_json(filing: Filing) -> dict[str, Any]:
    """The wire form of a filing."""
    members: dict[str, Any] = {
        "document": filing.document.decode(),
        "statement": filing.statement,
        "salt": hexed(filing.salt),
        "controller": filing.controller,
        "epoch": filing.epoch,
        "until": filing.until,
        "signature": hexed(filing.signature),
    }
    return members if filing.binding is None else members | {"binding": hexed(filing.binding)}


def filing_from_json(value: object) -> Filing:
    """The filing in its wire form; raises InvalidInput for any other."""
    required = {"document", "statement", "salt", "controller", "epoch", "until", "signature"}
    if not isinstance(value, dict) or not required <= value.keys() <= required | {"binding"}:
        raise InvalidInput("not the members of a filing", reason="bad_filing")
    binding = _hex(value, "binding", 65) if "binding" in value else None
    return Filing(
        document=_text(value, "document").encode(),
        statement=_text(value, "statement"),
        salt=_hex(value, "salt", 32),
        controller=parse_address(_text(value, "controller")),
        epoch=_number(value, "epoch", MAX_EPOCH),
        until=_number(value, "until", NO_END),
        signature=_hex(value, "signature", 65),
        binding=binding,
    )


def _check_derived(filing: Filing, document: ConsentDocument) -> None:
    if filing.document != document.canonical:
        raise CommitmentMismatch("the document is not canonical JSON", reason="document_not_canonical")
    if filing.statement != statement(document):
        raise CommitmentMismatch("the statement is not the text of this document", reason="other_statement")
    if filing.until != until_of(document):
        raise CommitmentMismatch("the outer bound is not that of this document", reason="other_until")


def _check_binding(filing: Filing, account: Address, domain: typed.Domain, digest: bytes) -> None:
    if filing.controller == account:
        if filing.binding is not None:
            raise InvalidInput("the account itself needs no binding", reason="binding_unneeded")
        return
    if filing.binding is None:
        raise SignatureInvalid("the patient's account has not signed this filing", reason="binding_required")
    claim = typed.Filing(consent=digest, controller=filing.controller)
    _check_signer("binding", claim.digest(domain), filing.binding, account)


def _check_signer(kind: str, digest: bytes, signature: bytes, signer: Address) -> None:
    if recover(digest, signature) != signer:
        raise SignatureInvalid(
            f"the {kind} is signed by another account, or over something else", reason=f"{kind}_signature"
        )


def _text(members: dict[str, Any], name: str) -> str:
    value = members[name]
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a text", reason="bad_filing")
    return value


def _hex(members: dict[str, Any], name: str, size: int) -> bytes:
    data = unhex(_text(members, name))
    if len(data) != size:
        raise InvalidInput(f"{name} must have {size} bytes", reason="bad_filing")
    return data


def _number(members: dict[str, Any], name: str, most: int) -> int:
    value = members[name]
    if type(value) is not int or not 0 <= value <= most:
        raise InvalidInput(f"{name} must be an integer from 0 to {most}", reason="bad_filing")
    return value

"""A patient's answer to a provider that asks to go on: the draft that prolongs one of the patient's consents.

It is made from the document that the patient signed, which this client verifies, and not from what the
request or the gateway says of it; so nothing in it can be more than before but its end.
"""

from datetime import UTC, datetime

from ledger.client.context import Context
from ledger.client.drafting import Draft, drafted
from ledger.client.own import OwnConsent, own_consents
from ledger.client.wire import Request
from ledger.consent.renewing import renewed
from ledger.errors import CommitmentMismatch, Conflict, InvalidInput

ENDED = ("stopped", "stopping")


def draft(context: Context, request: Request, until: datetime | None = None) -> Draft:
    """The draft that prolongs the consent which `request` names, to its end or to an earlier one.

    Raises:
        CommitmentMismatch: it names no consent of this patient, or one that does not name who asks
            (``other_consent``).
        Conflict: that consent was stopped (``stopped``).
        InvalidInput: a later end than was asked for (``beyond_request``), or see `consent.renewing.renewed`.
        LedgerError: see `drafting.drafted`.
    """
    old = _renewed_one(context, request)
    asked = datetime.fromtimestamp((request.until or 0) / 1000, UTC)
    if until is not None and until > asked:
        raise InvalidInput(
            "the request does not ask for so long",
            reason="beyond_request",
            fix="Leave it out here. To share more, use: consent grant",
        )
    now = context.clock().replace(microsecond=0)
    document = renewed(old.document, until=asked if until is None else until, at=now)
    return drafted(context, document, request.request)


def _renewed_one(context: Context, request: Request) -> OwnConsent:
    found = {one.id: one for one in own_consents(context) if one.id == request.renews}
    if not found:
        raise CommitmentMismatch("the request is about no choice of yours", reason="other_consent")
    (old,) = found.values()
    if request.subject not in old.document.actors:
        raise CommitmentMismatch("the request is about what another was given", reason="other_consent")
    if old.state in ENDED:
        raise Conflict(
            "you have stopped sharing this", reason="stopped", fix="To share again, use: consent grant"
        )
    return old

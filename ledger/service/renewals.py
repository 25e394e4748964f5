"""A provider's request to prolong a consent that names it, before or after its end.

What is asked for is that consent's scope and nothing else: the provider names the consent, not what it has.
The patient's client drafts the answer from the patient's own document (`ledger.consent.renewing`).
"""

from ledger.consent import codes
from ledger.consent.document import ConsentDocument, parse_document
from ledger.consent.renewing import require_renewable
from ledger.errors import Conflict, InvalidInput, NotFound
from ledger.ids import Address, ConsentId, RequestId
from ledger.parties import Role
from ledger.service import requests
from ledger.service.gateway import Gateway
from ledger.service.participants import need_role
from ledger.service.requests import Filed, Wish
from ledger.store.consents import ConsentRow


def ask(
    gateway: Gateway,
    subject: Address,
    consent: ConsentId,
    *,
    until: int,
    expires: int,
    note: str,
    filed: Filed = lambda *_: None,
) -> tuple[RequestId, int]:
    """Ask the patient of a consent to prolong it until `until`; request id and log position.

    `until` and `expires`, the end of the request itself, are Unix milliseconds.

    Raises:
        NotFound: no consent that names the caller.
        NotAdmitted: the caller is no provider in force.
        Conflict: it was stopped (``stopped``): who stopped sharing is asked for a new consent, if at all.
        InvalidInput: see `consent.renewing.require_renewable`; it would not end later (``no_longer``); or see
            `requests.send`.
    """
    row = _naming(gateway, subject, consent)
    need_role(gateway, subject, Role.PROVIDER)
    if row.stopped is not None or gateway.follower.index.ended_number(consent) is not None:
        raise Conflict(
            "this consent was stopped", reason="stopped", fix="Ask for a new one: consent request send"
        )
    document = parse_document(row.sealed["filing"]["document"].encode())
    ends = require_renewable(document)
    if until <= ends.timestamp() * 1000:
        raise InvalidInput("it would not end later than now", reason="no_longer", fix="Ask for a later end.")
    wish = _wish(gateway, subject, document, consent, until=until, expires=expires, note=note)
    return requests.send(gateway, gateway.account_of(document.patient), wish, filed=filed)


def _naming(gateway: Gateway, subject: Address, consent: ConsentId) -> ConsentRow:
    with gateway.db.read() as connection:
        named = gateway.look_up(subject) in gateway.stores.news.parties(connection, consent)
        row = gateway.stores.consents.get(connection, consent) if named else None
    if row is None:
        raise NotFound("no such consent", fix="`consent list` shows yours.")
    return row


def _wish(
    gateway: Gateway,
    subject: Address,
    document: ConsentDocument,
    consent: ConsentId,
    *,
    until: int,
    expires: int,
    note: str,
) -> Wish:
    """The request, which describes the root of the consent; what it excepts stays excepted."""
    root = document.root
    return Wish(
        subject=gateway.did(subject),
        purpose=root.purposes,
        action=next(iter(root.actions), "access"),
        classes=tuple(code for code in root.classes if code in codes.CLASSES),
        expires=expires,
        until=until,
        note=note,
        renews=consent,
    )

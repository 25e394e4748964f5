"""Drafts: a document that is about to be signed, in words, with everything that it would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from ledger.client.context import Context
from ledger.client.directory import Recipient
from ledger.client.grants import recipients
from ledger.client.own import in_force, own_consents, own_records
from ledger.client.publications import VerifiedRecord
from ledger.client.wire import Request
from ledger.consent.builder import Party, build
from ledger.consent.commitment import until_of
from ledger.consent.document import ConsentDocument, parse_document, require_filable
from ledger.consent.selection import EVERYTHING, Selection
from ledger.consent.statement import statement
from ledger.errors import InvalidInput, NotAdmitted
from ledger.ids import Did, RequestId, parse_request_id
from ledger.policy.index import RecordIndex
from ledger.policy.preview import Effect, effects


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to share or refuse; see `consent.builder.build`.

    ``starts`` is the present minute unless given; its offset becomes the zone of the document, else UTC does.
    """

    grantees: Sequence[Did]
    purposes: Sequence[str]
    which: Selection = EVERYTHING
    exceptions: Sequence[Selection] = ()
    actions: Sequence[str] | None = None
    starts: datetime | None = None
    until: datetime | None = None
    deny: bool = False
    patient_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A checked document and its consequences; nothing is signed yet.

    ``until`` is the outer bound that the chain will show (Unix seconds), ``request`` the provider's request
    that it answers. ``records`` are all of the patient's, so that effects can be told in words.
    """

    document: ConsentDocument
    statement: str
    until: int
    recipients: Mapping[Did, Recipient] = field(repr=False)
    effects: tuple[Effect, ...] = field(repr=False)
    records: tuple[VerifiedRecord, ...] = field(repr=False)
    request: RequestId | None = None


def wish_of(request: Request) -> Wish:
    """What a provider asks for, as a wish that its patient may narrow."""
    until = None if request.until is None else datetime.fromtimestamp(request.until / 1000, UTC)
    return Wish(
        grantees=(Did(request.subject),),
        purposes=tuple(request.purpose),
        which=Selection(classes=tuple(request.classes)),
        actions=(request.action,),
        until=until,
    )


def written(context: Context, wish: Wish) -> dict[str, Any]:
    """The document of a wish, with the names that the directory vouches for.

    Raises:
        UnknownCode, InvalidInput: see `consent.builder.build`.
        NotAdmitted, SignatureInvalid, NotFound: see `grants.recipients`.
    """
    people = recipients(context, wish.grantees)
    now = context.clock().replace(second=0, microsecond=0)
    at = now if wish.starts is None else now.astimezone(wish.starts.tzinfo)
    return build(
        patient=context.did,
        patient_name=wish.patient_name,
        grantees=[Party(did=person.did, display=person.name) for person in people.values()],
        purposes=wish.purposes,
        which=wish.which,
        exceptions=wish.exceptions,
        actions=wish.actions,
        starts=wish.starts or now,
        until=wish.until,
        at=at,
        deny=wish.deny,
    )


def drafted(context: Context, document: bytes | dict[str, Any], request: str | None = None) -> Draft:
    """Check a document and work out, from the patient's own verified records, what filing it would change.

    Raises:
        DocumentRejected: something in it cannot be enforced or filed here.
        InvalidInput: it is another patient's, or its period is over.
        NotAdmitted: it names somebody who is no admitted provider, or by another name than the directory's.
        SignatureInvalid: the key of somebody whom it names is not signed by that account.
    """
    parsed = parse_document(document)
    _check(context, parsed)
    people = recipients(context, parsed.actors)
    _check_names(parsed, people)
    records = own_records(context)
    index = RecordIndex.of(record.facts for record in records)
    today = [one.standing for one in in_force(context, own_consents(context))]
    return Draft(
        document=parsed,
        statement=statement(parsed),
        until=until_of(parsed),
        recipients=MappingProxyType(people),
        effects=tuple(effects(parsed, today, index, context.clock())),
        records=tuple(records),
        request=None if request is None else parse_request_id(request),
    )


def _check(context: Context, document: ConsentDocument) -> None:
    require_filable(document, context.deployment.chain_id)
    if document.patient != context.did:
        raise InvalidInput(
            "the document is about another patient's records",
            reason="other_patient",
            fix="Only the patient's own profile can sign it.",
        )
    if until_of(document) <= context.clock().timestamp():
        raise InvalidInput(
            "the period of the document is over", reason="until_past", fix="Give a later --until."
        )


def _check_names(document: ConsentDocument, people: Mapping[Did, Recipient]) -> None:
    for actor, display in document.actor_names.items():
        if display != people[Did(actor)].name:
            raise NotAdmitted(
                "the document names a provider otherwise than the directory does",
                reason="other_name",
                fix="Use the name that `consent participant list` shows.",
            )

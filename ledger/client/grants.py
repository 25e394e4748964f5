"""Grant capsules: which compartments a consent opens to whom, and sealing their keys to those people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from ledger.canonical import b64, hexed
from ledger.client.context import Context
from ledger.client.directory import Recipient
from ledger.client.ports import SealedTo
from ledger.client.publications import VerifiedRecord
from ledger.crypto.sealing import capsule_info, seal
from ledger.crypto.typed import GrantCapsules
from ledger.errors import NotAdmitted
from ledger.ids import ConsentId, Did, parse_word, word
from ledger.policy.index import RecordIndex
from ledger.policy.preview import Standing, reachable


def recipients(context: Context, people: Iterable[str]) -> dict[Did, Recipient]:
    """The people whom a document names, as the directory vouches for them.

    The gateway only carries their profiles; whose they are and which key is theirs, the chain decides.

    Raises:
        NotAdmitted: somebody is no admitted provider, or their profile or key is not vouched for.
        SignatureInvalid: a key that the account in the document did not sign.
        NotFound: the gateway does not know somebody at all.
    """
    return {Did(person): recipient(context, Did(person)) for person in people}


def recipient(context: Context, person: Did) -> Recipient:
    """One of them; raises as `recipients`."""
    profile = context.gateway.participant(person).profile
    if profile is None:
        raise NotAdmitted(
            "this participant's profile has not been brought to the gateway",
            reason="no_profile",
            fix="Ask them or their accreditor: consent participant admit",
        )
    return context.directory.recipient(person, profile)


def wanted(
    consent: Standing,
    in_force: Sequence[Standing],
    records: Sequence[VerifiedRecord],
    current: Callable[[bytes], int | None],
    at: datetime,
) -> frozenset[SealedTo]:
    """Which compartment keys the people in `consent` must hold, and no others.

    A compartment is sealed in every epoch in which they can open a record of it (`reached`), and in its
    current epoch for what is yet to come.
    """
    places = reached(consent, in_force, records, at)
    now = {(place.compartment, place.recipient): current(place.compartment) for place in places}
    coming = {SealedTo(where, epoch, person) for (where, person), epoch in now.items() if epoch is not None}
    return places | coming


def reached(
    consent: Standing, in_force: Sequence[Standing], records: Sequence[VerifiedRecord], at: datetime
) -> frozenset[SealedTo]:
    """Where the people in `consent` can open a record under it that no other consent in force closes to them.

    What waits in the inbox is nobody's yet. A consent that starts later is looked at as of its start.
    """
    at = max(at, _start(consent, at))
    records = [record for record in records if not record.waiting]
    facts = RecordIndex.of(record.facts for record in records)
    found: set[SealedTo] = set()
    for person in map(Did, consent.document.actors):
        open_to = reachable([consent], person, facts, at) & reachable(in_force, person, facts, at)
        found |= {SealedTo(one.compartment, one.epoch, person) for one in records if one.root in open_to}
    return frozenset(found)


def sealed(
    context: Context, consent: ConsentId, grants: frozenset[SealedTo], people: Mapping[Did, Recipient]
) -> dict[str, Any]:
    """The signed capsule list of a consent in its wire form."""
    capsules = [
        (grant, _capsule(context, consent, grant, people[grant.recipient])) for grant in sorted(grants)
    ]
    listed = GrantCapsules(
        consent=parse_word(consent), capsules=tuple(sha256(capsule).digest() for _, capsule in capsules)
    )
    return {
        "list": [
            {
                "compartment": word(grant.compartment),
                "epoch": grant.epoch,
                "recipient": grant.recipient,
                "capsule": b64(capsule),
            }
            for grant, capsule in capsules
        ],
        "signature": hexed(context.account.sign(listed.digest(context.records_domain))),
    }


def _start(consent: Standing, at: datetime) -> datetime:
    period = consent.document.root.period
    if period is None or period.start is None:
        return at
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=period.span.start)


def _capsule(context: Context, consent: ConsentId, grant: SealedTo, person: Recipient) -> bytes:
    info = capsule_info(
        kind="grant",
        consent=consent,
        patient=context.did,
        compartment=grant.compartment,
        epoch=grant.epoch,
        recipient=person.did,
    )
    return seal(person.key, context.identity.compartment_secret(grant.compartment, grant.epoch), info)

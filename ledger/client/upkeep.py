"""What a patient's client must do again from time to time, because only it has the keys.

Whoever may see less than before, through a NO or because a consent has run out, is handed no more keys, and
the epochs that theirs open end. After that, and after a stop, the compartments that it concerned have a new
epoch; records of a new kind have a new compartment: whoever else may see them needs their keys. And the next
epoch's key must lie at the gateway before it is needed.
"""

from collections.abc import Iterator, Sequence

from ledger.client.context import Context
from ledger.client.directory import Recipient
from ledger.client.filing import controller_index
from ledger.client.grants import recipient, sealed, wanted
from ledger.client.keys import CompartmentKeys
from ledger.client.memory import remember_grants, remember_sending
from ledger.client.own import EXPIRED, RUNNING, OwnConsent, in_force, own_consents, own_records
from ledger.client.ports import KeptFiling, SealedTo
from ledger.client.publications import VerifiedRecord
from ledger.client.refiling import refile
from ledger.errors import NotAdmitted, NotFound
from ledger.ids import ConsentId, Did


def reseal(context: Context, keys: CompartmentKeys) -> list[ConsentId]:
    """File what waits, deposit missing keys, and seal the consents in force to the epochs of today.

    Returns:
        Which consents were sealed.

    People whom the directory no longer admits get nothing; a consent that the gateway has stopped is passed
    over.

    Raises:
        SignatureInvalid, RecordCorrupt, CommitmentMismatch: the gateway shows what the patient did not sign.
        ProofInvalid: it names as current an epoch that a stopped consent has opened (``epoch_stopped``).
        GatewayUnreachable, ChainUnreachable: it can be done again later.
    """
    records, consents = own_records(context), own_consents(context)
    _ensure(keys, records)
    done = _narrow(context, keys, records, consents)
    if done:
        keys.load()  # What was taken from somebody has ended its epoch.
    if refile(context, keys, records):
        records = own_records(context)
    _ensure(keys, records)
    due = _due(context, keys, records, consents)
    return sorted(done | {one.id for one, grants in due if _deposited(context, one, grants)})


def _ensure(keys: CompartmentKeys, records: Sequence[VerifiedRecord]) -> None:
    """Deposit the keys of every compartment with records."""
    filed = (record.header for record in records if not record.waiting)
    for record_class, labels in {(header.record_class, header.labels) for header in filed}:
        keys.ensure(record_class, labels)


def _narrow(
    context: Context, keys: CompartmentKeys, records: Sequence[VerifiedRecord], consents: Sequence[OwnConsent]
) -> set[ConsentId]:
    """Hand in fewer capsules where somebody may see less than before; for which consents."""
    due = list(_due(context, keys, records, consents))
    return {one.id for one, grants in due if _deposited(context, one, _known(context, one) & grants)}


def _due(
    context: Context, keys: CompartmentKeys, records: Sequence[VerifiedRecord], consents: Sequence[OwnConsent]
) -> Iterator[tuple[OwnConsent, frozenset[SealedTo]]]:
    """What each consent that the gateway may hold capsules for must be sealed to as of now."""
    standing = [one.standing for one in in_force(context, consents)]
    for one in consents:
        if one.state == EXPIRED:
            yield one, frozenset()
        elif one.state in RUNNING:
            yield one, wanted(one.standing, standing, records, keys.current, context.clock())


def _known(context: Context, one: OwnConsent) -> frozenset[SealedTo]:
    """What this client sealed for a consent; a restored client does not know, and takes the consent up."""
    if one.id not in context.state.filings:
        index = controller_index(context, one.controller)
        context.state.filings[one.id] = KeptFiling(controller=index, filing=one.filing, taken=True)
        context.state.save()
    return context.state.filings[one.id].sealed


def _deposited(context: Context, one: OwnConsent, grants: frozenset[SealedTo]) -> bool:
    if grants == _known(context, one):
        return False
    people = _still_admitted(context, {grant.recipient for grant in grants})
    grants = frozenset(grant for grant in grants if grant.recipient in people)
    if grants == context.state.filings[one.id].sealed:
        return False
    remember_sending(context, one.id, grants)
    try:
        context.gateway.replace_capsules(one.id, sealed(context, one.id, grants, people))
    except NotFound:
        return False
    remember_grants(context, one.id, grants)
    return True


def _still_admitted(context: Context, people: set[Did]) -> dict[Did, Recipient]:
    found = {}
    for person in people:
        try:
            found[person] = recipient(context, person)
        except NotAdmitted:
            continue
    return found

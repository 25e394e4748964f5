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
from ledger.client.grants import reached, recipient, sealed, wanted
from ledger.client.keys import CompartmentKeys
from ledger.client.memory import is_stopped, remember_grants, remember_sending
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

    People whom the directory no longer admits get nothing; a consent that is stopped, be it while this runs,
    is passed over.

    Raises:
        SignatureInvalid, RecordCorrupt, CommitmentMismatch: the gateway shows what the patient did not sign.
        ProofInvalid: it names as current an epoch that a stopped consent has opened (``epoch_stopped``).
        GatewayUnreachable, ChainUnreachable: it can be done again later.
    """
    records, consents = own_records(context), own_consents(context)
    done = _narrow(context, keys, records, consents)
    if refile(context, keys, records):
        records = own_records(context)
    for record_class, labels in {
        (record.header.record_class, record.header.labels) for record in records if not record.waiting
    }:
        keys.ensure(record_class, labels)
    standing = [one.standing for one in in_force(context, consents)]
    for one in consents:
        if one.state in RUNNING:
            grants = wanted(one.standing, standing, records, keys.current, context.clock())
            done |= _deposited(context, one, grants)
    return sorted(done)


def shut_out(context: Context, keys: CompartmentKeys) -> None:
    """End the epochs that somebody can open who may see less by now, before anything is added to them.

    Raises:
        LedgerError: see `reseal`.
    """
    if any(kept.sealed for kept in context.state.filings.values()):
        _narrow(context, keys, own_records(context), own_consents(context))


def _narrow(
    context: Context, keys: CompartmentKeys, records: Sequence[VerifiedRecord], consents: Sequence[OwnConsent]
) -> set[ConsentId]:
    """Hand in fewer capsules where somebody may see less than before; for which consents.

    It does not ask which epochs are current, so that it can be done again whatever became of the last time.
    """
    done: set[ConsentId] = set()
    lost = [(one, left) for one, left in _left(context, records, consents) if left != _known(context, one)]
    for one, left in lost:
        done |= _deposited(context, one, left)
    if lost:
        keys.load()  # What was taken from somebody has ended its epoch.
    return done


def _left(
    context: Context, records: Sequence[VerifiedRecord], consents: Sequence[OwnConsent]
) -> Iterator[tuple[OwnConsent, frozenset[SealedTo]]]:
    """What of each consent's capsules its people still need."""
    standing = [one.standing for one in in_force(context, consents)]
    for one in consents:
        if one.state in (*RUNNING, EXPIRED):
            places = (
                frozenset[SealedTo]()
                if one.state == EXPIRED
                else reached(one.standing, standing, records, context.clock())
            )
            open_to = {(place.compartment, place.recipient) for place in places}
            held = _known(context, one)
            yield one, frozenset(grant for grant in held if (grant.compartment, grant.recipient) in open_to)


def _known(context: Context, one: OwnConsent) -> frozenset[SealedTo]:
    """What this client sealed for a consent; a restored client does not know, and takes the consent up."""
    if one.id not in context.state.filings:
        index = controller_index(context, one.controller)
        context.state.filings[one.id] = KeptFiling(controller=index, filing=one.filing, taken=True)
        context.state.save()
    return context.state.filings[one.id].sealed


def _deposited(context: Context, one: OwnConsent, grants: frozenset[SealedTo]) -> set[ConsentId]:
    """Hand in the capsules of a consent, if they differ from those that are known; the consent then."""
    if grants == _known(context, one):
        return set()
    people = _still_admitted(context, {grant.recipient for grant in grants})
    grants = frozenset(grant for grant in grants if grant.recipient in people)
    context.state.heed_stops()
    if grants == context.state.filings[one.id].sealed or is_stopped(context, one.id):
        return set()
    remember_sending(context, one.id, grants)
    try:
        context.gateway.replace_capsules(one.id, sealed(context, one.id, grants, people))
    except NotFound:
        return set()
    remember_grants(context, one.id, grants)
    return {one.id}


def _still_admitted(context: Context, people: set[Did]) -> dict[Did, Recipient]:
    found = {}
    for person in people:
        try:
            found[person] = recipient(context, person)
        except NotAdmitted:
            continue
    return found

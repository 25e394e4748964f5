"""Who can open which of a patient's records right now."""

from collections.abc import Iterable, Sequence

from ledger.chain.index import ChainState
from ledger.client.context import Context
from ledger.client.own import STOPPING, OwnConsent, in_force, own_records
from ledger.ids import Cid, Did
from ledger.policy.index import RecordIndex
from ledger.policy.preview import Standing, reachable


def open_now(context: Context, consents: Sequence[OwnConsent]) -> dict[Did, frozenset[Cid]]:
    """The records that each person can open now, of those who can open any, by the patient's own records.

    Unlike for a preview, what is on its way does not count before it is there; and a stop that neither
    gateway nor chain shows does not count either, for whoever does not know of it still hands records out.

    Raises:
        LedgerError: see `own.own_records`.
    """
    running = [one for one in consents if _opens(one)]
    if not running:
        return {}
    closing = [one for one in in_force(context, consents) if not one.document.permits and one not in running]
    standing = [
        *(Standing.of(one.document, one.id) for one in running),
        *(one.standing.refusals for one in closing),
    ]
    facts = RecordIndex.of(record.facts for record in own_records(context) if not record.waiting)
    found = {
        person: reachable(standing, person, facts, context.clock()) for person in sorted(_named(running))
    }
    return {person: roots for person, roots in found.items() if roots}


def _opens(one: OwnConsent) -> bool:
    return one.state == "active" or (one.state == STOPPING and one.on_chain is ChainState.ACTIVE)


def _named(consents: Iterable[OwnConsent]) -> set[Did]:
    return {Did(actor) for one in consents for actor in one.document.actors}

"""Which consents count at a decision (part of REPLAY).

With the head (block n, its time t, last final block f):

* nobody's, unless the directory as of n admits the subject as a provider that is not suspended;
* one that was filed before, with no stop before in the log, and on chain recorded and not ended up to n, with
  ``until`` after t;
* of any other whose root denies its NO alone, if it was filed before, and not ended on chain up to f. A stop
  that is only accepted or only seen does not lift a refusal; what the refusal excepts it does end.

What a head showed that the chain has dropped since may have come back some blocks later, up to `later`.
"""

from functools import lru_cache

from ledger.audit.patients import HeldConsent, PatientState
from ledger.audit.shapes import Head
from ledger.chain.index import ChainIndex
from ledger.ids import Address, Did, parse_did
from ledger.parties import Role
from ledger.policy.compiler import CompiledConsent, refusals_of

_account = lru_cache(maxsize=4096)(parse_did)


def eligible(
    chain: ChainIndex, state: PatientState, subject: Did, head: Head, *, block: int, later: int
) -> list[CompiledConsent]:
    """What counts for a subject, of each consent of a patient, as the log has them so far.

    Args:
        chain: as the auditor read it.
        state: the patient, as of the entry.
        subject: who asks.
        head: as the entry names it.
        block: the number as of which nothing may have ended; the head's own.
        later: the number by which everything must have been recorded; the same, unless the head was dropped.

    Raises:
        InvalidInput: `subject` is no did.
    """
    chain_id, account = _account(subject)
    if chain_id != chain.deployment.chain_id:
        return []
    if not _admits(chain, account, block) and not _admits(chain, account, later):
        return []
    found = (_counting(chain, held, head, block, later) for held in state.consents.values())
    return [consent for consent in found if consent is not None]


def _admits(chain: ChainIndex, account: Address, block: int) -> bool:
    known = chain.participant(account, block)
    return known is not None and bool(known.roles & Role.PROVIDER) and not known.suspended


def _counting(
    chain: ChainIndex, held: HeldConsent, head: Head, block: int, later: int
) -> CompiledConsent | None:
    consent = held.given.id
    recorded = chain.consent(consent, later)
    running = recorded is not None and head.time < recorded.until
    if running and not held.revoked and chain.ended_number(consent, block) is None:
        return held.compiled
    refuses = not held.given.document.permits
    if refuses and chain.ended_number(consent, min(head.final, block)) is None:
        return refusals_of(held.compiled)
    return None

"""Stops on their way: those that the chain shows first are logged and applied, those accepted here are sent.

A stop on chain becomes an entry of its own and is never rolled back, also if its block is orphaned later.
"""

from sqlalchemy import Connection

from ledger.ids import ConsentId
from ledger.log.entry import EntryKind
from ledger.log.journal import PatientChanged
from ledger.service.consents import withdraw
from ledger.service.gateway import Gateway, HeadFacts
from ledger.service.states import FiledConsent, PatientState

RETRY_MS = 5_000
"""How long a failed stop waits before it is sent again."""

LATEST_MS = 3_600_000
"""How long after its time a spread stop may still wait for its lane; then it is urgent as any other."""


def take_over(gateway: Gateway) -> int:
    """Log and apply every stop that the chain shows and the log does not; how many there were."""
    head = gateway.last_head()
    if head is None:
        return 0
    with gateway.db.read() as connection:
        running = gateway.stores.consents.running(connection)
    return sum(take_over_one(gateway, head, ConsentId(consent), tag) for consent, tag in running)


def take_over_one(gateway: Gateway, head: HeadFacts, consent: ConsentId, tag: bytes) -> bool:
    """Log and apply the stop of one consent, if the chain shows one that the log does not."""
    if gateway.follower.index.ended_number(consent) is None:
        return False
    while True:
        state = gateway.states.tagged(tag)
        found = None if state is None else _running(state, consent)
        if state is None or found is None:
            return False
        try:
            _log(gateway, head, state, consent)
        except PatientChanged:
            continue
        return True


def resend(gateway: Gateway) -> int:
    """Send again every accepted stop that failed on its way and that the chain does not show; how many.

    A spread stop whose time has passed by `LATEST_MS` becomes urgent. What failed and is not sent again, a
    recording for one, no longer says of whom it was.
    """
    index = gateway.follower.index
    gateway.relayer.hurry(kind="revocation", due_by=gateway.now_ms() - LATEST_MS)
    failed = [
        one
        for one in gateway.relayer.failed("revocation")
        if index.ended_number(ConsentId(one.subject)) is None
    ]
    for one in failed:
        gateway.relayer.retry(one, not_before=gateway.now_ms() + RETRY_MS)
    for kind in ("recording", "revocation"):
        gateway.relayer.forget(kind)
    return len(failed)


def _running(state: PatientState, consent: ConsentId) -> FiledConsent | None:
    return next(
        (known for known in state.consents if known.id == consent and known.row.stopped is None), None
    )


def _log(gateway: Gateway, head: HeadFacts, state: PatientState, consent: ConsentId) -> None:
    index = gateway.follower.index
    number = index.ended_number(consent)
    header = None if number is None else index.header(number)
    if number is None or header is None:
        return  # a reorg took the block back before anybody relied on it

    def within(connection: Connection, entry: int) -> None:
        withdraw(gateway, connection, state.tag, consent, entry)

    gateway.append(
        EntryKind.CONSENT_REVOKED,
        head=head,
        tag=state.tag,
        patient=state.did,
        expect=state.version,
        within=within,
        consent=consent,
        source="chain",
        block={"number": number, "hash": header.hash},
    )

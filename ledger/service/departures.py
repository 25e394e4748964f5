"""What it takes for a patient to leave: every consent ends here, no key is handed out, nobody acts for them.

Their log, their documents and their records' metadata stay, for the history and for the auditor, until they
are erased.
"""

from typing import Any

from sqlalchemy import Connection

from ledger.service.gateway import Gateway
from ledger.service.states import PatientState
from ledger.store.departures import DepartureRow, Leaving


def depart(
    gateway: Gateway,
    connection: Connection,
    state: PatientState,
    entry: int,
    *,
    kind: Leaving,
    lookup: bytes,
    body: dict[str, Any],
) -> None:
    """The rows of a departure that stands at `entry` of the log, in the transaction that writes the entry.

    Args:
        gateway: where.
        connection: the transaction.
        state: the patient.
        entry: index of the log entry.
        kind: how they leave.
        lookup: that of the account that goes on for them, or zeros.
        body: members of the entry.
    """
    stores = gateway.stores
    for consent in state.consents:
        if stores.consents.stop(connection, consent.id, entry):
            stores.consents.drop_capsules(connection, consent.id)
            gateway.relayer.withdraw(connection, kind="recording", subject=consent.id)
    row = DepartureRow(tag=state.tag, kind=kind, entry=entry, lookup=lookup, sealed=body)
    stores.departures.add(connection, row)
    gateway.journal.bump(connection, state.tag)

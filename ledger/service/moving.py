"""A patient leaves for another gateway: from then on nothing is permitted here, and nothing is taken.

Their consents go on: on chain nothing changes, and the patient has filed them at the other gateway before.
What was logged here stays, for the patient and for the auditor; the entry names the log that goes on with it.
Who is named in a consent of theirs is told where they are; nobody else learns that they were here.
"""

from sqlalchemy import Connection

from ledger.canonical import unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Departure
from ledger.errors import Conflict, InvalidInput
from ledger.ids import Address
from ledger.log.entry import EntryKind
from ledger.service.departures import depart
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState
from ledger.store.departures import NOBODY, DepartureRow, Leaving


def leave(gateway: Gateway, account: Address, *, to: str, url: str, signature: str, version: int) -> int:
    """Let a patient go to the gateway whose log is `to`, at `url`; the log position. Idempotent.

    Args:
        gateway: where they were.
        account: whose.
        to: origin of the log at which they go on.
        url: of its gateway, for those whom their consents name; nobody here calls it.
        signature: the patient's, over `Departure`.
        version: the patient's, as of which the other gateway has everything.

    Raises:
        SignatureInvalid: not signed by the patient for this log.
        InvalidInput: they would move to where they are (``same_log``).
        Conflict: they have left otherwise (``departed``), or something has changed (``changed_meanwhile``).
        NotFound: no patient with this account is here.
    """
    claim = Departure(log=gateway.journal.origin, patient=account, to=to)
    verify(claim.digest(gateway.records_domain), unhex(signature), account)
    if to == gateway.journal.origin:
        raise InvalidInput("they are at this gateway already", reason="same_log")
    body = {"to": to, "url": url, "signature": signature}
    return gateway.states.of_anybody(account, lambda state: _leave(gateway, state, body, version))


def _leave(gateway: Gateway, state: PatientState | None, body: dict[str, str], version: int) -> int:
    state = gateway.states.enrolled(state)
    with gateway.db.read() as connection:
        there = gateway.stores.departures.find(connection, state.tag)
    if there is not None:
        return _there(there, body)
    if state.version != version:
        raise Conflict(
            "something of the patient has changed meanwhile",
            reason="changed_meanwhile",
            fix="Bring that to the new gateway too, then go on.",
        )

    def within(connection: Connection, entry: int) -> None:
        depart(gateway, connection, state, entry, kind=Leaving.MOVED, lookup=NOBODY, body=body)

    appended = gateway.append(
        EntryKind.PATIENT_MOVED,
        head=gateway.last_head(),
        tag=state.tag,
        patient=state.did,
        expect=state.version,
        within=within,
        **body,
    )
    return appended.index


def _there(row: DepartureRow, body: dict[str, str]) -> int:
    if row.kind is Leaving.MOVED and row.sealed["to"] == body["to"]:
        return row.entry
    raise Conflict("this patient has left in another way", reason="departed")

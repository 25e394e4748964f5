"""A change of keys: a patient goes on under a new account, because others may know the old words.

Three sign it: the old account, that it is given up for the new one; the new account, that it takes over; and
a provider who has met the patient in person, since whoever else knows the words can sign as the old one. One
transaction then ends everything that the old account can do here: its consents (on chain too, as far as their
stops are signed), its sessions, its place among those who may sign in. What the patient shares from then on
is shared anew, under new keys: each old consent names the old account, is bound by its signature, and rests
on compartment keys that follow from the old words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from ledger.canonical import unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Identification, Succession
from ledger.errors import Conflict, InvalidInput, NotFound
from ledger.ids import Address
from ledger.log.entry import EntryKind
from ledger.log.journal import Draft
from ledger.parties import Role
from ledger.service import consents
from ledger.service.departures import depart
from ledger.service.gateway import Gateway
from ledger.service.participants import need_role
from ledger.service.states import PatientState
from ledger.store.departures import DepartureRow, Leaving


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Who gives up which account for which, and everybody's signature; the ``witness`` is a provider."""

    old: Address
    new: Address
    witness: Address
    signature: str
    acceptance: str
    identification: str

    def verify(self, gateway: Gateway) -> None:
        """Check that all three have signed.

        Raises:
            SignatureInvalid: one of them did not.
            InvalidInput: an account goes on for itself, or is its own witness (``own_witness``).
        """
        if len({self.old, self.new, self.witness}) != 3:
            raise InvalidInput("old account, new account and witness are three", reason="own_witness")
        domain = gateway.records_domain
        given = Succession(old=self.old, new=self.new).digest(domain)
        verify(given, unhex(self.signature), self.old)
        verify(given, unhex(self.acceptance), self.new)
        met = Identification(old=self.old, new=self.new, witness=self.witness).digest(domain)
        verify(met, unhex(self.identification), self.witness)

    def members(self, gateway: Gateway) -> dict[str, Any]:
        """What the log entry says of it."""
        return {
            "successor": gateway.did(self.new),
            "witness": gateway.did(self.witness),
            "signature": self.signature,
            "acceptance": self.acceptance,
            "identification": self.identification,
        }


def succeed(gateway: Gateway, signed: Signed, stops: Mapping[str, str], *, version: int) -> int:
    """Have a patient go on under a new account, which is enrolled here; the log position. Idempotent.

    Args:
        gateway: where.
        signed: the change, by all who must sign it.
        stops: by consent id, its controller's signature over `Revocation`, for as many as the patient has.
        version: the old account's, as of which the new one knows what is to go on.

    Raises:
        SignatureInvalid, InvalidInput: see `Signed.verify`; a stop that its controller did not sign.
        NotAdmitted: the witness is no provider in force.
        NotFound: the old account is no patient's here.
        Conflict: the old account went on otherwise (``departed``), or the new one is given up itself; or
            something of the old account has changed since (``changed_meanwhile``).
    """
    signed.verify(gateway)
    gateway.states.need(signed.new)
    return gateway.states.of_anybody(
        signed.old, lambda state: _succeed(gateway, signed, stops, version, state)
    )


def predecessors(gateway: Gateway, account: Address) -> list[DepartureRow]:
    """For whom an account goes on, directly or not; the last one first."""
    found: list[DepartureRow] = []
    lookups = [gateway.look_up(account)]
    with gateway.db.read() as connection:
        for lookup in lookups:
            for row in gateway.stores.departures.predecessors(connection, lookup):
                patient = gateway.stores.patients.by_tag(connection, row.tag)
                if patient is not None and all(row.tag != known.tag for known in found):
                    found.append(row)
                    lookups.append(gateway.look_up(gateway.account_of(patient.sealed["patient"])))
    return found


def _succeed(
    gateway: Gateway, signed: Signed, stops: Mapping[str, str], version: int, state: PatientState | None
) -> int:
    if state is None:
        raise NotFound("the old account is no patient's here", reason="not_enrolled")
    lookup = gateway.look_up(signed.new)
    with gateway.db.read() as connection:
        there = gateway.stores.departures.find(connection, state.tag)
    if there is not None:
        return _there(there, lookup)
    need_role(gateway, signed.witness, Role.PROVIDER)
    if state.version != version:
        raise Conflict(
            "something of the old account has changed meanwhile",
            reason="changed_meanwhile",
            fix="Look again, then go on.",
        )
    ended = consents.stops(gateway, state, stops)
    last = _entry(gateway, signed, state, lookup, first=not ended)
    return gateway.journal.append_many([*ended, last])[-1].index


def _there(row: DepartureRow, lookup: bytes) -> int:
    if row.kind is Leaving.SUCCEEDED and row.lookup == lookup:
        return row.entry
    raise Conflict("this account was given up before, in another way", reason="departed")


def _entry(gateway: Gateway, signed: Signed, state: PatientState, lookup: bytes, *, first: bool) -> Draft:
    body = signed.members(gateway)

    def within(connection: Connection, entry: int) -> None:
        new = gateway.stores.patients.by_lookup(connection, lookup)
        if new is None or gateway.stores.departures.find(connection, new.tag) is not None:
            raise Conflict("the new account has left here itself", reason="departed")
        depart(gateway, connection, state, entry, kind=Leaving.SUCCEEDED, lookup=lookup, body=body)
        gateway.stores.access.close_sessions(connection, state.account)

    made = gateway.draft(
        EntryKind.PATIENT_SUCCEEDED,
        head=gateway.last_head(),
        tag=state.tag,
        patient=state.did,
        expect=state.version,
        within=within,
        **body,
    )
    return made if first else replace(made, expect={})

"""What becomes of declared emergencies: who sees them, and who reviews them.

The patient or an auditor reviews one, once. Until then it is listed as unreviewed, and when that has taken
too long as overdue.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger.canonical import unhex
from ledger.consent.names import check_note
from ledger.crypto.signatures import verify
from ledger.crypto.typed import EmergencyReview
from ledger.errors import Conflict, Forbidden, InvalidInput, NotFound
from ledger.ids import Address, Did, EmergencyId
from ledger.log.entry import EntryKind
from ledger.parties import Role
from ledger.service.emergencies import MAX_TEXT, SEE
from ledger.service.gateway import Gateway
from ledger.service.news import Event, tell
from ledger.service.participants import has_role
from ledger.service.states import PatientState
from ledger.store.emergencies import EmergencyRow

FINDINGS = ("justified", "unjustified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the patient or an auditor finds, with their signature over `EmergencyReview`."""

    finding: str
    note: str
    signature: str


def review(gateway: Gateway, caller: Address, emergency: EmergencyId, found: Review) -> int:
    """Log what the patient or an auditor finds of an emergency; the log index. The same again is success.

    Raises:
        NotFound: no such emergency, or none that the caller may review.
        InvalidInput: no such finding, or a note that is too long.
        SignatureInvalid: not signed by the caller.
        Conflict: it was reviewed otherwise, or by somebody else.
    """
    row = _reviewable(gateway, caller, emergency)
    _check_review(gateway, caller, emergency, found)
    body: dict[str, Any] = {
        "reviewer": gateway.did(caller),
        "finding": found.finding,
        "note": found.note,
        "signature": found.signature,
    }
    if row.reviewed is not None and row.review is not None:
        if {name: row.review[name] for name in body} == body:
            return row.reviewed
        raise _reviewed_before()

    def within(connection: Connection, entry: int) -> None:
        told = {**body, "time": gateway.journal.time}
        if not gateway.stores.emergencies.review(connection, row, told, entry):
            raise _reviewed_before()
        tell(
            gateway,
            connection,
            Event.EMERGENCY_REVIEWED,
            emergency,
            tag=row.tag,
            providers=[row.lookup],
        )

    appended = gateway.append(
        EntryKind.EMERGENCY_REVIEWED,
        head=gateway.last_head(),
        tag=row.tag,
        patient=Did(row.sealed["declaration"]["patient"]),
        within=within,
        emergency=emergency,
        declared=row.entry,
        origin=gateway.settings.origin,
        **body,
    )
    return appended.index


def shown_to(gateway: Gateway, caller: Address) -> list[dict[str, Any]]:
    """Every emergency that the caller is party to; for an auditor all, without patients and texts."""
    state, store = gateway.states.find(caller), gateway.stores.emergencies
    with gateway.db.read() as connection:
        found = store.of_subject(connection, gateway.look_up(caller))
        found += [] if state is None else store.of_patient(connection, state.tag)
        others = store.all(connection) if has_role(gateway, caller, Role.AUDITOR) else []
    mine = {row.emergency: _shown(gateway, row) for row in found}
    outlines = {row.emergency: _outline(gateway, row) for row in others}
    return sorted((outlines | mine).values(), key=lambda one: int(one["index"]))


def shown_in_full(gateway: Gateway, caller: Address, emergency: EmergencyId) -> dict[str, Any]:
    """One emergency, for its parties; for an auditor too, whose reading is in the log before.

    Raises:
        NotFound: no such emergency, or none of the caller's.
    """
    row, concerned = _known_to(gateway, caller, emergency)
    if not concerned:
        gateway.append(
            EntryKind.LOG_READ,
            head=gateway.last_head(),
            reader=gateway.did(caller),
            start=row.entry,
            end=row.entry + 1,
        )
    return _shown(gateway, row)


def unreviewed_of(gateway: Gateway, state: PatientState) -> int:
    """How many emergencies of a patient nobody has reviewed."""
    with gateway.db.read() as connection:
        rows = gateway.stores.emergencies.of_patient(connection, state.tag)
    return sum(row.reviewed is None for row in rows)


def backlog(gateway: Gateway) -> dict[str, int]:
    """How many emergencies nobody has reviewed, and of how many that is overdue; for operators."""
    with gateway.db.read() as connection:
        store = gateway.stores.emergencies
        return {
            "unreviewed": store.unreviewed(connection),
            "overdue": store.unreviewed(connection, due_by=gateway.now_ms()),
        }


def _check_review(gateway: Gateway, caller: Address, emergency: EmergencyId, found: Review) -> None:
    if found.finding not in FINDINGS:
        raise InvalidInput(
            "a review finds an emergency justified or unjustified", reason="bad_finding", fix="Say which."
        )
    check_note(found.note, MAX_TEXT)
    signed = EmergencyReview(
        origin=gateway.settings.origin,
        emergency=emergency,
        reviewer=caller,
        finding=found.finding,
        note=found.note,
    )
    verify(signed.digest(gateway.gateway_domain), unhex(found.signature), caller)


def _reviewable(gateway: Gateway, caller: Address, emergency: EmergencyId) -> EmergencyRow:
    row, _ = _known_to(gateway, caller, emergency)
    if row.lookup != gateway.look_up(caller):
        return row
    state = gateway.states.find(caller)
    if (state is None or state.tag != row.tag) and not has_role(gateway, caller, Role.AUDITOR):
        raise _unknown()
    raise Forbidden("nobody reviews what they declared themselves", reason="own_emergency")


def _known_to(gateway: Gateway, caller: Address, emergency: EmergencyId) -> tuple[EmergencyRow, bool]:
    """An emergency, and whether the caller is party to it; else it is known to auditors alone."""
    state, store = gateway.states.find(caller), gateway.stores.emergencies
    tag = None if state is None else state.tag
    with gateway.db.read() as connection:
        row = store.get_of(connection, emergency, lookup=gateway.look_up(caller), tag=tag)
        concerned = row is not None
        if row is None and has_role(gateway, caller, Role.AUDITOR):
            row = store.get(connection, emergency)
    if row is None:
        raise _unknown()
    return row, concerned


def _outline(gateway: Gateway, row: EmergencyRow) -> dict[str, Any]:
    """What says that there was one, and whether somebody must look at it, but not about whom nor why."""
    said = row.sealed["declaration"]
    shown: dict[str, Any] = {
        "emergency": row.emergency,
        "index": row.entry,
        "state": _state(row, gateway.now_ms()),
        "subject": said["participant"],
        "purpose": said["purpose"],
        "declared": row.declared,
        "until": said["until"] * 1000,
        "due": row.due,
    }
    if row.review is not None:
        shown["review"] = {
            "index": row.reviewed,
            **{name: row.review[name] for name in ("reviewer", "finding", "time")},
        }
    return shown


def _shown(gateway: Gateway, row: EmergencyRow) -> dict[str, Any]:
    said = row.sealed["declaration"]
    shown = {**_outline(gateway, row), "patient": said["patient"], "reason": said["reason"]}
    if row.review is not None:
        shown["review"]["note"] = row.review["note"]
    return shown


def _state(row: EmergencyRow, now: int) -> str:
    """``unreviewed``, ``overdue``, ``justified`` or ``unjustified``."""
    if row.review is not None:
        return str(row.review["finding"])
    return "overdue" if row.due <= now else "unreviewed"


def _unknown() -> NotFound:
    return NotFound("no such emergency", reason="no_emergency", fix=SEE)


def _reviewed_before() -> Conflict:
    return Conflict("this emergency has been reviewed already", reason="reviewed", fix=SEE)

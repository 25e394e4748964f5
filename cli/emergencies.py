"""Emergencies from the command line: reading in one, seeing them, saying what one finds of them."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cli import reading
from cli.ids import expand
from cli.listing import is_provider
from cli.output import Output
from cli.session import now
from cli.shapes.emergencies import EmergencyList, EmergencyPart, EmergencyReviewed, EmergencyShown
from cli.shapes.records import RecordsRead
from cli.views import emergencies as view

if TYPE_CHECKING:
    from ledger.client.opening import Desk
    from ledger.client.wire import Emergency
    from ledger.ids import Did, EmergencyId

SEE = "See them with: consent emergency list"


class Finding(StrEnum):
    """What a review can find."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


def read(
    desk: "Desk",
    output: Output,
    patient: "Did",
    *,
    purpose: str,
    reason: str | None,
    hours: int,
    classes: Sequence[str],
    records: Sequence[str],
    into: Path | None,
) -> RecordsRead:
    """Declare an emergency, or go on with the one that lasts if there is no reason given; then read in it.

    Raises:
        NotFound: no reason, and no emergency that lasts.
        AccessDenied: the patient has sealed nothing for it.
        LedgerError: see `ProviderClient.declare` and `ProviderClient.read_in_emergency`.
    """
    reading.prepare(records, into)
    if reason is None:
        declared = desk.provider.lasting(patient, purpose)
    else:
        until = now() + timedelta(hours=hours)
        declared = desk.provider.declare(patient, purpose=purpose, reason=reason, until=until)
        output.talk(f"Stated: {declared.id}, log entry {declared.index}. The patient is told.")
    report = desk.provider.read_in_emergency(
        patient, declared, purpose=purpose, classes=classes, records=records, into=into
    )
    return reading.told(
        desk, report, patient, purposes=(purpose,), action="access", into=into, emergency=declared.id
    )


def listed(desk: "Desk") -> EmergencyList:
    """Every emergency that concerns this profile."""
    found = desk.gateway.emergencies()
    role = "auditor" if _is_auditor(desk) else "provider" if is_provider(desk) else "patient"
    return EmergencyList(role=role, emergencies=_parts(desk, found))


def shown(desk: "Desk", text: str) -> EmergencyShown:
    """One in full, by its id or the beginning of it; an auditor's look is logged."""
    found = desk.gateway.emergency(_id(desk, text))
    return EmergencyShown(emergency=_parts(desk, [found])[0])


def review(desk: "Desk", part: EmergencyPart, finding: Finding, note: str) -> EmergencyReviewed:
    """Sign and send what this patient or auditor finds."""
    from ledger.ids import parse_emergency_id

    index = desk.patient.review(parse_emergency_id(part.emergency), finding=str(finding), note=note)
    return EmergencyReviewed(emergency=part.emergency, finding=str(finding), log_index=index)


def _id(desk: "Desk", text: str) -> "EmergencyId":
    from ledger.ids import parse_emergency_id

    return parse_emergency_id(
        expand(text, [one.emergency for one in desk.gateway.emergencies()], "emergency", SEE)
    )


def _parts(desk: "Desk", found: "Sequence[Emergency]") -> list[EmergencyPart]:
    people = {did for one in found for did in (one.subject, one.patient) if did is not None}
    people |= {one.review.reviewer for one in found if one.review is not None}
    names = desk.people.names(people) if people else {}
    return [view.emergency_part(one, names) for one in found]


def _is_auditor(desk: "Desk") -> bool:
    from ledger.parties import Role

    return desk.has_role(Role.AUDITOR)

"""Emergencies in plain words."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cli.shapes.consents import PersonPart
from cli.shapes.emergencies import EmergencyList, EmergencyPart, ReviewPart
from cli.times import in_words
from cli.views.people import person_text
from cli.views.text import counted, plain

if TYPE_CHECKING:
    from ledger.client.wire import Emergency

FINDINGS = {"justified": "it was right", "unjustified": "it was not right"}
NONE = {
    "patient": "Nobody has stated an emergency to see your records.",
    "provider": "You have stated no emergency.",
    "auditor": "Nobody has stated an emergency here.",
}


def emergency_part(one: "Emergency", names: Mapping[str, str | None]) -> EmergencyPart:
    """An emergency as data."""
    review = one.review
    return EmergencyPart(
        emergency=one.emergency,
        state=one.state,
        provider=PersonPart(did=one.subject, name=names.get(one.subject)),
        patient=None if one.patient is None else PersonPart(did=one.patient, name=names.get(one.patient)),
        purpose=one.purpose,
        reason=one.reason or None,
        declared=one.declared,
        until=one.until,
        due=one.due,
        log_index=one.index,
        review=None
        if review is None
        else ReviewPart(
            reviewer=PersonPart(did=review.reviewer, name=names.get(review.reviewer)),
            finding=review.finding,
            time=review.time,
            log_index=review.index,
            note=review.note or None,
        ),
    )


def list_text(shape: EmergencyList) -> str:
    """First how many wait for a look; then each."""
    if not shape.emergencies:
        return NONE[shape.role]
    waiting = [part for part in shape.emergencies if part.review is None]
    overdue = sum(part.state == "overdue" for part in waiting)
    head = f"{counted(len(waiting), 'emergency', 'emergencies')} nobody has looked into yet"
    head += f", {overdue} of them too late." if overdue else "."
    return "\n\n".join([head, *(emergency_text(part) for part in shape.emergencies)])


def emergency_text(part: EmergencyPart) -> str:
    """Who stated what about whom, and what was found of it."""
    from ledger.consent.codes import PURPOSES

    purpose = PURPOSES.words(part.purpose) if part.purpose in PURPOSES else plain(part.purpose)
    about = "" if part.patient is None else f" of {person_text(part.patient)}"
    lines = [
        f"{person_text(part.provider)} stated an emergency{about}.",
        f"  when: {in_words(part.declared)}; it could see records until {in_words(part.until)}",
        f"  what for: {purpose}",
        *([f"  they say: {plain(part.reason)}"] if part.reason else []),
        *_review(part),
        f"  emergency: {plain(part.emergency)}, log entry {part.log_index}",
    ]
    return "\n".join(lines)


def news_text(count: int) -> str:
    """What is added to other lists of a patient, if emergencies wait for a look."""
    if not count:
        return ""
    who = "Someone" if count == 1 else f"{count} times someone"
    return f"\n{who} asked for your records. They said it was an emergency. See it: consent emergency list"


def _review(part: EmergencyPart) -> list[str]:
    if part.review is None:
        late = "That is too late now" if part.state == "overdue" else "That is due"
        return [f"  Nobody has said yet if it was right. {late}: by {in_words(part.due)}."]
    found = FINDINGS.get(part.review.finding, plain(part.review.finding))
    note = f": {plain(part.review.note)}" if part.review.note else ""
    return [f"  {person_text(part.review.reviewer)} says {found}{note}"]

"""What there is to see, as shapes: consents, requests, history, participants."""

from datetime import datetime
from typing import TYPE_CHECKING

from cli.granting import Wait
from cli.ids import expand
from cli.shapes.consents import (
    ConsentList,
    ConsentPart,
    ConsentShown,
    HistoryShown,
    PersonPart,
    RequestList,
    RequestPart,
)
from cli.shapes.inbox import InboxPart, InboxShown
from cli.shapes.records import RecordList
from cli.views import consents as consent_view
from cli.views import records as record_view
from cli.views import requests as request_view

if TYPE_CHECKING:
    from ledger.client.opening import Desk, People
    from ledger.client.own import OwnConsent
    from ledger.client.provider import NamedIn
    from ledger.ids import ConsentId, RequestId

SEE_CONSENTS = "See them with: consent list"
SEE_REQUESTS = "See them with: consent request list"


def consents(desk: "Desk") -> ConsentList:
    """All consents of a patient, or those that name a provider."""
    if is_provider(desk):
        return ConsentList(role=role(desk), consents=[part(desk, one) for one in desk.provider.consents()])
    patient = desk.settled()
    found = patient.consents()
    return ConsentList(
        role=role(desk),
        open_to=len(patient.open_now(found)),
        emergencies=unreviewed(desk),
        consents=[part(desk, one) for one in found],
    )


def consent(desk: "Desk", text: str, *, wait: Wait = Wait.NONE) -> ConsentShown:
    """One consent by its id or the beginning of it, once its recording or stop has come as far as `wait`."""
    from ledger.client.waiting import wait_for_consent

    found = {one.id: one for one in _consents(desk)}
    one = found[expand(text, found, "consent", SEE_CONSENTS)]
    if wait is not Wait.NONE:
        wait_for_consent(desk.gateway, desk.directory, one.id, wait, stop=one.stop is not None)
        one = {again.id: again for again in _consents(desk)}[one.id]
    return ConsentShown(consent=part(desk, one), statement=one.statement, document=one.document.json)


def consent_id(desk: "Desk", text: str) -> "ConsentId":
    """The id of one consent as the client takes it."""
    from ledger.ids import parse_consent_id

    return parse_consent_id(consent(desk, text).consent.consent)


def requests(desk: "Desk") -> RequestList:
    """All requests to a patient, or of a provider."""
    client = desk.provider if is_provider(desk) else desk.settled()
    found = client.requests()
    names = desk.people.names(did for one in found for did in (one.patient, one.subject))
    ends = _ends(desk) if any(one.renews for one in found) else {}
    parts = [request_view.request_part(one, names, ends) for one in found]
    waiting = 0 if is_provider(desk) else unreviewed(desk)
    return RequestList(role=role(desk), requests=parts, emergencies=waiting)


def unreviewed(desk: "Desk") -> int:
    """How many emergencies of this patient nobody has reviewed."""
    return sum(one.patient == desk.did and one.review is None for one in desk.gateway.emergencies())


def inbox(desk: "Desk", since: datetime | None) -> InboxShown:
    """What waits for this profile, and what happened; of 30 days, unless it is said since when."""
    counts, found = desk.gateway.inbox(None if since is None else int(since.timestamp() * 1000))
    names = desk.people.names({did for one in found for did in (one.patient, *one.providers) if did})
    items = [
        InboxPart(
            kind=one.kind,
            does=one.does,
            about=one.about,
            at=one.at,
            by=one.by,
            patient=PersonPart(did=one.patient, name=names.get(one.patient)) if one.patient else None,
            providers=[PersonPart(did=did, name=names.get(did)) for did in one.providers],
            renews=one.renews or None,
        )
        for one in found
    ]
    waiting = {does: counts.get(does, 0) for does in ("answer", "open", "news")}
    return InboxShown(role=role(desk), items=items, **waiting)


def request(desk: "Desk", text: str) -> RequestPart:
    """One request by its id or the beginning of it."""
    found = {part.request: part for part in requests(desk).requests}
    return found[expand(text, found, "request", SEE_REQUESTS)]


def request_id(part: RequestPart) -> "RequestId":
    """The id of a request as the client takes it."""
    from ledger.ids import parse_request_id

    return parse_request_id(part.request)


def history(desk: "Desk", last: int | None = None) -> HistoryShown:
    """Who asked a patient's records, and what they were given: all of it, or the `last` so many lines."""
    lines = desk.settled().history()
    shown = lines if last is None else lines[-last:]
    names = desk.people.names(line.subject for line in shown)
    return HistoryShown(
        patient=desk.did,
        disclosures=[request_view.disclosure_part(line, names) for line in shown],
        earlier=len(lines) - len(shown),
    )


def records(desk: "Desk") -> RecordList:
    """All records of a patient, with the writers of those that others wrote."""
    told = desk.settled().told_records()
    writers = {record.writer for record in told.records if not record.by_patient}
    names = desk.people.names(writers) if writers else {}
    people = {did: PersonPart(did=did, name=names[did]) for did in writers}
    return RecordList(
        patient=desk.did,
        records=[
            record_view.listed_part(record, people.get(record.writer), unasked=record.root in told.unasked)
            for record in told.records
        ],
    )


def is_provider(desk: "Desk") -> bool:
    """Whether the directory has this profile as a provider."""
    from ledger.parties import Role

    return desk.has_role(Role.PROVIDER)


def role(desk: "Desk") -> str:
    """What this profile is here."""
    return "provider" if is_provider(desk) else "patient"


def person(people: "People", did: str) -> PersonPart:
    """Somebody with the name under which they are known here."""
    return PersonPart(did=did, name=people.names([did])[did])


def part(desk: "Desk", one: "OwnConsent | NamedIn") -> ConsentPart:
    """One consent with the names under which its people are known here."""
    names = desk.people.names(one.document.actors)
    return consent_view.consent_part(one, person(desk.people, one.document.patient), names)


def plain_part(one: "OwnConsent") -> ConsentPart:
    """One consent with the names that its text says; nobody is asked."""
    patient = PersonPart(did=one.document.patient, name=None)
    return consent_view.consent_part(one, patient, one.document.actor_names)


def _ends(desk: "Desk") -> dict[str, str | None]:
    """When consents end, as it was signed."""
    periods = {one.id: one.document.root.period for one in _consents(desk)}
    return {consent: None if period is None else period.end for consent, period in periods.items()}


def _consents(desk: "Desk") -> "list[OwnConsent] | list[NamedIn]":
    return desk.provider.consents() if is_provider(desk) else desk.enrolled().consents()

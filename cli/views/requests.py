"""Requests of providers, participants, and the history of who saw what."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cli.shapes.consents import (
    DisclosurePart,
    HistoryShown,
    ParticipantPart,
    PersonPart,
    RenewedPart,
    RequestList,
    RequestPart,
)
from cli.times import day_in_words, in_words
from cli.views.emergencies import news_text
from cli.views.people import person_text
from cli.views.text import counted, listed, plain, short, table

if TYPE_CHECKING:
    from ledger.client.directory import Listed
    from ledger.client.wire import Disclosure, Request

OUTCOMES = {"PERMIT": "allowed", "DENY": "refused", "NO_CONSENT": "refused"}
STATES = {
    "approved": "you said yes",
    "declined": "you said no",
    "withdrawn": "they took it back",
    "expired": "over",
}
THEIR_STATES = {
    "approved": "they said yes",
    "declined": "they said no",
    "withdrawn": "you took it back",
    "expired": "over",
}


def request_part(
    request: "Request", names: Mapping[str, str | None], ends: Mapping[str, str | None]
) -> RequestPart:
    """A request as data, its classes as words; `ends` are those of consents that are known here."""
    return RequestPart(
        request=request.request,
        state=request.state,
        patient=PersonPart(did=request.patient, name=names.get(request.patient)),
        provider=PersonPart(did=request.subject, name=names.get(request.subject)),
        purpose=list(request.purpose),
        action=request.action,
        classes=[class_word(code) for code in request.classes],
        expires=request.expires,
        until=request.until,
        note=request.note or None,
        renews=RenewedPart(consent=request.renews, ends=ends.get(request.renews)) if request.renews else None,
    )


def request_text(part: RequestPart, *, role: str = "patient") -> str:
    """Who asks for what, in plain words; then the id.

    No gateway vouches for a request, so nothing of it is shown that could mislead a terminal.
    """
    from ledger.consent.codes import ACTIONS

    wanted = "add to" if part.action == "collect" else "see"
    until = "" if part.until is None else f", until {in_words(part.until)}"
    action = ACTIONS[part.action] if part.action in ACTIONS else plain(part.action)
    lines = [
        f"{person_text(part.provider)} asks to {wanted}: {_classes(part)}",
        *_renewal(part),
        f"  what for: {purposes_text(part.purpose)} ({action}){until}",
        *([f"  they say: {plain(part.note)}"] if part.note else []),
        f"  state: {state_text(part, role)}; answer by {in_words(part.expires)}",
        f"  request: {plain(part.request)}",
    ]
    return "\n".join(lines)


def _renewal(part: RequestPart) -> list[str]:
    """What the request would prolong, from when until when."""
    if part.renews is None:
        return []
    old = "not known here" if part.renews.ends is None else day_in_words(part.renews.ends)
    new = "not said" if part.until is None else in_words(part.until)
    return [
        f"  this is a renewal of {plain(short(part.renews.consent))}: all as it was, but for longer",
        f"  old end: {old}; new end: {new}",
    ]


def class_word(code: str) -> str:
    """The word for a class of records; one that no table has as it came."""
    from ledger.consent.codes import CLASSES

    return CLASSES[code].word if code in CLASSES else code


def purposes_text(codes: Iterable[str]) -> str:
    """Purposes in the words of the statement; one that no table has as it came."""
    from ledger.consent.codes import PURPOSES

    return listed(PURPOSES.words(code) if code in PURPOSES else plain(code) for code in codes)


def state_text(part: RequestPart, role: str) -> str:
    """Whose turn it is, or what was answered."""
    if part.state == "proposed":
        return "waiting for your answer" if role == "patient" else "waiting for their answer"
    return (STATES if role == "patient" else THEIR_STATES).get(part.state, plain(part.state))


def requests_text(shape: RequestList) -> str:
    """All requests, one a line."""
    news = news_text(shape.emergencies)
    if not shape.requests:
        nothing = (
            "Nobody has asked you for anything." if shape.role == "patient" else "You have asked nobody."
        )
        return nothing + news
    rows = [
        (
            state_text(part, shape.role),
            person_text(part.provider if shape.role == "patient" else part.patient),
            _classes(part),
            purposes_text(part.purpose),
            plain(part.request),
        )
        for part in shape.requests
    ]
    return table([("STATE", "WHO", "WHAT", "WHY", "REQUEST"), *rows]) + news


def disclosure_part(line: "Disclosure", names: Mapping[str, str | None]) -> DisclosurePart:
    """One line of the history as data, its classes as words."""
    return DisclosurePart(
        index=line.index,
        time=line.time,
        kind=line.kind,
        person=PersonPart(did=line.subject, name=names.get(line.subject)),
        purpose=list(line.purpose),
        action=line.action,
        outcome=line.outcome,
        records=list(line.records),
        basis=list(line.basis),
        classes=[class_word(code) for code in line.classes],
    )


def history_text(shape: HistoryShown) -> str:
    """First how often records were handed out; then each time, in words, with the kinds of records."""
    released = [line for line in shape.disclosures if line.kind == "release"]
    since = f"In the last {counted(len(shape.disclosures), 'line')}: " if shape.earlier else ""
    head = (
        f"Records of yours were handed out {counted(len(released), 'time')}."
        if released
        else "Nobody was given records of yours."
    )
    if not shape.disclosures:
        return since + head
    rows = table([_history_row(line) for line in shape.disclosures], indent="  ").splitlines()
    lines = [part for row, line in zip(rows, shape.disclosures, strict=True) for part in (row, *_kinds(line))]
    earlier = [f"  Before these there are {counted(shape.earlier, 'line')} more."] if shape.earlier else []
    return "\n".join([since + head, *earlier, *lines])


def participants_text(parts: Sequence[ParticipantPart]) -> str:
    """All participants, one a line."""
    if not parts:
        return "Nobody is admitted yet."
    rows = [
        (
            part.name or "(profile not shown)",
            " ".join(part.roles),
            "suspended" if part.suspended else "admitted",
            part.did,
        )
        for part in parts
    ]
    return table([("NAME", "ROLES", "STATE", "DID"), *rows])


def participant_part(listed_one: "Listed") -> ParticipantPart:
    """A participant as data."""
    profile = listed_one.profile
    return ParticipantPart(
        did=listed_one.did,
        roles=listed_one.roles.words,
        suspended=listed_one.suspended,
        name=None if profile is None else profile.name,
        kind=None if profile is None else profile.kind,
    )


def _history_row(line: DisclosurePart) -> tuple[str, ...]:
    if line.kind.startswith("emergency."):
        did = (
            "stated an emergency" if line.kind == "emergency.declared" else f"found it {plain(line.outcome)}"
        )
        why = purposes_text(line.purpose) if line.purpose else ""
        return (in_words(line.time), person_text(line.person), did, why, "", f"#{line.index}")
    handed = line.kind == "release"
    asked = "asked to add" if line.action == "collect" else "asked"
    what = f"was given {counted(len(line.records), 'record')}" if handed else f"{asked}: {_outcome(line)}"
    basis = listed((plain(short(consent)) for consent in line.basis), "")
    return (
        in_words(line.time),
        person_text(line.person),
        what,
        purposes_text(line.purpose),
        basis,
        f"#{line.index}",
    )


def _kinds(line: DisclosurePart) -> list[str]:
    return [f"      about: {listed(map(plain, line.classes))}"] if line.classes else []


def _outcome(line: DisclosurePart) -> str:
    return OUTCOMES.get(line.outcome, plain(line.outcome))


def _classes(part: RequestPart) -> str:
    return listed(map(plain, part.classes), "all records")

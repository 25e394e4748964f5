"""A patient's answer to a request: the draft that says yes, never to more than was asked; and its preview."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from cli.granting import consequences, effects_text
from cli.session import now
from cli.shapes.base import Shape
from cli.shapes.consents import RequestPart, RequestShown
from cli.times import is_date, parse_until
from cli.views.requests import request_text
from cli.views.text import quoted
from cli.wishing import Chooser
from ledger.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from ledger.client.drafting import Draft, Wish
    from ledger.client.opening import Desk

OPEN = "proposed"


def answer(
    desk: "Desk",
    request: RequestPart,
    *,
    at: datetime,
    classes: Sequence[str] = (),
    excepted: Sequence[str] = (),
    until: str | None = None,
) -> "Draft":
    """The draft that says yes to a request, as far as the patient wants.

    Raises:
        Conflict: the request is answered or over.
        InvalidInput: the answer would go further than the request, or the request has an end that is no date;
            or only a part of what is to be prolonged is wanted.
    """
    from dataclasses import replace

    from ledger.client.drafting import wish_of
    from ledger.consent.selection import Selection
    from ledger.ids import parse_request_id

    _require_open(request)
    patient = desk.settled()
    found = patient.request(parse_request_id(request.request))
    if request.renews is not None:
        _require_as_it_was(classes, excepted)
        return patient.renewal(found, None if until is None else parse_until(until, at))
    asked = wish_of(found)
    ends = asked.until if until is None else parse_until(until, at)
    _require_within(asked, classes, ends)
    wish = replace(
        asked,
        which=Selection(classes=tuple(classes)) if classes else asked.which,
        exceptions=Chooser(desk, ()).exceptions(excepted),
        starts=at.replace(second=0, microsecond=0),
        until=ends,
    )
    return patient.draft(wish, parse_request_id(request.request))


def preview(desk: "Desk", request: RequestPart) -> tuple[Shape, str]:
    """A request with what saying yes would mean; only the request if it is answered or over."""
    text = request_text(request)
    if request.state != OPEN or not _has_dates(request):
        return RequestShown(request=request), text
    draft = answer(desk, request, at=now().astimezone())
    records, effects = consequences(desk, draft)
    shape = RequestShown(request=request, statement=draft.statement, records=len(records), effects=effects)
    return shape, (
        f"{text}\n\nIf you say yes, you sign this:\n{quoted(draft.statement)}\n\n"
        f"{effects_text(draft, effects, records)}\n\n"
        f"Share: consent request approve {request.request}\n"
        f"Don't share: consent request decline {request.request}"
    )


def _require_open(request: RequestPart) -> None:
    if request.state != OPEN:
        raise Conflict(
            "the request is answered already, or over",
            reason="request_closed",
            fix="See: consent request list",
        )
    if not _has_dates(request):
        raise InvalidInput(
            "the request has an end that is no date",
            reason="bad_time",
            fix=f"Say no to it: consent request decline {request.request}",
        )


def _require_as_it_was(classes: Sequence[str], excepted: Sequence[str]) -> None:
    if classes or excepted:
        raise InvalidInput(
            "to go on means: all as it was",
            reason="renewed_as_it_was",
            fix="Say no, and share what you want to: consent grant",
        )


def _has_dates(request: RequestPart) -> bool:
    return request.until is None or is_date(request.until)


def _require_within(asked: "Wish", classes: Sequence[str], ends: datetime | None) -> None:
    """Nobody gives more than they were asked for by a slip; what is more is said in a choice of its own."""
    from ledger.consent.codes import CLASSES, class_code

    allowed = asked.which.classes
    more = [code for code in map(class_code, classes) if allowed and code not in allowed]
    if more:
        raise _too_much(f"the request does not ask for {', '.join(CLASSES[code].word for code in more)}")
    if asked.until is not None and ends is not None and ends > asked.until:
        raise _too_much("the request does not ask for so long")


def _too_much(message: str) -> InvalidInput:
    return InvalidInput(
        message, reason="beyond_request", fix="Leave it out here. To share more, use: consent grant"
    )

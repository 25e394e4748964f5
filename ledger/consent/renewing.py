"""A consent once more, for longer: the same rule, word for word, in a period that follows on the old one."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from ledger.consent.document import ConsentDocument
from ledger.consent.moments import ALWAYS
from ledger.errors import InvalidInput

OF_THE_OLD_ONE = ("id", "meta", "text", "identifier", "verification")
"""Elements that name or retell the old document, and say nothing of the new one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def end_of(document: ConsentDocument) -> datetime | None:
    """The first moment after a document's period, aware; None if it has no end."""
    period = document.root.period
    if period is None or period.span.end == ALWAYS.end:
        return None
    return _EPOCH + timedelta(microseconds=period.span.end)


def require_renewable(document: ConsentDocument) -> datetime:
    """The end of a document that can be renewed, aware.

    Raises:
        InvalidInput: it shares nothing (``renews_refusal``), has no end (``endless``), or an exception of it
            has dates of its own, which would not cover what is added (``dated_exception``).
    """
    if not document.permits:
        raise InvalidInput("this consent says no; it is not prolonged", reason="renews_refusal")
    ends = end_of(document)
    if ends is None:
        raise InvalidInput("this consent has no end", reason="endless", fix="Nothing needs to be done.")
    if any(inner.period is not None for inner in document.provisions() if inner is not document.root):
        raise InvalidInput(
            "an exception of this consent has dates of its own",
            reason="dated_exception",
            fix="Ask for a new one: consent request send",
        )
    return ends


def renewed(document: ConsentDocument, *, until: datetime, at: datetime) -> dict[str, Any]:
    """The document that prolongs another: everything in it the same but when it was written and its period.

    Args:
        document: the old one. Its zone is that of the new one.
        until: the last second of the new period, aware.
        at: now, aware. The new period begins then, or where the old one ends, if that is later.

    Raises:
        InvalidInput: see `require_renewable`; or the new end is not after the old one (``no_longer``).
    """
    starts = max(at, require_renewable(document))
    if until <= starts:
        raise InvalidInput(
            "that would not prolong the consent", reason="no_longer", fix="Give a later --until."
        )
    zone = timezone(timedelta(minutes=document.zone))
    fresh = {name: part for name, part in document.json.items() if name not in OF_THE_OLD_ONE}
    fresh["dateTime"] = _written(at, zone)
    period = {"start": _written(starts, zone), "end": _written(until, zone)}
    fresh["provision"] = {**fresh["provision"], "period": period}
    return fresh


def _written(moment: datetime, zone: timezone) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds")

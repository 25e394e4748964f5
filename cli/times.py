"""Moments as people type and read them."""

import calendar
import re
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta

from ledger.errors import InvalidInput

_SPAN = re.compile(r"([1-9][0-9]{0,4})([dwmy])")
NO_DATE = "a date that cannot be shown"
_END = "Write 90d, 6w, 3m or 1y, a date such as 2027-03-31, or a time with its offset."
_START = "Write a date such as 2027-03-31, or a time with its offset: 2027-03-31T09:00:00+01:00."


def parse_until(text: str, now: datetime, *, option: str = "--until") -> datetime:
    """The last second that `text` means; `now` is aware, and its offset counts where the text names none.

    A span counts from now (months and years by the calendar), a date lasts until its end. `option` is what
    the user gave it with.

    Raises:
        InvalidInput: not a moment, or one that is over.
    """
    moment = _span(text, now) or _date(text, now) or _instant(text, fix=_END)
    if moment <= now:
        raise InvalidInput(f"{text} is over already", reason="until_past", fix=f"Give a later {option}.")
    return moment


def parse_from(text: str, now: datetime) -> datetime:
    """The first second that `text` means: a date from its start, or a time with its offset.

    Raises:
        InvalidInput: (``bad_time``) neither.
    """
    day = _day(text, fix=_START)
    return _instant(text, fix=_START) if day is None else datetime.combine(day, time(), tzinfo=now.tzinfo)


def parse_since(text: str, now: datetime) -> datetime:
    """The first moment that `text` means: a span back from now, or a date from its start; `now` is aware.

    Raises:
        InvalidInput: (``bad_time``) neither.
    """
    match = _SPAN.fullmatch(text)
    if match is None:
        return parse_from(text, now)
    days = {"d": 1, "w": 7, "m": 30, "y": 365}[match[2]] * int(match[1])
    try:
        return now - timedelta(days=days)
    except OverflowError as exc:
        raise InvalidInput(f"{text} is too far away", reason="bad_time", fix=_START) from exc


def in_words(milliseconds: int) -> str:
    """Unix milliseconds as a date and time people read, in UTC; or that there is no such date."""
    if not is_date(milliseconds):
        return NO_DATE
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def is_date(milliseconds: int) -> bool:
    """Whether Unix milliseconds are a date in every zone; somebody else may have sent any number."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return False
    return MINYEAR < moment.year < MAXYEAR


def day_in_words(text: str) -> str:
    """The day of a FHIR date or time as people read it; a date without a day as it is."""
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"


def _span(text: str, now: datetime) -> datetime | None:
    match = _SPAN.fullmatch(text)
    if match is None:
        return None
    count, unit = int(match[1]), match[2]
    start = now.replace(microsecond=0)
    try:
        if unit in "dw":
            return start + timedelta(days=count * (7 if unit == "w" else 1))
        return _months_later(start, count * (12 if unit == "y" else 1))
    except (OverflowError, ValueError) as exc:
        raise InvalidInput(f"{text} is too far away", reason="bad_time", fix=_END) from exc


def _months_later(start: datetime, months: int) -> datetime:
    place = start.year * 12 + start.month - 1 + months
    year, month = place // 12, place % 12 + 1
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))


def _date(text: str, now: datetime) -> datetime | None:
    day = _day(text, fix=_END)
    return None if day is None else datetime.combine(day, time(23, 59, 59), tzinfo=now.tzinfo)


def _day(text: str, *, fix: str) -> date | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise InvalidInput(f"there is no day {text}", reason="bad_time", fix=fix) from exc


def _instant(text: str, *, fix: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidInput(f"{text!r} is no moment", reason="bad_time", fix=fix) from exc
    if moment.utcoffset() is None:
        raise InvalidInput(f"{text!r} has no offset", reason="bad_time", fix=fix)
    return moment.replace(microsecond=0)

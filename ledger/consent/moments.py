"""FHIR dates and times as spans of time: exact, in any year from 1 to 9999, without a clock.

A partial date covers everything from its start to the start of the next unit, in the zone that the caller
names: the zone of a document is the offset of its ``dateTime``. Instants are whole microseconds since
1970-01-01T00:00:00Z, so that no year overflows and no float rounds.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from ledger.errors import InvalidInput

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86_400 * SECOND
_CYCLE = 146_097  # days in 400 years, after which the calendar repeats
_FORM = re.compile(
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})"
    r"(T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(\.(?P<fraction>[0-9]{1,6}))?"
    r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2}))?)?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The instants from `start` up to, and not including, `end`."""

    start: int
    end: int

    def __contains__(self, instant: int) -> bool:
        return self.start <= instant < self.end

    def covers(self, other: "Span") -> bool:
        """Whether all of `other` lies within."""
        return self.start <= other.start and other.end <= self.end

    def meets(self, other: "Span") -> bool:
        """Whether any instant is in both."""
        return self.start < other.end and other.start < self.end

    def within(self, other: "Span") -> "Span":
        """What is in both; it holds no instant if there is none."""
        return Span(start=max(self.start, other.start), end=min(self.end, other.end))


ALWAYS = Span(start=-(1 << 62), end=1 << 62)


def interval(found: Span) -> str:
    """A span as an ISO 8601 interval, ``2026-01-01T00:00:00Z/..``; the end is the first instant after it."""
    return f"{_bound(found.start, ALWAYS.start)}/{_bound(found.end, ALWAYS.end)}"


def instant(at: datetime) -> int:
    """An aware datetime as microseconds since the epoch."""
    return (at - _EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def span(text: str, zone: int) -> Span:
    """What a FHIR ``date`` or ``dateTime`` covers; `zone` (minutes east of UTC) is for one without offset.

    Raises:
        InvalidInput: (``bad_date``) not that form, no such day or time, or finer than a microsecond.
    """
    match = _match(text)
    start, unit = _start(match)
    if match["offset"]:
        zone = offset_minutes(match["offset"])
    shift = zone * 60 * SECOND
    return Span(start=start - shift, end=start + unit - shift)


def zone_of(text: str) -> int:
    """Minutes east of UTC of a dateTime that has a time.

    Raises:
        InvalidInput: (``bad_date``) not a dateTime with time and offset.
    """
    offset = _match(text)["offset"]
    span(text, 0)
    if offset is None:
        raise InvalidInput("a time with its UTC offset is expected here", reason="bad_date")
    return offset_minutes(offset)


def offset_minutes(text: str) -> int:
    """Minutes east of UTC of ``Z`` or ``±hh:mm``, at most 14 hours; else InvalidInput."""
    if text == "Z":
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    total = hours * 60 + minutes
    if minutes > 59 or total > 14 * 60:
        raise InvalidInput("no such UTC offset", reason="bad_date")
    return -total if text[0] == "-" else total


def quarter_end(at: int) -> int:
    """The end of the UTC calendar quarter that holds the instant `at`; itself in the next quarter."""
    # Done in the years 401 to 801 of the 400-year cycle, because `date` ends with 9999 and offsets reach on.
    cycles, day = divmod(at // _DAY + _EPOCH_DAY, _CYCLE)
    found = date.fromordinal(day + _CYCLE)
    month = (found.month - 1) // 3 * 3 + 4
    following = date(found.year + month // 13, month % 12, 1)
    return (following.toordinal() + (cycles - 1) * _CYCLE - _EPOCH_DAY) * _DAY


def _bound(at: int, endless: int) -> str:
    if at == endless:
        return ".."
    try:
        found = _EPOCH + timedelta(microseconds=at)
    except OverflowError:  # an offset can reach beyond the years that datetime knows
        return "0000-12-31" if at < 0 else "+10000-01-01"
    return found.isoformat().replace("+00:00", "Z")


def _match(text: str) -> re.Match[str]:
    match = _FORM.fullmatch(text)
    if match is None:
        raise InvalidInput(
            "not a FHIR date or dateTime", reason="bad_date", fix="write 2026-03-31, for example"
        )
    return match


def _start(match: re.Match[str]) -> tuple[int, int]:
    """Start in local time and length, in microseconds, both before any offset."""
    year, month, day = (int(match[name] or 1) for name in ("year", "month", "day"))
    try:
        first = date(year, month, day)
    except ValueError as exc:
        raise InvalidInput("no such day", reason="bad_date") from exc
    start = (first.toordinal() - _EPOCH_DAY) * _DAY
    if match["hour"] is None:
        return start, _days(first, match) * _DAY
    hour, minute, second = (int(match[name]) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise InvalidInput("no such time of day", reason="bad_date")
    digits = match["fraction"] or ""
    within = int(digits.ljust(6, "0")) if digits else 0
    return start + ((hour * 60 + minute) * 60 + second) * SECOND + within, int(10 ** (6 - len(digits)))


def _days(first: date, match: re.Match[str]) -> int:
    if match["day"]:
        return 1
    leap = first.year % 4 == 0 and (first.year % 100 != 0 or first.year % 400 == 0)
    if match["month"]:
        return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[first.month - 1]
    return 366 if leap else 365

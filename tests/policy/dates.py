"""FHIR dates for the second evaluator: counted by hand in the Gregorian calendar, without `datetime`."""

import re

DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?(Z|[+-][0-9]{2}:[0-9]{2})")
MINUTE = 60 * 10**6
DAY = 24 * 60 * MINUTE


def extent(text: str, zone: str | None) -> tuple[int, int] | None:
    """First instant and first instant after, in microseconds since the year 1 began in UTC; None if no date.

    `zone` is the ``dateTime`` of the document, of which the offset holds for a date without time; None
    accepts only a date with time and offset.
    """
    day, _, time = text.partition("T")
    if "T" not in text:
        offset = None if zone is None else east(zone[-1] if zone.endswith("Z") else zone[-6:])
        days = units(text)
        return None if days is None or offset is None else (days[0] * DAY - offset, days[1] * DAY - offset)
    days, clock = units(day), TIME.fullmatch(time)
    if days is None or len(day) != 10 or clock is None:
        return None
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3])
    offset = east(clock[5])
    if hour > 23 or minute > 59 or second > 59 or offset is None:
        return None
    digits = clock[4] or ""
    first = days[0] * DAY + (hour * 60 + minute) * MINUTE + int(f"{second}{digits:0<6}") - offset
    return first, first + 10 ** (6 - len(digits))


def units(text: str) -> tuple[int, int] | None:
    """First day of a year, month or day, and first day after it, counted from the year 1."""
    match = DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= length(year, month):
        return None
    before = 365 * (year - 1) + (year - 1) // 4 - (year - 1) // 100 + (year - 1) // 400
    first = before + sum(length(year, earlier) for earlier in range(1, month)) + day - 1
    if match[3]:
        return first, first + 1
    months = [month] if match[2] else range(1, 13)
    return first, first + sum(length(year, each) for each in months)


def length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def east(offset: str) -> int | None:
    """Microseconds east of UTC, at most 14 hours."""
    if offset == "Z":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        return None
    return (hours * 60 + minutes) * MINUTE * (-1 if offset[0] == "-" else 1)

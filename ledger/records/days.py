"""On which day a time lies, however a device wrote it."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

_WRITTEN = re.compile(
    r"(\d{4})([-/]?)(\d\d)\2(\d\d)"
    r"(?:(?:T| +)(\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?|\d{4}(?:\d\d)?) *(Z|[+-]\d\d:?(?:\d\d)?)?)?",
    re.ASCII,
)
_COUNTED = re.compile(r"\d{9,20}(?:\.\d+)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds, milli-, micro- and nanoseconds since 1970 tell themselves apart from 1973 to 5138.
_UNITS = ((10**8, 1), (10**11, 10**3), (10**14, 10**6), (10**17, 10**9), (10**20, 0))


def day_in(time: str | float, zone: tzinfo | None = None) -> str:
    """The day of a time, ``2026-05-03``: the one that is written there.

    A text has the year first, and may have a time and an offset. Only a time that says nothing of where it
    was is moved to `zone` (else UTC): one that counts from 1970, in seconds or parts of them, or ends in Z.

    Raises:
        ValueError: no such time, or none that has a day.
    """
    text = str(time).strip()
    if _COUNTED.fullmatch(text):
        return _moment(text).astimezone(zone or UTC).date().isoformat()
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError("no time that is understood")
    year, _, month, day, clock, offset = match.groups()
    written = f"{year}-{month}-{day}"
    moment = datetime.fromisoformat(f"{written}T{clock or '00:00'}{offset or ''}".replace(",", "."))
    return moment.astimezone(zone).date().isoformat() if zone and offset == "Z" else written


def _moment(text: str) -> datetime:
    whole = int(text.partition(".")[0])
    for (least, per_second), (limit, _) in pairwise(_UNITS):
        if least <= whole < limit:
            return _EPOCH + timedelta(seconds=whole // per_second)
    raise ValueError("no count since 1970")

"""Small pieces of English for ``statement/en/1``: lists, dates, zones. Each piece keeps every difference."""

import re
from collections.abc import Sequence

from ledger.consent.codes import Tree
from ledger.consent.moments import offset_minutes

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_PARTS = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<time>\d\d:\d\d):(?P<rest>[\d.]+)(?P<zone>.+))?)?)?"
)
LINES_FROM = 4
_VISIBLE_SPACE = "\N{OPEN BOX}"


def joined(items: Sequence[str], last: str) -> str:
    """``a``, ``a and b``, ``a, b and c``, with `last` as the last joint."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def listed(lead: str, items: Sequence[str], last: str) -> list[str]:
    """A sentence ``lead: a, b and c.``, or from four items on a line for each."""
    if len(items) < LINES_FROM:
        return [f"{lead}: {joined(items, last)}."]
    return [f"{lead}:", *(f"- {item}" for item in items)]


def quoted(name: str) -> str:
    """A name, of which `check_name` holds, so that nothing in it can end the quotation."""
    return f'"{name}"'


def bracketed(identity: str) -> str:
    """An identity without a name. Its spaces are made visible, so that it is one word and never two."""
    return f"<{identity.replace(' ', _VISIBLE_SPACE)}>"


def code_words(tree: Tree, codes: Sequence[str]) -> list[str]:
    """The words of codes; one that stands for narrower codes too says so."""
    return [
        tree.words(code) + (" (and all that goes with it)" if tree.is_broad(code) else "") for code in codes
    ]


def zone_words(minutes: int) -> str:
    """``UTC``, ``UTC+02:00``."""
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def moment_words(text: str, zone: int, *, end: bool = False) -> str:
    """A FHIR date or dateTime in words: ``3 May 2026 at 10:00``, ``the end of June 2026``.

    The offset is written only where it is not the document's `zone`. In that zone, an `end` with the last
    second of a day is the end of that day, which is what it means.
    """
    match = _PARTS.fullmatch(text)
    if match is None:  # pragma: no cover -- the document was parsed
        raise ValueError(text)
    year, month, day = match["year"], match["month"], match["day"]
    if month is None:
        return f"the {'end' if end else 'start'} of the year {year}"
    name = f"{_MONTHS[int(month) - 1]} {year}"
    if day is None:
        return f"the {'end' if end else 'start'} of {name}"
    date = f"{int(day)} {name}"
    if match["time"] is None:
        return f"the end of {date}" if end else date
    own = offset_minutes(match["zone"])
    if end and own == zone and (match["time"], match["rest"]) == ("23:59", "59"):
        return f"the end of {date}"
    seconds = "" if match["rest"] == "00" else f":{match['rest']}"
    where = "" if own == zone else f" ({zone_words(own)})"
    return f"{date} at {match['time']}{seconds}{where}"


def period_words(start: str | None, end: str | None, zone: int) -> str:
    """``from … to …``, ``from … on``, ``until …``, and ``in …`` or ``on …`` for one year, month or day."""
    if start is not None and start == end and "T" not in start:
        return f"{'on' if start.count('-') == 2 else 'in'} {day_words(start)}"
    if end is None:
        return f"from {moment_words(start or '', zone)} on"
    last = moment_words(end, zone, end=True)
    return f"until {last}" if start is None else f"from {moment_words(start, zone)} to {last}"


def day_words(text: str) -> str:
    """A FHIR date without time: ``3 May 2026``, ``June 2025``, ``the year 2024``."""
    return moment_words(text, 0).removeprefix("the start of ")

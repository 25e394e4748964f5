"""Measurements of a device as records: a CSV or NDJSON file cut by day, every row byte for byte.

Each day's file has the header line of a CSV before its rows, and the rows in the order of the source; so the
rows of all days, one after the other, are the source again if that was in the order of time.
"""

import csv
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ledger.errors import InvalidInput, NotFound, StoreUnavailable
from ledger.ids import Did
from ledger.records.days import day_in
from ledger.records.filerecords import file_record
from ledger.records.header import RecordHeader
from ledger.records.prepared import Prepared
from ledger.records.rows import Row, bad_row, rows
from ledger.records.valuesets import rows_of_text

TIME_FIELDS = (
    "timestamp",
    "datetime",
    "dateandtime",
    "date",
    "time",
    "recordedat",
    "measuredat",
    "starttime",
    "startdate",
    "start",
    "effectivedatetime",
    "localtime",
    "unixtime",
    "epoch",
    "creationdate",
    "day",
)
"""Names of columns and fields that tell the time, letters and digits only; the first that is there counts."""

_MARK = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t"
_PIECE = 1 << 20


@dataclass(slots=True)
class _Day:
    """Where a day's rows are: pairs of start and end, neighbours joined."""

    places: "array[int]" = field(default_factory=lambda: array("Q"))
    size: int = 0

    def add(self, row: Row) -> None:
        if self.places and self.places[-1] == row.start:
            self.places[-1] = row.end
        else:
            self.places.extend((row.start, row.end))
        self.size += row.end - row.start


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """How rows are read: the bytes before them, what tells the time of one, and all names of fields."""

    media_type: str
    prefix: int
    names: tuple[str, ...]
    time: Callable[[bytes], str | float]


def day_records(
    path: Path,
    *,
    patient: Did,
    record_class: str,
    labels: Iterable[str] = (),
    time_field: str | None = None,
    zone: tzinfo | None = None,
) -> list[Prepared]:
    """One record for each day of a file of measurements, in the order of the days.

    `time_field` names the column, or the field (``a.b`` within ``a``); else it is the first of `TIME_FIELDS`.
    A time without an offset of its own is in `zone`, see `days.day_in`. Names of columns are labelled as
    other texts are. The file is read twice; memory grows with the number of times that the day changes.

    Raises:
        InvalidInput: ``no_time_field``, ``no_rows``, or ``bad_row`` with the number of its ``line``.
        UnknownCode: a class or label that no code table has.
        NotFound: no such file.
        StoreUnavailable: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            table = _table(file, path, time_field)
            found = _days(file, table, zone)
    except FileNotFoundError as exc:
        raise NotFound(f"there is no file {path}", reason="file_missing", fix="Check its name.") from exc
    except OSError as exc:
        raise StoreUnavailable(f"{path} cannot be read: {exc.strerror}", reason="file_not_read") from exc
    if not found:
        raise InvalidInput(f"{path.name} has no rows", reason="no_rows")
    told = {label for name in table.names for row in rows_of_text(_spaced(name)) for label in row.labels}
    whole = file_record(
        path,
        patient=patient,
        record_class=record_class,
        media_type=table.media_type,
        labels={*labels, *told},
    )
    return [_record(path, whole, table.prefix, day, found[day]) for day in sorted(found)]


def _record(path: Path, whole: RecordHeader, prefix: int, day: str, found: _Day) -> Prepared:
    header = replace(whole, date=day, name=f"{path.stem}.{day}{path.suffix}", size=prefix + found.size)
    return Prepared(header=header, sources=(path,), plaintext=partial(_pieces, path, prefix, found.places))


def _days(file: BinaryIO, table: _Table, zone: tzinfo | None) -> dict[str, _Day]:
    found: dict[str, _Day] = {}
    for row in rows(file, quoted=table.prefix > 0):
        if row.end <= table.prefix:
            continue
        try:
            day = day_in(table.time(row.raw), zone)
        except (ValueError, OverflowError) as exc:
            raise bad_row(row.line, "it has no time that is understood") from exc
        found.setdefault(day, _Day()).add(row)
    return found


def _pieces(path: Path, prefix: int, places: "array[int]") -> Iterator[bytes]:
    """The bytes before the rows, then those of the places; too few if the file has become shorter."""
    try:
        with path.open("rb") as file:
            for start, end in ((0, prefix), *zip(places[::2], places[1::2], strict=True)):
                file.seek(start)
                while start < end and (piece := file.read(min(_PIECE, end - start))):
                    start += len(piece)
                    yield piece
    except OSError as exc:
        raise StoreUnavailable(f"{path} cannot be read: {exc.strerror}", reason="file_not_read") from exc


def _table(file: BinaryIO, path: Path, wanted: str | None) -> _Table:
    first = next(rows(file, quoted=False), None)
    if first is None or not (text := _text(first.raw).strip()):
        raise InvalidInput(f"{path.name} has no rows", reason="no_rows")
    try:
        return _lines(first, path, wanted) if text.startswith("{") else _columns(file, path, wanted)
    except ValueError as exc:
        raise bad_row(first.line, "it cannot be read") from exc


def _lines(first: Row, path: Path, wanted: str | None) -> _Table:
    names = tuple(_object(first.raw))
    steps = wanted.split(".") if wanted and wanted not in names else [_time_field(names, wanted, path)]
    return _Table(media_type="application/x-ndjson", prefix=0, names=names, time=partial(_field_of, steps))


def _columns(file: BinaryIO, path: Path, wanted: str | None) -> _Table:
    head = next(rows(file, quoted=True))
    mark = max(_DELIMITERS, key=lambda one: len(_cells(head.raw, one)))
    names = tuple(name.strip() for name in _cells(head.raw, mark))
    place = names.index(_time_field(names, wanted, path))
    return _Table(
        media_type="text/tab-separated-values" if mark == "\t" else "text/csv",
        prefix=head.end,
        names=names,
        time=partial(_cell_of, mark, place, len(names)),
    )


def _time_field(names: tuple[str, ...], wanted: str | None, path: Path) -> str:
    plain = {_plain(name): name for name in reversed(names)}
    found = wanted if wanted in names else None
    if wanted is None:
        found = next((plain[one] for one in TIME_FIELDS if one in plain), None)
    if found is None:
        raise InvalidInput(
            f"{path.name} has no column or field {wanted!r}"
            if wanted
            else f"which column or field of {path.name} tells the time is not plain",
            reason="no_time_field",
            fix="Name it as the file has it: --time-field NAME",
        )
    return found


def _field_of(steps: list[str], raw: bytes) -> str | float:
    value: object = _object(raw)
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("no time")  # noqa: TRY004 - the value is at fault, not the caller
    return value


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw.removeprefix(_MARK).strip(), type=dict[str, Any])
    except msgspec.DecodeError as exc:
        raise ValueError("no JSON object") from exc


def _cell_of(mark: str, place: int, width: int, raw: bytes) -> str:
    cells = _cells(raw, mark)
    if len(cells) != width:
        raise ValueError("more or fewer cells than columns")
    return cells[place]


def _cells(raw: bytes, mark: str) -> list[str]:
    text = _text(raw).strip("\r\n")
    if '"' not in text and "\r" not in text:
        return text.split(mark)
    try:
        return next(csv.reader([text], delimiter=mark), [])
    except csv.Error as exc:
        raise ValueError("no row of CSV") from exc


def _text(raw: bytes) -> str:
    return raw.removeprefix(_MARK).decode("utf-8", "replace")


def _plain(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")

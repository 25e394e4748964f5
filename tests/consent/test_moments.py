"""Dates and times as spans: exact at every edge, in every zone, in every year."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.consent.moments import SECOND, Span, instant, quarter_end, span, zone_of
from ledger.errors import InvalidInput


def utc(*parts: int) -> int:
    return instant(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024", utc(2024, 1, 1), utc(2025, 1, 1)),
        ("2024-02", utc(2024, 2, 1), utc(2024, 3, 1)),
        ("2023-02", utc(2023, 2, 1), utc(2023, 3, 1)),
        ("1900-02", utc(1900, 2, 1), utc(1900, 3, 1)),
        ("2024-12-31", utc(2024, 12, 31), utc(2025, 1, 1)),
        ("2024-12-31T23:59:59Z", utc(2024, 12, 31, 23, 59, 59), utc(2025, 1, 1)),
        (
            "2024-12-31T23:59:59.5Z",
            utc(2024, 12, 31, 23, 59, 59, 500_000),
            utc(2024, 12, 31, 23, 59, 59, 600_000),
        ),
        ("2024-06-01T00:00:00+05:30", utc(2024, 5, 31, 18, 30), utc(2024, 5, 31, 18, 30, 1)),
    ],
)
def test_what_a_date_covers_in_utc(text: str, start: int, end: int) -> None:
    assert span(text, 0) == Span(start=start, end=end)


def test_a_partial_date_is_read_in_the_zone_given() -> None:
    assert span("2024", 120).start == utc(2023, 12, 31, 22)
    assert span("2024", -300).end == utc(2025, 1, 1, 5)
    assert span("2024-06-01T00:00:00Z", 120).start == utc(2024, 6, 1)


def test_the_first_and_the_last_year_do_not_overflow() -> None:
    assert span("0001", 14 * 60).start < span("0001", -14 * 60).start
    assert span("9999", -14 * 60).end - span("9999", 0).end == 14 * 3600 * SECOND


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-840, 840))  # noqa: DTZ001
def test_instants_are_those_of_datetime(at: datetime, zone: int) -> None:
    aware = at.replace(tzinfo=timezone(timedelta(minutes=zone)))
    found = span(aware.isoformat(timespec="microseconds"), 0)
    assert found == Span(start=instant(aware), end=instant(aware) + 1)
    assert zone_of(aware.isoformat(timespec="seconds")) == zone


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "2024-1",
        "2024-13",
        "2024-02-30",
        "2023-02-29",
        "0000",
        "20240101",
        "2024-01-01T00:00",
        "2024-01-01T00:00:00",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-06-30T23:59:60Z",
        "2024-01-01T00:00:00z",
        "2024-01-01T00:00:00+14:01",
        "2024-01-01T00:00:00+0100",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.1234567Z",
        "٢٠٢٤",
        "+2024",
        "10000",
        "2024\n",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        span(text, 0)
    assert refused.value.reason == "bad_date"


@pytest.mark.parametrize("text", ["2024", "2024-01-01", "nonsense", "2024-02-30T00:00:00Z"])
def test_a_zone_needs_a_time_with_offset(text: str) -> None:
    with pytest.raises(InvalidInput):
        zone_of(text)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)))  # noqa: DTZ001
def test_the_end_of_a_quarter(at: datetime) -> None:
    aware = at.replace(tzinfo=UTC)
    end = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=quarter_end(instant(aware)))
    assert aware < end <= aware + timedelta(days=92)
    assert end.month in (1, 4, 7, 10)
    assert (end.day, end.hour, end.minute, end.second, end.microsecond) == (1, 0, 0, 0, 0)


def test_the_end_of_the_last_quarter_there_is() -> None:
    assert quarter_end(span("9999-12-31", -14 * 60).end - 1) == utc(9999, 10, 1) + 183 * 86_400 * SECOND

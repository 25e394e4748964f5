"""Moments as people type them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cli.times import day_in_words, in_words, parse_from, parse_until
from ledger.errors import InvalidInput

ZONE = timezone(timedelta(hours=1))
NOW = datetime(2026, 1, 31, 12, 30, 15, 999, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90d", "2026-05-01T12:30:15+01:00"),
        ("2w", "2026-02-14T12:30:15+01:00"),
        ("1m", "2026-02-28T12:30:15+01:00"),
        ("11m", "2026-12-31T12:30:15+01:00"),
        ("25m", "2028-02-29T12:30:15+01:00"),
        ("1y", "2027-01-31T12:30:15+01:00"),
        ("2026-01-31", "2026-01-31T23:59:59+01:00"),
        ("2027-03-31", "2027-03-31T23:59:59+01:00"),
        ("2027-03-31T10:00:00Z", "2027-03-31T10:00:00+00:00"),
    ],
)
def test_an_end_that_people_type(text: str, meant: str) -> None:
    assert parse_until(text, NOW).isoformat() == meant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-01-30", "until_past"),
        ("2026-01-31T11:30:15Z", "until_past"),
        ("0d", "bad_time"),
        ("-3d", "bad_time"),
        ("99999y", "bad_time"),
        ("2026-02-30", "bad_time"),
        ("2027-03-31T10:00:00", "bad_time"),
        ("soon", "bad_time"),
        ("", "bad_time"),
    ],
)
def test_an_end_that_is_none(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_until(text, NOW)
    assert caught.value.reason == reason
    assert caught.value.fix


def test_the_option_that_was_over_is_the_one_to_mend() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_until("2020-01-01", NOW, option="--expires")
    assert caught.value.fix == "Give a later --expires."


def test_a_start_is_the_first_second_of_its_day() -> None:
    assert parse_from("2026-02-01", NOW).isoformat() == "2026-02-01T00:00:00+01:00"
    assert parse_from("2026-02-01T08:00:00+02:00", NOW) == datetime(2026, 2, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2027", "90d", "2026-02-30", "2027-03-31T10:00:00", "garbage", ""])
def test_a_start_that_is_none_is_not_told_of_spans(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_from(text, NOW)
    assert caught.value.reason == "bad_time"
    assert "90d" not in caught.value.fix
    assert "2027-03-31T09:00:00+01:00" in caught.value.fix


def test_times_are_read_in_words() -> None:
    assert in_words(1_767_225_600_000) == "1 January 2026, 00:00 UTC"


@pytest.mark.parametrize("milliseconds", [253_402_300_799_000, 10**15, 10**20, 10**400, -(10**15)])
def test_a_number_that_is_no_date_is_said_to_be_none(milliseconds: int) -> None:
    assert in_words(milliseconds) == "a date that cannot be shown"


def test_days_are_read_in_words_and_partial_dates_as_they_are() -> None:
    assert day_in_words("2027-03-31T10:00:00+02:00") == "31 March 2027"
    assert day_in_words("2027-03") == "2027-03"

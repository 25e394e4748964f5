"""The day of a time is the one that is written; only a time of nowhere is moved to a zone."""

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from ledger.records.days import day_in

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-05-03", "2026-05-03"),
        ("20260503", "2026-05-03"),
        ("2026/05/03 23:59", "2026-05-03"),
        (" 2026-05-03T23:59:59.999999999 ", "2026-05-03"),
        ("2026-05-03T23:30:00Z", "2026-05-03"),
        ("2026-05-03 00:30:00 +0200", "2026-05-03"),
        ("2026-05-03T23:30:00-08:00", "2026-05-03"),
        ("20260503T081500Z", "2026-05-03"),
        ("2026-05-03 08:15:00,5+02", "2026-05-03"),
        ("1777807800", "2026-05-03"),
        (1777807800, "2026-05-03"),
        (1777807800.25, "2026-05-03"),
        (1777807800123, "2026-05-03"),
        ("1777807800123456", "2026-05-03"),
        (1777807800123456789, "2026-05-03"),
    ],
)
def test_every_common_form_has_its_day(time: str | float, day: str) -> None:
    assert day_in(time) == day


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-05-03T22:30:00Z", "2026-05-04"),
        (1777847400, "2026-05-04"),
        ("2026-05-03T22:30:00", "2026-05-03"),
        ("2026-05-03T22:30:00-01:00", "2026-05-03"),
        ("2026-05-03T22:30:00+00:00", "2026-05-03"),
    ],
)
def test_a_zone_is_for_times_that_have_none(time: str | float, day: str) -> None:
    assert day_in(time, BERLIN) == day
    assert day_in("2026-05-03T00:30:00Z", timezone(timedelta(hours=-1))) == "2026-05-02"


@pytest.mark.parametrize(
    "time",
    [
        "",
        "soon",
        "05/03/2026",
        "3.5.2026",
        "2026-02-30",
        "2026-05-03T25:00",
        "2026-0503",
        "12.5",
        1.5,
        12345678,
        10**20,
        "\u0662026-05-03",
        float("nan"),
    ],
)
def test_what_is_no_time_or_could_be_read_in_two_ways_is_refused(time: str | float) -> None:
    with pytest.raises(ValueError, match=r"."):
        day_in(time)

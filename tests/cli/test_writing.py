"""A wearable that adds measurements through the commands, and cannot read them back."""

from pathlib import Path

import pytest

from tests.cli.support import Town

PULSE = """time,pulse
2026-05-03T08:00:00Z,61
2026-05-03T20:00:00Z,64
2026-05-04T08:00:00Z,59
"""
FOR_DEVICE = ("--for", "device", "--class", "vitals")


@pytest.fixture(scope="module")
def watch(town: Town) -> str:
    """A wearable in the directory; its did."""
    return town.admitted("watch", "Pulse Watch")


@pytest.fixture
def pulse(tmp_path: Path) -> Path:
    path = tmp_path / "pulse.csv"
    path.write_text(PULSE)
    return path


def add(town: Town, file: Path, *more: str) -> tuple[str | Path, ...]:
    return ("-p", "watch", "record", "add", file, "--by-day", "--patient", *more)


def test_a_wearable_adds_what_a_doctor_reads_and_it_cannot(
    town: Town, watch: str, pulse: Path, tmp_path: Path
) -> None:
    town.newcomer("wilma")
    town.introduced("wilma", "watch", "clinic")
    town.ok("-p", "wilma", "patient", "enrol")
    wanted = ("--purpose", "TREAT", "--class", "vitals", "--action", "collect")
    asked = town.ok("-p", "watch", "request", "send", "wilma", *wanted)
    shown = town.run("-p", "wilma", "request", "show", asked["request"])
    assert "Pulse Watch asks to add to: vitals" in shown.out
    given = town.ok("-p", "wilma", "grant", "--to", "Pulse Watch", *FOR_DEVICE, "--yes", "--wait", "seen")
    assert "add new records to yours" in given["statement"]
    town.ok("-p", "wilma", "grant", "--to", "City Hospital", "--for", "care", "--yes", "--wait", "seen")

    added = town.ok(*add(town, pulse, "wilma"))
    assert [(one["record_class"], one["date"], one["waiting"]) for one in added["records"]] == [
        ("vitals", "2026-05-03", True),
        ("vitals", "2026-05-04", True),
    ]
    roots = {one["root"] for one in added["records"]}
    assert added["by_writer"]
    assert town.failed(11, "-p", "watch", "read", "wilma", "--purpose", "TREAT")["reason"] == "no_consent"
    before = town.ok("-p", "clinic", "read", "wilma", "--purpose", "TREAT")
    assert (set(before["waiting"]), before["files"]) == (roots, [])

    listed = town.ok("-p", "wilma", "record", "list")["records"]
    assert {(one["root"], one["writer"]["name"]) for one in listed} == {
        (root, "Pulse Watch") for root in roots
    }
    assert not any({"waiting", "unasked", "suspended"} & one.keys() for one in listed)
    read = town.ok("-p", "clinic", "read", "wilma", "--purpose", "TREAT", "--to", tmp_path / "out")
    assert [(one["writer"]["did"], set(one["records"])) for one in read["writers"]] == [(watch, roots)]
    days = [Path(one["path"]).read_text().splitlines() for one in read["files"]]
    assert sorted(line for day in days for line in day[1:]) == sorted(PULSE.splitlines()[1:])

    told = town.run("-p", "clinic", "read", "wilma", "--purpose", "TREAT").out
    assert "2 records written by Pulse Watch" in told

    again = town.ok(*add(town, pulse, "wilma"))
    assert not any("waiting" in one for one in again["records"])
    talk = town.run(*add(town, pulse, "wilma"))
    assert "You cannot read them back. 2 records filed." in talk.out
    text = town.run("-p", "wilma", "record", "list").out
    assert "Written by others:" in text
    assert "NOT ASKED FOR" not in text

    town.ok("-p", "wilma", "revoke", given["consent"], "--yes")
    assert town.failed(11, *add(town, pulse, "wilma"))["reason"] == "no_consent"
    assert len(town.ok("-p", "wilma", "record", "list")["records"]) == 6
    history = town.run("-p", "wilma", "patient", "history").out
    assert "asked to add: allowed" in history
    report = town.ok("-p", "auditor", "audit", "verify")
    assert report["ok"]


def test_whoever_is_left_after_a_stop_reads_at_once_what_a_device_adds(
    town: Town, watch: str, pulse: Path, tmp_path: Path
) -> None:
    town.newcomer("wendy")
    town.introduced("wendy", "watch", "clinic", "insurer")
    town.ok("-p", "wendy", "patient", "enrol")
    town.ok("-p", "wendy", "grant", "--to", "Pulse Watch", *FOR_DEVICE, "--yes", "--wait", "seen")
    assert all(one["waiting"] for one in town.ok(*add(town, pulse, "wendy"))["records"])
    sharing = ("grant", "--for", "care", "--yes", "--wait", "seen", "--to")
    town.ok("-p", "wendy", *sharing, "City Hospital")
    stopping = town.ok("-p", "wendy", *sharing, "Old Insurance")
    town.ok("-p", "wendy", "revoke", stopping["consent"], "--yes")
    later = tmp_path / "later.csv"
    later.write_text("time,pulse\n2026-06-01T08:00:00Z,70\n")
    (new,) = town.ok(*add(town, later, "wendy"))["records"]
    read = town.ok("-p", "clinic", "read", "wendy", "--purpose", "TREAT", "--to", tmp_path)
    assert (read["waiting"], "waiting" in new) == ([], False)
    assert new["root"] in {one["root"] for one in read["files"]}


def test_nobody_learns_by_writing_who_is_a_patient(town: Town, watch: str, pulse: Path) -> None:
    town.newcomer("wanda")
    town.introduced("wanda", "watch")
    town.ok("-p", "wanda", "patient", "enrol")
    nobody = town.newcomer("walter")
    enrolled, stranger = (town.failed(11, *add(town, pulse, one)) for one in ("wanda", nobody))
    assert enrolled == stranger


def test_who_is_not_in_the_directory_adds_to_nobody(town: Town, pulse: Path) -> None:
    did = town.newcomer("wim")
    error = town.failed(11, "-p", "alice", "record", "add", pulse, "--by-day", "--patient", did)
    assert error["code"] == "not_admitted"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--purpose", "TREAT"], "purpose_of_own"),
        (["--patient", "City Hospital"], "unknown_person"),
        (["--patient", "wilbur"], "unknown_person"),
        (["--patient", "self"], "own_patient"),
        (["--patient", "stranger", "--purpose", "FUN"], "unknown_purpose"),
    ],
)
def test_for_whom_and_what_for_must_be_clear(
    town: Town, watch: str, pulse: Path, options: list[str], reason: str
) -> None:
    people = {"self": watch, "stranger": watch[:-40] + "f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"}
    given = [people.get(option, option) for option in options]
    error = town.failed(2, "-p", "watch", "record", "add", pulse, "--by-day", *given)
    assert error["reason"] == reason


def test_a_dry_run_for_a_patient_asks_nobody(town: Town, watch: str, pulse: Path) -> None:
    stranger = watch[:-40] + "f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    planned = town.ok(*add(town, pulse, stranger, "--dry-run"))
    assert planned["patient"] == stranger
    assert len(planned["records"]) == 2

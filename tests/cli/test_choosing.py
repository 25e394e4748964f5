"""Choosing records and everyday cases on the command line: what is meant is built, the rest refused."""

from typing import Any

import pytest

from tests.cli.support import Town

CARE = ("--to", "City Hospital", "--for", "care")


def drafted(town: Town, *options: str) -> dict[str, Any]:
    return town.ok("-p", "alice", "grant", *options, "--dry-run")


def opened(shown: dict[str, Any]) -> set[str]:
    return set(shown["effects"][0]["after"])


def records(town: Town) -> list[dict[str, Any]]:
    found = town.ok("-p", "alice", "record", "list")["records"]
    assert isinstance(found, list)
    return found


def the(town: Town, **wanted: object) -> dict[str, Any]:
    """The one record with these values."""
    (found,) = [one for one in records(town) if wanted.items() <= one.items()]
    return found


def test_a_dry_run_as_data_has_the_text_who_could_see_what_and_the_document(town: Town) -> None:
    shown = drafted(town, *CARE, "--class", "labs", "--class", "vitals")
    assert shown["schema"] == "consent-ledger/cli/draft-shown/1"
    assert shown["statement"].startswith("YES, share: ")
    assert shown["document"]["resourceType"] == "Consent"
    (effect,) = shown["effects"]
    assert effect["person"]["name"] == "City Hospital"
    assert opened(shown) == {
        one["root"] for one in records(town) if one["record_class"] in ("labs", "vitals")
    }
    assert shown["records"] == len(records(town))


@pytest.mark.parametrize(
    ("case", "more", "purpose", "actions", "said"),
    [
        ("care", (), "TREAT", ["access"], "What for: treating you"),
        ("research", (), "HRESCH", ["access"], "What for: health research"),
        ("emergency", (), "ETREAT", ["access"], "They must first state that it is an emergency."),
        (
            "visit",
            ("--visit", "2024-09-02"),
            "TREAT",
            ["access", "collect"],
            "your visit of 2 September 2024",
        ),
        ("device", ("--class", "vitals"), "TREAT", ["collect"], "They may not look at your records"),
    ],
)
def test_an_everyday_case_is_said_in_a_word(
    town: Town, case: str, more: tuple[str, ...], purpose: str, actions: list[str], said: str
) -> None:
    shown = drafted(town, "--to", "City Hospital", "--for", case, *more)
    provision = shown["document"]["provision"]
    assert [entry["code"] for entry in provision["purpose"]] == [purpose]
    assert [entry["coding"][0]["code"] for entry in provision["action"]] == actions
    assert said in shown["statement"]
    assert ("end" in provision["period"]) == (case == "visit")


def test_one_visit_opens_what_belongs_to_it(town: Town) -> None:
    of_the_day = {one["root"] for one in records(town) if one.get("date") == "2024-09-02"}
    shown = drafted(town, *CARE, "--visit", "2024-09-02")
    assert opened(shown)
    encounter = the(town, record_class="encounters", date="2024-09-02")["root"]
    assert encounter in opened(shown)
    assert opened(drafted(town, *CARE, "--visit", encounter)) == opened(shown)
    assert opened(drafted(town, *CARE, "--visit", encounter[:16])) == opened(shown)
    closed = opened(drafted(town, *CARE, "--except", "visit=2024-09-02"))
    assert closed
    assert not closed & opened(shown)
    assert of_the_day & opened(shown)


def test_one_record_opens_alone_however_many_it_holds(town: Town) -> None:
    for wanted in ({"record_class": "labs", "date": "2024-09-02"}, {"record_class": "directory"}):
        held = next(one for one in records(town) if wanted.items() <= one.items())
        assert held["resources"] > 1
        shown = drafted(town, *CARE, "--record", held["root"])
        assert opened(shown) == {held["root"]}
        assert "Records are kept in small groups" not in shown["statement"]


def test_one_file_opens_alone_by_its_name(town: Town) -> None:
    town.newcomer("fay")
    for name in ("knee.txt", "foot.txt"):
        (town.home / name).write_text(name)
        town.ok("-p", "fay", "record", "add", town.home / name, "--class", "imaging")
    shown = town.ok("-p", "fay", "grant", *CARE, "--record", "knee.txt", "--yes", "--wait", "seen")
    files = {one["name"]: one["root"] for one in town.ok("-p", "fay", "record", "list")["records"]}
    assert opened(shown) == {files["knee.txt"]}
    assert 'the record "knee.txt"' in shown["statement"]
    town.introduced("fay", "clinic")
    read = town.ok("-p", "clinic", "read", "fay", "--purpose", "TREAT")
    assert [file["name"] for file in read["files"]] == ["knee.txt"]
    but = town.ok("-p", "fay", "grant", *CARE, "--except", "record=knee.txt", "--dry-run")
    assert opened(but) == {files["foot.txt"]}


def test_dates_and_authors_choose(town: Town) -> None:
    dated = {one["root"] for one in records(town) if str(one.get("date", "")).startswith("2024-03")}
    assert dated
    assert opened(drafted(town, *CARE, "--dated", "2024-03")) == dated
    assert opened(drafted(town, *CARE, "--dated", "2024-03..2024-03-31")) == dated
    assert not opened(drafted(town, *CARE, "--dated", "..2009"))
    author = "Practitioner/5d0c3a02-7b1e-4f6a-8c2d-90e1f2a3b402"
    shown = drafted(town, *CARE, "--written-by", author, "--name", f"{author}=Dr. Brook")
    assert 'what was written by "Dr. Brook"' in shown["statement"]
    assert opened(shown)
    by_account = drafted(town, *CARE, "--written-by", "City Hospital")
    assert 'what was written by "City Hospital"' in by_account["statement"]


def test_a_code_and_a_mark_choose(town: Town) -> None:
    code = "http://loinc.org|4548-4"
    shown = drafted(town, *CARE, "--code", code, "--name", f"{code}=Blood sugar", "--mark", "N")
    assert 'Only records about: "Blood sugar".' in shown["statement"]
    assert "Privacy level: normal, or less private." in shown["statement"]


def test_exceptions_are_of_the_form_of_what_is_chosen(town: Town) -> None:
    excepted = ("PSY", "notes", "class=billing", "mark=HIV", "dated=..2009", "written-by=City Hospital")
    options = [option for text in excepted for option in ("--except", text)]
    provision = drafted(town, *CARE, *options)["document"]["provision"]
    kinds = [sorted(inner.keys() - {"type"}) for inner in provision["provision"]]
    assert kinds == [["securityLabel"], ["class"], ["data"], ["dataPeriod"]]
    assert [len(inner[kind[0]]) for inner, kind in zip(provision["provision"], kinds, strict=True)][:2] == [
        2,
        2,
    ]


def test_a_refusal_is_about_every_action_and_may_be_for_everybody(town: Town) -> None:
    shown = drafted(town, "--deny", "--for", "research")
    assert set(shown["document"]["provision"]) == {"type", "period", "purpose"}
    assert "You do not let anyone see any of your records." in shown["statement"]
    one = drafted(town, "--to", "Old Insurance", "--deny", "--action", "use")
    assert "What they may not do: use them in their work." in one["statement"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([*CARE, "--purpose", "TREAT"], "for_and_purpose"),
        ([*CARE, "--action", "use"], "for_and_purpose"),
        (["--to", "City Hospital", "--for", "visit"], "visit_required"),
        (["--to", "City Hospital", "--for", "device"], "class_required"),
        (["--for", "device", "--class", "vitals", "--deny"], "for_and_deny"),
        (["--for", "care"], "grantee_required"),
        (["--to", "City Hospital", "--deny", "--except", "notes"], "deny_with_exceptions"),
        ([*CARE, "--visit", "2020-01-01"], "unknown_visit"),
        ([*CARE, "--visit", "someday"], "unknown_visit"),
        ([*CARE, "--record", "nothing.pdf"], "unknown_record"),
        ([*CARE, "--record", "Observation/5d0c3a10-7b1e-4f6a-8c2d-90e1f2a3b410"], "kept_together"),
        ([*CARE, "--written-by", "Dr. Nobody"], "unknown_author"),
        ([*CARE, "--visit", "2024-09-02", "--written-by", "City Hospital"], "selection_mixed"),
        ([*CARE, "--dated", "2024", "--dated", "2025"], "dates_twice"),
        ([*CARE, "--dated", ".."], "dates_required"),
        ([*CARE, "--dated", "yesterday"], "bad_date"),
        ([*CARE, "--until", ""], "bad_time"),
        ([*CARE, "--from", ""], "bad_time"),
        ([*CARE, "--dated", "2025..2024-12"], "dates_reversed"),
        ([*CARE, "--except", "dated=2025..2024"], "dates_reversed"),
        ([*CARE, "--except", "nonsense"], "bad_exception"),
        (["--to", "City Hospital"], "purpose_required"),
        ([*CARE, "--code", "4548-4"], "bad_code"),
        ([*CARE, "--except", "colour=red"], "bad_exception"),
        ([*CARE, "--except", "dated="], "bad_exception"),
        ([*CARE, "--name", "Encounter/7"], "bad_name_option"),
        ([*CARE, "--name", "Encounter/7=my visit"], "name_unused"),
        ([*CARE, "--document", "consent.json"], "document_and_options"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_fix(town: Town, options: list[str], reason: str) -> None:
    error = town.failed(2, "-p", "alice", "grant", *options, "--yes")
    assert error["reason"] == reason
    assert error["fix"]

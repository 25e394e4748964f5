"""The whole procedure over a clean log, and what a report says."""

import json

from ledger.audit import Row, Step
from ledger.audit.report import SCHEMA
from ledger.errors import ProofInvalid
from tests.audit.acts import KEY, NOW, ORIGIN, TIP, decided, did, filed, recorded, root
from tests.audit.findings import caught, passed
from tests.audit.world import ListSource, World


def test_a_clean_log_gives_no_finding(world: World) -> None:
    report = world.audit()
    passed(report)
    assert (report.origin, report.size, report.number) == (ORIGIN, len(world.lines), TIP)


def test_every_step_says_how_much_it_checked(world: World) -> None:
    report = world.audit()
    checked = {str(result.step): result.checked for result in report.steps}
    size = len(world.lines)
    assert checked == {
        "CHECKPOINT": 3,  # the note, the sender, the opening entry
        "TREE": size,
        "ANCHOR": 3,
        "ENTRY": size,
        "TIME": size,
        "CONSENT": 5,  # three filings, two permits with one basis each
        "REPLAY": 14,  # eleven decisions, three publications
        "RELEASE": 3,  # one release, two stops
        "COMPLETE": size,
        "FINAL": 20,
    }
    assert [result.step for result in report.steps] == list(Step)


def test_what_is_not_final_is_said_and_is_no_failure(world: World) -> None:
    final = world.audit().result(Step.FINAL)
    assert final.could_not == {"anchored in a block that is not final yet": 2, "not anchored yet": 1}
    assert final.unchecked == 3
    assert final.ok


def test_a_permit_on_a_recording_that_is_not_final_is_said(world: World) -> None:
    assert world.audit().notes == ()
    late = world.add("late", filed("ann", "clinic", "late", 46))
    world.events.append(recorded(late, 72))
    both = [root("labs"), root("psych")]
    permit = decided(
        "ann", "clinic", 74, "PERMIT", permitted=both, basis=[late["consent"]], obligations=["keep-labels"]
    )
    world.add("late permit", permit)
    report = world.audit()
    passed(report)
    assert report.notes == ("Consents that permits rest on and whose recording is not final yet: 1.",)


def test_the_report_is_plain_data(world: World) -> None:
    world.entry("permit")["outcome"] = "DENY"
    shown = json.loads(json.dumps(world.audit().to_json()))
    assert shown["schema"] == SCHEMA == "consent-ledger/audit-report/1"
    assert (shown["ok"], shown["exit_code"], shown["log"]["size"]) == (False, 19, len(world.lines))
    assert shown["at"] == int(NOW.timestamp() * 1000)
    assert [step["step"] for step in shown["steps"]] == [str(step) for step in Step]
    assert {"step", "index", "expected", "found", "meaning"} == shown["findings"][0].keys()
    assert json.loads(json.dumps(World().audit().to_json()))["ok"] is False


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    assert {step: step.exit_code for step in list(Step)[:-1]} == {
        step: 13 + place for place, step in enumerate(list(Step)[:-1])
    }
    assert Step.CHECKPOINT.exit_code == 13
    assert Step.COMPLETE.exit_code == 21


def test_the_first_failing_step_gives_the_exit_code(world: World) -> None:
    world.entry("permit")["outcome"] = "DENY"
    world.entry("stop")["signature"] = world.entry("release")["signature"]
    report = world.audit()
    caught(report, Step.RELEASE, first=False)
    assert report.exit_code == Step.REPLAY.exit_code


def test_progress_ends_with_all_entries(world: World) -> None:
    seen: list[tuple[int, int]] = []
    world.audit(progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(world.lines), len(world.lines))


def test_reports_name_no_patient(world: World) -> None:
    """Findings of every step, and no did of a patient in them."""
    world.entry("filed")["filing"]["statement"] += "."
    world.entry("labs")["signature"] = world.entry("bob")["signature"]
    world.entry("release")["subject"] = did("lab")
    world.lines[world.names["bob"]].tag = world.lines[1].tag
    text = json.dumps(world.audit().to_json())
    for name in ("ann", "bob", "zoe"):
        assert did(name) not in text
        assert did(name).rpartition(":")[2] not in text


def test_rows_and_entries_are_not_shown_in_representations(world: World) -> None:
    row = world.rows()[1]
    assert "did:pkh" not in repr(row)
    assert "salt" not in repr(row)


def test_an_empty_log_is_verified_as_far_as_it_goes() -> None:
    report = World().audit()
    caught(report, Step.CHECKPOINT)
    assert report.size == 0


def test_a_gateway_that_cannot_sign_for_its_log_is_a_finding(world: World) -> None:
    class Damaged(ListSource):
        def checkpoint(self) -> str:
            raise ProofInvalid("entries are missing at the end of the log", reason="log_truncated")

    source = world.source()
    report = world.audit(Damaged(note=source.note, rows=source.rows))
    caught(report, Step.CHECKPOINT)
    assert report.size is None


def test_findings_of_one_step_are_kept_up_to_a_thousand_and_counted_beyond() -> None:
    world = World()
    for number in range(1200):
        world.add(str(number), {"kind": "unknown"})
    source = world.source()
    report = world.audit(source)
    assert report.result(Step.ENTRY).findings == 1200
    assert sum(finding.step is Step.ENTRY for finding in report.findings) == 1000


def test_a_log_of_several_pages_is_read_page_by_page() -> None:
    asked: list[tuple[int, int]] = []

    class Paged(ListSource):
        def entries(self, start: int, end: int) -> list[Row]:
            asked.append((start, end))
            return self.rows[start : min(end, start + 100)]

    world = World()
    for number in range(1100):
        world.add(str(number), {"kind": "unknown", "number": number})
    source = world.source()
    report = world.audit(Paged(note=source.note, rows=source.rows))
    assert report.result(Step.TREE).findings == report.result(Step.COMPLETE).findings == 0
    assert report.result(Step.COMPLETE).checked == 1100
    assert all(end - start <= 512 for start, end in asked)
    assert KEY.origin == report.origin

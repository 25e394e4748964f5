"""Attacks on a log after it was signed: what the gateway, its database or an export shows is not that log.

CHECKPOINT, TREE, ANCHOR, ENTRY and COMPLETE. Each is named by what was done to the log.
"""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.audit import Step
from ledger.chain.events import Anchored
from ledger.log.checkpoint import LogKey, origin_of
from tests.audit.acts import CHAIN_ID, DEPLOYMENT, KEY, ORIGIN, account, admitted, did, entry, place
from tests.audit.findings import caught, only, passed
from tests.audit.story import story
from tests.audit.world import World

CLEAN = story()
ROWS = range(len(CLEAN.lines))
OTHER_KEY = LogKey(ORIGIN, b"o" * 32)


def flipped(data: bytes, bit: int) -> bytes:
    place_of, mask = divmod(bit % (8 * len(data)), 8)
    return data[:place_of] + bytes([data[place_of] ^ (1 << mask)]) + data[place_of + 1 :]


class TestCheckpoint:
    def test_a_note_by_another_key(self, world: World) -> None:
        world.key = OTHER_KEY
        world.entry("opened")["log_key"] = KEY.verifier
        only(world.audit(), Step.CHECKPOINT)

    def test_a_note_of_another_origin(self, world: World) -> None:
        world.key = LogKey(f"{ORIGIN}/fork", b"o" * 32)
        only(world.audit(), Step.CHECKPOINT)

    @pytest.mark.parametrize("line", range(5))
    def test_any_line_of_the_note_changed(self, world: World, line: int) -> None:
        source = world.source()
        lines = source.note.split("\n")
        lines[line] = lines[line][:-1] + ("1" if lines[line][-1:] != "1" else "2")
        source.note = "\n".join(lines)
        caught(world.audit(source), Step.CHECKPOINT)

    @pytest.mark.parametrize(
        "note", ["", "\n\n", "not a note", "a\nb\nc\n", f"{ORIGIN}\n-1\n\n", "x" * 99999]
    )
    def test_no_note_at_all(self, world: World, note: str) -> None:
        source = world.source()
        source.note = note
        report = world.audit(source)
        only(report, Step.CHECKPOINT)
        assert report.size is None

    def test_an_unsigned_note_is_audited_all_the_same(self, world: World) -> None:
        source = world.source()
        source.note = source.note.split("\n\n")[0] + "\n\n"
        world.entry("permit")["outcome"] = "DENY"
        bent = world.source()
        source.rows = bent.rows
        report = world.audit(source)
        caught(report, Step.CHECKPOINT)
        caught(report, Step.REPLAY, world.names["permit"], first=False)

    def test_a_log_of_an_account_that_nobody_admitted(self, world: World) -> None:
        world.events = [event for event in world.events if event != admitted("gateway", 2)]
        only(world.audit(), Step.CHECKPOINT)

    def test_a_log_of_a_participant_that_is_no_gateway(self, world: World) -> None:
        world.events = [
            admitted("gateway", 5) if event == admitted("gateway", 2) else event for event in world.events
        ]
        only(world.audit(), Step.CHECKPOINT)

    @pytest.mark.parametrize(
        "origin",
        [
            origin_of(1, DEPLOYMENT.anchor, account("gateway").address),
            origin_of(CHAIN_ID, DEPLOYMENT.registry, account("gateway").address),
            origin_of(CHAIN_ID, DEPLOYMENT.anchor, account("gateway").address).lower(),
            "elsewhere",
        ],
    )
    def test_a_log_of_other_contracts(self, world: World, origin: str) -> None:
        world.key = LogKey(origin, b"s" * 32)
        caught(world.audit(verifier=world.key.verifier), Step.CHECKPOINT)

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("origin", "elsewhere"),
            ("log_key", OTHER_KEY.verifier),
            ("chain_id", 1),
            ("registry", DEPLOYMENT.anchor),
            ("directory", DEPLOYMENT.anchor),
            ("anchor", DEPLOYMENT.registry),
        ],
    )
    def test_a_log_that_was_opened_for_something_else(self, world: World, member: str, value: object) -> None:
        world.entry("opened")[member] = value
        only(world.audit(), Step.CHECKPOINT, 0)

    def test_a_log_that_was_never_opened(self, world: World) -> None:
        world.lines[0].entry = entry("log.read", 3, reader=did("auditor"), start=0, end=0)
        only(world.audit(), Step.CHECKPOINT, 0)

    def test_a_log_that_is_opened_again_with_looser_limits(self, world: World) -> None:
        loose = entry("log.opened", 34, 2.0) | {
            name: value
            for name, value in world.entry("opened").items()
            if name not in ("time", "head", "max_head_age")
        }
        world.insert("after stop", "again", loose | {"max_head_age": 10**6})
        only(world.audit(), Step.CHECKPOINT, world.names["again"])


class TestTree:
    @pytest.mark.parametrize("index", ROWS)
    def test_an_entry_dropped(self, world: World, index: int) -> None:
        source = world.source()
        del source.rows[index]
        report = world.audit(source)
        caught(report, Step.TREE, first=index != 0)
        caught(report, Step.COMPLETE, index, first=False)

    def test_what_cannot_be_replayed_behind_a_missing_entry_is_no_finding(self, world: World) -> None:
        source = world.source()
        del source.rows[world.names["filed"]]
        report = world.audit(source)
        assert {finding.step for finding in report.findings} == {Step.TREE, Step.COMPLETE}
        assert report.result(Step.REPLAY).unchecked == 2

    def test_entries_dropped_and_the_others_renumbered(self, world: World) -> None:
        source = world.source()
        del source.rows[world.names["stop"]]
        source.rows = [replace(row, index=index) for index, row in enumerate(source.rows)]
        caught(world.audit(source), Step.TREE)

    @pytest.mark.parametrize(("one", "two"), list(combinations(ROWS, 2))[::7])
    def test_two_entries_swapped(self, world: World, one: int, two: int) -> None:
        source = world.source()
        rows = source.rows
        rows[one], rows[two] = replace(rows[two], index=one), replace(rows[one], index=two)
        caught(world.audit(source), Step.TREE, first=one != 0)

    def test_an_entry_added(self, world: World) -> None:
        source, more = world.source(), world.copy()
        more.insert("refused", "twice", world.entry("refused"))
        source.rows = more.rows()
        caught(world.audit(source), Step.TREE)

    def test_an_entry_replaced_by_another_that_is_sound_in_itself(self, world: World) -> None:
        source = world.source()
        world.entry("refused")["outcome"] = "DENY"
        source.rows = world.rows()
        caught(world.audit(source, anchors=CLEAN.anchored()), Step.TREE)

    def test_a_leaf_of_another_length(self, world: World) -> None:
        source = world.source()
        source.rows[3] = replace(source.rows[3], leaf=b"short")
        caught(world.audit(source), Step.TREE)


class TestAnchor:
    def test_a_rewritten_history(self, world: World) -> None:
        anchors = world.anchored()
        world.entry("refused")["evaluation"] = "ev_" + "1" * 26
        report = world.audit(anchors=anchors)
        only(report, Step.ANCHOR)
        assert report.result(Step.ANCHOR).findings == 3

    def test_a_history_rewritten_after_an_anchor(self, world: World) -> None:
        anchors = world.anchored()
        world.entry("stop")["time"] += 1
        assert world.audit(anchors=anchors).result(Step.ANCHOR).findings == 1

    def test_a_log_cut_off_below_its_anchor(self, world: World) -> None:
        anchors = world.anchored()
        del world.lines[21:]
        only(world.audit(anchors=anchors), Step.ANCHOR)

    def test_a_copy_saved_before_an_anchor_is_audited_as_the_copy_that_it_is(self, world: World) -> None:
        anchors = world.anchored()
        del world.lines[21:]
        report = world.audit(anchors=anchors, saved=True)
        assert report.ok
        assert report.result(Step.ANCHOR).could_not == {"anchored after this copy was saved": 1}

    def test_a_saved_copy_of_another_history_is_caught(self, world: World) -> None:
        anchors = world.anchored()
        world.entry("refused")["evaluation"] = "ev_" + "1" * 26
        only(world.audit(anchors=anchors, saved=True), Step.ANCHOR)

    def test_an_anchored_root_that_is_of_no_tree(self, world: World) -> None:
        anchors = [
            replace(event, root=bytes(32)) for event in world.anchored() if isinstance(event, Anchored)
        ]
        only(world.audit(anchors=list(anchors)), Step.ANCHOR)

    def test_an_anchor_of_another_sender_is_another_log(self, world: World) -> None:
        stranger = Anchored(
            **place(75), sender=account("clinic").address, old_size=0, new_size=10**6, root=bytes(32)
        )
        passed(world.audit(anchors=[*world.anchored(), stranger]))

    def test_below_a_missing_leaf_anchors_are_still_compared(self, world: World) -> None:
        source = world.source()
        del source.rows[15]
        result = world.audit(source).result(Step.ANCHOR)
        assert (result.checked, result.findings, result.unchecked) == (3, 0, 2)


class TestEntry:
    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        index=st.sampled_from(ROWS),
        part=st.sampled_from(["tag", "inner", "leaf", "salt", "entry"]),
        bit=st.integers(min_value=0, max_value=10**5),
    )
    def test_any_bit_flipped_in_any_row(self, index: int, part: str, bit: int) -> None:
        source = CLEAN.source()
        row = source.rows[index]
        bent: dict[str, Any] = {part: flipped(getattr(row, part), bit)}
        source.rows[index] = replace(row, **bent)
        report = CLEAN.audit(source)
        caught(report, Step.ENTRY, index, first=False)
        assert report.exit_code in (Step.CHECKPOINT.exit_code, Step.TREE.exit_code, Step.ENTRY.exit_code)

    @pytest.mark.parametrize("index", ROWS)
    def test_an_entry_whose_content_is_held_back(self, world: World, index: int) -> None:
        source = world.source()
        source.rows[index] = replace(source.rows[index], salt=None, entry=None)
        report = world.audit(source)
        caught(report, Step.ENTRY, index, first=index != 0)
        assert report.result(Step.REPLAY).findings == 0, "what cannot be replayed is no finding of REPLAY"

    def test_what_depends_on_a_missing_entry_is_counted_as_unchecked(self, world: World) -> None:
        source = world.source()
        index = world.names["filed"]
        source.rows[index] = replace(source.rows[index], salt=None, entry=None)
        report = world.audit(source)
        only(report, Step.ENTRY, index)
        assert report.result(Step.REPLAY).could_not == {"entries before it could not be read": 2}
        assert report.result(Step.CONSENT).unchecked == 1
        assert report.result(Step.RELEASE).unchecked == 1

    def test_another_text_of_the_same_content(self, world: World) -> None:
        source = world.source()
        row = source.rows[4]
        assert row.entry is not None
        source.rows[4] = replace(row, entry=row.entry.replace(b",", b", ", 1))
        only(world.audit(source), Step.ENTRY, 4)


class TestComplete:
    def test_an_entry_shown_twice(self, world: World) -> None:
        source = world.source()
        source.rows.insert(4, source.rows[4])
        only(world.audit(source), Step.COMPLETE, 4)

    def test_entries_out_of_order(self, world: World) -> None:
        source = world.source()
        source.rows[4], source.rows[5] = source.rows[5], source.rows[4]
        caught(world.audit(source), Step.COMPLETE, 4, first=False)

    def test_nothing_shown(self, world: World) -> None:
        source = world.source()
        source.rows = []
        report = world.audit(source)
        caught(report, Step.COMPLETE, 0, first=False)
        assert report.result(Step.COMPLETE).checked == 0

    def test_receipts_of_the_log(self, world: World) -> None:
        size = len(world.lines)
        receipts = [world.receipt(3, 4), world.receipt(7), world.receipt(7, 20), world.receipt(size - 1)]
        report = world.audit(receipts=receipts)
        passed(report)
        assert report.result(Step.COMPLETE).checked == size + len(receipts)

    def test_a_receipt_for_an_entry_that_is_not_there(self, world: World) -> None:
        receipt = world.receipt(world.names["permit"])
        world.entry("permit")["evaluation"] = "ev_" + "1" * 26
        only(world.audit(receipts=[receipt]), Step.COMPLETE, world.names["permit"])

    def test_a_receipt_for_an_entry_that_stands_elsewhere(self, world: World) -> None:
        index = world.names["other"]
        receipt = world.receipt(index)
        world.insert("release", "moved", entry("log.read", 12, 2.0, reader=did("auditor"), start=0, end=9))
        only(world.audit(receipts=[receipt]), Step.COMPLETE, index)

    def test_a_receipt_of_a_larger_log(self, world: World) -> None:
        receipt = world.receipt(3)
        del world.lines[-1]
        only(world.audit(receipts=[receipt]), Step.COMPLETE, 3)

    def test_a_receipt_from_a_fork(self, world: World) -> None:
        fork = world.copy()
        fork.entry("after stop")["evaluation"] = "ev_" + "1" * 26
        only(world.audit(receipts=[fork.receipt(3)]), Step.COMPLETE, 3)

    def test_a_receipt_by_another_key(self, world: World) -> None:
        other = world.copy()
        other.key = OTHER_KEY
        only(world.audit(receipts=[other.receipt(3)]), Step.COMPLETE, 3)

    def test_a_receipt_that_proves_nothing(self, world: World) -> None:
        receipt = replace(world.receipt(3), entry=b"{}")
        only(world.audit(receipts=[receipt]), Step.COMPLETE, 3)

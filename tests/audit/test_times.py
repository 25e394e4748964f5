"""TIME: lies about when something happened, and on which block.

The gateway signs and anchors its own lies: leaves, root, note and anchors are sound in every case.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.audit import Limits, Step
from ledger.chain.events import Recorded
from ledger.ids import digest
from tests.audit.acts import NOW, TIP, block_hash, block_time, decided
from tests.audit.findings import caught, only, passed
from tests.audit.world import World

SECOND = 1000


class TestTime:
    def test_an_entry_dated_back(self, world: World) -> None:
        world.entry("stop")["time"] = world.entry("bob refused")["time"] - 1
        only(world.audit(), Step.TIME, world.names["stop"])

    def test_an_entry_from_the_future(self, world: World) -> None:
        world.entry("read")["time"] += 3600 * SECOND
        only(world.audit(), Step.TIME, world.names["read"])

    def test_an_entry_younger_than_the_anchor_that_covers_it(self, world: World) -> None:
        world.anchors = {20: world.names["stop"] + 1}
        passed(world.audit())
        only(world.audit(limits=Limits(ahead_seconds=60)), Step.TIME, world.names["stop"])

    def test_an_anchor_that_came_late(self, world: World) -> None:
        report = world.audit(limits=Limits(anchor_seconds=150))
        only(report, Step.TIME, 0)

    def test_entries_that_were_never_anchored(self, world: World) -> None:
        world.anchors = {}
        passed(world.audit())
        only(world.audit(now=NOW + timedelta(hours=3)), Step.TIME, 0)

    def test_one_finding_for_each_late_anchor(self, world: World) -> None:
        report = world.audit(limits=Limits(anchor_seconds=0))
        assert [finding.index for finding in report.findings] == [0, 10, 20, 22]

    @pytest.mark.parametrize("name", ["permit", "release"])
    def test_a_decision_or_release_on_an_old_head(self, world: World, name: str) -> None:
        late = world.entry(name)["time"] + 80 * SECOND
        for line in world.lines[world.names[name] :]:
            line.entry["time"] = max(late, line.entry["time"])
        caught(world.audit(), Step.TIME, world.names[name])

    def test_a_filing_on_an_old_head_is_fine(self, world: World) -> None:
        world.entry("filed")["head"] = world.entry("opened")["head"]
        passed(world.audit())

    def test_a_decision_without_a_head(self, world: World) -> None:
        del world.entry("refused")["head"]
        only(world.audit(), Step.TIME, world.names["refused"])

    def test_a_decision_made_after_it_was_logged(self, world: World) -> None:
        world.entry("refused")["at"] = world.entry("refused")["time"] + 1
        only(world.audit(), Step.TIME, world.names["refused"])

    def test_a_decision_as_of_long_ago(self, world: World) -> None:
        """A consent that has expired would still permit."""
        world.entry("permit")["at"] -= 100 * SECOND
        only(world.audit(), Step.TIME, world.names["permit"])

    def test_a_decision_as_of_a_time_that_is_none(self, world: World) -> None:
        world.entry("refused")["at"] = 2**53 - 1
        caught(world.audit(), Step.TIME, world.names["refused"])

    @pytest.mark.parametrize(
        "change",
        [
            {"time": block_time(12) + 1},
            {"final": 13},
            {"hash": digest(bytes(32)), "time": block_time(12) + 1000},
            {"hash": digest(bytes(32)), "final": 12},
        ],
    )
    def test_a_head_that_the_chain_never_had(self, world: World, change: dict[str, Any]) -> None:
        world.entry("permit")["head"] |= change
        caught(world.audit(), Step.TIME, world.names["permit"])

    def test_a_head_from_before_the_block_that_it_would_have_followed(self, world: World) -> None:
        invented = {"number": 72, "hash": digest(bytes(32)), "time": block_time(7), "final": 3}
        world.entry("refused")["head"] = invented
        only(world.audit(), Step.TIME, world.names["refused"])

    def test_a_head_from_after_the_blocks_that_would_have_followed_it(self, world: World) -> None:
        """A stop since block 2 would be overlooked."""
        shown = decided("ann", "clinic", 77, "NO_CONSENT")
        shown["head"] |= {"number": 2, "hash": digest(bytes(32)), "final": 0}
        world.add("old", shown)
        only(world.audit(), Step.TIME, world.names["old"])

    def test_a_head_above_the_chain_in_an_entry_from_long_before(self, world: World) -> None:
        world.entry("refused")["head"] |= {"number": TIP + 100, "hash": digest(bytes(32))}
        only(world.audit(), Step.TIME, world.names["refused"])

    def test_a_block_that_was_dropped_later_is_counted_as_unchecked(self, world: World) -> None:
        world.entry("permit")["head"]["hash"] = digest(bytes(32))
        report = world.audit()
        passed(report)
        assert report.result(Step.TIME).unchecked == 1
        only(world.audit(limits=Limits(orphan_depth=0)), Step.TIME, world.names["permit"])

    def test_a_permit_on_a_dropped_block_stands_if_the_consent_came_back_soon(self, world: World) -> None:
        moved: dict[str, Any] = {"number": 13, "block_hash": block_hash(13)}
        world.events = [
            replace(event, **moved) if isinstance(event, Recorded) and event.number == 10 else event
            for event in world.events
        ]
        world.entry("permit")["head"]["hash"] = digest(bytes(32))
        passed(world.audit())
        world.entry("permit")["head"]["hash"] = block_hash(12)
        caught(world.audit(), Step.CONSENT, world.names["permit"])

    def test_a_head_newer_than_the_chain_as_it_was_read(self, world: World) -> None:
        world.tip = 76
        newer = decided("ann", "clinic", 78, "NO_CONSENT")
        world.add("newer", newer)
        report = world.audit()
        passed(report)
        assert report.result(Step.TIME).unchecked == report.result(Step.REPLAY).unchecked == 1

"""Emergencies in a log: declared, decided on, released in, reviewed; and how each of it can be false."""

from typing import Any

import pytest

from ledger.audit import Step
from tests.audit.acts import (
    block_time,
    decided,
    declared,
    did,
    filed,
    head,
    recorded,
    released,
    reviewed,
    root,
    sign_declaration,
    sign_request,
    sign_review,
)
from tests.audit.findings import caught, only, passed
from tests.audit.world import World

UNREVIEWED = "Emergencies that nobody has reviewed: 1, of them overdue: 1."


@pytest.fixture
def world(clean: World) -> World:
    """The story, and then: Ann shares with the clinic in emergencies; it declares one and is reviewed."""
    world = clean.copy()
    given = world.add("in emergencies", filed("ann", "clinic", "emergency", 46, purpose="ETREAT"))
    world.events.append(recorded(given, 48))
    world.add("declared", declared("ann", "clinic", 50))
    both = [root("labs"), root("psych")]
    permit = decided(
        "ann", "clinic", 50, "PERMIT", permitted=both, basis=[given["consent"]], purpose="ETREAT"
    )
    world.add(
        "urgent",
        permit | {"emergency": True, "declared": world.names["declared"], "obligations": ["keep-labels"]},
    )
    release = released("ann", "clinic", 50, world.names["urgent"], both, nonce="urgent", purpose="ETREAT")
    world.add("opened in it", release)
    world.add("reviewed", reviewed("ann", "auditor", 55, world.names["declared"]))
    return world


def redeclare(world: World, signer: str = "clinic", **change: Any) -> None:  # noqa: ANN401
    shown = world.entry("declared")
    shown["declaration"] |= change
    shown["signature"] = sign_declaration(shown["declaration"], signer)


def rereview(world: World, signer: str = "auditor", **change: Any) -> None:  # noqa: ANN401
    shown = world.entry("reviewed")
    shown |= change
    shown |= sign_review(shown, signer)


def test_a_declared_and_reviewed_emergency_passes(world: World) -> None:
    report = world.audit()
    passed(report)
    assert not any("mergencies" in note for note in report.notes)


def test_one_that_nobody_reviewed_is_said_and_no_failure(world: World) -> None:
    world.drop("reviewed")
    report = world.audit()
    passed(report)
    assert UNREVIEWED in report.notes


class TestWithoutOne:
    def test_a_decision_and_a_release_in_an_emergency_that_nobody_declared(self, world: World) -> None:
        world.entry("urgent")["declared"] = world.names["in emergencies"]
        report = world.audit()
        caught(report, Step.REPLAY, world.names["urgent"])
        caught(report, Step.RELEASE, world.names["opened in it"], first=False)

    def test_one_that_is_declared_afterwards(self, world: World) -> None:
        del world.entry("urgent")["declared"]
        caught(world.audit(), Step.REPLAY, world.names["urgent"])

    def test_a_decision_that_hides_that_it_is_in_one(self, world: World) -> None:
        world.entry("urgent")["emergency"] = False
        caught(world.audit(), Step.REPLAY, world.names["urgent"])

    @pytest.mark.parametrize("claim", [{"stale": True}, {"unsealed": True}, {"declared": 0}])
    def test_what_only_an_emergency_allows(self, world: World, claim: dict[str, Any]) -> None:
        world.entry("other").update(claim)
        only(world.audit(), Step.REPLAY, world.names["other"])


class TestDeclaration:
    def test_signed_by_somebody_else(self, world: World) -> None:
        redeclare(world, "lab")
        caught(world.audit(), Step.RELEASE, world.names["declared"], first=False)

    @pytest.mark.parametrize("change", [{"reason": "Another"}, {"until": block_time(50) + 3601}])
    def test_changed_after_it_was_signed(self, world: World, change: dict[str, Any]) -> None:
        world.entry("declared")["declaration"] |= change
        caught(world.audit(), Step.RELEASE, world.names["declared"], first=False)

    @pytest.mark.parametrize(
        "change",
        [
            {"patient": did("bob")},
            {"purpose": "TREAT"},
            {"purpose": "NOSUCH"},
            {"until": block_time(50) + 13 * 3600},
            {"until": block_time(49)},
        ],
    )
    def test_about_something_that_cannot_be_declared(self, world: World, change: dict[str, Any]) -> None:
        redeclare(world, **change)
        caught(world.audit(), Step.RELEASE, world.names["declared"], first=False)

    def test_made_twice_of_one(self, world: World) -> None:
        world.add("again", world.entry("declared") | {"time": world.entry("reviewed")["time"] + 1})
        only(world.audit(), Step.RELEASE, world.names["again"])

    @pytest.mark.parametrize(
        "other",
        [
            declared("ann", "lab", 50),
            declared("bob", "clinic", 50),
            declared("ann", "clinic", 50, purpose="BTG"),
        ],
    )
    def test_a_decision_that_rests_on_one_for_something_else(
        self, world: World, other: dict[str, Any]
    ) -> None:
        world.lines[world.names["declared"]].entry = other
        world.drop("reviewed")
        if other["patient"] == did("bob"):
            world.lines[world.names["declared"]].tag = world.lines[world.names["bob"]].tag
        report = world.audit()
        caught(report, Step.REPLAY, world.names["urgent"])
        caught(report, Step.RELEASE, world.names["opened in it"], first=False)

    def test_a_decision_after_its_end(self, world: World) -> None:
        redeclare(world, until=block_time(50) + 1)
        world.entry("urgent")["at"] += 2
        caught(world.audit(), Step.REPLAY, world.names["urgent"])


class TestReview:
    def test_by_the_patient(self, world: World) -> None:
        rereview(world, "ann", reviewer=did("ann"))
        passed(world.audit())

    @pytest.mark.parametrize("who", ["clinic", "lab", "zoe"])
    def test_by_somebody_who_may_not(self, world: World, who: str) -> None:
        rereview(world, who, reviewer=did(who))
        report = world.audit()
        only(report, Step.RELEASE, world.names["reviewed"])
        assert UNREVIEWED in report.notes

    def test_that_nobody_signed(self, world: World) -> None:
        rereview(world, "clinic")
        only(world.audit(), Step.RELEASE, world.names["reviewed"])

    @pytest.mark.parametrize("change", [{"finding": "unjustified"}, {"note": "Another"}])
    def test_changed_after_it_was_signed(self, world: World, change: dict[str, Any]) -> None:
        world.entry("reviewed").update(change)
        only(world.audit(), Step.RELEASE, world.names["reviewed"])

    @pytest.mark.parametrize(
        "change", [{"emergency": "em_" + "1" * 26}, {"declared": 3}, {"origin": "http://elsewhere"}]
    )
    def test_of_something_else(self, world: World, change: dict[str, Any]) -> None:
        rereview(world, **change)
        only(world.audit(), Step.RELEASE, world.names["reviewed"])

    def test_a_second_one(self, world: World) -> None:
        world.add("again", reviewed("ann", "ann", 56, world.names["declared"]))
        only(world.audit(), Step.RELEASE, world.names["again"])


class TestWithoutTheChain:
    """The gateway decides on the last final head, long after it."""

    def stale(self, world: World, **change: Any) -> None:  # noqa: ANN401
        at = head(50) | {"final": 50}
        late = (block_time(50) + 300) * 1000
        for name, more in (("urgent", {"level": "final", "at": late}), ("opened in it", {})):
            world.entry(name).update({"head": at, "stale": True, "time": late + 5, **more})
        request = world.entry("opened in it")["request"] | {"expires": late // 1000 + 60}
        world.entry("opened in it").update(request=request, signature=sign_request(request, "clinic"))
        world.entry("urgent").update(change)
        world.entry("reviewed").update(time=late + 10, head=head(74))

    def test_it_passes_and_is_said(self, world: World) -> None:
        self.stale(world)
        report = world.audit()
        passed(report)
        assert any("rest on the last final head" in note and note.endswith(" 1.") for note in report.notes)

    def test_a_head_that_is_not_final(self, world: World) -> None:
        self.stale(world, head=head(50))
        caught(world.audit(), Step.REPLAY, world.names["urgent"])

    def test_an_old_head_that_is_not_said_to_be_one(self, world: World) -> None:
        self.stale(world)
        del world.entry("urgent")["stale"]
        caught(world.audit(), Step.TIME, world.names["urgent"])

    def test_a_release_that_does_not_say_so(self, world: World) -> None:
        self.stale(world)
        del world.entry("opened in it")["stale"]
        caught(world.audit(), Step.RELEASE, world.names["opened in it"], first=False)


class TestDenial:
    def denied(self, world: World, **more: Any) -> None:  # noqa: ANN401
        world.drop("opened in it")
        world.entry("urgent").update(outcome="DENY", permitted=[], basis=[], obligations=[], **more)

    def test_because_nothing_was_sealed_is_said_not_to_be_checked(self, world: World) -> None:
        self.denied(world, unsealed=True)
        report = world.audit()
        passed(report)
        assert report.result(Step.REPLAY).could_not == {"what was sealed is not in the log": 1}

    def test_of_what_the_rules_permit_for_no_reason(self, world: World) -> None:
        self.denied(world)
        only(world.audit(), Step.REPLAY, world.names["urgent"])

    def test_of_somebody_whom_the_patient_gave_nothing(self, world: World) -> None:
        self.denied(world)
        world.lines[world.names["declared"]].entry = declared("ann", "lab", 50)
        world.entry("urgent")["subject"] = did("lab")
        passed(world.audit())

    def test_as_no_consent_would_tell_more(self, world: World) -> None:
        self.denied(world)
        world.lines[world.names["declared"]].entry = declared("ann", "lab", 50)
        world.entry("urgent").update(subject=did("lab"), outcome="NO_CONSENT")
        only(world.audit(), Step.REPLAY, world.names["urgent"])

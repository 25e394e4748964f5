"""Records by others than their patient: each behind a permit for itself, and moved by its patient alone."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.audit import Step
from tests.audit.acts import (
    admitted,
    decided,
    did,
    entry,
    filed,
    header,
    opened,
    proposed,
    published,
    recorded,
    refiled,
    released,
    revocation,
    root,
    sign_publication,
    written,
)
from tests.audit.findings import caught, only, passed
from tests.audit.test_hostile_entries import VALUES, bent, places
from tests.audit.world import World


def writing() -> World:
    """Ann lets the clinic read and the watch add; she files what the watch adds, and stops it."""
    world = World()
    world.events += [admitted("gateway", 2), admitted("clinic", 1), admitted("watch", 1)]
    world.add("opened", opened())
    reads = world.add("reads", filed("ann", "clinic", "reads", 4))
    world.add("early", proposed("ann", "watch", "pulse", 5, "NO_CONSENT"))
    adds = world.add("adds", filed("ann", "watch", "adds", 6, actions=["collect"]))
    world.events += [recorded(reads, 7), recorded(adds, 8)]
    world.add("permit", proposed("ann", "watch", "pulse", 9, "PERMIT", [adds["consent"]]))
    world.add("pulse", written("ann", "watch", "pulse", 9, world.names["permit"]))
    world.add("twice", proposed("ann", "watch", "pulse", 10, "NO_CONSENT"))
    asked = decided("ann", "clinic", 11, "PERMIT", permitted=[root("pulse")], basis=[reads["consent"]])
    world.add("waits", asked)
    world.add("nothing", released("ann", "clinic", 11, world.names["waits"], []))
    world.add("moved", refiled("ann", "pulse", 12))
    again = decided("ann", "clinic", 13, "PERMIT", permitted=[root("pulse")], basis=[reads["consent"]])
    world.add("asked", again)
    world.add("handed", released("ann", "clinic", 13, world.names["asked"], [root("pulse")], nonce="second"))
    stop = revocation(adds["consent"], "ann", "adds")
    stopped = {"consent": adds["consent"], "source": "gateway", "signature": stop}
    world.add("stop", entry("consent.revoked", 14, patient=did("ann"), **stopped))
    world.add("after", proposed("ann", "watch", "more", 15, "NO_CONSENT"))
    world.add("stranger", proposed("zoe", "watch", "other", 16, "NO_CONSENT"), b"\x2a" * 20)
    world.anchors = {25: 10, 50: len(world.lines)}
    return world


CLEAN = writing()


@pytest.fixture
def world() -> World:
    return CLEAN.copy()


def test_the_honest_story_passes(world: World) -> None:
    report = world.audit()
    passed(report)
    assert report.result(Step.REPLAY).checked == 9


def test_a_record_without_its_permit(world: World) -> None:
    world.entry("pulse").pop("decision")
    only(world.audit(), Step.REPLAY, world.names["pulse"])


def test_a_record_on_another_decision_than_the_one_before(world: World) -> None:
    world.entry("pulse")["decision"] = world.names["early"]
    only(world.audit(), Step.REPLAY, world.names["pulse"])


def test_a_record_on_a_refusal(world: World) -> None:
    world.entry("permit").update(outcome="NO_CONSENT", permitted=[], basis=[])
    report = world.audit()
    assert {finding.index for finding in report.findings} >= {world.names["permit"], world.names["pulse"]}


def test_a_permit_that_no_consent_gives(world: World) -> None:
    world.entry("early").update(
        outcome="PERMIT", permitted=[root("pulse")], basis=[world.entry("adds")["consent"]]
    )
    caught(world.audit(), Step.REPLAY, world.names["early"], first=False)


def test_a_record_by_another_writer_than_the_permitted(world: World) -> None:
    world.lines[world.names["pulse"]].entry = written("ann", "clinic", "pulse", 9, world.names["permit"])
    only(world.audit(), Step.REPLAY, world.names["pulse"])


def test_another_record_than_the_permitted(world: World) -> None:
    world.lines[world.names["pulse"]].entry = written("ann", "watch", "other", 9, world.names["permit"])
    only(world.audit(), Step.REPLAY, world.names["pulse"])


def test_a_label_taken_off_between_permit_and_record(world: World) -> None:
    labelled = header("ann", "30954-2", ("PSY",)).to_bytes().decode()
    shown = {**world.entry("pulse"), "header": labelled}
    world.lines[world.names["pulse"]].entry = sign_publication(shown, "watch")
    only(world.audit(), Step.REPLAY, world.names["pulse"])


def test_a_patients_own_record_needs_no_permit_and_names_none(world: World) -> None:
    world.insert("after", "own", published("ann", "own", "30954-2", 15))
    passed(world.audit())
    world.entry("own")["decision"] = 0
    only(world.audit(), Step.REPLAY, world.names["own"])


def test_a_patients_own_record_is_never_in_the_inbox(world: World) -> None:
    shown = published("ann", "own", "30954-2", 15) | {"compartment": "0x" + "00" * 32}
    world.insert("after", "own", sign_publication(shown, "ann"))
    only(world.audit(), Step.REPLAY, world.names["own"])


@pytest.mark.parametrize("signer", ["watch", "clinic"])
def test_a_record_that_its_patient_did_not_move(world: World, signer: str) -> None:
    world.lines[world.names["moved"]].entry = refiled("ann", "pulse", 12, signer=signer)
    report = world.audit()
    assert {finding.index for finding in report.findings} == {world.names["moved"], world.names["handed"]}


def test_a_move_of_another_writers_record(world: World) -> None:
    world.lines[world.names["moved"]].entry = refiled("ann", "pulse", 12, writer="clinic")
    report = world.audit()
    assert {finding.index for finding in report.findings} == {world.names["moved"], world.names["handed"]}


def test_a_record_that_is_moved_twice(world: World) -> None:
    world.insert("stop", "again", refiled("ann", "pulse", 14))
    only(world.audit(), Step.REPLAY, world.names["again"])


def test_a_record_that_is_handed_out_of_the_inbox(world: World) -> None:
    world.entry("nothing")["records"] = [root("pulse")]
    only(world.audit(), Step.RELEASE, world.names["nothing"])


def test_a_permit_to_add_releases_nothing(world: World) -> None:
    world.entry("handed")["decision"] = world.names["permit"]
    only(world.audit(), Step.RELEASE, world.names["handed"])


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(choice=st.data(), value=VALUES)
def test_any_value_anywhere_in_these_entries(choice: st.DataObject, value: object) -> None:
    index = choice.draw(
        st.sampled_from([CLEAN.names[name] for name in ("permit", "pulse", "moved", "early")])
    )
    path = choice.draw(st.sampled_from(places(CLEAN.lines[index].entry)))
    report = bent(CLEAN.copy(), index, path, value).audit()
    assert report.result(Step.ENTRY).checked == len(CLEAN.lines)

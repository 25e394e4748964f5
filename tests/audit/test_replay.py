"""REPLAY: decisions that the patient's consents did not give, and records under false labels.

The gateway signs and anchors its own lies: leaves, root, note and anchors are sound in every case.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.audit import Step
from ledger.chain.events import ParticipantAdmitted, ParticipantReinstated, ParticipantSuspended, RevokedAll
from ledger.ids import digest
from tests.audit.acts import (
    account,
    block_time,
    decided,
    did,
    ended,
    entry,
    filed,
    place,
    published,
    recorded,
    revocation,
    root,
    sign_publication,
)
from tests.audit.findings import caught, only, passed
from tests.audit.story import permit_of
from tests.audit.world import World

DECISIONS = (
    "refused",
    "early",
    "permit",
    "other",
    "named",
    "purpose",
    "stranger",
    "denied",
    "bob permit",
    "bob refused",
    "after stop",
)


def several(world: World) -> dict[str, Any]:
    """The entry of a call that asked for three records singly: permitted, denied, not hers."""
    records = [root("labs"), root("psych"), root("bob")]
    shown = decided("ann", "clinic", 14, records=records, **permit_of(world), after=1.5)
    world.insert("named", "several", {**shown, "denied": [root("psych")]})
    return world.entry("several")


class TestReplay:
    @pytest.mark.parametrize("outcome", ["PERMIT", "DENY", "NO_CONSENT"])
    @pytest.mark.parametrize("name", DECISIONS)
    def test_any_decision_turned(self, world: World, name: str, outcome: str) -> None:
        if world.entry(name)["outcome"] == outcome:
            passed(world.audit())
            return
        world.entry(name)["outcome"] = outcome
        caught(world.audit(), Step.REPLAY, world.names[name], first=outcome != "PERMIT")

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("permit", {"permitted": []}),
            ("permit", {"permitted": [root("labs"), root("psych")]}),
            ("permit", {"permitted": [root("psych")]}),
            ("permit", {"permitted": [root("bob")]}),
            ("permit", {"basis": []}),
            ("permit", {"obligations": ["part2-notice"]}),
            ("permit", {"policy": "allow-all/1"}),
            ("permit", {"emergency": True}),
            ("permit", {"subject": did("lab")}),
            ("permit", {"purpose": ["HRESCH"]}),
            ("permit", {"purpose": []}),
            ("permit", {"purpose": ["NOSUCH"]}),
            ("permit", {"action": "nosuch"}),
            ("permit", {"subject": "did:pkh:eip155:1:" + account("clinic").address}),
            ("permit", {"subject": "clinic"}),
            ("permit", {"resource": {"type": "patient", "classes": ["11450-4"]}}),
            ("permit", {"resource": {"type": "record", "ids": []}}),
            ("permit", {"resource": {"type": "record", "classes": []}}),
            ("permit", {"resource": {"type": "patient", "classes": [], "ids": []}}),
            ("named", {"basis": []}),
            ("refused", {"basis": [digest(bytes(32))]}),
        ],
    )
    def test_anything_else_in_a_decision_changed(
        self, world: World, name: str, change: dict[str, Any]
    ) -> None:
        world.entry(name).update(change)
        caught(world.audit(), Step.REPLAY, world.names[name])

    def test_records_that_were_asked_for_singly(self, world: World) -> None:
        several(world)
        passed(world.audit())

    @pytest.mark.parametrize(
        "change",
        [
            {"denied": []},
            {"denied": [root("labs")]},
            {"denied": [root("labs"), root("psych")]},
            {"denied": [root("psych"), root("psych")]},
            {"permitted": [], "outcome": "DENY"},
            {"permitted": [root("labs"), root("psych")], "denied": []},
            {"outcome": "DENY"},
            {"basis": []},
            {"resource": {"type": "patient", "classes": []}},
        ],
    )
    def test_the_outcome_of_one_record_among_several_changed(
        self, world: World, change: dict[str, Any]
    ) -> None:
        several(world).update(change)
        caught(world.audit(), Step.REPLAY, world.names["several"])

    def test_a_permit_after_the_stop(self, world: World) -> None:
        world.entry("after stop").update(permit_of(world))
        only(world.audit(), Step.REPLAY, world.names["after stop"])

    def test_a_stop_that_only_the_chain_shows(self, world: World) -> None:
        """The gateway never logs the stop and goes on: the chain knows better."""
        world.drop("stop")
        still = decided("ann", "clinic", 44, **permit_of(world))
        world.insert("after stop", "still", still)
        report = world.audit()
        caught(report, Step.CONSENT, world.names["still"])
        caught(report, Step.REPLAY, world.names["still"], first=False)
        caught(report, Step.REPLAY, world.names["after stop"], first=False)

    def test_a_stop_of_all_that_only_the_chain_shows(self, world: World) -> None:
        controller = world.entry("filed")["filing"]["controller"]
        world.events.append(RevokedAll(**place(11), controller=controller, new_epoch=1))
        report = world.audit()
        caught(report, Step.CONSENT, world.names["permit"])
        caught(report, Step.REPLAY, world.names["permit"], first=False)

    def test_a_subject_that_was_suspended(self, world: World) -> None:
        world.events.append(ParticipantSuspended(**place(11), participant=account("clinic").address))
        caught(world.audit(), Step.REPLAY, world.names["permit"])

    def test_a_subject_that_was_suspended_later_or_no_longer(self, world: World) -> None:
        lab, clinic = account("lab").address, account("clinic").address
        world.events.append(ParticipantSuspended(**place(26), participant=clinic))
        world.events.append(ParticipantSuspended(**place(3), participant=lab))
        world.events.append(ParticipantReinstated(**place(4), participant=lab))
        passed(world.audit())

    def test_a_subject_that_was_never_admitted(self, world: World) -> None:
        clinic = account("clinic").address
        world.events = [
            event
            for event in world.events
            if not (isinstance(event, ParticipantAdmitted) and event.participant == clinic)
        ]
        caught(world.audit(), Step.REPLAY, world.names["permit"])

    def test_a_refusal_is_not_lifted_by_a_stop_that_is_not_final(self, world: World) -> None:
        """A consent whose root denies ends only when its end is final."""
        denial, shared = world.entry("denial"), root("bob")
        world.events += [recorded(denial, 21), ended(denial, 50)]
        stop = revocation(denial["consent"], "bob", "never")
        world.insert(
            "read",
            "lift",
            entry(
                "consent.revoked",
                46,
                patient=did("bob"),
                consent=denial["consent"],
                source="gateway",
                signature=stop,
            ),
        )
        kept = decided("bob", "lab", 52, "DENY", records=[shared], basis=[denial["consent"]])
        world.insert("lift", "kept", kept)
        world.insert("kept", "lifted", decided("bob", "lab", 56, "NO_CONSENT", records=[shared]))
        passed(world.audit())
        world.entry("kept").update({"outcome": "NO_CONSENT", "basis": []})
        only(world.audit(), Step.REPLAY, world.names["kept"])

    def test_a_refusal_that_was_filed_and_ignored(self, world: World) -> None:
        denial = filed("ann", "clinic", "no more", 11, deny=True)
        world.insert("early", "denial of ann", denial)
        world.entry("release")["decision"] += 1
        caught(world.audit(), Step.REPLAY, world.names["permit"])

    def test_a_consent_that_had_expired(self, world: World) -> None:
        end = datetime.fromtimestamp(block_time(11), UTC)
        brief = World(events=[event for event in world.events if event.number < 4])
        brief.add("opened", world.entry("opened"))
        brief.add("labs", world.entry("labs"))
        short = brief.add("filed", filed("ann", "clinic", "first", 8, until=end))
        brief.events.append(recorded(short, 10))
        brief.add("late", decided("ann", "clinic", 12, "NO_CONSENT"))
        passed(brief.audit())
        brief.entry("late").update(permit_of(brief))
        only(brief.audit(), Step.REPLAY, brief.names["late"])

    def test_a_record_relabelled(self, world: World) -> None:
        """The gateway takes the mark off a record, so that the exception no longer reaches it."""
        psych = world.entry("psych")
        plain = published("ann", "psych", "11450-4", 5)
        psych |= {"header": plain["header"], "compartment": plain["compartment"]}
        caught(world.audit(), Step.REPLAY, world.names["psych"])

    @pytest.mark.parametrize(
        "change",
        [
            {"root": root("other")},
            {"root": "bafy"},
            {"capsule": digest(bytes(32))},
            {"epoch": 1},
            {"compartment": digest(bytes(32))},
            {"writer": account("clinic").address},
            {"header": "{}"},
            {"patient": did("zoe")},
        ],
    )
    def test_any_member_of_a_publication_changed(self, world: World, change: dict[str, Any]) -> None:
        world.entry("psych").update(change)
        caught(world.audit(), Step.REPLAY, world.names["psych"], first="patient" not in change)

    def test_a_publication_by_somebody_else(self, world: World) -> None:
        index = world.names["psych"]
        world.lines[index].entry = sign_publication(world.entry("psych"), "clinic")
        caught(world.audit(), Step.REPLAY, index)

    def test_a_record_published_twice(self, world: World) -> None:
        again = world.entry("psych") | {"time": world.entry("request")["time"] + 1}
        world.insert("refused", "again", again | {"time": world.entry("refused")["time"]})
        world.entry("release")["decision"] += 1
        only(world.audit(), Step.REPLAY, world.names["again"])

    def test_a_permit_carries_its_obligations(self, world: World) -> None:
        """A consent without exceptions opens the marked record too, with the duty to keep the mark."""
        broad = filed("ann", "clinic", "broad", 46)
        world.add("broad", broad)
        world.events.append(recorded(broad, 48))
        both: dict[str, Any] = {"permitted": [root("labs"), root("psych")], "basis": [broad["consent"]]}
        duties = ["keep-labels"]
        world.add("both", decided("ann", "clinic", 50, "PERMIT", **both, obligations=duties))
        passed(world.audit())
        world.entry("both")["obligations"] = []
        only(world.audit(), Step.REPLAY, world.names["both"])

"""RELEASE: records handed out without a permit, or after a stop; and stops that nobody asked for.

The gateway signs and anchors its own lies: leaves, root, note and anchors are sound in every case.
"""

from typing import Any

import pytest

from ledger.audit import Step
from ledger.chain.events import Revoked
from ledger.ids import digest
from tests.audit.acts import block_time, did, filed, released, revocation, root, sign_request
from tests.audit.findings import caught, only, passed
from tests.audit.world import World


class TestRelease:
    def test_a_release_without_a_decision(self, world: World) -> None:
        world.entry("release")["decision"] = world.names["filed"]
        only(world.audit(), Step.RELEASE, world.names["release"])

    def test_a_release_on_a_refusal(self, world: World) -> None:
        world.entry("release")["decision"] = world.names["early"]
        only(world.audit(), Step.RELEASE, world.names["release"])

    def test_a_release_on_a_decision_to_come(self, world: World) -> None:
        world.entry("release")["decision"] = world.names["bob permit"]
        only(world.audit(), Step.RELEASE, world.names["release"])

    def test_a_release_of_more_than_was_permitted(self, world: World) -> None:
        world.entry("release")["records"] = sorted([root("labs"), root("psych")])
        only(world.audit(), Step.RELEASE, world.names["release"])

    def test_a_release_of_less_is_fine(self, world: World) -> None:
        world.entry("release")["records"] = []
        passed(world.audit())

    def test_a_release_to_somebody_else(self, world: World) -> None:
        world.entry("release")["subject"] = did("lab")
        only(world.audit(), Step.RELEASE, world.names["release"])

    def test_a_release_to_somebody_else_who_asked(self, world: World) -> None:
        shown = world.entry("release")
        shown["request"]["participant"] = shown["subject"] = did("lab")
        shown["signature"] = sign_request(shown["request"], "lab")
        only(world.audit(), Step.RELEASE, world.names["release"])

    @pytest.mark.parametrize(
        "change",
        [
            {"purpose": ["HRESCH"]},
            {"action": "disclose"},
            {"classes": ["30954-2"]},
            {"records": [root("labs")]},
            {"patient": did("bob")},
            {"expires": block_time(12)},
        ],
    )
    def test_a_release_on_a_request_for_something_else(self, world: World, change: dict[str, Any]) -> None:
        shown = world.entry("release")
        shown["request"] |= change
        shown["signature"] = sign_request(shown["request"], "clinic")
        only(world.audit(), Step.RELEASE, world.names["release"])

    @pytest.mark.parametrize(
        "change", [{"origin": "http://elsewhere"}, {"nonce": digest(bytes(32))}, {"expires": 2**40}]
    )
    def test_a_request_that_was_changed_after_it_was_signed(
        self, world: World, change: dict[str, Any]
    ) -> None:
        world.entry("release")["request"] |= change
        only(world.audit(), Step.RELEASE, world.names["release"])

    def test_a_release_for_an_action_that_opens_nothing(self, world: World) -> None:
        shown = world.entry("release")
        shown["request"]["action"] = world.entry("permit")["action"] = "collect"
        shown["signature"] = sign_request(shown["request"], "clinic")
        caught(world.audit(), Step.RELEASE, world.names["release"], first=False)

    def test_a_request_that_nobody_signed(self, world: World) -> None:
        shown = world.entry("release")
        shown["signature"] = sign_request(shown["request"], "gateway")
        only(world.audit(), Step.RELEASE, world.names["release"])

    def test_a_request_that_was_used_before(self, world: World) -> None:
        again = world.entry("release") | {"time": world.entry("release")["time"] + 1}
        world.insert("release", "again", again)
        only(world.audit(), Step.RELEASE, world.names["again"])

    def test_a_release_long_after_its_permit(self, world: World) -> None:
        late = released("ann", "clinic", 20, world.names["permit"], [root("labs")])
        world.insert("shared", "late", late)
        only(world.audit(), Step.RELEASE, world.names["late"])

    def stop(self, world: World) -> dict[str, Any]:
        return world.entry("stop") | {
            "time": world.entry("permit")["time"] + 100,
            "head": world.entry("permit")["head"],
        }

    def test_a_release_after_the_stop(self, world: World) -> None:
        """The permit was in time; the stop came between."""
        world.insert("permit", "stop before", self.stop(world))
        report = world.audit()
        caught(report, Step.RELEASE, world.names["release"], first=False)

    def test_a_release_after_a_refusal_was_filed(self, world: World) -> None:
        denial = filed("ann", "clinic", "no more", 12, deny=True)
        world.insert("permit", "denial of ann", denial | {"time": world.entry("permit")["time"] + 100})
        caught(world.audit(), Step.RELEASE, world.names["release"], first=False)

    def test_a_release_after_something_that_closes_nothing(self, world: World) -> None:
        denial = filed("ann", "lab", "not the lab", 12, deny=True)
        world.insert("permit", "denial of ann", denial | {"time": world.entry("permit")["time"] + 100})
        passed(world.audit())


class TestStops:
    @pytest.mark.parametrize("signature", ["", "0x", "0x" + "11" * 65])
    def test_a_stop_without_a_signature(self, world: World, signature: str) -> None:
        world.entry("stop")["signature"] = signature
        only(world.audit(), Step.RELEASE, world.names["stop"])

    def test_a_stop_by_somebody_else(self, world: World) -> None:
        consent = world.entry("filed")["consent"]
        world.entry("stop")["signature"] = revocation(consent, "ann", "second")
        only(world.audit(), Step.RELEASE, world.names["stop"])

    def test_a_stop_on_chain_that_never_was(self, world: World) -> None:
        world.events = [
            event for event in world.events if not isinstance(event, Revoked) or event.number != 30
        ]
        only(world.audit(), Step.RELEASE, world.names["stopped on chain"])

    def test_a_stop_on_chain_without_a_block(self, world: World) -> None:
        del world.entry("stopped on chain")["block"]
        only(world.audit(), Step.RELEASE, world.names["stopped on chain"])

    def test_a_stop_whose_block_was_dropped_stands(self, world: World) -> None:
        world.entry("stopped on chain")["block"]["hash"] = digest(bytes(32))
        report = world.audit()
        passed(report)
        assert report.result(Step.RELEASE).unchecked == 1

    def test_a_stop_of_something_that_was_never_filed(self, world: World) -> None:
        world.entry("stop")["consent"] = digest(bytes(32))
        caught(world.audit(), Step.RELEASE, world.names["stop"], first=False)

    def test_a_stop_of_another_patients_consent(self, world: World) -> None:
        world.entry("stop")["consent"] = world.entry("denial")["consent"]
        caught(world.audit(), Step.RELEASE, world.names["stop"], first=False)

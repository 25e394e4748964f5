"""CONSENT: patients who leave, by nobody's word but their own, and what is done for them afterwards."""

from typing import Any

import pytest

from ledger.audit import Step
from ledger.canonical import hexed
from ledger.chain.events import ParticipantSuspended
from ledger.crypto.typed import Departure, Identification, Succession
from tests.audit.acts import (
    ORIGIN,
    RECORDS,
    account,
    block_hash,
    decided,
    did,
    entry,
    filed,
    place,
    published,
    recorded,
    released,
    root,
)
from tests.audit.findings import caught, only, passed
from tests.audit.world import World

ELSEWHERE = "consent-ledger/31337/0xelse/0xwhere"


def succeeded(at: int = 50, /, **by: str) -> dict[str, Any]:
    """Bob goes on with new keys, witnessed by the clinic; `by` names who else signs a part of it."""
    old, new, witness = account("bob").address, account("bob anew").address, account("clinic").address
    given = Succession(old=old, new=new).digest(RECORDS)
    met = Identification(old=old, new=new, witness=witness).digest(RECORDS)
    signers = {"signature": "bob", "acceptance": "bob anew", "identification": "clinic"} | by
    signed: dict[str, Any] = {
        part: hexed(account(name).sign(met if part == "identification" else given))
        for part, name in signers.items()
    }
    people: dict[str, Any] = {"patient": did("bob"), "successor": did("bob anew"), "witness": did("clinic")}
    return entry("patient.succeeded", at, **people, **signed)


def moved(*, by: str = "bob", log: str = ORIGIN, to: str = ELSEWHERE) -> dict[str, Any]:
    """Bob goes on at another gateway."""
    claim = Departure(log=log, patient=account("bob").address, to=to)
    signature = hexed(account(by).sign(claim.digest(RECORDS)))
    told: dict[str, Any] = {"to": ELSEWHERE, "url": "https://other.example", "signature": signature}
    return entry("patient.moved", 50, patient=did("bob"), **told)


@pytest.mark.parametrize("leaving", [succeeded, moved])
def test_a_patient_who_leaves_is_no_finding_and_is_said(world: World, leaving: Any) -> None:  # noqa: ANN401
    world.add("left", leaving())
    world.add("refused", decided("bob", "clinic", 51, "NO_CONSENT"))
    report = world.audit()
    passed(report)
    assert any("have left this log" in note and "1" in note for note in report.notes)


@pytest.mark.parametrize("part", ["signature", "acceptance", "identification"])
def test_a_change_of_keys_that_one_of_the_three_did_not_sign(world: World, part: str) -> None:
    world.add("left", succeeded(**{part: "lab"}))
    only(world.audit(), Step.CONSENT, world.names["left"])


def test_a_change_of_keys_to_the_same_account_or_by_ones_own_witness(world: World) -> None:
    shown = world.add("left", succeeded())
    shown["witness"] = did("bob")
    only(world.audit(), Step.CONSENT, world.names["left"])


def test_a_witness_who_was_suspended_by_then(world: World) -> None:
    world.events.append(ParticipantSuspended(**place(49), participant=account("clinic").address))
    world.add("left", succeeded())
    only(world.audit(), Step.CONSENT, world.names["left"])


def test_a_witness_who_is_suspended_afterwards_was_one(world: World) -> None:
    world.events.append(ParticipantSuspended(**place(52), participant=account("clinic").address))
    world.add("left", succeeded())
    passed(world.audit())


def test_a_move_that_the_patient_did_not_sign(world: World) -> None:
    world.add("left", moved(by="lab"))
    only(world.audit(), Step.CONSENT, world.names["left"])


def test_a_move_from_another_log(world: World) -> None:
    world.add("left", moved(log=ELSEWHERE))
    only(world.audit(), Step.CONSENT, world.names["left"])


def test_a_move_to_another_place_than_the_patient_signed(world: World) -> None:
    world.add("left", moved(to="consent-ledger/31337/0xyet/0xanother"))
    only(world.audit(), Step.CONSENT, world.names["left"])


class TestAfterwards:
    """Bob has left. Whoever acts for him then has his old words, or is the gateway itself."""

    @pytest.fixture
    def left(self, world: World) -> World:
        self.shared = world.add("before", filed("bob", "clinic", "lasting", 46))
        world.events.append(recorded(self.shared, 47))
        world.add("left", succeeded())
        return world

    def test_a_consent_that_is_filed(self, left: World) -> None:
        left.add("again", filed("bob", "lab", "later", 51))
        only(left.audit(), Step.CONSENT, left.names["again"])

    def test_a_record_that_is_published(self, left: World) -> None:
        left.add("again", published("bob", "more", "30954-2", 51))
        only(left.audit(), Step.CONSENT, left.names["again"])

    def test_keys_that_are_changed_once_more(self, left: World) -> None:
        left.add("again", succeeded(51))
        only(left.audit(), Step.CONSENT, left.names["again"])

    def test_a_permit_on_a_consent_of_before(self, left: World) -> None:
        basis, permitted = [self.shared["consent"]], [root("bob")]
        left.add("permit", decided("bob", "clinic", 51, "PERMIT", permitted=permitted, basis=basis))
        caught(left.audit(), Step.REPLAY, left.names["permit"], first=False)

    def test_a_release_on_a_permit_of_before(self, world: World) -> None:
        shared = world.add("before", filed("bob", "clinic", "lasting", 46))
        world.events.append(recorded(shared, 47))
        answer: dict[str, Any] = {"permitted": [root("bob")], "basis": [shared["consent"]]}
        world.add("permit", decided("bob", "clinic", 50, "PERMIT", **answer))
        world.add("left", succeeded())
        world.add("release", released("bob", "clinic", 50, world.names["permit"], [root("bob")]))
        caught(world.audit(), Step.RELEASE, world.names["release"], first=False)
        caught(world.audit(), Step.CONSENT, world.names["release"])

    def test_a_stop_that_the_chain_shows_is_no_act_of_theirs(self, left: World) -> None:
        from tests.audit.acts import ended

        left.events.append(ended(self.shared, 53))
        block = {"number": 53, "hash": block_hash(53)}
        consent = self.shared["consent"]
        shown = entry("consent.revoked", 54, patient=did("bob"), consent=consent, source="chain", block=block)
        left.add("stop", shown)
        passed(left.audit())

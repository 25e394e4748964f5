"""ENTRY: what a gateway may log, under which tag, and what counts as erased. The gateway signs all of it."""

from typing import Any

import pytest

from ledger.audit import Step
from ledger.canonical import hexed
from ledger.crypto.typed import Enrolment, Erasure
from ledger.log.entry import NO_PATIENT
from tests.audit.acts import ORIGIN, RECORDS, account, decided, did, entry, tag
from tests.audit.findings import caught, only, passed
from tests.audit.world import World


class TestForm:
    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "consent.given"},
            {"kind": ["decision"]},
            {"format": "consent-ledger/entry/2"},
            {"surprise": 1},
            {"outcome": "MAYBE"},
            {"time": "now"},
            {"time": -1},
            {"at": True},
            {"basis": ["0x12"]},
            {"permitted": "all"},
            {"head": {"number": 7}},
            {"patient": 7},
        ],
    )
    def test_an_entry_out_of_form(self, world: World, change: dict[str, Any]) -> None:
        world.entry("refused").update(change)
        only(world.audit(), Step.ENTRY, world.names["refused"])

    @pytest.mark.parametrize("member", ["kind", "format", "time", "patient", "subject", "outcome", "basis"])
    def test_an_entry_with_something_missing(self, world: World, member: str) -> None:
        del world.entry("refused")[member]
        only(world.audit(), Step.ENTRY, world.names["refused"])

    def test_a_kind_without_rules_is_said(self, world: World) -> None:
        world.insert("purpose", "later", entry("record.erased", 15, 2.0, patient=did("ann"), anything=1))
        report = world.audit()
        passed(report)
        assert report.result(Step.ENTRY).could_not == {"no rules here for record.erased": 1}


class TestTags:
    def test_an_entry_under_a_second_tag(self, world: World) -> None:
        """It would survive the patient's erasure."""
        world.lines[world.names["other"]].tag = b"\x07" * 20
        only(world.audit(), Step.ENTRY, world.names["other"])

    def test_an_entry_under_the_tag_of_another_patient(self, world: World) -> None:
        world.lines[world.names["other"]].tag = tag("bob")
        caught(world.audit(), Step.ENTRY)

    def test_an_entry_of_a_patient_under_no_tag(self, world: World) -> None:
        world.lines[world.names["other"]].tag = NO_PATIENT
        only(world.audit(), Step.ENTRY, world.names["other"])

    def test_an_entry_without_a_patient_under_a_tag(self, world: World) -> None:
        world.lines[world.names["read"]].tag = tag("ann")
        only(world.audit(), Step.ENTRY, world.names["read"])

    def test_a_tag_that_the_patient_did_not_sign(self, world: World) -> None:
        enrolment = Enrolment(patient=account("ann").address, erasure=account("ann erasure").address)
        forged = account("gateway").sign(enrolment.digest(RECORDS))
        world.entry("filed")["enrolment"]["signature"] = hexed(forged)
        only(world.audit(), Step.ENTRY, world.names["filed"])

    def test_a_signature_over_another_tag(self, world: World) -> None:
        world.entry("filed")["enrolment"] = world.entry("denial")["enrolment"]
        only(world.audit(), Step.ENTRY, world.names["filed"])

    def test_entries_of_a_patient_all_under_a_tag_that_the_gateway_made_up(self, world: World) -> None:
        for line in world.lines:
            line.tag = b"\x07" * 20 if line.tag == tag("ann") else line.tag
        only(world.audit(), Step.ENTRY, world.names["filed"])

    def test_what_was_asked_before_somebody_enrolled_stands_under_another_tag(self, world: World) -> None:
        world.insert("opened", "before", decided("bob", "clinic", 3, "NO_CONSENT", after=2.0), b"\x2b" * 20)
        world.entry("release")["decision"] += 1
        passed(world.audit())

    def test_nothing_stands_under_that_tag_afterwards(self, world: World) -> None:
        world.insert("opened", "before", decided("bob", "clinic", 3, "NO_CONSENT", after=2.0), b"\x2b" * 20)
        world.entry("release")["decision"] += 1
        after = decided("bob", "clinic", 34, "NO_CONSENT", after=2.0)
        world.insert("after stop", "after", after, b"\x2b" * 20)
        only(world.audit(), Step.ENTRY, world.names["after"])

    def test_two_strangers_under_one_tag(self, world: World) -> None:
        other = decided("yan", "clinic", 16, "NO_CONSENT", after=2.0)
        world.insert("stranger", "another", other, b"\x2a" * 20)
        only(world.audit(), Step.ENTRY, world.names["another"])

    def test_a_tag_that_no_consent_proves_is_said(self, world: World) -> None:
        world.insert("purpose", "yan", decided("yan", "clinic", 15, "DENY", after=2.0), b"\x33" * 20)
        report = world.audit()
        only(report, Step.REPLAY, world.names["yan"])
        assert "no consent shows the patient's signature over the tag" in report.result(Step.ENTRY).could_not


def erased(
    world: World,
    name: str,
    *,
    size: int | None = None,
    signer: str | None = None,
    order: str = "",
    log: str = ORIGIN,
) -> dict[str, Any]:
    """What the gateway logs after it destroyed a patient's key."""
    count = len(world.lines) if size is None else size
    address = account(f"{name} erasure").address
    signed = Erasure(log=log, patient=address, size=count).digest(RECORDS)
    members: dict[str, Any] = {"tag": hexed(tag(name)), "size": count}
    if order:
        return entry("patient.erased", 46, **members, order=order)
    signature = hexed(account(signer or f"{name} erasure").sign(signed))
    return entry("patient.erased", 46, **members, signature=signature)


def close(world: World, name: str) -> int:
    """Nothing of a patient opens any more; how many entries that are."""
    lines = [line for line in world.lines if line.tag == tag(name)]
    for line in lines:
        line.erased = True
    return len(lines)


class TestErasure:
    def test_an_erased_patient_is_no_finding(self, world: World) -> None:
        count = close(world, "ann")
        world.add("erased", erased(world, "ann"))
        report = world.audit()
        passed(report)
        assert report.result(Step.ENTRY).could_not == {"of an erased patient": count}

    def test_an_erasure_by_legal_order_is_counted_apart(self, world: World) -> None:
        count = close(world, "ann")
        world.add("erased", erased(world, "ann", order="court 12/2026"))
        report = world.audit()
        passed(report)
        assert report.result(Step.ENTRY).could_not == {"of a patient erased by a legal order": count}

    def test_an_erasure_that_nobody_signed(self, world: World) -> None:
        close(world, "ann")
        world.add("erased", erased(world, "ann", signer="gateway"))
        report = world.audit()
        only(report, Step.ENTRY, world.names["erased"])
        caught(report, Step.ENTRY, world.names["permit"])

    def test_an_erasure_that_was_signed_for_another_log(self, world: World) -> None:
        close(world, "ann")
        world.add("erased", erased(world, "ann", log=f"{ORIGIN}/other"))
        only(world.audit(), Step.ENTRY, world.names["erased"])

    def test_an_erasure_without_signature_or_order(self, world: World) -> None:
        close(world, "ann")
        world.add("erased", entry("patient.erased", 46, tag=hexed(tag("ann")), size=20))
        only(world.audit(), Step.ENTRY, world.names["erased"])

    def test_an_entry_beyond_the_size_that_was_erased(self, world: World) -> None:
        close(world, "ann")
        world.add("erased", erased(world, "ann", size=world.names["stop"]))
        only(world.audit(), Step.ENTRY, world.names["stop"])

    def test_an_erasure_that_claims_entries_to_come(self, world: World) -> None:
        close(world, "ann")
        world.add("erased", erased(world, "ann", size=10**6))
        world.add("more", decided("ann", "clinic", 47, "NO_CONSENT"))
        world.lines[-1].erased = True
        only(world.audit(), Step.ENTRY, world.names["more"])

    def test_an_erasure_of_another_patient(self, world: World) -> None:
        close(world, "ann")
        world.add("erased", erased(world, "bob"))
        caught(world.audit(), Step.ENTRY, world.names["permit"])

    def test_a_single_entry_held_back_under_the_name_of_an_erasure(self, world: World) -> None:
        """The stop is hidden, and what happened after it is shown as if there had been none."""
        world.lines[world.names["stop"]].erased = True
        world.add("erased", erased(world, "ann"))
        only(world.audit(), Step.ENTRY, world.names["erased"])

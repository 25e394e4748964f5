"""CONSENT: consents that nobody gave, or that were not on chain when a permit rested on them.

The gateway signs and anchors its own lies: leaves, root, note and anchors are sound in every case.
"""

from dataclasses import replace

import pytest

from ledger.audit import Step
from ledger.canonical import hexed
from ledger.chain.events import Recorded
from ledger.crypto.typed import Filing as Binding
from ledger.ids import digest, parse_word
from tests.audit.acts import CONSENTS, account, filed
from tests.audit.findings import caught, only
from tests.audit.story import permit_of
from tests.audit.world import World


def rebind(world: World, name: str, signer: str) -> None:
    """The binding of a filing, signed by somebody else."""
    shown = world.entry(name)
    filing = shown["filing"]
    claim = Binding(consent=parse_word(shown["consent"]), controller=filing["controller"])
    filing["binding"] = hexed(account(signer).sign(claim.digest(CONSENTS)))


class TestConsent:
    def test_a_consent_without_binding(self, world: World) -> None:
        """Anyone can record a hash; only the patient can bind it."""
        del world.entry("filed")["filing"]["binding"]
        caught(world.audit(), Step.CONSENT, world.names["filed"])

    def test_a_consent_that_somebody_else_bound(self, world: World) -> None:
        rebind(world, "filed", "clinic")
        caught(world.audit(), Step.CONSENT, world.names["filed"])

    @pytest.mark.parametrize(
        ("old", "new"), [("Clinic", "Clinik"), ("YES", "Yes"), ("share", "share "), ("2025", "2024")]
    )
    def test_a_statement_that_is_not_the_document(self, world: World, old: str, new: str) -> None:
        filing = world.entry("filed")["filing"]
        changed = filing["statement"].replace(old, new, 1)
        if changed == filing["statement"]:
            changed = filing["statement"] + "\n"
        filing["statement"] = changed
        caught(world.audit(), Step.CONSENT, world.names["filed"])

    def test_a_document_that_is_not_what_was_signed(self, world: World) -> None:
        other = filed("ann", "lab", "first", 8)["filing"]
        world.entry("filed")["filing"] |= {"document": other["document"], "statement": other["statement"]}
        caught(world.audit(), Step.CONSENT, world.names["filed"])

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("salt", digest(bytes(32))),
            ("until", 2**40 - 1),
            ("epoch", 1),
            ("controller", account("lab").address),
            ("document", "{}"),
            ("signature", "0x00"),
        ],
    )
    def test_any_member_of_a_filing_changed(self, world: World, member: str, value: object) -> None:
        world.entry("filed")["filing"][member] = value
        caught(world.audit(), Step.CONSENT, world.names["filed"])

    def test_a_filing_under_another_id(self, world: World) -> None:
        world.entry("filed")["consent"] = digest(bytes(32))
        caught(world.audit(), Step.CONSENT, world.names["filed"])

    def test_a_filing_under_another_patient(self, world: World) -> None:
        mine = world.entry("filed")
        theirs = filed("bob", "clinic", "first", 8)
        mine["filing"], mine["consent"] = theirs["filing"], theirs["consent"]
        caught(world.audit(), Step.CONSENT, world.names["filed"])

    def test_a_consent_filed_again_after_its_stop(self, world: World) -> None:
        again = world.entry("filed") | {"time": world.entry("stop")["time"] + 1}
        world.insert("stop", "again", again)
        only(world.audit(), Step.CONSENT, world.names["again"])

    def test_a_permit_before_the_consent_was_on_chain(self, world: World) -> None:
        world.entry("early").update(permit_of(world))
        report = world.audit()
        caught(report, Step.CONSENT, world.names["early"])
        caught(report, Step.REPLAY, world.names["early"], first=False)

    def test_a_permit_on_a_consent_that_was_never_recorded(self, world: World) -> None:
        world.events = [
            event for event in world.events if not isinstance(event, Recorded) or event.number != 10
        ]
        caught(world.audit(), Step.CONSENT, world.names["permit"])

    def test_a_permit_on_a_head_from_after_the_end_that_the_chain_shows(self, world: World) -> None:
        world.entry("permit")["head"]["time"] = world.entry("filed")["filing"]["until"]
        caught(world.audit(), Step.CONSENT, world.names["permit"], first=False)

    def test_a_permit_on_nothing_at_all(self, world: World) -> None:
        world.entry("permit")["basis"] = [digest(bytes(32))]
        caught(world.audit(), Step.CONSENT, world.names["permit"])

    def test_a_recording_under_another_controller(self, world: World) -> None:
        world.events = [
            replace(event, controller=account("lab").address)
            if isinstance(event, Recorded) and event.number == 10
            else event
            for event in world.events
        ]
        caught(world.audit(), Step.CONSENT, world.names["permit"])

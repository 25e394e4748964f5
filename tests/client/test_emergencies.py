"""An emergency from declaration to review, also while nobody hears of the chain."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from api.stack import Stack
from ledger.client.accrediting import Accreditor
from ledger.client.blocks import GatewayBlocks
from ledger.client.config import Config
from ledger.client.directory import DirectoryView
from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from ledger.client.patient import PatientClient
from ledger.client.provider import ProviderClient
from ledger.client.releases import Declared
from ledger.client.wire import Emergency
from ledger.consent.selection import any_of
from ledger.crypto.identity import Account
from ledger.errors import (
    AccessDenied,
    Conflict,
    EmergencyQuota,
    InvalidInput,
    LedgerError,
    NotAdmitted,
    NotFound,
    Undecidable,
    UnknownCode,
)
from ledger.ids import EmergencyId
from ledger.log.entry import decode
from ledger.parties import Role
from ledger.service.keys import read_key
from tests.network import Network, Person, eventually, small_bundle

REASON = "Found unconscious after a fall"
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Clock:
    """The time of gateway and clients, which a test may move ahead."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Scene:
    """Alice shares all but mental health with the ward in an emergency, and nothing with anybody else."""

    network: Network
    clock: Clock
    alice: Person
    ward: Person
    other: Person
    auditor: Person
    roots: set[str]

    def gateway(self, person: Person) -> GatewayClient:
        account, chain = person.identity.account, self.network.config.deployment.chain_id
        client = GatewayClient(self.network.stack.url, chain_id=chain, account=account, clock=self.clock)
        return self.network.closing.enter_context(client)

    def provider(self, person: Person, rpc: str = "") -> ProviderClient:
        gateway = self.gateway(person)
        directory = DirectoryView(rpc or self.network.stack.rpc_url, self.network.config.deployment)
        self.network.closing.callback(directory.close)
        return ProviderClient(
            identity=person.identity,
            gateway=gateway,
            directory=directory,
            state=person.state,
            blocks=GatewayBlocks(gateway),
            clock=self.clock,
        )

    def declared(self, person: Person, purpose: str = "ETREAT", *, reason: str = REASON) -> Declared:
        return self.provider(person).declare(
            self.alice.did, purpose=purpose, reason=reason, until=self.clock() + timedelta(hours=1)
        )

    def review(self, person: Person, emergency: EmergencyId, finding: str = "justified") -> int:
        reviewer = PatientClient(
            identity=person.identity,
            gateway=self.gateway(person),
            directory=self.network.directory(),
            state=person.state,
            blocks=self.network.blocks(),
        )
        return reviewer.review(emergency, finding=finding, note="Seen the notes")

    def seen(self, person: Person, declared: Declared) -> Emergency | None:
        """The emergency in somebody's list."""
        found = [one for one in self.gateway(person).emergencies() if one.emergency == declared.id]
        return found[0] if found else None


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    clock = Clock()
    state = tmp_path_factory.mktemp("emergencies") / "state"
    with Stack(state, clock=clock) as stack, ExitStack() as closing:
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        network = Network(stack=stack, config=config, accreditor=accreditor, closing=closing)
        ward, other = network.admitted("Ward 9"), network.admitted("Ward 10")
        auditor, alice = network.admitted("Ada Audit", Role.AUDITOR), network.enrolled()
        patient = network.patient(alice)
        published = patient.publish_bundle(small_bundle("Observation", "Condition"))
        wish = Wish(grantees=[ward.did], purposes=["ETREAT"], exceptions=any_of(labels=["PSY"]))
        done = patient.file(patient.draft(wish))
        network.wait_active(done.consent)
        yield Scene(
            network=network,
            clock=clock,
            alice=alice,
            ward=ward,
            other=other,
            auditor=auditor,
            roots={record.root for record in published},
        )


def test_a_declared_emergency_opens_what_was_sealed_beforehand(scene: Scene) -> None:
    declared = scene.declared(scene.ward)
    report = scene.provider(scene.ward).read_in_emergency(scene.alice.did, declared, purpose="ETREAT")
    assert report.resources
    assert set(report.decision.permitted) <= scene.roots
    assert (report.decision.outcome, report.decision.stale) == ("PERMIT", False)
    said, decided, released = (
        decode(receipt["entry"].encode())
        for receipt in [
            scene.gateway(scene.ward).receipt(declared.index),
            *report.receipts,
        ]
    )
    assert (said["kind"], said["declaration"]["reason"]) == ("emergency.declared", REASON)
    assert (decided["emergency"], decided["declared"]) == (True, declared.index)
    assert "stale" not in decided | released
    assert declared.index < report.receipts[0]["index"] < report.receipts[1]["index"]


def test_within_its_time_it_need_not_be_declared_again(scene: Scene) -> None:
    declared = scene.declared(scene.ward)
    provider = scene.provider(scene.ward)
    assert provider.lasting(scene.alice.did, "ETREAT") == declared
    with pytest.raises(NotFound) as caught:
        provider.lasting(scene.alice.did, "BTG")
    assert caught.value.reason == "no_emergency"


def test_without_a_declaration_the_same_purpose_opens_nothing(scene: Scene) -> None:
    with pytest.raises(InvalidInput) as caught:
        scene.provider(scene.ward).read(scene.alice.did, purposes=["ETREAT"])
    assert caught.value.reason == "emergency_required"


def test_a_declaration_opens_no_other_purpose_and_no_other_patient(scene: Scene) -> None:
    declared, provider = scene.declared(scene.ward), scene.provider(scene.ward)
    for patient, purpose in ((scene.alice.did, "BTG"), (scene.other.did, "ETREAT")):
        with pytest.raises(InvalidInput) as caught:
            provider.read_in_emergency(patient, declared, purpose=purpose)
        assert caught.value.reason == "other_emergency"


def test_nobody_rests_on_the_declaration_of_somebody_else(scene: Scene) -> None:
    declared = scene.declared(scene.ward)
    with pytest.raises(NotFound):
        scene.provider(scene.other).read_in_emergency(scene.alice.did, declared, purpose="ETREAT")


def test_whom_the_patient_sealed_nothing_to_is_denied_and_the_patient_told(scene: Scene) -> None:
    declared = scene.declared(scene.other)
    with pytest.raises(AccessDenied) as caught:
        scene.provider(scene.other).read_in_emergency(scene.alice.did, declared, purpose="ETREAT")
    assert caught.value.reason == "no_emergency_capsule"
    assert caught.value.fields["outcome"] == "DENY"
    told = scene.seen(scene.alice, declared)
    assert told is not None
    assert (told.subject, told.reason, told.state) == (scene.other.did, REASON, "unreviewed")
    kinds = {line.index: line.kind for line in scene.gateway(scene.alice).history()}
    assert kinds[declared.index] == "emergency.declared"
    assert kinds[int(caught.value.fields["index"] or 0)] == "decision"


def test_of_nobodys_account_the_answers_are_the_same(scene: Scene) -> None:
    nobody = scene.network.person().did
    provider = scene.provider(scene.other)
    until = scene.clock() + timedelta(hours=1)
    declared = provider.declare(nobody, purpose="ETREAT", reason=REASON, until=until)
    with pytest.raises(AccessDenied) as caught:
        provider.read_in_emergency(nobody, declared, purpose="ETREAT")
    assert caught.value.reason == "no_emergency_capsule"
    assert caught.value.fields["outcome"] == "DENY"


@pytest.mark.parametrize(
    ("purpose", "reason", "hours", "error", "why"),
    [
        ("TREAT", REASON, 1, InvalidInput, "no_emergency_purpose"),
        ("NOSUCH", REASON, 1, UnknownCode, "unknown_purpose"),
        ("ETREAT", " ", 1, InvalidInput, "no_reason"),
        ("ETREAT", "two\nlines", 1, InvalidInput, "bad_note"),
        ("ETREAT", REASON, 13, InvalidInput, "bad_until"),
        ("ETREAT", REASON, -1, InvalidInput, "bad_until"),
    ],
)
def test_a_declaration_out_of_bounds_is_refused(
    scene: Scene, purpose: str, reason: str, hours: int, error: type[LedgerError], why: str
) -> None:
    with pytest.raises(error) as caught:
        scene.provider(scene.ward).declare(
            scene.alice.did, purpose=purpose, reason=reason, until=scene.clock() + timedelta(hours=hours)
        )
    assert caught.value.reason == why


def test_who_is_no_provider_declares_nothing(scene: Scene) -> None:
    with pytest.raises(NotAdmitted):
        scene.declared(scene.auditor)


def test_patient_and_auditor_review_it_and_nobody_else(scene: Scene) -> None:
    first, second = scene.declared(scene.ward), scene.declared(scene.ward)
    with pytest.raises(NotFound):
        scene.review(scene.other, first.id)
    with pytest.raises(NotFound):
        scene.review(scene.ward, first.id)
    index = scene.review(scene.alice, first.id)
    assert scene.review(scene.alice, first.id) == index
    with pytest.raises(Conflict):
        scene.review(scene.alice, first.id, "unjustified")
    scene.review(scene.auditor, second.id, "unjustified")
    for person in (scene.alice, scene.ward):
        found = [scene.seen(person, one) for one in (first, second)]
        assert [one and one.state for one in found] == ["justified", "unjustified"]
        assert [one and one.review and one.review.reviewer for one in found] == [
            scene.alice.did,
            scene.auditor.did,
        ]


def test_an_auditors_list_has_no_patients_and_looking_closer_is_logged(scene: Scene) -> None:
    declared, gateway = scene.declared(scene.ward), scene.gateway(scene.auditor)
    outline = scene.seen(scene.auditor, declared)
    assert outline is not None
    assert (outline.subject, outline.state) == (scene.ward.did, "unreviewed")
    assert (outline.patient, outline.reason) == (None, "")
    size = scene.network.stack.server.gateway.journal.size
    full = gateway.emergency(declared.id)
    assert (full.patient, full.reason) == (scene.alice.did, REASON)
    (read,) = scene.network.stack.server.gateway.journal.entries(size)
    entry = decode(read.entry or b"")
    assert (entry["kind"], entry["reader"], entry["start"], entry["end"]) == (
        "log.read",
        scene.auditor.did,
        declared.index,
        declared.index + 1,
    )


def test_whom_it_does_not_concern_sees_nothing_of_it(scene: Scene) -> None:
    declared = scene.declared(scene.ward)
    for person in (scene.other, scene.network.enrolled()):
        assert scene.seen(person, declared) is None
        with pytest.raises(NotFound):
            scene.gateway(person).emergency(declared.id)


def test_after_a_stop_it_opens_nothing(scene: Scene) -> None:
    bob = scene.network.enrolled()
    patient = scene.network.patient(bob)
    patient.publish_bundle(small_bundle("Observation"))
    done = patient.file(patient.draft(Wish(grantees=[scene.ward.did], purposes=["ETREAT"])))
    scene.network.wait_active(done.consent)
    provider = scene.provider(scene.ward)
    until = scene.clock() + timedelta(hours=1)
    declared = provider.declare(bob.did, purpose="ETREAT", reason=REASON, until=until)
    assert provider.read_in_emergency(bob.did, declared, purpose="ETREAT").resources
    patient.revoke(done.consent)
    with pytest.raises(AccessDenied) as caught:
        provider.read_in_emergency(bob.did, declared, purpose="ETREAT")
    assert caught.value.reason == "no_emergency_capsule"


def test_one_provider_declares_so_many_in_a_day(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = scene.network.admitted("Busy Ward")
    gateway = scene.network.stack.server.gateway
    for _ in range(gateway.settings.emergencies_per_day):
        scene.declared(busy)
    with pytest.raises(EmergencyQuota) as caught:
        scene.declared(busy)
    assert caught.value.reason == "emergency_quota"
    assert 86_000 < int(caught.value.fields["retry_after"] or 0) <= 86_400
    assert scene.declared(scene.ward)


class TestWithoutTheChain:
    """One test after the other moves the clock, so that the gateway's head is old."""

    @pytest.fixture
    def later(self, scene: Scene) -> Iterator[None]:
        consents = scene.network.patient(scene.alice).consents()
        index = scene.network.stack.server.gateway.follower.index
        scene.network.send_blocks(80)

        def final() -> bool:
            mark = index.head("final")
            recorded = [index.consent(one.id) for one in consents]
            return mark is not None and all(one and one.recorded_number <= mark.number for one in recorded)

        eventually(final)
        before, scene.clock.ahead = scene.clock.ahead, scene.clock.ahead + timedelta(minutes=30)
        yield
        scene.clock.ahead = before

    @pytest.mark.usefixtures("later")
    def test_an_emergency_opens_on_the_last_final_head_and_says_so(self, scene: Scene) -> None:
        provider = scene.provider(scene.ward, rpc=NOWHERE)
        with pytest.raises(Undecidable):
            scene.provider(scene.ward).read(scene.alice.did, purposes=["TREAT"])
        declared = scene.declared(scene.ward)
        report = provider.read_in_emergency(scene.alice.did, declared, purpose="ETREAT")
        assert report.resources
        assert report.decision.stale
        decided, released = (decode(receipt["entry"].encode()) for receipt in report.receipts)
        assert decided["stale"] is released["stale"] is True
        assert decided["level"] == "final"
        assert decided["head"]["number"] == decided["head"]["final"]

    @pytest.mark.usefixtures("later")
    def test_what_is_over_opens_nothing(self, scene: Scene) -> None:
        declared = scene.declared(scene.ward)
        scene.clock.ahead += timedelta(hours=2)
        with pytest.raises(Conflict) as caught:
            scene.provider(scene.ward).read_in_emergency(scene.alice.did, declared, purpose="ETREAT")
        assert caught.value.reason == "emergency_over"

    @pytest.mark.usefixtures("later")
    def test_what_nobody_reviews_is_overdue_for_everybody(self, scene: Scene) -> None:
        declared = scene.declared(scene.ward)
        scene.clock.ahead += timedelta(days=8)
        for person in (scene.alice, scene.ward, scene.auditor):
            found = scene.seen(person, declared)
            assert found is not None
            assert found.state == "overdue"

"""A change of keys: what goes on under the new words, and that the old ones are worth nothing afterwards."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger.canonical import hexed, unhex
from ledger.client import succession
from ledger.client.context import Context
from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from ledger.client.succession import Estate
from ledger.crypto.identity import Account
from ledger.crypto.typed import Identification, Succession
from ledger.errors import (
    AccessDenied,
    Conflict,
    Forbidden,
    GatewayUnreachable,
    InvalidInput,
    LedgerError,
    NotAdmitted,
    SignatureInvalid,
    SignInRefused,
)
from ledger.ids import ConsentId
from ledger.log.entry import EntryKind, decode
from ledger.parties.succession import Change, parse_change
from tests.network import Network, Person, eventually, small_bundle


@dataclass
class Case:
    """A patient who shares with a clinic, and the clinic, which knows them in person."""

    network: Network
    old: Person
    new: Person
    clinic: Person
    consent: ConsentId
    kept: list[Estate]

    def context(self, person: Person) -> Context:
        return Context(
            identity=person.identity,
            gateway=self.network.gateway(person),
            directory=self.network.directory(),
            state=person.state,
            blocks=self.network.blocks(),
        )

    def change(self, witness: Person | None = None) -> Change:
        old = self.context(self.old)
        made = Change.sign(
            self.old.identity.account, self.new.identity.account, old.records_domain, old.deployment.chain_id
        )
        return made.witnessed((witness or self.clinic).identity.account, old.records_domain)

    def give_up(self, change: Change | None = None) -> dict[str, Any]:
        old, new = self.context(self.old), self.context(self.new)
        estate = succession.gather(old, change or self.change())
        self.kept.append(estate)
        return succession.give_up(old, new, estate, self.kept.append)

    def go_on(self) -> list[str]:
        old, new = self.context(self.old), self.context(self.new)
        assert succession.fill(old, new, self.kept[-1]) == []
        return succession.share(new, self.kept[-1])

    def reads(self, person: Person) -> int:
        provider = self.network.provider(self.clinic)
        return len(provider.read(person.did, purposes=["TREAT"]).resources)


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Clinic of the change")


@pytest.fixture(scope="module")
def make(network: Network, clinic: Person) -> Callable[[], Case]:
    return lambda: sharing(network, clinic)


@pytest.fixture
def case(make: Callable[[], Case]) -> Case:
    return make()


@pytest.fixture(scope="module")
def intact(make: Callable[[], Case]) -> Case:
    """One whose keys nobody changes."""
    return make()


@pytest.fixture(scope="module")
def thief(make: Callable[[], Case]) -> Case:
    """One whose keys were changed, and all of it goes on."""
    case = make()
    case.give_up()
    assert case.go_on() == []
    return case


def sharing(network: Network, clinic: Person) -> Case:
    old, new = network.enrolled(), network.enrolled()
    patient = network.patient(old)
    patient.publish_bundle(small_bundle("Immunization"))
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)
    return Case(network, old, new, clinic, done.consent, [])


class TestGoingOn:
    def test_records_and_choices_go_on_under_the_new_keys(self, case: Case) -> None:
        before = case.reads(case.old)
        receipt = case.give_up()
        assert case.go_on() == []
        new = case.network.patient(case.new)
        (consent,) = new.consents()
        case.network.wait_active(consent.id)
        assert case.reads(case.new) == before > 0
        entry = decode(receipt["entry"].encode())
        assert entry["kind"] == EntryKind.PATIENT_SUCCEEDED
        assert (entry["patient"], entry["successor"]) == (case.old.did, case.new.did)
        assert consent.id != case.consent
        assert consent.statement == case.kept[-1].statements[0]

    def test_the_old_choices_end_here_and_on_chain(self, case: Case) -> None:
        case.give_up()
        index = case.network.stack.server.gateway.follower.index
        eventually(lambda: index.ended_number(case.consent) is not None)
        with pytest.raises(AccessDenied):
            case.reads(case.old)

    def test_the_history_goes_on(self, case: Case) -> None:
        case.reads(case.old)
        case.give_up()
        history = case.network.patient(case.new).history()
        assert [line.kind for line in history] == ["decision", "release"]

    def test_the_log_of_the_old_account_can_be_proven_and_erased_by_the_new(self, case: Case) -> None:
        receipt = case.give_up()
        gateway = case.network.gateway(case.new)
        assert gateway.receipt(receipt["index"])["index"] == receipt["index"]
        service = case.network.stack.server.gateway
        size = service.journal.size
        from ledger.crypto.typed import Erasure

        erasure = case.old.identity.erasure
        claim = Erasure(log=service.journal.origin, patient=erasure.address, size=size)
        signature = hexed(erasure.sign(claim.digest(service.records_domain)))
        gateway.erase(erasure.address, size, signature)
        assert case.network.gateway(case.new).patient().patient == case.new.did
        assert case.network.patient(case.new).history() == []

    def test_a_change_that_was_broken_off_goes_on_where_it_was(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        case.give_up()
        estate = Estate.from_json(case.kept[-1].to_json(), parse_change)
        assert estate == case.kept[-1]
        publish, sent = GatewayClient.publish, []

        def once(self: GatewayClient, batch: list[dict[str, Any]]) -> Any:  # noqa: ANN401
            sent.append(len(batch))
            answer = publish(self, batch)
            if len(sent) == 1:
                raise GatewayUnreachable("it went away", reason="no_answer")
            return answer

        monkeypatch.setattr(GatewayClient, "publish", once)
        with pytest.raises(GatewayUnreachable):
            case.go_on()
        assert case.go_on() == []
        assert case.go_on() == []
        records = case.network.patient(case.new).records()
        assert len(records) == len(estate.records)
        assert len(case.network.patient(case.new).consents()) == 1

    def test_the_same_change_sent_again_gives_the_same_answer(self, case: Case) -> None:
        first = case.give_up()
        again = succession.give_up(
            case.context(case.old), case.context(case.new), case.kept[-1], case.kept.append
        )
        assert again["index"] == first["index"]

    def test_what_comes_in_meanwhile_is_gathered_too(self, case: Case) -> None:
        old, new = case.context(case.old), case.context(case.new)
        early = succession.gather(old, case.change())
        case.network.patient(case.old).publish_bundle(small_bundle("Condition"))
        kept: list[Estate] = []
        succession.give_up(old, new, early, kept.append)
        assert len(kept[-1].records) > len(early.records)


class TestTheOldWords:
    """Somebody else has learned them. After the change they are worth nothing."""

    def test_they_do_not_sign_in(self, thief: Case) -> None:
        with pytest.raises(SignInRefused) as caught:
            thief.network.gateway(thief.old).patient()
        assert caught.value.reason == "account_succeeded"

    @pytest.mark.parametrize("act", ["records", "consents", "history", "compartments", "requests"])
    def test_they_see_nothing(self, thief: Case, act: str) -> None:
        with pytest.raises(SignInRefused):
            getattr(thief.network.gateway(thief.old), act)()

    def test_they_share_nothing(self, thief: Case) -> None:
        patient = thief.network.patient(Person(identity=thief.old.identity, did=thief.old.did))
        with pytest.raises(SignInRefused):
            patient.draft(Wish(grantees=[thief.clinic.did], purposes=["TREAT"]))

    def test_they_do_not_join_again(self, thief: Case) -> None:
        with pytest.raises(SignInRefused):
            thief.network.patient(thief.old).enrol()

    def test_they_do_not_change_the_keys_once_more(self, thief: Case) -> None:
        mallory = thief.network.enrolled()
        again = replace(thief, new=mallory, kept=[])
        estate = replace(thief.kept[-1], change=again.change())
        with pytest.raises(Conflict) as caught:
            succession.give_up(again.context(again.old), again.context(mallory), estate, again.kept.append)
        assert caught.value.reason == "departed"

    def test_they_open_no_record_of_the_new_account(self, thief: Case) -> None:
        for record in thief.network.patient(thief.new).records():
            secret = thief.old.identity.compartment_secret(record.compartment, record.epoch)
            from ledger.crypto.sealing import open_capsule
            from ledger.errors import CapsuleInvalid
            from ledger.records.publish import record_info

            with pytest.raises(CapsuleInvalid):
                open_capsule(secret, record.capsule, record_info(record.root, record.header, record.epoch))

    def test_a_session_that_was_open_ends(self, case: Case) -> None:
        open_one = case.network.gateway(case.old)
        assert open_one.records()
        case.give_up()
        with pytest.raises(LedgerError) as caught:
            open_one.records()
        assert isinstance(caught.value, SignInRefused)

    def test_an_act_that_was_under_way_is_refused(self, case: Case) -> None:
        case.give_up()
        gateway = case.network.stack.server.gateway
        with pytest.raises(Forbidden) as caught:
            gateway.states.sequenced(case.old.identity.account.address, lambda state: state)
        assert caught.value.reason == "account_succeeded"


class TestWhoMayNot:
    """Nobody changes a patient's keys without the old words, the new ones, and a provider who met them."""

    def refused(self, case: Case, change: Change) -> LedgerError:
        with pytest.raises(LedgerError) as caught:
            case.give_up(change)
        gateway = case.network.stack.server.gateway
        state = gateway.states.need(case.old.identity.account.address)
        assert state.departed is None
        assert case.reads(case.old) > 0
        return caught.value

    def forged(self, case: Case, part: str, by: Account) -> Change:
        change = case.change()
        old, new = case.old.identity.account.address, case.new.identity.account.address
        domain = case.context(case.old).records_domain
        struct = (
            Identification(old=old, new=new, witness=case.clinic.identity.account.address)
            if part == "identification"
            else Succession(old=old, new=new)
        )
        signed: dict[str, Any] = {part: by.sign(struct.digest(domain))}
        return replace(change, **signed)

    @pytest.mark.parametrize("part", ["signature", "acceptance", "identification"])
    def test_a_stranger_signs_for_none_of_the_three(self, intact: Case, part: str) -> None:
        stranger = intact.network.person().identity.account
        assert isinstance(self.refused(intact, self.forged(intact, part, stranger)), SignatureInvalid)

    def test_the_old_words_alone_do_not_witness_for_themselves(self, intact: Case) -> None:
        change = intact.change(witness=intact.old)
        assert isinstance(self.refused(intact, change), InvalidInput)

    def test_a_witness_who_is_no_provider_counts_for_nothing(self, intact: Case) -> None:
        change = intact.change(witness=intact.network.person())
        assert isinstance(self.refused(intact, change), NotAdmitted)

    def test_a_witness_who_is_suspended_counts_for_nothing(self, intact: Case) -> None:
        quack = intact.network.admitted("Quack of the change")
        intact.network.accreditor.suspend(quack.did)
        gateway = intact.network.stack.server.gateway
        account = quack.identity.account.address

        def heard() -> bool:
            state = gateway.follower.index.participant(account)
            return state is not None and state.suspended

        eventually(heard)
        assert isinstance(self.refused(intact, intact.change(witness=quack)), NotAdmitted)

    def test_a_change_for_one_account_is_none_for_another(self, intact: Case) -> None:
        meant, mallory = intact.change(), intact.network.enrolled()
        thief = replace(intact, new=mallory, kept=[])
        assert isinstance(self.refused(thief, meant), SignatureInvalid)

    def test_an_account_that_was_given_up_takes_nothing_over(self, thief: Case) -> None:
        other = thief.network.enrolled()
        back = replace(thief, old=other, new=thief.old, kept=[])
        with pytest.raises(SignInRefused):
            succession.give_up(
                back.context(other),
                back.context(thief.old),
                succession.gather(back.context(other), back.change()),
                back.kept.append,
            )

    def test_a_stop_that_somebody_else_signed_stops_the_change(self, intact: Case) -> None:
        old, new = intact.context(intact.old), intact.context(intact.new)
        estate = succession.gather(old, intact.change())
        bad = intact.network.person().identity.account.sign(os.urandom(32))
        estate = replace(estate, stops={intact.consent: hexed(bad)})
        with pytest.raises(SignatureInvalid):
            succession.give_up(old, new, estate, intact.kept.append)
        assert intact.reads(intact.old) > 0


class TestFile:
    def test_a_change_is_read_again_as_it_was_written(self, intact: Case) -> None:
        change = intact.change()
        assert parse_change(change.text) == change
        unwitnessed = replace(change, witness=None, identification=b"")
        assert parse_change(unwitnessed.text) == unwitnessed

    @pytest.mark.parametrize(
        "bend",
        [
            lambda change: replace(change, old=change.new, new=change.old),
            lambda change: replace(change, signature=change.acceptance),
            lambda change: replace(change, identification=change.signature),
        ],
    )
    def test_one_that_was_changed_on_the_way_does_not_verify(
        self, intact: Case, bend: Callable[[Change], Change]
    ) -> None:
        bent = bend(intact.change())
        with pytest.raises(SignatureInvalid):
            bent.verify(intact.context(intact.old).records_domain)
        assert unhex(hexed(bent.signature)) == bent.signature

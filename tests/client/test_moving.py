"""A move to another gateway: everything goes along as it was signed, and neither gateway can change that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api.server import Server
from api.settings import GatewaySettings
from ledger.audit.remote import GatewaySource
from ledger.audit.verify import verify
from ledger.canonical import hexed
from ledger.chain.reader import read_chain
from ledger.chain.rpc import Rpc
from ledger.client import moving
from ledger.client.context import Context
from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient, system_clock
from ledger.client.moving import Carried
from ledger.client.patient import PatientClient
from ledger.client.provider import ProviderClient
from ledger.crypto.typed import Departure
from ledger.errors import (
    AccessDenied,
    CommitmentMismatch,
    Conflict,
    Forbidden,
    GatewayUnreachable,
    InvalidInput,
    LedgerError,
    ProofInvalid,
    SignatureInvalid,
)
from ledger.ids import ConsentId
from ledger.log.entry import EntryKind, decode
from ledger.parties import Application, Profile, Role
from ledger.records.blocks import LocalBlockStore
from ledger.service.gateway import Gateway
from tests.network import (
    MemoryState,
    Network,
    Person,
    Tamper,
    TamperingTransport,
    eventually,
    small_bundle,
)

ETHER = 10**18


@dataclass
class Elsewhere:
    """Another gateway on the same chain, with a database, a log and blocks of its own."""

    network: Network
    server: Server
    state: Path

    def gateway(self, person: Person, tamper: Tamper | None = None) -> GatewayClient:
        client = GatewayClient(
            self.server.url,
            chain_id=self.network.config.deployment.chain_id,
            account=person.identity.account,
            transport=None if tamper is None else TamperingTransport(tamper),
        )
        return self.network.closing.enter_context(client)

    def blocks(self) -> LocalBlockStore:
        return LocalBlockStore(self.state / "blocks")

    def client(self, person: Person) -> dict[str, Any]:
        """What a patient or provider there is made of."""
        return {
            "identity": person.identity,
            "gateway": self.gateway(person),
            "directory": self.network.directory(),
            "state": person.state,
            "blocks": self.blocks(),
        }


@pytest.fixture(scope="module")
def elsewhere(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    from ledger.service.keys import GatewayKeys

    state = tmp_path_factory.mktemp("elsewhere") / "state"
    state.mkdir()
    keys = GatewayKeys.create(state / "keys")
    rpc = Rpc(network.stack.rpc_url)
    rpc.request("anvil_setBalance", keys.relayer.address, hex(1000 * ETHER))
    rpc.close()
    settings = GatewaySettings(
        state=state,
        rpc=network.stack.rpc_url,
        deployment=network.stack.state / "deployment.json",
        port=0,
    )
    with Server(settings) as server:
        did = server.gateway.did(keys.relayer.address)
        profile = Profile(participant=did, name="Gateway elsewhere", kind="service")
        network.accreditor.admit(Application.sign(profile, Role.GATEWAY, keys.relayer))
        yield Elsewhere(network, server, state)


@dataclass
class Case:
    """A patient who shares with a clinic here, and is about to go there."""

    network: Network
    there: Elsewhere
    ann: Person
    arrived: Person
    clinic: Person
    consent: ConsentId

    def context(self, tamper: Tamper | None = None) -> Context:
        return Context(
            identity=self.ann.identity,
            gateway=self.network.gateway(self.ann, tamper),
            directory=self.network.directory(),
            state=self.ann.state,
            blocks=self.network.blocks(),
        )

    def new_context(self, tamper: Tamper | None = None) -> Context:
        found = self.there.client(self.arrived)
        return Context(**{**found, "gateway": self.there.gateway(self.arrived, tamper)})

    def carry(self, old: Tamper | None = None, new: Tamper | None = None) -> Carried:
        PatientClient(**self.there.client(self.arrived)).enrol()
        before, after = self.context(old), self.new_context(new)
        moving.arrive(before, after)
        return moving.carry(before, after)

    def move(self) -> moving.Moved:
        carried = self.carry()
        return moving.leave(self.context(), self.new_context(), carried)

    def reads_here(self) -> int:
        return len(self.network.provider(self.clinic).read(self.ann.did, purposes=["TREAT"]).resources)

    def reads_there(self) -> int:
        clinic = Person(identity=self.clinic.identity, did=self.clinic.did, state=MemoryState())
        provider = ProviderClient(**self.there.client(clinic))
        return len(provider.read(self.ann.did, purposes=["TREAT"]).resources)


@pytest.fixture(scope="module")
def clinic(network: Network, elsewhere: Elsewhere) -> Person:
    person = network.admitted("Clinic of the move")
    profile = network.gateway(None).participant(person.did).profile
    assert profile is not None
    index = elsewhere.server.gateway.follower.index
    eventually(lambda: index.participant(person.identity.account.address) is not None)
    elsewhere.gateway(person).bring_profile(profile.encode())
    return person


@pytest.fixture(scope="module")
def make(network: Network, elsewhere: Elsewhere, clinic: Person) -> Callable[[], Case]:
    def made() -> Case:
        ann = network.enrolled()
        patient = network.patient(ann)
        patient.publish_bundle(small_bundle("Immunization"))
        done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
        network.wait_active(done.consent)
        index = elsewhere.server.gateway.follower.index
        eventually(lambda: index.consent(done.consent) is not None)
        arrived = Person(identity=ann.identity, did=ann.did, state=MemoryState())
        return Case(network, elsewhere, ann, arrived, clinic, done.consent)

    return made


@pytest.fixture
def case(make: Callable[[], Case]) -> Case:
    return make()


@pytest.fixture(scope="module")
def moved(make: Callable[[], Case]) -> tuple[Case, int, moving.Moved]:
    """One who has moved, and how much the clinic could read before."""
    case = make()
    before = case.reads_here()
    return case, before, case.move()


@pytest.fixture(scope="module")
def staying(make: Callable[[], Case]) -> Case:
    """One who has carried everything there, and has not left here."""
    case = make()
    case.carry()
    return case


Story = tuple[Case, int, moving.Moved]


class TestMoved:
    def test_the_same_consent_and_the_same_records_are_there(self, moved: Story) -> None:
        case, _, done = moved
        (consent,) = PatientClient(**case.there.client(case.arrived)).consents()
        assert done.carried.consents == (case.consent,) == (consent.id,)
        here = {one.root for one in case.network.patient(case.ann).records()}
        there = {one.root for one in PatientClient(**case.there.client(case.arrived)).records()}
        assert here == there
        assert (len(here), done.carried.left, done.carried.lapsed) == (done.carried.records, (), ())

    def test_the_clinic_reads_there_what_it_read_here(self, moved: Story) -> None:
        case, before, _ = moved
        assert case.reads_there() == before > 0

    def test_here_it_is_refused_and_told_that_the_patient_moved(self, moved: Story) -> None:
        case, _, done = moved
        decision = case.network.provider(case.clinic).evaluate(case.ann.did, purposes=["TREAT"])
        assert (decision.outcome, decision.refusal) == ("NO_CONSENT", "patient_moved")
        assert decision.log["index"] > done.index
        with pytest.raises(AccessDenied):
            case.reads_here()

    def test_whom_the_consent_names_is_told_where(self, moved: Story) -> None:
        case, _, _ = moved
        rows = {one.consent: one for one in case.network.gateway(case.clinic).consents()}
        assert rows[case.consent].moved == case.there.server.url

    def test_somebody_else_hears_what_they_always_heard(self, moved: Story) -> None:
        case, _, _ = moved
        stranger = case.network.admitted("Stranger to the move")
        decision = case.network.provider(stranger).evaluate(case.ann.did, purposes=["TREAT"])
        assert (decision.outcome, decision.refusal) == ("NO_CONSENT", "")

    def test_on_chain_nothing_was_stopped(self, moved: Story) -> None:
        case, _, _ = moved
        index = case.network.stack.server.gateway.follower.index
        assert index.ended_number(case.consent) is None

    def test_here_nothing_more_is_taken_and_the_history_stays_open(self, moved: Story) -> None:
        case, _, _ = moved
        patient = case.network.patient(case.ann)
        assert [line.kind for line in patient.history()][:2] == ["decision", "release"]
        with pytest.raises(Forbidden) as caught:
            patient.publish_bundle(small_bundle("Condition"))
        assert caught.value.reason == "patient_moved"

    def test_the_receipt_names_the_other_log(self, moved: Story) -> None:
        case, _, done = moved
        entry = decode(done.receipt["entry"].encode())
        assert entry["kind"] == EntryKind.PATIENT_MOVED
        assert entry["to"] == case.there.server.gateway.journal.origin

    def test_both_logs_verify(self, moved: Story) -> None:
        case, _, _ = moved
        case.reads_there()
        auditor = case.network.admitted("Auditor of the move", Role.AUDITOR)
        for gateway, client in (
            (case.network.stack.server.gateway, case.network.gateway(auditor)),
            (case.there.server.gateway, case.there.gateway(auditor)),
        ):
            _audited(case.network, gateway, client)

    def test_the_same_move_again_gives_the_same_answer(self, moved: Story) -> None:
        case, _, done = moved
        again = moving.leave(case.context(), case.new_context(), done.carried)
        assert again.index == done.index

    def test_a_stop_there_stops_it(self, case: Case) -> None:
        case.move()
        patient = PatientClient(**case.there.client(case.arrived))
        patient.revoke(case.consent)
        with pytest.raises(AccessDenied):
            case.reads_there()


def _audited(network: Network, gateway: Gateway, client: GatewayClient) -> None:
    rpc = Rpc(network.stack.rpc_url)
    try:
        chain = read_chain(rpc, network.config.deployment)
        report = verify(GatewaySource(client), chain, verifier=gateway.journal.verifier, now=system_clock())
    finally:
        rpc.close()
    wrong = [one for one in report.findings if one.step in ("CONSENT", "REPLAY", "RELEASE", "ENTRY")]
    assert wrong == []


class TestOnTheWay:
    def test_a_move_that_broke_off_goes_on(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        file, leave = GatewayClient.file, GatewayClient.leave

        def lost(self: GatewayClient, *given: Any) -> Any:  # noqa: ANN401
            (file if len(given) > 1 else leave)(self, *given)
            raise GatewayUnreachable("it went away", reason="no_answer")

        with monkeypatch.context() as patch:
            patch.setattr(GatewayClient, "file", lost)
            with pytest.raises(GatewayUnreachable):
                case.move()
        with monkeypatch.context() as patch:
            patch.setattr(GatewayClient, "leave", lost)
            with pytest.raises(GatewayUnreachable):
                case.move()
        done = case.move()
        assert done.carried.records == len(case.network.patient(case.ann).records())
        assert case.reads_there() > 0

    def test_until_the_old_gateway_lets_go_the_patient_is_there(self, staying: Case) -> None:
        assert staying.reads_here() > 0
        assert staying.reads_there() > 0

    def test_what_comes_in_meanwhile_goes_along(self, case: Case) -> None:
        carried = case.carry()
        case.network.patient(case.ann).publish_bundle(small_bundle("Condition"))
        done = moving.leave(case.context(), case.new_context(), carried)
        assert done.carried.records > carried.records

    def test_what_was_stopped_before_stays_stopped_and_its_epochs_closed(self, case: Case) -> None:
        case.network.patient(case.ann).revoke(case.consent)
        done = case.move()
        assert done.carried.consents == ()
        epochs = {one.current for one in case.new_context().gateway.compartments()}
        assert epochs == {1}
        with pytest.raises(AccessDenied):
            case.reads_there()


def _bent(path: str, bend: Callable[[Any], Any]) -> Tamper:
    return lambda asked, answer: bend(answer) if asked == path else answer


class TestHostileOldGateway:
    """It hides, changes or keeps what is the patient's; the patient is where they were, or has all of it."""

    def test_it_cannot_hide_a_consent(self, staying: Case) -> None:
        hide = _bent("GET /v1/consents", lambda answer: {"consents": []})
        with pytest.raises(ProofInvalid) as caught:
            staying.carry(old=hide)
        assert caught.value.reason == "consent_hidden"

    def test_it_cannot_widen_a_consent(self, staying: Case) -> None:
        def widen(answer: Any) -> Any:  # noqa: ANN401
            for row in answer["consents"]:
                row["filing"]["document"] = row["filing"]["document"].replace("TREAT", "HMARKT")
            return answer

        with pytest.raises((CommitmentMismatch, SignatureInvalid)):
            staying.carry(old=_bent("GET /v1/consents", widen))

    def test_it_cannot_slip_in_a_consent_or_record_of_somebody_else(
        self, staying: Case, moved: Story
    ) -> None:
        rows = moved[0].context().gateway
        consents = {"consents": [_json(one) for one in rows.consents()]}
        records = {"records": [_json(one) for one in rows.records()]}
        for path, answer in (("GET /v1/consents", consents), ("GET /v1/records", records)):
            with pytest.raises(LedgerError) as caught:
                staying.carry(old=_bent(path, partial(_same, answer)))
            assert caught.value.reason in ("other_patient", "header_elsewhere")

    def test_it_cannot_give_another_record_key(self, staying: Case) -> None:
        def swap(answer: Any) -> Any:  # noqa: ANN401
            first, second = answer["records"][:2]
            first["capsule"], second["capsule"] = second["capsule"], first["capsule"]
            return answer

        with pytest.raises(SignatureInvalid):
            staying.carry(old=_bent("GET /v1/records", swap))

    def test_it_cannot_let_somebody_go_who_did_not_ask(self, staying: Case) -> None:
        clinic = staying.network.gateway(staying.clinic)
        claim = Departure(log="there", patient=staying.ann.identity.account.address, to="elsewhere")
        signature = hexed(
            staying.clinic.identity.account.sign(claim.digest(staying.context().records_domain))
        )
        body = {"to": "elsewhere", "url": "https://x.example", "signature": signature, "version": 0}
        with pytest.raises(LedgerError):
            clinic.leave(body)
        with pytest.raises(SignatureInvalid):
            staying.context().gateway.leave(body)
        assert staying.reads_here() > 0

    def test_it_cannot_pass_one_departure_off_as_another(self, moved: Story) -> None:
        case, _, done = moved
        old = case.context(_bent("POST /v1/patient/departure", lambda _: _other_receipt(case)))
        with pytest.raises(ProofInvalid) as caught:
            moving.leave(old, case.new_context(), done.carried)
        assert caught.value.reason == "receipt_of_other_act"


class TestHostileNewGateway:
    """It loses or invents; the old one is told nothing until the new one shows everything."""

    @pytest.mark.parametrize("path", ["GET /v1/records", "GET /v1/consents"])
    def test_one_that_loses_something_is_not_gone_to(self, staying: Case, path: str) -> None:
        name = path.rpartition("/")[2]
        lose = _bent(path, lambda answer: {**answer, name: answer[name][1:]})
        with pytest.raises((ProofInvalid, Conflict)) as caught:
            staying.carry(new=lose)
        assert caught.value.reason in ("not_taken", "published_otherwise")
        assert staying.reads_here() > 0

    def test_a_receipt_of_something_else_is_no_proof(self, case: Case) -> None:
        def other(answer: Any) -> Any:  # noqa: ANN401
            answer["receipt"]["entry"] = answer["receipt"]["entry"].replace(case.consent, "0x" + "11" * 32)
            return answer

        with pytest.raises(ProofInvalid):
            case.carry(new=_bent("POST /v1/consents", other))

    def test_one_with_other_contracts_is_refused(self, staying: Case) -> None:
        elsewhere = {"registry": "0x" + "1" * 40}
        with pytest.raises(InvalidInput) as caught:
            staying.carry(new=_bent("GET /v1/gateway", lambda answer: {**answer, **elsewhere}))
        assert caught.value.reason == "other_network"

    def test_the_same_gateway_under_another_name_is_none(self, staying: Case) -> None:
        here = staying.context()
        with pytest.raises(InvalidInput) as caught:
            moving.arrive(here, staying.context())
        assert caught.value.reason == "same_log"


def _same(answer: Any, _: Any) -> Any:  # noqa: ANN401
    return answer


def _json(row: Any) -> Any:  # noqa: ANN401
    from ledger.client.wire import plain

    return {name: part for name, part in plain(row).items() if part is not None}


def _other_receipt(case: Case) -> dict[str, Any]:
    """The receipt of an entry of the same patient, where that of the departure should be."""
    gateway = case.network.stack.server.gateway
    tag = bytes.fromhex(case.ann.identity.erasure.address[2:])
    first = gateway.journal.entries(tag=tag)[0].index
    return {"index": first, "receipt": gateway.journal.receipt(first).to_json()}

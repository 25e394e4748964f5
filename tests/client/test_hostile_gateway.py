"""A gateway that lies: what a client must notice before it signs, believes or opens anything."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import httpx2
import pytest

from ledger.canonical import b64, canonical, hexed, parse_object, unb64
from ledger.chain.index import ChainState
from ledger.client.blocks import GatewayBlocks
from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from ledger.client.own import STOPPING
from ledger.client.patient import PatientClient
from ledger.consent.selection import Selection
from ledger.crypto.identity import Identity, new_words
from ledger.crypto.sealing import KeyPair
from ledger.errors import (
    BlockCorrupt,
    CapsuleInvalid,
    CommitmentMismatch,
    Conflict,
    GatewayUnreachable,
    InvalidInput,
    LedgerError,
    NotAdmitted,
    NotFound,
    ProofInvalid,
    RecordCorrupt,
    SignatureInvalid,
    SignInRefused,
    StopKept,
)
from ledger.ids import Cid, ConsentId
from ledger.log.checkpoint import Checkpoint, LogKey
from ledger.log.entry import encode
from ledger.log.receipt import Receipt
from ledger.parties import parse_profile
from tests.network import (
    MemoryState,
    Network,
    Person,
    Tamper,
    TamperingTransport,
    eventually,
    small_bundle,
)

FOREIGN_KEY = b64(KeyPair.from_secret(bytes([5]) * 32).public)


def change(path: str, how: Callable[[Any], None], method: str = "GET") -> Tamper:
    """Alter the answers to one call in place."""

    def tamper(asked: str, answer: Any) -> Any:  # noqa: ANN401
        if asked == f"{method} {path}" or (path.endswith("*") and asked.startswith(f"{method} {path[:-1]}")):
            how(answer)
        return answer

    return tamper


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Hill Clinic")


@pytest.fixture(scope="module")
def alice(network: Network, clinic: Person) -> Person:
    """A patient with records, and one consent for the clinic."""
    alice = network.enrolled()
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Condition", "Immunization"))
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)
    return alice


def test_a_sign_in_for_another_host_is_not_signed(network: Network) -> None:
    person = network.person()
    for member, value in (
        ("domain", "evil.example"),
        ("uri", "https://evil.example"),
        ("chain_id", 1),
        ("expires_at", "2020-01-01T00:00:00Z"),
        ("nonce", "line\nbreak12"),
    ):
        tamper = change("/v1/sign-in/challenge", lambda answer: answer.update({member: value}), "POST")  # noqa: B023
        with pytest.raises(SignInRefused):
            network.gateway(person, tamper).patient()


def test_a_session_for_somebody_else_is_refused(network: Network) -> None:
    other = network.person().identity.account.address
    tamper = change("/v1/sign-in", lambda answer: answer.update(account=other), "POST")
    with pytest.raises(SignInRefused):
        network.gateway(network.person(), tamper).patient()


def test_a_gateway_of_another_network_is_refused(network: Network, alice: Person, clinic: Person) -> None:
    other = network.person().identity.account.address
    for member in ("registry", "directory", "anchor", "account", "log_origin"):
        tamper = change("/v1/gateway", lambda answer: answer.update({member: other}))  # noqa: B023
        person = Person(identity=clinic.identity, did=clinic.did)
        with pytest.raises(InvalidInput) as caught:
            network.provider(person, tamper).evaluate(alice.did, purposes=["TREAT"])
        assert caught.value.reason == "other_network"


def test_an_enrolment_under_another_tag_is_refused(network: Network, alice: Person) -> None:
    tamper = change("/v1/patient", lambda answer: answer.update(tag="0x" + "11" * 20), "PUT")
    with pytest.raises(ProofInvalid):
        network.patient(alice, tamper).enrol()


def test_a_planted_compartment_key_is_never_sealed_to(network: Network, alice: Person) -> None:
    def plant(answer: Any) -> None:  # noqa: ANN401
        answer["compartments"][0]["keys"][0]["key"] = FOREIGN_KEY

    tamper = change("/v1/compartments", plant)
    with pytest.raises(SignatureInvalid) as caught:
        network.patient(alice, tamper).publish_bundle(small_bundle("Goal"))
    assert caught.value.reason == "foreign_key"


def test_a_downgraded_label_shows_in_the_signature(network: Network, alice: Person) -> None:
    def downgrade(answer: Any) -> None:  # noqa: ANN401
        record = next(one for one in answer["records"] if '"confidentiality":"N"' in one["header"])
        record["header"] = record["header"].replace('"confidentiality":"N"', '"confidentiality":"L"')

    with pytest.raises(SignatureInvalid):
        network.patient(alice, change("/v1/records", downgrade)).records()


def test_a_key_swapped_in_a_profile_is_never_sealed_to(
    network: Network, alice: Person, clinic: Person
) -> None:
    def swap(answer: Any) -> None:  # noqa: ANN401
        profile = parse_object(answer["profile"])
        profile["encryption"]["key"] = FOREIGN_KEY
        answer["profile"] = canonical(profile).decode()

    patient = network.patient(alice, change("/v1/participants/*", swap))
    with pytest.raises(NotAdmitted) as caught:
        patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))
    assert caught.value.reason == "profile_unknown"


def test_another_providers_profile_does_not_do(network: Network, alice: Person, clinic: Person) -> None:
    other = network.admitted("Valley Clinic")
    text = network.gateway(None).participant(other.did).profile
    assert text is not None
    assert parse_profile(text).name == "Valley Clinic"
    tamper = change("/v1/participants/*", lambda answer: answer.update(profile=text))
    with pytest.raises(NotAdmitted):
        network.patient(alice, tamper).draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))


def test_a_consent_that_the_patient_never_gave_is_not_shown(network: Network, alice: Person) -> None:
    for member, value in (("statement", "You share nothing."), ("epoch", 7), ("salt", "0x" + "00" * 32)):

        def forge(answer: Any, member: str = member, value: object = value) -> None:  # noqa: ANN401
            answer["consents"][0]["filing"][member] = value

        with pytest.raises((CommitmentMismatch, SignatureInvalid)):
            network.patient(alice, change("/v1/consents", forge)).consents()


def test_a_provider_is_not_shown_another_text_than_the_document(
    network: Network, alice: Person, clinic: Person
) -> None:
    def forge(answer: Any) -> None:  # noqa: ANN401
        answer["consents"][0]["statement"] += " And everything else."

    with pytest.raises(CommitmentMismatch):
        network.provider(clinic, change("/v1/consents", forge)).consents()


def test_an_old_receipt_does_not_prove_a_new_act(network: Network, alice: Person, clinic: Person) -> None:
    old = alice.state.receipts[0]
    patient = network.patient(alice, change("/v1/consents", lambda a: a.update(receipt=old), "POST"))
    draft = patient.draft(
        Wish(grantees=[clinic.did], purposes=["HOPERAT"], which=Selection(classes=["labs"]))
    )
    before = len(alice.state.filings)
    with pytest.raises(ProofInvalid) as caught:
        patient.file(draft)
    assert caught.value.reason == "receipt_of_other_act"
    assert len(alice.state.filings) == before + 1  # remembered, so that it can be stopped


def test_a_receipt_by_another_log_is_refused(network: Network, alice: Person, clinic: Person) -> None:
    own = network.gateway(None).info()
    other = LogKey(own.log_origin, bytes([3]) * 32)
    person = Person(identity=clinic.identity, did=clinic.did, state=MemoryState(log_key=other.verifier))
    with pytest.raises(ProofInvalid):
        network.provider(person).evaluate(alice.did, purposes=["TREAT"])


def test_a_log_that_was_rewritten_is_caught(network: Network, alice: Person, clinic: Person) -> None:
    network.provider(clinic).evaluate(alice.did, purposes=["TREAT"])
    seen = clinic.state.checkpoint
    assert seen is not None

    def forge(answer: Any) -> None:  # noqa: ANN401
        answer["proof"] = [hexed(bytes(32)) for _ in answer["proof"]]

    with pytest.raises(ProofInvalid) as caught:
        network.provider(clinic, change("/v1/log/proofs/consistency", forge)).evaluate(
            alice.did, purposes=["TREAT"]
        )
    assert caught.value.reason == "log_forked"
    assert clinic.state.checkpoint == seen


def _capsule_of_another(answer: Any) -> None:  # noqa: ANN401
    first, second = answer["records"][:2]
    first["capsule"] = second["capsule"]


def _header_of_another(answer: Any) -> None:  # noqa: ANN401
    first, second = answer["records"][:2]
    first["header"] = second["header"]


def _one_twice(answer: Any) -> None:  # noqa: ANN401
    answer["records"].append(answer["records"][0])


def _one_less(answer: Any) -> None:  # noqa: ANN401
    answer["records"].pop()


def _unlisted_grant(answer: Any) -> None:  # noqa: ANN401
    grant = answer["grants"][0]
    grant["capsule"] = b64(unb64(grant["capsule"])[:-1] + b"\0")


def _swapped_grant(answer: Any) -> None:  # noqa: ANN401
    first, second = answer["grants"][:2]
    first["capsule"], second["capsule"] = second["capsule"], first["capsule"]


def _unsigned_list(answer: Any) -> None:  # noqa: ANN401
    answer["grants"][0]["list"].append("0x" + "00" * 32)


def _no_grant(answer: Any) -> None:  # noqa: ANN401
    answer["grants"].pop()


def _no_receipt(answer: Any) -> None:  # noqa: ANN401
    answer["receipts"] = []


def _one_receipt(answer: Any) -> None:  # noqa: ANN401
    answer["receipts"].pop()


def _more_permitted(answer: Any) -> None:  # noqa: ANN401
    answer["decision"]["permitted"].append(answer["decision"]["permitted"][0])


def _denied_after_all(answer: Any) -> None:  # noqa: ANN401
    answer["decision"]["outcome"] = "NO_CONSENT"


@pytest.mark.parametrize(
    ("forge", "error"),
    [
        (_capsule_of_another, SignatureInvalid),
        (_header_of_another, (SignatureInvalid, RecordCorrupt)),
        (_one_twice, ProofInvalid),
        (_one_less, ProofInvalid),
        (_unlisted_grant, CapsuleInvalid),
        (_swapped_grant, CapsuleInvalid),
        (_unsigned_list, SignatureInvalid),
        (_no_grant, CapsuleInvalid),
        (_no_receipt, ProofInvalid),
        (_one_receipt, ProofInvalid),
        (_more_permitted, ProofInvalid),
        (_denied_after_all, ProofInvalid),
    ],
)
def test_a_tampered_release_opens_nothing(
    network: Network,
    alice: Person,
    clinic: Person,
    forge: Callable[[Any], None],
    error: type[LedgerError],
) -> None:
    provider = network.provider(clinic, change("/v1/releases", forge, "POST"))
    with pytest.raises(error):
        provider.read(alice.did, purposes=["TREAT"])


def test_altered_ciphertext_is_refused_whoever_serves_it(network: Network, alice: Person) -> None:
    root = network.patient(alice).records()[0].root

    class Altering(GatewayClient):
        def block(self, cid: Cid) -> bytes:
            return super().block(cid)[:-1] + b"\0"

    with Altering(network.stack.url, chain_id=network.config.deployment.chain_id) as gateway:
        blocks = GatewayBlocks(gateway)
        assert blocks.has(root)
        with pytest.raises(BlockCorrupt):
            blocks.get(root)


def test_words_that_are_somebody_elses_revoke_nothing(network: Network, alice: Person) -> None:
    stranger = Identity.from_words(new_words(lambda size: bytes([9]) * size))
    person = Person(identity=stranger, did=alice.did)
    with pytest.raises(LedgerError):
        network.patient(person).revoke(next(iter(alice.state.filings)))


class Shared(NamedTuple):
    """A patient whose only consent opens a published record in epoch 0 to a clinic."""

    person: Person
    consent: ConsentId


@pytest.fixture
def shared(network: Network, clinic: Person) -> Shared:
    person = network.enrolled()
    patient = network.patient(person)
    patient.publish_bundle(small_bundle("Condition"))
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)
    assert set(person.state.filings[done.consent].opened.values()) == {0}
    return Shared(person, done.consent)


def still_active(asked: str, answer: Any) -> Any:  # noqa: ANN401
    """Every consent runs for ever."""
    for one in answer["consents"] if asked == "GET /v1/consents" else ():
        one["state"] = "active"
        one.pop("stop", None)
    return answer


def still_epoch_zero(asked: str, answer: Any) -> Any:  # noqa: ANN401
    """Every consent runs for ever, and no epoch ever ends."""
    for compartment in answer["compartments"] if asked == "GET /v1/compartments" else ():
        compartment["current"] = 0
    return still_active(asked, answer)


def _no_key_at_all(asked: str, answer: Any) -> Any:  # noqa: ANN401
    """Every consent runs for ever, and no key was ever deposited."""
    return {"compartments": []} if asked == "GET /v1/compartments" else still_active(asked, answer)


def _stop_unheard(asked: str, answer: Any) -> Any:  # noqa: ANN401
    """The answer to a stop is lost, and nothing ever ends."""
    return "gone" if asked.endswith("/revocation") else still_epoch_zero(asked, answer)


class Heard(TamperingTransport):
    """A lying gateway, and all that it was asked; at a stop, also what the client had saved by then."""

    def __init__(self, tamper: Tamper, state: MemoryState) -> None:
        super().__init__(tamper)
        self.asked: list[str] = []
        self.marks: list[tuple[int, list[bool]]] = []
        self._state = state

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/revocation"):
            stopped = [kept.stopped for kept in self._state.filings.values()]
            self.marks.append((self._state.saves, stopped))
        return super().handle_request(request)


def client_through(network: Network, person: Person, transport: httpx2.BaseTransport) -> PatientClient:
    """A client that has read the chain by now, so that later only its own memory tells of a stop."""
    gateway = GatewayClient(
        network.stack.url,
        chain_id=network.config.deployment.chain_id,
        account=person.identity.account,
        transport=transport,
    )
    patient = PatientClient(
        identity=person.identity,
        gateway=network.closing.enter_context(gateway),
        directory=network.directory(),
        state=person.state,
        blocks=network.blocks(),
    )
    patient.consents()
    return patient


def test_a_stopped_consent_that_the_gateway_calls_active_gets_no_more_keys(
    network: Network, shared: Shared
) -> None:
    heard = Heard(still_active, shared.person.state)
    patient = client_through(network, shared.person, heard)
    patient.revoke(shared.consent)
    new = patient.publish_bundle(small_bundle("Condition"), again=True)
    assert {one.epoch for one in new} == {1}
    assert patient.reseal() == []
    assert not [asked for asked in heard.asked if asked.endswith("/capsules")]
    kept = shared.person.state.filings[shared.consent]
    assert (kept.sealed, set(kept.opened.values())) == (frozenset(), {0})


def test_a_gateway_that_denies_all_keys_is_sealed_nothing_that_a_stopped_consent_opens(
    network: Network, shared: Shared
) -> None:
    """As one that has none yet, to which a patient has moved."""
    patient = client_through(network, shared.person, TamperingTransport(_no_key_at_all))
    patient.revoke(shared.consent)
    published = patient.publish_bundle(small_bundle("Condition"), again=True)
    assert {one.epoch for one in published} == {1}
    patient.reseal()
    assert {one.epoch for one in network.patient(shared.person).records()} == {0, 1}


def test_a_gateway_that_moves_an_epoch_back_is_sealed_nothing(
    network: Network, shared: Shared, clinic: Person
) -> None:
    heard = Heard(still_epoch_zero, shared.person.state)
    patient = client_through(network, shared.person, heard)
    draft = patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))
    patient.revoke(shared.consent)
    heard.asked.clear()
    acts: list[Callable[[], object]] = [
        lambda: patient.publish_bundle(small_bundle("Condition"), again=True),
        patient.reseal,
        lambda: patient.file(draft),
    ]
    for act in acts:
        with pytest.raises(ProofInvalid) as caught:
            act()
        assert caught.value.reason == "epoch_stopped"
    assert {asked.split()[0] for asked in heard.asked} == {"GET"}


def test_a_gateway_that_goes_on_with_the_epoch_of_whom_a_no_shut_out_is_sealed_nothing(
    network: Network, shared: Shared, clinic: Person
) -> None:
    network.patient(shared.person).file(
        network.patient(shared.person).draft(Wish(grantees=[clinic.did], purposes=["TREAT"], deny=True))
    )
    assert shared.person.state.filings[shared.consent].sealed == frozenset()
    patient = client_through(network, shared.person, Heard(still_epoch_zero, shared.person.state))
    with pytest.raises(ProofInvalid) as caught:
        patient.publish_bundle(small_bundle("Condition"), again=True)
    assert caught.value.reason == "epoch_stopped"
    honest = network.patient(shared.person)
    assert {one.epoch for one in honest.publish_bundle(small_bundle("Condition"), again=True)} == {1}


class NoCapsules(TamperingTransport):
    """A gateway that knows of no consent when it is handed fewer capsules."""

    def __init__(self) -> None:
        super().__init__(lambda asked, answer: answer)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/capsules"):
            problem = {"code": "not_found", "detail": "no such running consent"}
            headers = {"Content-Type": "application/problem+json"}
            return httpx2.Response(404, headers=headers, content=json.dumps(problem).encode())
        return super().handle_request(request)


def test_a_gateway_that_takes_no_smaller_list_does_not_make_the_client_forget_whom_a_no_shut_out(
    network: Network, shared: Shared, clinic: Person
) -> None:
    patient = client_through(network, shared.person, NoCapsules())
    draft = patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"], deny=True))
    acts: list[Callable[[], object]] = [
        lambda: patient.file(draft),  # which is filed, and then told what the gateway does
        lambda: patient.publish_bundle(small_bundle("Condition"), again=True),
    ]
    for act in acts:
        with pytest.raises(ProofInvalid) as caught:
            act()
        assert caught.value.reason == "epoch_stopped"
    honest = network.patient(shared.person)
    assert {one.epoch for one in honest.publish_bundle(small_bundle("Condition"), again=True)} == {1}


def test_a_stop_whose_answer_is_lost_is_a_stop(network: Network, shared: Shared) -> None:
    heard = Heard(_stop_unheard, shared.person.state)
    patient = client_through(network, shared.person, heard)
    saves = shared.person.state.saves
    with pytest.raises(StopKept):
        patient.revoke(shared.consent)
    assert heard.marks == [(saves + 1, [True])] * 2
    with pytest.raises(ProofInvalid) as caught:
        patient.publish_bundle(small_bundle("Condition"), again=True)
    assert caught.value.reason == "epoch_stopped"
    honest = network.patient(shared.person)
    honest.revoke(shared.consent)
    assert {one.epoch for one in honest.publish_bundle(small_bundle("Condition"), again=True)} == {1}


def test_keys_that_were_sent_count_although_no_answer_came(network: Network, clinic: Person) -> None:
    person = network.enrolled()
    patient = network.patient(
        person, lambda asked, answer: "gone" if asked == "POST /v1/consents" else answer
    )
    patient.publish_bundle(small_bundle("Condition"))
    with pytest.raises(GatewayUnreachable):
        patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    (consent,) = person.state.filings
    patient = client_through(network, person, Heard(still_epoch_zero, person.state))
    patient.revoke(consent)
    with pytest.raises(ProofInvalid) as caught:
        patient.publish_bundle(small_bundle("Condition"), again=True)
    assert caught.value.reason == "epoch_stopped"


def test_stopping_what_never_reached_a_gateway_closes_no_epoch(network: Network, clinic: Person) -> None:
    person = network.enrolled()
    patient = network.patient(person)
    patient.publish_bundle(small_bundle("Condition"))
    asked = network.provider(clinic).request_consent(person.did, purposes=["TREAT"])
    draft = patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]), asked.request)
    patient.decline(asked.request)
    with pytest.raises(Conflict):
        patient.file(draft)
    (consent,) = person.state.filings
    with pytest.raises(NotFound):
        patient.revoke(consent)
    assert {one.epoch for one in patient.publish_bundle(small_bundle("Condition"), again=True)} == {0}


class Withheld(httpx2.BaseTransport):
    """A gateway that stops nothing, and proves a stop with an entry of its choice, in a log of its own."""

    def __init__(self, person: Person, key: LogKey, change: dict[str, Any]) -> None:
        self._inner = httpx2.HTTPTransport()
        self._person, self._key, self._change = person, key, change

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/revocation"):
            return self._inner.handle_request(request)
        consent = request.url.path.split("/")[-2]
        entry = {
            "kind": "consent.revoked",
            "consent": consent,
            "patient": self._person.did,
            "source": "gateway",
            "signature": parse_object(request.read())["signature"],
            **self._change,
        }
        row = {"consent": consent, "state": "stopped", "chain": {"state": "seen"}, "filed": 0, "index": 0}
        return httpx2.Response(200, json={**row, "receipt": self._receipt(entry)})

    def close(self) -> None:
        self._inner.close()

    def _receipt(self, entry: dict[str, Any]) -> dict[str, Any]:
        tag = bytes.fromhex(self._person.identity.erasure.address[2:])
        receipt = Receipt(index=0, tag=tag, salt=bytes(32), entry=encode(entry), checkpoint="", proof=())
        note = self._key.sign(Checkpoint(origin=self._key.origin, size=1, root=receipt.leaf()))
        return replace(receipt, checkpoint=note).to_json()


def withheld(network: Network, person: Person, **changed: str) -> PatientClient:
    """A client that has pinned the key of the log in which such a gateway proves stops."""
    key = LogKey(network.gateway(None).info().log_origin, bytes([3]) * 32)
    person.state.log_key, person.state.checkpoint = key.verifier, None
    return client_through(network, person, Withheld(person, key, changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "consent.filed"},
        {"source": "chain"},
        {"signature": "0x" + "11" * 65},
        {"consent": "0x" + "11" * 32},
    ],
)
def test_a_receipt_of_another_kind_does_not_prove_a_stop(
    network: Network, shared: Shared, changed: dict[str, str]
) -> None:
    patient = withheld(network, shared.person, **changed)
    with pytest.raises(ProofInvalid) as caught:
        patient.revoke(shared.consent)
    assert caught.value.reason == "receipt_of_other_act"
    assert [one.state for one in patient.consents()] == [STOPPING]
    assert withheld(network, shared.person).revoke(shared.consent).consent == shared.consent


def test_a_stop_that_the_chain_showed_first_is_believed_of_the_chain(
    network: Network, shared: Shared
) -> None:
    patient = network.patient(shared.person)
    patient.revoke(shared.consent)
    eventually(lambda: patient.consents()[0].on_chain is ChainState.ENDED)
    assert withheld(network, shared.person, source="chain").revoke(shared.consent).consent == shared.consent


def test_a_restored_client_signs_no_stop_for_what_it_never_agreed_to(
    network: Network, shared: Shared, alice: Person
) -> None:
    other = next(row.filing for row in network.gateway(alice).consents() if row.filing)
    for lie in ({"filing": other}, {"filing": other, "consent": next(iter(alice.state.filings))}):
        restored = Person(identity=shared.person.identity, did=shared.person.did, state=MemoryState())
        tamper = change(f"/v1/consents/{shared.consent}", lambda answer: answer.update(lie))  # noqa: B023
        heard = Heard(tamper, restored.state)
        with pytest.raises(CommitmentMismatch):
            client_through(network, restored, heard).revoke(shared.consent)
        assert restored.state.filings == {}
        assert not heard.marks

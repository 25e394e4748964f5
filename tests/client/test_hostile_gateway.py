"""A gateway that lies: what a client must notice before it signs, believes or opens anything."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.canonical import b64, canonical, hexed, parse_object, unb64
from ledger.client.blocks import GatewayBlocks
from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from ledger.crypto.identity import Identity, new_words
from ledger.crypto.sealing import KeyPair
from ledger.errors import (
    BlockCorrupt,
    CapsuleInvalid,
    CommitmentMismatch,
    InvalidInput,
    LedgerError,
    NotAdmitted,
    ProofInvalid,
    RecordCorrupt,
    SignatureInvalid,
    SignInRefused,
)
from ledger.ids import Cid
from ledger.log.checkpoint import LogKey
from ledger.parties import parse_profile
from tests.network import MemoryState, Network, Person, Tamper, small_bundle

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
    draft = patient.draft(Wish(grantees=[clinic.did], purposes=["HOPERAT"], classes=["labs"]))
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

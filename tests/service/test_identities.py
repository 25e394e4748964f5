"""Whose tag is whose: enrolment, made-up tags, and people of other chains."""

import os

import pytest

from ledger.canonical import hexed
from ledger.crypto.sealing import KeyPair
from ledger.crypto.typed import Enrolment
from ledger.errors import InvalidInput, SignatureInvalid
from ledger.ids import Did
from ledger.log.entry import decode
from ledger.parties import VouchedKey
from ledger.service import decisions, patients
from ledger.service.decisions import Question
from ledger.service.gateway import Gateway
from ledger.service.madeup import MadeUpTags, WithMadeUp
from ledger.store.vault import MemoryDataKeys
from tests.network import Network, Person


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


def test_nobody_enrols_under_a_tag_that_is_not_theirs(network: Network, gateway: Gateway) -> None:
    alice, mallory = network.enrolled(), network.person()
    account = mallory.identity.account
    stolen = alice.identity.erasure.address
    claim = Enrolment(patient=account.address, erasure=stolen).digest(gateway.records_domain)
    signature = hexed(account.sign(claim))
    inbox = VouchedKey.inbox(
        account,
        KeyPair.from_secret(mallory.identity.inbox_secret(0)).public,
        epoch=0,
        chain_id=gateway.chain_id,
        registry=gateway.deployment.registry,
    )
    with pytest.raises(SignatureInvalid):
        patients.enrol(
            gateway,
            account.address,
            erasure=stolen,
            signature=signature,
            possession=signature,
            inbox=inbox.to_json("epoch"),
        )
    assert gateway.states.find(account.address) is None


def test_a_did_of_another_chain_is_refused_and_not_logged(network: Network, gateway: Gateway) -> None:
    clinic, alice = network.admitted("Far Clinic"), network.enrolled()
    size = gateway.journal.size
    elsewhere = Did(alice.did.replace("eip155:31337:", "eip155:1:"))
    for subject, patient in ((clinic.did, elsewhere), (elsewhere, alice.did)):
        with pytest.raises(InvalidInput) as caught:
            decisions.decide_and_log(
                gateway, Question(subject=Did(subject), patient=Did(patient), purpose=("TREAT",))
            )
        assert caught.value.reason == "other_chain"
    assert gateway.journal.size == size


def test_questions_about_strangers_leave_no_key_files(network: Network, gateway: Gateway) -> None:
    clinic = network.admitted("Near Clinic")
    before = len(list((network.stack.state / "datakeys").iterdir()))
    tags = []
    nobody: Person = network.person()
    for _ in range(2):
        question = Question(subject=clinic.did, patient=nobody.did, purpose=("TREAT",))
        decided = decisions.decide_and_log(gateway, question)
        opened = gateway.journal.entries(decided.appended.index, decided.appended.index + 1)[0]
        assert opened.entry is not None
        assert decode(opened.entry)["patient"] == nobody.did
        tags.append(opened.tag)
    assert tags[0] == tags[1]
    assert len(list((network.stack.state / "datakeys").iterdir())) == before


def test_made_up_tags_have_keys_and_no_other_tag_has_one() -> None:
    made_up = MadeUpTags(os.urandom(32))
    keys = WithMadeUp(MemoryDataKeys(), made_up)
    tags = {made_up.tag(Did(f"did:pkh:eip155:1:{number}")) for number in range(50)}
    assert len(tags) == 50
    assert len({keys.key(tag) for tag in tags}) == 50
    assert all(len(tag) == 20 and len(keys.key(tag) or b"") == 32 for tag in tags)
    assert all(keys.key(os.urandom(20)) is None for _ in range(50))
    assert all(MadeUpTags(os.urandom(32)).data_key(tag) is None for tag in tags)
    real = os.urandom(20)
    keys.create(real)
    assert keys.key(real) is not None
    keys.destroy(real)
    assert keys.key(real) is None

"""A gateway that lies to writers, or conspires with one: what they, the patient and readers must notice."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.canonical import b64, hexed
from ledger.client.writer import Writer
from ledger.client.writing import WritersOutbox
from ledger.crypto.recordcipher import KEY_SIZE
from ledger.crypto.sealing import KeyPair, key_digest
from ledger.crypto.typed import CompartmentKey, Publication
from ledger.errors import Conflict, LedgerError, ProofInvalid, RecordCorrupt, SignatureInvalid
from ledger.ids import parse_did, word
from ledger.records.cid import Codec, cid_of, digest_of
from ledger.records.header import RecordHeader
from ledger.records.publish import Place, encrypt_to, seal_key
from tests.client.test_writing import LABS, note, share, write, write_filed
from tests.network import Network, Person, Tamper

Forge = Callable[[Any], None]


@pytest.fixture(scope="module")
def watch(network: Network) -> Person:
    return network.admitted("Step Counter")


@pytest.fixture(scope="module")
def doctor(network: Network) -> Person:
    return network.admitted("Doctor Dan")


@pytest.fixture
def alice(network: Network, watch: Person) -> Person:
    """A patient with labs of their own, and with vitals by the watch, whom they let add more."""
    alice = network.enrolled()
    patient = network.patient(alice)
    patient.publish_prepared([note(alice.did, "mine\n", LABS)])
    share(network, alice, watch, "vitals", actions=("collect",))
    write_filed(network, alice, network.provider(watch).writer(alice.did), note(alice.did, "first\n"))
    return alice


@pytest.fixture
def newcomer(network: Network, watch: Person) -> Person:
    """A patient without records, who lets the watch add vitals: they go to the inbox."""
    newcomer = network.enrolled()
    share(network, newcomer, watch, "vitals", actions=("collect",))
    return newcomer


def answering(path: str, forge: Forge) -> Tamper:
    def tamper(asked: str, answer: Any) -> Any:  # noqa: ANN401
        if asked == path:
            forge(answer)
        return answer

    return tamper


def placed(network: Network, watch: Person, alice: Person, forge: Forge) -> Writer:
    """A writer whose gateway lies about where to."""
    return network.provider(watch, answering("POST /v1/publications/place", forge)).writer(alice.did)


def refused(writer: Writer, alice: Person, error: type[LedgerError] = SignatureInvalid) -> str:
    """Why the writer sealed nothing."""
    with pytest.raises(error) as caught:
        write(writer, note(alice.did, "secret\n"))
    return caught.value.reason


def key_of(network: Network, alice: Person, record_class: str, epoch: int) -> dict[str, Any]:
    """A place as the patient signed for it."""
    (found,) = [
        {"compartment": one.compartment, "epoch": key.epoch, "key": key.key, "signature": key.signature}
        for one in network.gateway(alice).compartments()
        for key in one.keys
        if key.epoch == epoch
        and one.compartment == word(note(alice.did, "", record_class).header.compartment)
    ]
    return found


def test_a_swapped_compartment_key_is_never_sealed_to(network: Network, alice: Person, watch: Person) -> None:
    planted = b64(KeyPair.from_secret(bytes([5]) * 32).public)
    writer = placed(network, watch, alice, lambda answer: answer.update(key=planted))
    assert refused(writer, alice) == "foreign_key"
    assert len(network.patient(alice).records()) == 2


def test_a_key_that_somebody_else_signed_is_never_sealed_to(
    network: Network, alice: Person, watch: Person
) -> None:
    pair, mallory = KeyPair.from_secret(bytes([5]) * 32), network.person().identity.account
    compartment = note(alice.did, "").header.compartment
    claim = CompartmentKey(
        patient=mallory.address, compartment=compartment, epoch=0, key=key_digest(pair.public)
    )
    domain = network.stack.server.gateway.records_domain
    signature = hexed(mallory.sign(claim.digest(domain)))
    writer = placed(
        network, watch, alice, lambda answer: answer.update(key=b64(pair.public), signature=signature)
    )
    assert refused(writer, alice) == "foreign_key"


def test_a_swapped_inbox_key_is_never_sealed_to(network: Network, newcomer: Person, watch: Person) -> None:
    planted = b64(KeyPair.from_secret(bytes([5]) * 32).public)
    writer = placed(network, watch, newcomer, lambda answer: answer.update(key=planted))
    assert refused(writer, newcomer) == "foreign_key"


def test_another_patients_keys_are_never_sealed_to(
    network: Network, alice: Person, newcomer: Person, watch: Person
) -> None:
    theirs = key_of(network, alice, "8716-3", 0)
    assert refused(placed(network, watch, newcomer, lambda a: a.update(theirs)), newcomer) == "foreign_key"
    theirs["compartment"] = word(note(newcomer.did, "").header.compartment)
    assert refused(placed(network, watch, newcomer, lambda a: a.update(theirs)), newcomer) == "foreign_key"


def test_the_key_of_another_compartment_is_never_sealed_to(
    network: Network, alice: Person, watch: Person
) -> None:
    labs = key_of(network, alice, LABS, 0)
    assert refused(placed(network, watch, alice, lambda a: a.update(labs)), alice) == "foreign_key"
    labs["compartment"] = word(note(alice.did, "").header.compartment)
    assert refused(placed(network, watch, alice, lambda a: a.update(labs)), alice) == "foreign_key"


def test_a_key_said_to_be_of_another_epoch_is_never_sealed_to(
    network: Network, alice: Person, watch: Person
) -> None:
    assert refused(placed(network, watch, alice, lambda a: a.update(epoch=1)), alice) == "foreign_key"
    (made,) = write(network.provider(watch).writer(alice.did), note(alice.did, "honest\n"))
    assert made.epoch == 0


def test_the_key_of_an_ended_epoch_is_not_sealed_to_again(
    network: Network, alice: Person, watch: Person, doctor: Person
) -> None:
    ended = key_of(network, alice, "8716-3", 0)
    consent = share(network, alice, doctor, "vitals")
    network.patient(alice).revoke(consent)
    (made,) = write(network.provider(watch).writer(alice.did), note(alice.did, "new\n"))
    assert made.epoch == 1
    writer = placed(network, watch, alice, lambda answer: answer.update(ended))
    assert refused(writer, alice, ProofInvalid) == "epoch_ended_before"


def test_a_writer_who_never_wrote_later_cannot_know_that_an_epoch_has_ended(
    network: Network, alice: Person, watch: Person, doctor: Person
) -> None:
    """What remains: an honest gateway refuses the publication, so only a lying one could keep the record."""
    ended = key_of(network, alice, "8716-3", 0)
    consent = share(network, alice, doctor, "vitals")
    network.patient(alice).revoke(consent)
    person = Person(identity=watch.identity, did=watch.did)
    writer = placed(network, person, alice, lambda answer: answer.update(ended))
    with pytest.raises(LedgerError) as caught:
        write(writer, note(alice.did, "new\n"))
    assert caught.value.reason == "epoch_ended"
    assert len(network.patient(alice).records()) == 2


def test_an_answer_without_its_receipts_is_not_believed(
    network: Network, alice: Person, watch: Person
) -> None:
    tamper = answering("POST /v1/publications", lambda answer: answer.update(receipts=[]))
    writer = network.provider(watch, tamper).writer(alice.did)
    assert refused(writer, alice, ProofInvalid) == "receipt_missing"


def planted(network: Network, writer: Person, alice: Person) -> dict[str, Any]:
    """A record as a writer who conspires with the gateway would sign it, without any consent."""
    own = note(alice.did, "you owe us money\n")
    key, blocks = bytes(KEY_SIZE), network.blocks()
    root = encrypt_to(blocks, own.header, own.plaintext(), key=key)
    public = KeyPair.from_secret(alice.identity.compartment_secret(own.header.compartment, 0)).public
    made = seal_key(root, own.header, key, Place(epoch=0, public_key=public))
    domain = network.stack.server.gateway.records_domain
    account = writer.identity.account
    return {
        "root": made.root,
        "header": made.header.to_bytes().decode(),
        "compartment": word(made.compartment),
        "epoch": made.epoch,
        "capsule": b64(made.capsule),
        "signature": hexed(account.sign(made.publication().digest(domain))),
        "writer": account.address,
    }


def test_a_record_that_nobody_asked_for_is_marked_and_shared_with_nobody(
    network: Network, alice: Person, doctor: Person
) -> None:
    record = planted(network, doctor, alice)
    share(network, alice, doctor, "vitals")
    tamper = answering("GET /v1/records", lambda answer: answer["records"].append(record))
    told = network.patient(alice, tamper).told_records()
    assert told.unasked == {record["root"]}
    assert record["root"] not in {one.root for one in network.patient(alice, tamper).records()}


def test_a_record_by_nobody_in_the_directory_is_refused(network: Network, alice: Person) -> None:
    record = planted(network, network.person(), alice)
    tamper = answering("GET /v1/records", lambda answer: answer["records"].append(record))
    with pytest.raises(SignatureInvalid) as caught:
        network.patient(alice, tamper).told_records()
    assert caught.value.reason == "another_writer"


def _another_writer(record: Any, other: str) -> None:  # noqa: ANN401
    record["writer"] = other


def _the_patients(record: Any, other: str) -> None:  # noqa: ANN401
    del record["written"]
    record["writer"] = parse_did(RecordHeader.from_bytes(record["header"].encode()).patient)[1]


def _unwritten(record: Any, other: str) -> None:  # noqa: ANN401
    del record["written"]


def _written_elsewhere(record: Any, other: str) -> None:  # noqa: ANN401
    record["written"]["epoch"] += 1


def _back_in_the_inbox(record: Any, other: str) -> None:  # noqa: ANN401
    record["compartment"] = "0x" + "00" * 32


@pytest.mark.parametrize(
    "forge", [_another_writer, _the_patients, _unwritten, _written_elsewhere, _back_in_the_inbox]
)
def test_readers_believe_no_other_writer_and_no_other_place(
    network: Network,
    newcomer: Person,
    watch: Person,
    doctor: Person,
    forge: Callable[[Any, str], None],
) -> None:
    write(network.provider(watch).writer(newcomer.did), note(newcomer.did, "pulse\n"))
    share(network, newcomer, doctor, "vitals")
    other = doctor.identity.account.address

    def bend(answer: Any) -> None:  # noqa: ANN401
        (record,) = answer["records"]
        assert record["written"]
        forge(record, other)

    reader = network.provider(doctor, answering("POST /v1/releases", bend))
    with pytest.raises((SignatureInvalid, RecordCorrupt)):
        reader.read(newcomer.did, purposes=["TREAT"])


def test_nobody_takes_a_patients_own_record_for_theirs(
    network: Network, newcomer: Person, doctor: Person
) -> None:
    """A provider signs that it wrote it, to the inbox; the patient never moved it there from."""
    patient = network.patient(newcomer)
    (made,) = patient.publish_prepared([note(newcomer.did, "mine\n")])
    claim = Publication(
        root=digest_of(made.root),
        header=made.header.digest,
        patient=newcomer.identity.account.address,
        compartment=bytes(32),
        epoch=0,
        capsule=bytes(32),
    )
    signature = doctor.identity.account.sign(claim.digest(network.stack.server.gateway.records_domain))

    def bend(answer: Any) -> None:  # noqa: ANN401
        (record,) = answer["records"]
        record["writer"] = doctor.identity.account.address
        record["written"] = {"epoch": 0, "capsule": "0x" + "00" * 32, "signature": hexed(signature)}

    with pytest.raises(SignatureInvalid):
        network.patient(newcomer, answering("GET /v1/records", bend)).told_records()


def test_a_writer_cannot_tell_by_publishing_which_records_a_patient_has(
    network: Network, doctor: Person
) -> None:
    """It publishes what is no record into a compartment that was never named to it."""
    told = set()
    for has_one in (False, True):
        patient = network.enrolled()
        if has_one:
            network.patient(patient).publish_prepared([note(patient.did, "x\n", LABS, ("HIV",))])
        share(network, patient, doctor, "labs", actions=("collect",))
        junk = b"no manifest"
        root = cid_of(Codec.DAG_CBOR, junk)
        network.blocks().put(root, junk)
        header = note(patient.did, "probe", LABS, ("HIV",)).header
        place = Place(epoch=0, public_key=KeyPair.from_secret(bytes(32)).public)
        outbox = WritersOutbox(network.provider(doctor)._context, patient.did, ["TREAT"])
        with pytest.raises(LedgerError) as caught:
            outbox.send([seal_key(root, header, bytes(32), place)])
        told.add((type(caught.value), caught.value.reason))
    assert told == {(Conflict, "epoch_ended")}

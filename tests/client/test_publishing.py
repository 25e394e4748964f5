"""Publishing through a real gateway: each record once, whatever came between."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger.client import staging
from ledger.client.drafting import Wish
from ledger.client.known import NothingKnown
from ledger.client.outbox import OwnOutbox
from ledger.client.patient import PatientClient
from ledger.client.publishing import Publisher
from ledger.client.staging import Batch, Staging
from ledger.crypto.sealing import KeyPair, open_capsule
from ledger.errors import (
    BlockMissing,
    Forbidden,
    GatewayUnreachable,
    InvalidInput,
    ProofInvalid,
    StoreUnavailable,
)
from ledger.ids import Cid, Did
from ledger.records.ahead import LARGE
from ledger.records.blocks import LocalBlockStore
from ledger.records.filerecords import file_pieces, file_record
from ledger.records.header import RecordHeader
from ledger.records.manifest import fetch, walk
from ledger.records.opening import plaintext_of
from ledger.records.prepared import Prepared
from ledger.records.publish import MOST_RECORDS, Place, Published, record_info
from tests.client.test_writing import note as memo
from tests.network import Network, Person, small_bundle

BUNDLE = small_bundle("Condition", "Immunization")


@pytest.fixture
def alice(network: Network) -> Person:
    return network.enrolled()


@pytest.fixture
def patient(network: Network, alice: Person) -> PatientClient:
    return network.patient(alice)


@pytest.fixture
def blocks(network: Network) -> LocalBlockStore:
    return network.blocks()


def note(patient: PatientClient, path: Path, text: str | bytes) -> Prepared:
    """A file with this text, ready to be published."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    header = file_record(path, patient=patient.did, record_class="notes", media_type="text/plain")
    return Prepared(header=header, sources=(path,), plaintext=lambda: file_pieces(path))


def staged(person: Person) -> list[Path]:
    return list(person.state.staging.glob("*"))


def below(patient: PatientClient, blocks: LocalBlockStore) -> set[Cid]:
    """Every block of a patient's records."""
    return {cid for record in patient.records() for cid, _ in walk(record.root, blocks)}


def lost(asked: str, answer: Any) -> Any:  # noqa: ANN401
    """What a gateway says whose answer to a publication gets lost."""
    return "gone" if asked == "POST /v1/records" else answer


def test_the_same_bundle_again_publishes_nothing(patient: PatientClient, alice: Person) -> None:
    made = patient.publish_bundle(BUNDLE)
    told: list[tuple[int, int]] = []
    assert patient.publish_bundle(BUNDLE, progress=lambda done, total: told.append((done, total))) == []
    assert told == [(done, len(made)) for done in range(1, len(made) + 1)]
    with patient.publishing() as publisher:
        publisher.publish(patient.bundle_records(BUNDLE))
    assert (publisher.published, publisher.already) == ([], len(made))
    assert {record.root for record in patient.records()} == {record.root for record in made}
    assert staged(alice) == []


def test_again_publishes_a_second_copy(patient: PatientClient) -> None:
    first = patient.publish_bundle(BUNDLE)
    second = patient.publish_bundle(BUNDLE, again=True)
    assert len(first) == len(second)
    assert not {record.root for record in first} & {record.root for record in second}


def test_another_text_under_the_same_header_is_another_record(patient: PatientClient, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    first = patient.publish_prepared([note(patient, path, "one")])
    second = patient.publish_prepared([note(patient, path, "two")])
    assert first[0].header == second[0].header
    assert patient.publish_prepared([note(patient, path, "one")]) == []


def test_a_record_twice_in_one_run_is_published_once(patient: PatientClient, tmp_path: Path) -> None:
    one = note(patient, tmp_path / "note.txt", "text")
    with patient.publishing() as publisher:
        publisher.publish([one, one])
    assert (len(publisher.published), publisher.already) == (1, 1)


def test_a_record_that_lost_a_block_is_published_anew(
    patient: PatientClient, blocks: LocalBlockStore, tmp_path: Path
) -> None:
    one = note(patient, tmp_path / "note.txt", "text")
    (made,) = patient.publish_prepared([one])
    blocks.delete(next(cid for cid, _ in walk(made.root, blocks) if cid != made.root))
    (again,) = patient.publish_prepared([one])
    assert again.root != made.root


def test_many_records_go_in_batches(
    patient: PatientClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    send = OwnOutbox.send

    def counting(self: OwnOutbox, batch: list[Published]) -> None:
        sizes.append(len(batch))
        send(self, batch)

    monkeypatch.setattr(OwnOutbox, "send", counting)
    records = [note(patient, tmp_path / f"{n}.txt", f"note {n}") for n in range(MOST_RECORDS + 3)]
    made = patient.publish_prepared(records)
    assert sizes == [MOST_RECORDS, 3]
    assert [one.header.name for one in made] == [one.header.name for one in records]


def test_a_publication_whose_answer_was_lost_is_finished_by_the_next_run(
    network: Network, alice: Person, patient: PatientClient, blocks: LocalBlockStore
) -> None:
    with pytest.raises(GatewayUnreachable):
        network.patient(alice, lost).publish_bundle(BUNDLE)
    assert len(staged(alice)) == 1
    there = {record.root for record in patient.records()}
    with patient.publishing() as publisher:
        publisher.publish(patient.bundle_records(BUNDLE))
    assert {record.root for record in publisher.published} == there
    assert publisher.already == 0
    assert {record.root for record in patient.records()} == there
    assert staged(alice) == []


def test_a_staged_record_whose_epoch_has_ended_is_sealed_to_the_next(
    network: Network, alice: Person, patient: PatientClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = network.admitted("Staging Clinic")
    patient.publish_bundle(small_bundle())
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)
    records = patient.bundle_records(small_bundle("Condition"))[-1:]
    patient.publish_prepared(records)
    patient.reseal()
    keep = Batch.keep

    def stopped_meanwhile(self: Batch) -> None:
        keep(self)
        monkeypatch.setattr(Batch, "keep", keep)
        network.patient(alice).revoke(done.consent)

    monkeypatch.setattr(Batch, "keep", stopped_meanwhile)
    (made,) = patient.publish_prepared(records, again=True)
    assert made.epoch == 1
    assert staged(alice) == []
    assert {record.epoch for record in patient.records() if record.root == made.root} == {1}


def test_what_the_gateway_refuses_leaves_nothing(
    patient: PatientClient, alice: Person, blocks: LocalBlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(blocks.cids())

    def refuse(self: OwnOutbox, batch: list[Published]) -> None:
        raise Forbidden("no", reason="never")

    monkeypatch.setattr(OwnOutbox, "send", refuse)
    with pytest.raises(Forbidden):
        patient.publish_bundle(BUNDLE)
    assert set(blocks.cids()) == before
    assert staged(alice) == []


def test_a_full_disk_leaves_what_was_published_and_nothing_else(
    patient: PatientClient,
    alice: Person,
    blocks: LocalBlockStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = [note(patient, tmp_path / f"{n}.txt", f"note {n}") for n in range(MOST_RECORDS + 2)]
    before = set(blocks.cids())
    write, calls = staging._written, 0

    def full(path: Path, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls > 2 * MOST_RECORDS + 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(staging, "_written", full)
    with pytest.raises(StoreUnavailable) as caught:
        patient.publish_prepared(records)
    assert caught.value.reason == "not_staged"
    assert caught.value.fields["file"] == f"{MOST_RECORDS + 1}.txt"
    assert staged(alice) == []
    assert len(patient.records()) == MOST_RECORDS
    assert set(blocks.cids()) - before == below(patient, blocks)


def test_a_disk_that_a_large_file_fills_is_told_with_its_name_and_nothing_is_left(
    patient: PatientClient,
    alice: Person,
    blocks: LocalBlockStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, before = LARGE + 1, set(blocks.cids())
    records = [
        note(patient, tmp_path / "large.txt", os.urandom(large // 2).hex()),
        note(patient, tmp_path / "next.txt", "text"),
    ]
    write, room = staging._written, iter(range(3))

    def full(path: Path, data: bytes) -> int:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(staging, "_written", full)
    with pytest.raises(StoreUnavailable) as caught:
        patient.publish_prepared(records)
    assert caught.value.fields["file"] == "large.txt"
    assert staged(alice) == []
    assert set(blocks.cids()) == before


def test_a_file_that_changed_is_named_and_leaves_nothing(
    patient: PatientClient, alice: Person, tmp_path: Path
) -> None:
    one = note(patient, tmp_path / "note.txt", "text")
    (tmp_path / "note.txt").write_text("longer text")
    with pytest.raises(InvalidInput) as caught:
        patient.publish_prepared([one])
    assert (caught.value.reason, caught.value.fields["file"]) == ("size_changed", "note.txt")
    assert staged(alice) == []


def test_the_staging_of_another_patient_is_left_alone(network: Network, patient: PatientClient) -> None:
    other = network.enrolled()
    with pytest.raises(GatewayUnreachable):
        network.patient(other, lost).publish_bundle(BUNDLE)
    (theirs,) = Staging(other.state.staging, other.identity).left(other.did)
    assert list(Staging(other.state.staging, other.identity).left(patient.did)) == []
    assert {one.header.patient for one in theirs.records} == {other.did}


def test_a_note_tells_nothing(network: Network, alice: Person) -> None:
    with pytest.raises(GatewayUnreachable):
        network.patient(alice, lost).publish_bundle(BUNDLE)
    (path,) = alice.state.staging.glob("*/note.sealed")
    (batch,) = Staging(alice.state.staging, alice.identity).left(alice.did)
    text = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    for one in batch.records:
        assert one.root.encode() not in text
    assert alice.did.encode() not in text


def test_staged_blocks_that_were_lost_are_encrypted_anew(
    network: Network,
    alice: Person,
    patient: PatientClient,
    blocks: LocalBlockStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = set(blocks.cids())

    def broken_off(self: LocalBlockStore, root: Cid, source: LocalBlockStore) -> None:
        raise GatewayUnreachable("away")

    with monkeypatch.context() as patch:
        patch.setattr(LocalBlockStore, "adopt", broken_off)
        with pytest.raises(GatewayUnreachable):
            patient.publish_bundle(BUNDLE)
    (batch,) = Staging(alice.state.staging, alice.identity).left(alice.did)
    batch.blocks.delete(next(cid for cid, _ in walk(batch.records[0].root, batch.blocks) if cid[3] == "k"))
    with pytest.raises(BlockMissing):
        blocks.adopt(batch.records[0].root, batch.blocks)
    made = patient.publish_bundle(BUNDLE)
    assert len(made) == len(batch.records) == len(patient.records())
    assert set(blocks.cids()) - before == below(patient, blocks)
    assert staged(alice) == []


def test_a_large_record_tells_its_bytes(
    network: Network, patient: PatientClient, alice: Person, tmp_path: Path
) -> None:
    told: dict[str, list[tuple[int, int]]] = {}

    def moving(act: str, done: int, total: int) -> None:
        told.setdefault(act, []).append((done, total))

    with patient.publishing(moving=moving) as publisher:
        publisher.publish([note(patient, tmp_path / "large.txt", os.urandom(LARGE + 5))])
    assert told["encrypting"][-1] == (LARGE + 5, LARGE + 5)
    assert [done for done, _ in told["encrypting"]] == sorted({done for done, _ in told["encrypting"]})


class InboxOnly:
    """The outbox of a writer who has a patient's inbox key, and nothing else."""

    def __init__(self, patient: Did, key: bytes) -> None:
        self.patient = patient
        self.key = key
        self.sent: list[Published] = []
        self.purposes = ("TREAT",)

    def place(self, header: RecordHeader) -> Place:
        return Place(epoch=0, public_key=self.key, kind="inbox")

    def has_ended(self, record: Published) -> bool:
        return False

    def refresh(self) -> None:
        raise AssertionError("an inbox key does not end")

    def send(self, batch: Sequence[Published]) -> None:
        self.sent += batch


def test_a_writer_without_any_secret_of_the_patient_can_publish(
    network: Network, patient: PatientClient, alice: Person, tmp_path: Path
) -> None:
    secret = alice.identity.inbox_secret(0)
    outbox = InboxOnly(patient.did, KeyPair.from_secret(secret).public)
    writer = network.patient(network.person())
    Publisher(writer._context, outbox, NothingKnown()).publish([note(patient, tmp_path / "n.txt", "text")])
    (one,) = outbox.sent
    key = open_capsule(secret, one.capsule, record_info(one.root, one.header, 0, "inbox"))
    assert b"".join(plaintext_of(one.root, one.header, key, network.blocks())) == b"text"


class TestWhatTheGatewayMayHave:
    """A run that finishes what an earlier one sent, without an answer, destroys nothing of it."""

    @pytest.fixture
    def sent(self, network: Network) -> tuple[Person, Cid]:
        """A patient whose record was published although no answer came, and the record."""
        alice = network.enrolled()
        with pytest.raises(GatewayUnreachable):
            network.patient(alice, lost).publish_prepared([memo(alice.did, "precious\n")])
        (record,) = network.patient(alice).records()
        return alice, record.root

    def whole(self, network: Network, root: Cid) -> bool:
        return bool(b"".join(fetch(root, network.blocks())))

    def test_when_it_is_interrupted(
        self, network: Network, sent: tuple[Person, Cid], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, root = sent

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(LocalBlockStore, "adopt", interrupted)
            with pytest.raises(KeyboardInterrupt):
                network.patient(alice).publish_prepared([memo(alice.did, "other\n")])
        assert self.whole(network, root)
        network.patient(alice).publish_prepared([memo(alice.did, "other\n")])
        assert len(network.patient(alice).records()) == 2
        assert not list(alice.state.staging.glob("*"))

    def test_when_its_epoch_has_ended_since(self, network: Network, sent: tuple[Person, Cid]) -> None:
        alice, root = sent
        clinic, patient = network.admitted("Sent Clinic"), network.patient(alice)
        (batch,) = alice.state.staging.glob("*")
        aside = batch.parent.with_name("aside")
        batch.rename(aside)
        done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
        patient.revoke(done.consent)
        aside.rename(batch)
        network.patient(alice).publish_prepared([memo(alice.did, "other\n")])
        assert self.whole(network, root)
        assert len(network.patient(alice).records()) == 2
        assert not list(alice.state.staging.glob("*"))

    def test_when_its_copy_here_is_damaged(self, network: Network, sent: tuple[Person, Cid]) -> None:
        alice, root = sent
        (batch,) = alice.state.staging.glob("*")
        for path in (batch / "blocks").glob("**/bafkrei*"):
            path.unlink()
        network.patient(alice).publish_prepared([memo(alice.did, "other\n")])
        assert self.whole(network, root)
        assert not list(alice.state.staging.glob("*"))


def test_what_was_staged_before_a_stop_is_sealed_anew_before_it_is_sent(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever epoch the gateway calls current then: the client has seen it end."""
    clinic, alice = network.admitted("Staging Clinic"), network.enrolled()
    patient = network.patient(alice)
    patient.publish_prepared([memo(alice.did, "one\n")])
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)

    def down(*_: object) -> None:
        raise GatewayUnreachable("nobody answers")

    with monkeypatch.context() as patched:
        patched.setattr(OwnOutbox, "send", down)
        with pytest.raises(GatewayUnreachable):
            network.patient(alice).publish_prepared([memo(alice.did, "two\n")])
    network.patient(alice).revoke(done.consent)
    sent: list[int] = []

    def kept(asked: str, answer: Any) -> Any:  # noqa: ANN401
        for one in answer["compartments"] if asked == "GET /v1/compartments" else ():
            one["current"] = 0
        return answer

    real = OwnOutbox.send

    def heard(self: OwnOutbox, batch: Sequence[Published]) -> None:
        sent.extend(one.epoch for one in batch)
        real(self, batch)

    monkeypatch.setattr(OwnOutbox, "send", heard)
    with pytest.raises(ProofInvalid) as caught:
        network.patient(alice, kept).publish_prepared([memo(alice.did, "three\n")])
    assert (caught.value.reason, sent) == ("epoch_stopped", [])
    network.patient(alice).publish_prepared([memo(alice.did, "three\n")])
    assert set(sent) == {1}

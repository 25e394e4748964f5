"""Writers without read access: what they may add, where it goes, and whom it is read by."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from ledger.client.drafting import Wish
from ledger.client.writer import Writer
from ledger.client.writing import WritersOutbox
from ledger.consent.selection import Selection
from ledger.errors import (
    AccessDenied,
    BundleRejected,
    CapsuleInvalid,
    GatewayUnreachable,
    InvalidInput,
    NotAdmitted,
)
from ledger.ids import ConsentId, Did
from ledger.log.entry import EntryKind, decode
from ledger.records.header import RecordHeader
from ledger.records.opening import open_record
from ledger.records.prepared import Prepared
from ledger.records.publish import Published
from tests.network import Network, Person, small_bundle

VITALS, LABS = "8716-3", "30954-2"


def note(patient: Did, text: str, record_class: str = VITALS, labels: tuple[str, ...] = ()) -> Prepared:
    """A small file of a patient."""
    data = text.encode()
    header = RecordHeader(
        kind="file",
        patient=patient,
        record_class=record_class,
        confidentiality="R" if labels else "N",
        labels=labels,
        media_type="text/csv",
        compression="zstd",
        size=len(data),
        name="day.csv",
    )
    return Prepared(header=header, sources=(Path("day.csv"),), plaintext=partial(tuple, [data]))


def write(writer: Writer, *records: Prepared) -> list[Published]:
    with writer.publishing() as publisher:
        return publisher.publish(records)


def write_filed(network: Network, alice: Person, writer: Writer, *records: Prepared) -> None:
    """Write, and let the patient file it: from now on the writer is told these compartments' keys."""
    assert {one.kind for one in write(writer, *records)} == {"inbox"}
    network.patient(alice).reseal()


def share(
    network: Network, alice: Person, who: Person, *classes: str, actions: tuple[str, ...] = ("access",)
) -> ConsentId:
    patient = network.patient(alice)
    wish = Wish(
        grantees=[who.did], purposes=["TREAT"], which=Selection(classes=classes), actions=list(actions)
    )
    done = patient.file(patient.draft(wish))
    network.wait_active(done.consent)
    return done.consent


@pytest.fixture(scope="module")
def watch(network: Network) -> Person:
    return network.admitted("Pulse Watch")


@pytest.fixture(scope="module")
def doctor(network: Network) -> Person:
    return network.admitted("Doctor Dora")


@pytest.fixture
def alice(network: Network, watch: Person) -> Person:
    """A patient without records, who lets the watch add vitals."""
    alice = network.enrolled()
    share(network, alice, watch, "vitals", actions=("collect",))
    return alice


def entries(network: Network, alice: Person) -> list[dict[str, object]]:
    """What the log says of a patient."""
    gateway = network.stack.server.gateway
    state = gateway.states.need(alice.identity.account.address)
    return [decode(one.entry) for one in gateway.journal.entries(tag=state.tag) if one.entry is not None]


def test_a_first_record_waits_until_the_patient_has_filed_it(
    network: Network, alice: Person, watch: Person, doctor: Person, tmp_path: Path
) -> None:
    share(network, alice, doctor, "vitals")
    (made,) = write(network.provider(watch).writer(alice.did), note(alice.did, "pulse,61\n"))
    assert made.kind == "inbox"
    with pytest.raises(AccessDenied):
        network.provider(watch).read(alice.did, purposes=["TREAT"])
    before = network.provider(doctor).read(alice.did, purposes=["TREAT"], into=tmp_path)
    assert (before.decision.permitted, before.waiting, before.files) == ([made.root], (made.root,), ())

    patient = network.patient(alice)
    assert patient.enrol().waiting == 1
    (told,) = patient.told_records().records
    assert (told.writer, told.waiting, told.root) == (watch.did, True, made.root)
    assert all(not reach for reach in patient.open_now(patient.consents()).values())
    patient.reseal()
    assert patient.enrol().waiting == 0
    (filed,) = patient.records()
    assert (filed.writer, filed.waiting, filed.by_patient) == (watch.did, False, False)

    (read,) = network.provider(doctor).read(alice.did, purposes=["TREAT"], into=tmp_path).files
    assert read.path is not None
    assert read.path.read_text() == "pulse,61\n"
    (seen,) = network.provider(doctor).read(alice.did, purposes=["TREAT"]).records
    assert (seen.writer, seen.suspended) == (watch.did, False)
    kinds = [one["kind"] for one in entries(network, alice)]
    assert kinds.count(EntryKind.RECORD_REFILED) == 1


def test_what_a_writer_adds_where_it_has_a_record_is_filed_at_once(
    network: Network, alice: Person, watch: Person, doctor: Person, tmp_path: Path
) -> None:
    writer = network.provider(watch).writer(alice.did)
    write_filed(network, alice, writer, note(alice.did, "a\n"))
    share(network, alice, doctor, "vitals")
    second, third = write(writer, note(alice.did, "b\n"), note(alice.did, "c\n"))
    assert (second.kind, third.kind) == ("record", "record")
    files = network.provider(doctor).read(alice.did, purposes=["TREAT"], into=tmp_path).files
    assert {one.path.read_text() for one in files if one.path} == {"a\n", "b\n", "c\n"}


def test_a_writer_is_not_told_by_the_place_which_records_a_patient_has(
    network: Network, watch: Person
) -> None:
    """Whether they are the patient's or another writer's; nor after it has added one of another kind."""
    other = network.admitted("Other Lab")
    bare, ill = network.enrolled(), network.enrolled()
    kinds = []
    for one in (bare, ill):
        for lab in (watch, other):
            share(network, one, lab, "labs", actions=("collect",))
        write_filed(network, one, network.provider(watch).writer(one.did), note(one.did, "plain\n", LABS))
        if one is ill:
            network.patient(one).publish_prepared([note(one.did, "mine\n", LABS, ("HIV",))])
            record = note(one.did, "another's\n", LABS, ("PSY",))
            write_filed(network, one, network.provider(other).writer(one.did), record)
        probes = [note(one.did, "probe\n", LABS, (label,)) for label in ("HIV", "PSY")]
        kinds.append([made.kind for made in write(network.provider(watch).writer(one.did), *probes)])
    assert kinds == [["inbox", "inbox"]] * 2


def test_a_writer_adds_nothing_that_its_consent_does_not_name(
    network: Network, alice: Person, watch: Person, doctor: Person
) -> None:
    size = len(entries(network, alice))
    for record in (note(alice.did, "x", LABS), note(alice.did, "x", "34109-9", ("PSY",))):
        with pytest.raises(AccessDenied):
            write(network.provider(watch).writer(alice.did), record)
    with pytest.raises(AccessDenied):
        write(network.provider(watch).writer(alice.did, purposes=["HMARKT"]), note(alice.did, "x"))
    with pytest.raises(AccessDenied):
        write(network.provider(doctor).writer(alice.did), note(alice.did, "x"))
    assert network.patient(alice).records() == []
    assert len(entries(network, alice)) == size


def test_a_refusal_of_the_patient_stops_a_writer_and_is_logged(
    network: Network, alice: Person, watch: Person
) -> None:
    patient = network.patient(alice)
    done = patient.file(patient.draft(Wish(grantees=[], purposes=[], actions=None, deny=True)))
    network.wait_active(done.consent)
    with pytest.raises(AccessDenied) as caught:
        write(network.provider(watch).writer(alice.did), note(alice.did, "x"))
    assert caught.value.reason == "no_consent"
    last = entries(network, alice)[-1]
    assert (last["kind"], last["action"], last["outcome"]) == ("decision", "collect", "NO_CONSENT")
    assert (last["permitted"], last["basis"]) == ([], [])
    assert patient.records() == []


def test_after_the_stop_of_its_consent_a_writer_is_refused(
    network: Network, alice: Person, watch: Person
) -> None:
    writer = network.provider(watch).writer(alice.did)
    write(writer, note(alice.did, "before\n"))
    patient = network.patient(alice)
    (consent,) = alice.state.filings
    patient.revoke(consent)
    with pytest.raises(AccessDenied):
        write(writer, note(alice.did, "after\n"))
    assert len(patient.records()) == 1
    assert patient.told_records().unasked == frozenset()


def test_after_somebody_elses_stop_writers_seal_to_the_next_epoch_at_once(
    network: Network, alice: Person, watch: Person, doctor: Person
) -> None:
    patient = network.patient(alice)
    writer = network.provider(watch).writer(alice.did)
    write_filed(network, alice, writer, note(alice.did, "first\n"))
    consent = share(network, alice, doctor, "vitals")
    (old,) = write(writer, note(alice.did, "old\n"))
    secret = alice.identity.compartment_secret(old.compartment, old.epoch)
    patient.revoke(consent)
    (new,) = write(writer, note(alice.did, "new\n"))
    assert (old.epoch, new.epoch, new.kind) == (0, 1, "record")
    with pytest.raises(CapsuleInvalid):
        open_record(
            new.root,
            new.header,
            new.capsule,
            secret=secret,
            epoch=new.epoch,
            blocks=network.blocks(),
            sink=Path("/nowhere/new"),
            streaming=True,
        )


def test_an_epoch_that_ends_while_a_writer_seals_is_left_behind(
    network: Network, alice: Person, watch: Person, doctor: Person
) -> None:
    patient = network.patient(alice)
    writer = network.provider(watch).writer(alice.did)
    write_filed(network, alice, writer, note(alice.did, "first\n"))
    consent = share(network, alice, doctor, "vitals")
    with writer.publishing() as publisher:
        (old,) = publisher.publish([note(alice.did, "old\n")])
        patient.revoke(consent)
        (new,) = publisher.publish([note(alice.did, "new\n")])
    assert (old.epoch, new.epoch) == (0, 1)


def test_what_a_run_could_not_finish_is_added_later_for_what_it_declared(
    network: Network, alice: Person, watch: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: WritersOutbox, batch: Sequence[Published]) -> None:
        raise GatewayUnreachable("the line is dead", reason="no_answer")

    with monkeypatch.context() as patch:
        patch.setattr(WritersOutbox, "send", lost)
        with pytest.raises(GatewayUnreachable):
            write(network.provider(watch).writer(alice.did), note(alice.did, "pulse,61\n"))
    with network.provider(watch).writer(alice.did, purposes=["HMARKT"]).publishing():
        assert len(network.patient(alice).records()) == 1
    (decision,) = [one for one in entries(network, alice) if one["kind"] == "decision"]
    assert decision["purpose"] == ["TREAT"]


def test_a_writer_who_is_suspended_adds_nothing_more_and_is_shown_so(
    network: Network, doctor: Person
) -> None:
    ring, alice = network.admitted("Sleep Ring"), network.enrolled()
    share(network, alice, ring, "vitals", actions=("collect",))
    write(network.provider(ring).writer(alice.did), note(alice.did, "slept\n"))
    network.accreditor.suspend(ring.did)
    with pytest.raises(NotAdmitted):
        write(network.provider(ring).writer(alice.did), note(alice.did, "slept\n"))
    (told,) = network.patient(alice).told_records().records
    assert (told.writer, told.suspended) == (ring.did, True)


def test_whose_bundles_a_provider_adds_is_told_apart_for_each_patient(
    network: Network, watch: Person
) -> None:
    writer = network.provider(watch).writer(network.enrolled().did)
    assert writer.bundle_records(small_bundle("Observation"))
    other = small_bundle("Observation").replace(b'"identifier":[', b'"identifier":[{"value":"other"},', 1)
    with pytest.raises(BundleRejected):
        writer.bundle_records(other)
    assert network.provider(watch).writer(network.enrolled().did).bundle_records(other)


def test_nobody_writes_for_themselves_as_a_provider(network: Network, watch: Person) -> None:
    with pytest.raises(InvalidInput) as caught:
        network.provider(watch).writer(watch.did)
    assert caught.value.reason == "own_patient"

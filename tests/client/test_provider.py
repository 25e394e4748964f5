"""Reading: files, single records, blocks through the gateway, and blocks that are not there."""

from pathlib import Path

import pytest

from ledger.client.blocks import GatewayBlocks
from ledger.client.drafting import Wish
from ledger.client.patient import PatientClient
from ledger.client.provider import ProviderClient
from ledger.errors import AccessDenied, BlockMissing, Forbidden, InvalidInput, UnknownCode
from ledger.policy.model import Outcome
from ledger.records.blocks import MemoryBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.filerecords import file_record
from tests.network import Network, Person, small_bundle


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Sea Clinic")


def remote_patient(network: Network, alice: Person) -> PatientClient:
    """A patient whose machine shares no directory with the gateway."""
    gateway = network.gateway(alice)
    return PatientClient(
        identity=alice.identity,
        gateway=gateway,
        directory=network.directory(),
        state=alice.state,
        blocks=GatewayBlocks(gateway),
    )


def remote_provider(network: Network, clinic: Person) -> ProviderClient:
    gateway = network.gateway(clinic)
    return ProviderClient(
        identity=clinic.identity,
        gateway=gateway,
        directory=network.directory(),
        state=clinic.state,
        blocks=GatewayBlocks(gateway),
    )


@pytest.fixture(scope="module")
def alice(network: Network, clinic: Person) -> Person:
    alice = network.enrolled()
    patient = remote_patient(network, alice)
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)
    return alice


def test_a_file_comes_back_byte_for_byte_under_its_name(
    network: Network, alice: Person, clinic: Person, tmp_path: Path
) -> None:
    scan = tmp_path / "scan.bin"
    scan.write_bytes(bytes(range(256)) * 9000)
    patient, provider = remote_patient(network, alice), remote_provider(network, clinic)
    header = file_record(
        scan, patient=alice.did, record_class="imaging", media_type="application/octet-stream"
    )
    made = patient.publish_file(scan, header)
    into = tmp_path / "read"
    into.mkdir()
    for expected in ("scan.bin", f"scan.{made.root[-12:]}.bin"):
        report = provider.read(alice.did, purposes=["TREAT"], classes=["imaging"], into=into)
        (file,) = report.files
        assert file.path == into / expected
        assert file.path.read_bytes() == scan.read_bytes()
    assert len(list(into.iterdir())) == 2
    (nowhere,) = provider.read(alice.did, purposes=["TREAT"], records=[made.root]).files
    assert (nowhere.path, nowhere.sha256) == (None, None)


def test_a_file_that_grew_while_it_was_published_is_refused(
    network: Network, alice: Person, tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("short")
    header = file_record(note, patient=alice.did, record_class="notes", media_type="text/plain")
    note.write_text("much longer")
    with pytest.raises(InvalidInput):
        remote_patient(network, alice).publish_file(note, header)


def test_single_records_and_classes_can_be_asked_for(network: Network, alice: Person, clinic: Person) -> None:
    published = remote_patient(network, alice).publish_bundle(small_bundle("Observation", "Goal"))
    provider = remote_provider(network, clinic)
    first = published[0].root
    decision = provider.evaluate(alice.did, purposes=["TREAT"], record=first)
    assert (decision.outcome, decision.permitted) == (Outcome.PERMIT, [first])
    report = provider.read(alice.did, purposes=["TREAT"], records=[first])
    assert {resource.root for resource in report.resources} == {first}
    labs = {record.root for record in published if record.header.record_class == "30954-2"}
    report = provider.read(alice.did, purposes=["TREAT"], classes=["labs"])
    assert {resource.root for resource in report.resources} == labs


def test_what_nobody_could_ask_for_is_not_sent(network: Network, alice: Person, clinic: Person) -> None:
    provider = remote_provider(network, clinic)
    with pytest.raises(UnknownCode):
        provider.read(alice.did, purposes=["FUN"])
    with pytest.raises(UnknownCode):
        provider.read(alice.did, purposes=["TREAT"], classes=["potions"])
    with pytest.raises(UnknownCode):
        provider.read(alice.did, purposes=["TREAT"], action="sell")
    with pytest.raises(InvalidInput):
        provider.read(alice.did, purposes=[])
    with pytest.raises(InvalidInput):
        provider.read(alice.did, purposes=["TREAT"], classes=["labs"], records=["b"])


def test_a_missing_block_gives_no_part_of_the_record(
    network: Network, alice: Person, clinic: Person, tmp_path: Path
) -> None:
    note = tmp_path / "letter.txt"
    note.write_text("Dear colleague")
    header = file_record(note, patient=alice.did, record_class="notes", media_type="text/plain")
    made = remote_patient(network, alice).publish_file(note, header)
    empty = ProviderClient(
        identity=clinic.identity,
        gateway=network.gateway(clinic),
        directory=network.directory(),
        state=clinic.state,
        blocks=MemoryBlockStore(),
    )
    into = tmp_path / "read"
    into.mkdir()
    report = empty.read(alice.did, purposes=["TREAT"], records=[made.root], into=into)
    (fault,) = report.faults
    assert (fault.root, fault.writer, type(fault.error)) == (made.root, alice.did, BlockMissing)
    assert (report.records, report.resources, report.files) == ((), (), ())
    assert list(into.iterdir()) == []


def test_somebody_elses_record_is_as_unknown_as_none(network: Network, alice: Person, clinic: Person) -> None:
    other = network.enrolled()
    (foreign, *_) = network.patient(other).publish_bundle(small_bundle())
    absent = cid_of(Codec.DAG_CBOR, b"\xa0")
    provider = remote_provider(network, clinic)
    for root in (foreign.root, absent):
        with pytest.raises(AccessDenied) as caught:
            provider.read(alice.did, purposes=["TREAT"], records=[root])
        assert caught.value.reason == "no_consent"


def test_a_gateways_blocks_are_taken_back_but_not_listed(network: Network, alice: Person) -> None:
    blocks = GatewayBlocks(network.gateway(alice))
    data_ = b"ciphertext"
    cid = cid_of(Codec.RAW, data_)
    assert not blocks.has(cid)
    with pytest.raises(BlockMissing):
        blocks.get(cid)
    blocks.put(cid, data_)
    assert blocks.get(cid) == data_
    blocks.delete(cid)
    assert not blocks.has(cid)
    with pytest.raises(Forbidden):
        blocks.cids()

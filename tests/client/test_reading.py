"""Bad records among good ones: nothing of them is given, and nobody is kept from the rest."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.client.outbox import submission
from ledger.client.reading import ReadReport
from ledger.client.writing import WritersOutbox
from ledger.crypto.recordcipher import KEY_SIZE
from ledger.errors import (
    BlockCorrupt,
    CapsuleInvalid,
    InvalidInput,
    LedgerError,
    RecordCorrupt,
    StoreUnavailable,
)
from ledger.ids import Cid
from ledger.records.bundle import write_entries
from ledger.records.cid import Codec, cid_of
from ledger.records.header import RecordHeader
from ledger.records.publish import Published, encrypt_to, seal_key
from tests.client.test_writing import note, share, write_filed
from tests.network import Network, Person

KEY, OTHER = bytes(KEY_SIZE), b"\x01" * KEY_SIZE
DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture(scope="module")
def watch(network: Network) -> Person:
    return network.admitted("Careless Watch")


@pytest.fixture(scope="module")
def doctor(network: Network) -> Person:
    return network.admitted("Doctor Delia")


@pytest.fixture
def alice(network: Network, watch: Person, doctor: Person) -> Person:
    """A patient with a record of her own and one by the watch, which may add more; the doctor reads all."""
    alice = network.enrolled()
    share(network, alice, watch, "vitals", actions=("collect",))
    write_filed(network, alice, network.provider(watch).writer(alice.did), note(alice.did, "first\n"))
    network.patient(alice).publish_prepared([note(alice.did, "mine\n")])
    share(network, alice, doctor, "vitals")
    return alice


def add(network: Network, watch: Person, header: RecordHeader, data: bytes, key: bytes = KEY) -> Published:
    """Publish as the writer what it claims to be `data`, under `KEY`; with another `key` nobody opens it."""
    root = encrypt_to(network.blocks(), header, [data], key=KEY)
    outbox = WritersOutbox(network.provider(watch)._context, header.patient, ["TREAT"])
    made = seal_key(root, header, key, outbox.place(header))
    outbox.send([made])
    return made


def segment(alice: Person, size: int) -> RecordHeader:
    header = replace(note(alice.did, "x").header, kind="fhir-segment", media_type="application/fhir+json")
    return replace(header, size=size, name=None)


def read(network: Network, doctor: Person, alice: Person, into: Path) -> ReadReport:
    return network.provider(doctor).read(alice.did, purposes=["TREAT"], into=into)


def require_the_good_ones_alone(
    report: ReadReport, into: Path, bad: Cid, watch: Person, error: type[LedgerError]
) -> None:
    (fault,) = report.faults
    assert (fault.root, fault.writer, type(fault.error)) == (bad, watch.did, error)
    assert sorted(path.read_text() for path in into.iterdir()) == ["first\n", "mine\n"]
    assert {one.path for one in report.files} == set(into.iterdir())
    assert bad not in {one.root for one in report.records} | {one.root for one in report.files}
    assert bad not in {one.root for one in report.resources}
    assert len(report.records) == 2


def test_a_record_under_another_key_is_a_fault_of_its_own(
    network: Network, alice: Person, watch: Person, doctor: Person, tmp_path: Path
) -> None:
    bad = add(network, watch, note(alice.did, "pulse\n").header, b"pulse\n", key=OTHER)
    report = read(network, doctor, alice, tmp_path)
    require_the_good_ones_alone(report, tmp_path, bad.root, watch, RecordCorrupt)


def test_a_record_whose_capsule_holds_no_key_is_a_fault_of_its_own(
    network: Network, alice: Person, watch: Person, doctor: Person, tmp_path: Path
) -> None:
    header = note(alice.did, "pulse\n").header
    root = encrypt_to(network.blocks(), header, [b"pulse\n"], key=KEY)
    outbox = WritersOutbox(network.provider(watch)._context, alice.did, ["TREAT"])
    made = replace(seal_key(root, header, KEY, outbox.place(header)), capsule=b"\x07" * 1168)
    outbox.send([made])
    report = read(network, doctor, alice, tmp_path)
    require_the_good_ones_alone(report, tmp_path, made.root, watch, CapsuleInvalid)


@pytest.mark.parametrize(
    "data",
    [
        b"pulse,61\n",
        DEEP,
        write_entries([("urn:1", b"5")]),
        write_entries([("urn:1", b"{}")]),
        write_entries([("urn:1", b'{"resourceType":"\\u001b[2J"}')]),
        write_entries([("urn:1", b'{"resourceType":"Observation","x":' + DEEP + b"}")]),
        write_entries([("urn:1", b'{"resourceType":"Observation"}'), ("urn:2", b'{"resourceType":5}')]),
        b'{"entry":[{"fullUrl":"\xff","resource":{"resourceType":"Observation"}}]}',
    ],
    ids=["csv", "deep", "number", "untyped", "escape", "deep resource", "one of two", "not text"],
)
def test_a_segment_of_something_else_is_a_fault_of_its_own(
    network: Network, alice: Person, watch: Person, doctor: Person, data: bytes, tmp_path: Path
) -> None:
    bad = add(network, watch, segment(alice, len(data)), data)
    report = read(network, doctor, alice, tmp_path)
    require_the_good_ones_alone(report, tmp_path, bad.root, watch, RecordCorrupt)
    assert report.resources == ()


@pytest.mark.parametrize("error", [BlockCorrupt, StoreUnavailable])
def test_a_store_that_gives_one_record_wrongly_or_not_keeps_nobody_from_the_others(
    network: Network,
    alice: Person,
    watch: Person,
    doctor: Person,
    error: type[LedgerError],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = add(network, watch, note(alice.did, "pulse\n").header, b"pulse\n").root
    provider = network.provider(doctor)
    blocks = provider._context.blocks
    get = blocks.get

    def spoiled(cid: Cid) -> bytes:
        if cid == bad:
            raise error("spoiled")
        return get(cid)

    monkeypatch.setattr(blocks, "get", spoiled)
    report = provider.read(alice.did, purposes=["TREAT"], into=tmp_path)
    require_the_good_ones_alone(report, tmp_path, bad, watch, error)


def test_what_is_no_root_of_a_record_is_published_by_nobody(
    network: Network, alice: Person, watch: Person
) -> None:
    data, header = b"no manifest", note(alice.did, "pulse\n").header
    root = cid_of(Codec.RAW, data)
    network.blocks().put(root, data)
    outbox = WritersOutbox(network.provider(watch)._context, alice.did, ["TREAT"])
    made = seal_key(root, header, KEY, outbox.place(header))
    with pytest.raises(InvalidInput) as caught:
        outbox.send([made])
    assert caught.value.reason == "bad_root"
    body = {**submission(outbox._context, made), "signature": "0x" + "11" * 65}
    with pytest.raises(InvalidInput) as caught:
        network.gateway(alice).publish([body])
    assert caught.value.reason == "bad_root"


def test_a_patient_adds_what_somebody_elses_bad_record_claims_to_be(
    network: Network, alice: Person, watch: Person
) -> None:
    same = note(alice.did, "pulse\n")
    bad = add(network, watch, same.header, b"pulse\n", key=OTHER)
    (made,) = network.patient(alice).publish_prepared([same])
    assert made.root != bad.root


def test_a_patient_adds_what_a_gateway_tells_of_a_record_that_is_none(
    network: Network, alice: Person, watch: Person
) -> None:
    same = note(alice.did, "pulse\n")
    outbox = WritersOutbox(network.provider(watch)._context, alice.did, ["TREAT"])
    made = seal_key(cid_of(Codec.RAW, b"no manifest"), same.header, KEY, outbox.place(same.header))
    told = {**submission(outbox._context, made), "writer": watch.identity.account.address}

    def tamper(asked: str, answer: Any) -> Any:  # noqa: ANN401
        if asked == "GET /v1/records":
            answer["records"].append(told)
        return answer

    patient = network.patient(alice, tamper)
    assert made.root in {one.root for one in patient.records()}
    assert [one.header for one in patient.publish_prepared([same])] == [same.header]

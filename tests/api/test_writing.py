"""Writing over plain HTTP: what is refused, what is logged, and what nobody can tell apart."""

from hashlib import sha256
from typing import Any

import httpx2
import pytest

from ledger.canonical import b64, hexed, unb64
from ledger.client.drafting import Wish
from ledger.consent.selection import Selection
from ledger.crypto.recordcipher import KEY_SIZE
from ledger.crypto.sealing import KeyPair
from ledger.crypto.typed import Publication
from ledger.ids import Did, parse_word, word
from ledger.log.entry import EntryKind, decode
from ledger.records.cid import Codec, cid_of, digest_of
from ledger.records.publish import Place, encrypt_to, seal_key
from tests.api.conftest import Scene
from tests.client.test_writing import LABS, VITALS, note
from tests.network import Network, Person


@pytest.fixture(scope="module")
def ring(network: Network) -> Person:
    return network.admitted("Ring")


@pytest.fixture(scope="module")
def carol(network: Network, ring: Person) -> Person:
    """A patient who lets the ring add vitals, and has no records."""
    carol = network.enrolled()
    patient = network.patient(carol)
    wish = Wish(
        grantees=[ring.did],
        purposes=["TREAT"],
        which=Selection(classes=["vitals"]),
        actions=["collect"],
    )
    network.wait_active(patient.file(patient.draft(wish)).consent)
    return carol


def sealed(network: Network, writer: Person, patient: Person, text: str, record_class: str) -> dict[str, Any]:
    """A record for somebody's inbox, signed by a writer; its blocks are stored."""
    one = note(patient.did, text, record_class)
    root = encrypt_to(network.blocks(), one.header, one.plaintext(), key=bytes(KEY_SIZE))
    public = KeyPair.from_secret(patient.identity.inbox_secret(0)).public
    made = seal_key(root, one.header, bytes(KEY_SIZE), Place(epoch=0, public_key=public, kind="inbox"))
    domain = network.stack.server.gateway.records_domain
    return {
        "root": made.root,
        "header": made.header.to_bytes().decode(),
        "capsule": b64(made.capsule),
        "compartment": word(made.compartment),
        "epoch": made.epoch,
        "signature": hexed(writer.identity.account.sign(made.publication().digest(domain))),
    }


def publish(
    client: httpx2.Client, patient: Did, *records: dict[str, Any], purpose: str = "TREAT"
) -> httpx2.Response:
    body = {"patient": patient, "records": list(records), "purpose": [purpose]}
    return client.post("/v1/publications", json=body)


def place(client: httpx2.Client, patient: Did, header: str) -> httpx2.Response:
    return client.post("/v1/publications/place", json={"patient": patient, "header": header})


def log_of(scene: Scene, patient: Person) -> list[dict[str, Any]]:
    gateway = scene.network.stack.server.gateway
    tag = gateway.states.need(patient.identity.account.address).tag
    return [decode(one.entry) for one in gateway.journal.entries(tag=tag) if one.entry is not None]


def test_the_same_publication_again_is_the_same_position_and_no_decision(
    scene: Scene, ring: Person, carol: Person
) -> None:
    record = sealed(scene.network, ring, carol, "61", VITALS)
    with scene.http(ring) as client:
        first, again = (publish(client, carol.did, record).json() for _ in range(2))
        before = log_of(scene, carol)
        other = {**record, **sealed(scene.network, ring, carol, "61", VITALS), "root": record["root"]}
        refused = publish(client, carol.did, other)
    assert first["records"] == again["records"]
    assert [one["kind"] for one in before][-2:] == [EntryKind.DECISION, EntryKind.RECORD_PUBLISHED]
    published = before[-1]
    assert published["decision"] == first["records"][0]["index"] - 1
    assert published["writer"] == ring.identity.account.address
    assert refused.json()["code"] in ("conflict", "signature_invalid")
    assert log_of(scene, carol) == before


def test_a_refusal_is_logged_and_nothing_is_kept(scene: Scene, ring: Person, carol: Person) -> None:
    good, bad = (sealed(scene.network, ring, carol, "x", record_class) for record_class in (VITALS, LABS))
    with scene.http(ring) as client:
        answer = publish(client, carol.did, good, bad)
    assert answer.status_code == 200
    (refused,) = answer.json()["refused"]
    assert (refused["root"], refused["decision"]["outcome"]) == (bad["root"], "NO_CONSENT")
    assert answer.json()["records"] == []
    (receipt,) = answer.json()["receipts"]
    assert receipt["index"] == refused["decision"]["log"]["index"]
    last = log_of(scene, carol)[-1]
    assert last["resource"] == {"type": "publication", "root": bad["root"], "header": bad["header"]}
    with scene.http(carol) as client:
        roots = {one["root"] for one in client.get("/v1/records").json()["records"]}
    assert not roots & {good["root"], bad["root"]}


def test_nobody_learns_from_where_to_who_is_enrolled(scene: Scene, ring: Person, carol: Person) -> None:
    nobody = scene.network.person()
    with scene.http(ring) as client:
        client.headers["X-Request-ID"] = "the-same"
        answers = [
            place(client, who.did, note(who.did, "x", record_class).header.to_bytes().decode())
            for who, record_class in ((carol, LABS), (scene.alice, VITALS), (nobody, VITALS))
        ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1


def test_nobody_learns_from_publishing_who_is_enrolled(scene: Scene, ring: Person) -> None:
    nobody = scene.network.person()
    shown = []
    with scene.http(ring) as client:
        for who in (scene.alice, nobody):
            record = sealed(scene.network, ring, who, "x", VITALS)
            answer = publish(client, who.did, record)
            (refused,) = answer.json()["refused"]
            decision = refused["decision"]
            shown.append((answer.status_code, decision["outcome"], decision["reason"], decision["basis"]))
            assert len(answer.json()["receipts"]) == 1
    assert shown[0] == shown[1] == (200, "NO_CONSENT", "no active consent covers this", [])


def test_a_record_that_the_patient_has_cannot_be_found_out_by_adding_it(
    scene: Scene, ring: Person, carol: Person
) -> None:
    """Also to a writer who may add such records, the root of another is refused as without any consent."""
    own = scene.network.patient(carol).publish_prepared([note(carol.did, "mine", VITALS)])
    record = sealed(scene.network, ring, carol, "theirs", VITALS)
    made = scene.network.patient(carol).records()
    root = next(one.root for one in made if one.root == own[0].root)
    forged = resigned(scene, ring, carol, {**record, "root": root})
    with scene.http(ring) as client:
        answer = publish(client, carol.did, forged)
    assert [one["decision"]["outcome"] for one in answer.json()["refused"]] == ["NO_CONSENT"]


def resigned(scene: Scene, ring: Person, carol: Person, record: dict[str, Any]) -> dict[str, Any]:
    """A record with its members as they are now, signed by the writer."""
    claim = Publication(
        root=digest_of(record["root"]),
        header=sha256(record["header"].encode()).digest(),
        patient=carol.identity.account.address,
        compartment=parse_word(record["compartment"]),
        epoch=record["epoch"],
        capsule=sha256(unb64(record["capsule"])).digest(),
    )
    digest = claim.digest(scene.network.stack.server.gateway.records_domain)
    return {**record, "signature": hexed(ring.identity.account.sign(digest))}


def test_what_does_not_fit_together_is_refused_before_anybody_is_looked_up(
    scene: Scene, ring: Person, carol: Person
) -> None:
    record = sealed(scene.network, ring, carol, "y", VITALS)
    before = log_of(scene, carol)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"signature": "0x" + "11" * 65}, "signature_invalid"),
        ({"epoch": 1}, "signature_invalid"),
        ({"compartment": "0x" + "22" * 32}, "invalid_input"),
        ({"capsule": "AAAA"}, "invalid_input"),
        ({"root": "nonsense"}, "invalid_input"),
        ({"root": cid_of(Codec.RAW, b"no manifest")}, "invalid_input"),
        ({"header": "{}"}, "invalid_input"),
    ]
    with scene.http(ring) as client:
        for change, code in cases:
            assert publish(client, carol.did, {**record, **change}).json()["code"] == code, change
        assert publish(client, scene.alice.did, record).json()["code"] == "invalid_input"
        assert publish(client, carol.did, record, record).json()["reason"] == "root_twice"
        assert publish(client, carol.did, record, purpose="FUN").json()["code"] == "unknown_code"
        absent = resigned(scene, ring, carol, {**record, "root": cid_of(Codec.DAG_CBOR, b"\xa0")})
        assert publish(client, carol.did, absent).json()["code"] == "block_missing"
        ended = resigned(scene, ring, carol, {**record, "epoch": 7})
        assert publish(client, carol.did, ended).json()["reason"] == "epoch_ended"
    assert log_of(scene, carol) == before


def test_only_its_patient_files_a_waiting_record(scene: Scene, ring: Person, carol: Person) -> None:
    record = sealed(scene.network, ring, carol, "waits", VITALS)
    with scene.http(ring) as client:
        publish(client, carol.did, record)
    body = {name: record[name] for name in ("root", "capsule", "compartment", "epoch", "signature")}
    path = "/v1/records/refilings"
    for who, code in ((ring, "not_found"), (scene.mallory, "not_found"), (carol, "invalid_input")):
        with scene.http(who) as client:
            assert client.post(path, json={"records": [body]}).json()["code"] == code
    scene.network.patient(carol).reseal()
    with scene.http(carol) as client:
        (shown,) = [
            one for one in client.get("/v1/records").json()["records"] if one["root"] == record["root"]
        ]
        there = {name: shown[name] for name in body}
        again = client.post(path, json={"records": [there]})
        twice = client.post(path, json={"records": [there, there]})
        moved = client.post(path, json={"records": [{**there, "epoch": there["epoch"] + 1}]})
    assert again.status_code == 200
    assert moved.json()["reason"] == "filed_otherwise"
    assert twice.json()["reason"] == "root_twice"
    assert shown["written"]["signature"] == record["signature"]


def test_ciphertext_is_taken_from_patients_and_providers_only(scene: Scene, ring: Person) -> None:
    data = b"ciphertext of a writer"
    path = f"/v1/blocks/{cid_of(Codec.RAW, data)}"
    for who, status in ((ring, 204), (scene.alice, 204), (scene.network.person(), 403)):
        with scene.http(who) as client:
            assert client.put(path, content=data).status_code == status

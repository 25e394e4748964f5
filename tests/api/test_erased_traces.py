"""After an erasure nothing of the patient can be read: not in the database, nor in a copy made before, nor in
blocks, key store or logs. Words of theirs are looked for in every file, and in all that the keys still open.
"""

import io
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.stack import Stack
from ledger.canonical import canonical, parse_object, unb64, unhex
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.client.drafting import Wish
from ledger.crypto.identity import Account
from ledger.errors import StoreUnavailable
from ledger.log.entry import NO_PATIENT
from ledger.service import erasure
from ledger.service.gateway import Gateway
from ledger.service.keys import GatewayKeys, read_key
from ledger.service.madeup import MadeUpTags, WithMadeUp
from ledger.store.vault import FileDataKeys, Vault
from tests.network import Network, Person, eventually, small_bundle

NOTE = "zinnwaldite in a request"
CODE = "zirkelite in a record"

ROWS: dict[str, Callable[[sqlite3.Row], str]] = {
    "patients": lambda row: "patient",
    "compartments": lambda row: f"compartment/{row['compartment']}/{row['epoch']}",
    "records": lambda row: f"record/{row['root']}",
    "consents": lambda row: f"consent/{row['consent']}",
    "grant_capsules": lambda row: f"capsules/{row['consent']}",
    "requests": lambda row: f"request/{row['request']}",
    "log_entries": lambda row: f"log/{row['position']}",
    "sessions": lambda row: f"session/{row['token'].hex()}",
}
"""How the rows of each table with a sealed column are named."""


@dataclass
class Traces:
    """What was planted, where the gateway lived, and copies of database and keys from before."""

    state: Path
    old_database: Path
    old_keys: Path
    words: dict[str, bytes] = field(repr=False)
    gone: set[str]
    logs: str = field(repr=False)

    def readable(self, database: Path, keys: Path) -> bytes:
        """A database's bytes, and all that opens in it with the gateway's secrets and a key store."""
        secrets = GatewayKeys.load(self.state / "keys")
        stores = WithMadeUp(FileDataKeys(keys, secrets.wrapping_key), MadeUpTags(secrets.made_up_tags))
        vault = Vault(stores, secrets.log_data_key)
        connection = sqlite3.connect(database)
        connection.row_factory = sqlite3.Row
        found = [database.read_bytes()]
        for table, name in ROWS.items():
            for row in connection.execute(f"SELECT * FROM {table} WHERE sealed IS NOT NULL"):  # noqa: S608
                found += _opened(connection, vault, row, name(row))
        connection.close()
        return b"\n".join(found)

    def planted_in(self, content: bytes) -> set[str]:
        """The names of the words that are there."""
        return {name for name, word in self.words.items() if word in content}


def _opened(connection: sqlite3.Connection, vault: Vault, row: sqlite3.Row, name: str) -> list[bytes]:
    tags = [row["tag"]] if "tag" in row.keys() else [NO_PATIENT]  # noqa: SIM118 - a Row is no mapping
    if "consent" in row.keys() and "tag" not in row.keys():  # noqa: SIM118
        mine = "SELECT tag FROM consents WHERE consent = ?"
        tags = [found["tag"] for found in connection.execute(mine, (row["consent"],))]
    opened = []
    for tag in tags:
        try:
            opened.append(vault.open(tag, name, row["sealed"]))
        except StoreUnavailable:
            continue
    return opened


def bundle() -> bytes:
    """A small bundle with a word in it that occurs nowhere else."""
    source = parse_object(small_bundle("Observation"))
    for entry in source["entry"]:
        if entry["resource"]["resourceType"] == "Observation":
            entry["resource"]["note"] = [{"text": CODE}]
    return canonical(source)


def planted(gateway: Gateway, network: Network, alice: Person) -> dict[str, bytes]:
    """What must not be found, in the spellings that a file could hold."""
    account = alice.identity.account.address
    client = network.gateway(alice)
    (row,) = client.consents()
    filing: dict[str, Any] = row.filing or {}
    record = client.records()[0]
    state = gateway.states.need(alice.identity.account.address)
    with gateway.db.read() as connection:
        held = gateway.stores.consents.capsules(connection, state.tag, row.consent)
        keys = gateway.stores.patients.keys(connection, state.tag)
    assert held is not None
    (grant, *_) = held["list"]
    return {
        "did": alice.did.encode(),
        "account": account.encode(),
        "account in bytes": bytes.fromhex(account[2:]),
        "look-up": gateway.look_up(alice.identity.account.address),
        "record header": canonical(record.header)[-65:-1],
        "record capsule": record.capsule.encode()[:64],
        "record capsule in bytes": unb64(record.capsule)[:64],
        "root": record.root.encode(),
        "compartment": keys[0].compartment.encode(),
        "compartment key": keys[0].sealed["key"].encode()[:64],
        "statement": filing["statement"].splitlines()[0].encode(),
        "salt": filing["salt"].encode(),
        "salt in bytes": unhex(filing["salt"]),
        "binding": filing["binding"].encode(),
        "grant capsule": grant["capsule"].encode()[:64],
        "grant capsule in bytes": unb64(grant["capsule"])[:64],
        "note": NOTE.encode(),
    }


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    where = tmp_path_factory.mktemp("traces")
    state, old = where / "state", where / "old"
    old.mkdir()
    logs = io.StringIO()
    with redirect_stderr(logs), Stack(state, anchor_interval=1) as stack, ExitStack() as closing:
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        network = Network(stack=stack, config=config, accreditor=accreditor, closing=closing)
        gateway: Gateway = stack.server.gateway
        clinic, alice = network.admitted("Heath Clinic"), network.enrolled()
        patient = network.patient(alice)
        patient.publish_bundle(bundle())
        done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
        network.wait_active(done.consent)
        network.provider(clinic).read(alice.did, purposes=["TREAT"])
        network.provider(clinic).request_consent(alice.did, purposes=["TREAT"], note=NOTE)
        words, blocks = planted(gateway, network, alice), set(gateway.blocks.cids())
        with sqlite3.connect(state / "gateway.sqlite") as source, sqlite3.connect(old / "copy") as target:
            source.backup(target)
        shutil.copytree(state / "datakeys", old / "datakeys")
        patient.revoke(done.consent)
        patient.erase(lambda _: None, patience=30)
        eventually(lambda: erasure.unfinished(gateway) == 0)
        gone = {str(cid) for cid in blocks - set(gateway.blocks.cids())}
    return Traces(
        state=state,
        old_database=old / "copy",
        old_keys=old / "datakeys",
        words=words,
        gone=gone,
        logs=logs.getvalue(),
    )


def test_the_search_finds_every_word_while_the_key_is_there(traces: Traces) -> None:
    found = traces.planted_in(traces.readable(traces.old_database, traces.old_keys))
    in_bytes = {"account in bytes", "record capsule in bytes", "salt in bytes", "grant capsule in bytes"}
    assert found == traces.words.keys() - in_bytes


def test_nothing_of_the_patient_is_in_the_database(traces: Traces) -> None:
    readable = traces.readable(traces.state / "gateway.sqlite", traces.state / "datakeys")
    assert traces.planted_in(readable) == set()


def test_a_copy_of_the_database_from_before_opens_no_more(traces: Traces) -> None:
    """What stands in clear there are ids by which somebody who knows the account can recognise it."""
    readable = traces.readable(traces.old_database, traces.state / "datakeys")
    session = {"account"}  # one that had not ended then opens with the gateway's own key
    assert traces.planted_in(readable) == {"look-up", "root"} | session


def test_nothing_of_the_patient_is_in_any_other_file_of_the_gateway(traces: Traces) -> None:
    others = [
        path
        for path in traces.state.rglob("*")
        if path.is_file() and not path.is_relative_to(traces.state / "chain")
    ]
    for path in others:
        assert traces.planted_in(path.read_bytes()) == set(), path
        assert path.name not in traces.gone
        assert CODE.encode() not in path.read_bytes()


def test_nothing_of_the_patient_is_on_chain(traces: Traces) -> None:
    for path in (traces.state / "chain").rglob("*"):
        if path.is_file():
            content = path.read_bytes().lower()
            assert traces.words["account"].lower()[2:] not in content
            assert traces.words["salt"][2:] not in content


def test_the_logs_say_nothing_of_the_patient(traces: Traces) -> None:
    assert traces.planted_in(traces.logs.encode()) == set()


def test_blocks_were_there_and_are_gone(traces: Traces) -> None:
    assert len(traces.gone) >= 2

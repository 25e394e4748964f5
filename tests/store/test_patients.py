"""Compartments' keys in the database: found by blinded names, so that a thief can test no guess."""

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select

from ledger.canonical import canonical
from ledger.errors import NotFound
from ledger.store.database import Database
from ledger.store.patients import PatientStore
from ledger.store.tables import compartments
from ledger.store.vault import MemoryDataKeys, Vault
from tests.databases import Databases

ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20
LABS, NOTES = "0x" + "1a" * 32, "0x" + "2b" * 32
KEY = {"class": "30954-2", "labels": [], "key": "a2V5", "signature": "0x12"}


@pytest.fixture
def vault() -> Vault:
    keys = MemoryDataKeys()
    keys.create(ALICE)
    keys.create(BOB)
    return Vault(keys, b"l" * 32)


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.made()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def store(vault: Vault, database: Database) -> PatientStore:
    store = PatientStore(vault)
    with database.write() as connection:
        for tag in (ALICE, BOB):
            store.add(connection, tag=tag, lookup=tag + bytes(12), sealed={})
    return store


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(compartments.c.compartment)).scalars())


def test_keys_are_given_back_by_compartment_and_epoch(store: PatientStore, database: Database) -> None:
    with database.write() as connection:
        for compartment, epoch in ((NOTES, 0), (LABS, 1), (LABS, 0)):
            store.add_key(connection, ALICE, compartment, epoch, current=epoch == 0, sealed=KEY)
        found = store.keys(connection, ALICE)
    assert [(key.compartment, key.epoch) for key in found] == [(LABS, 0), (LABS, 1), (NOTES, 0)]
    assert all(key.sealed == KEY for key in found)


def test_no_id_stands_in_the_database_and_two_patients_have_no_name_in_common(
    store: PatientStore, database: Database, databases: Databases, url: str
) -> None:
    with database.write() as connection:
        for tag in (ALICE, BOB):
            store.add_key(connection, tag, LABS, 0, current=True, sealed=KEY)
    assert len(set(names(database))) == 2
    content = databases.content(url)
    assert ALICE in content, "that is where the names are"
    assert LABS.encode() not in content
    assert bytes.fromhex(LABS[2:]) not in content


def test_an_epoch_ends_and_the_next_one_follows(store: PatientStore, database: Database) -> None:
    with database.write() as connection:
        for epoch in (0, 1):
            store.add_key(connection, ALICE, LABS, epoch, current=epoch == 0, sealed=KEY)
        store.add_key(connection, ALICE, NOTES, 0, current=True, sealed=KEY)
        store.close_epoch(connection, ALICE, LABS, 0)
        found = store.keys(connection, ALICE)
    assert [(key.compartment, key.epoch) for key in found if key.current] == [(LABS, 1), (NOTES, 0)]


def test_names_in_clear_are_blinded_and_stay_the_same_keys(
    store: PatientStore, database: Database, vault: Vault
) -> None:
    with database.write() as connection:
        sealed = vault.seal(ALICE, f"compartment/{LABS}/0", canonical(KEY))
        row = {"tag": ALICE, "compartment": LABS, "epoch": 0, "current": True, "sealed": sealed}
        connection.execute(insert(compartments).values(row))
    for _ in range(2):
        with database.write() as connection:
            store.blind_names(connection)
    assert LABS not in names(database)
    with database.read() as connection:
        (key,) = store.keys(connection, ALICE)
    assert (key.compartment, key.epoch, key.current, key.sealed) == (LABS, 0, True, KEY)


def test_nothing_is_blinded_without_a_key(vault: Vault) -> None:
    with pytest.raises(NotFound) as caught:
        vault.blind(b"\xc0" * 20, LABS)
    assert caught.value.reason == "no_data_key"

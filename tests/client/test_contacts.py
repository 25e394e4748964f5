"""Who is meant by what somebody types."""

from pathlib import Path

import pytest

from ledger.client.contacts import Contacts, resolve_person
from ledger.crypto.identity import Account
from ledger.errors import Conflict, InvalidInput, NotFound
from ledger.ids import Did, did_of
from ledger.parties import Card


def account(number: int) -> Account:
    return Account.from_key(number.to_bytes(32, "big"))


def card(number: int, name: str | None = None) -> Card:
    holder = account(number)
    return Card.sign(did_of(31337, holder.address), holder, name=name)


ALICE, BOB = card(1, "Alice"), card(2)
HOSPITAL = did_of(31337, account(3).address)
OTHERS = {HOSPITAL: "City Hospital"}


@pytest.fixture
def contacts() -> Contacts:
    return Contacts().add("alice", ALICE).add("bob", BOB)


def test_the_book_comes_back_from_its_file(tmp_path: Path, contacts: Contacts) -> None:
    contacts.save(tmp_path / "contacts.json")
    assert Contacts.load(tmp_path / "contacts.json") == contacts
    assert (tmp_path / "contacts.json").stat().st_mode & 0o777 == 0o600
    assert list(Contacts.load(tmp_path / "none")) == []


def test_a_newer_card_of_the_same_account_takes_the_place_of_the_old(contacts: Contacts) -> None:
    assert contacts.add("bob", card(2, "Bob")).get("bob").name == "Bob"


def test_a_name_stands_for_one_person(contacts: Contacts) -> None:
    with pytest.raises(Conflict):
        contacts.add("alice", BOB)


def test_removed_is_gone_and_unknown_is_said(contacts: Contacts) -> None:
    assert [name for name, _ in contacts.remove("alice")] == ["bob"]
    with pytest.raises(NotFound):
        contacts.remove("carol")
    assert contacts.name_of(ALICE.did) == "alice"
    assert contacts.name_of(HOSPITAL) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("alice", ALICE.did),
        (ALICE.did, ALICE.did),
        (HOSPITAL, HOSPITAL),
        ("city hospital", HOSPITAL),
        (BOB.did.rsplit(":", 1)[1][:6], BOB.did),
        (BOB.did.rsplit(":", 1)[1][:8].lower(), BOB.did),
        (HOSPITAL[:-20], HOSPITAL),
    ],
)
def test_somebody_is_found(contacts: Contacts, text: str, meant: Did) -> None:
    assert resolve_person(text, contacts, OTHERS) == meant


@pytest.mark.parametrize("text", ["carol", "0x", BOB.did.rsplit(":", 1)[1][:5], "", "0x000000"])
def test_nobody_is_found(contacts: Contacts, text: str) -> None:
    with pytest.raises(NotFound):
        resolve_person(text, contacts, OTHERS)


def test_a_beginning_that_fits_two_is_refused(contacts: Contacts) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve_person("did:pkh:eip155:31337:0x", contacts, OTHERS)
    assert caught.value.reason == "ambiguous"


def test_a_did_with_a_wrong_checksum_is_refused(contacts: Contacts) -> None:
    with pytest.raises(InvalidInput):
        resolve_person(ALICE.did.lower(), contacts, OTHERS)


def test_two_participants_of_one_name_are_ambiguous(contacts: Contacts) -> None:
    with pytest.raises(InvalidInput):
        resolve_person("Twin", contacts, {ALICE.did: "Twin", HOSPITAL: "twin"})


def test_a_file_that_is_no_book_is_refused(tmp_path: Path) -> None:
    (tmp_path / "contacts.json").write_text('{"contacts":{}}')
    with pytest.raises(InvalidInput):
        Contacts.load(tmp_path / "contacts.json")

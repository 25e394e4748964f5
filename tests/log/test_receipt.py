"""A receipt shows one entry in one log, and stops showing it when anything is changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.canonical import hexed, parse_json
from ledger.errors import InvalidInput, LedgerError, ProofInvalid
from ledger.log.checkpoint import Checkpoint, LogKey
from ledger.log.entry import encode, inner, leaf_data
from ledger.log.merkle import Tree, leaf_hash
from ledger.log.receipt import Receipt, verify

KEY = LogKey("consent-ledger/1/0xA/0xB", b"k" * 32)
ENTRY = {"kind": "decision", "outcome": "PERMIT", "at": 1_772_366_400_000, "note": "fünf"}


def make(index: int = 2, size: int = 7) -> Receipt:
    tag, salt, entry = b"t" * 20, b"s" * 32, encode(ENTRY)
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    hashes[index] = leaf_hash(leaf_data(tag, inner(salt, entry)))
    tree = Tree(hashes)
    note = KEY.sign(Checkpoint(origin=KEY.origin, size=size, root=tree.root()))
    proof = tuple(tree.inclusion_proof(index, size))
    return Receipt(index=index, tag=tag, salt=salt, entry=entry, checkpoint=note, proof=proof)


def test_a_receipt_survives_json_and_gives_its_entry() -> None:
    text = json.dumps(make().to_json())
    receipt = Receipt.from_json(parse_json(text))
    assert receipt == make()
    assert verify(receipt, KEY.verifier) == ENTRY


def test_the_only_entry_of_a_log_has_a_receipt() -> None:
    assert verify(make(0, 1), KEY.verifier) == ENTRY


CHANGES: list[Callable[[Receipt], Receipt]] = [
    lambda r: replace(r, index=r.index + 1),
    lambda r: replace(r, index=7),
    lambda r: replace(r, tag=b"x" * 20),
    lambda r: replace(r, salt=b"x" * 32),
    lambda r: replace(r, entry=r.entry.replace(b"PERMIT", b"DENY")),
    lambda r: replace(r, proof=r.proof[:-1]),
    lambda r: replace(r, proof=r.proof[::-1]),
    lambda r: replace(r, checkpoint=r.checkpoint.replace("\n7\n", "\n8\n")),
    lambda r: replace(r, checkpoint=make(2, 5).checkpoint),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_receipt_with_one_thing_changed_fails(change: Callable[[Receipt], Receipt]) -> None:
    with pytest.raises(ProofInvalid):
        verify(change(make()), KEY.verifier)


def test_a_receipt_of_another_log_fails() -> None:
    with pytest.raises(ProofInvalid):
        verify(make(), LogKey(KEY.origin, b"x" * 32).verifier)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "consent-ledger/receipt/2"),
        ("index", -1),
        ("index", True),
        ("index", "2"),
        ("tag", hexed(bytes(21))),
        ("tag", "0x" + "A1" * 20),
        ("salt", None),
        ("entry", {"kind": "decision"}),
        ("entry", "\ud800"),
        ("checkpoint", 7),
        ("proof", "0x"),
        ("proof", [hexed(bytes(31))]),
        ("proof", [hexed(bytes(32))] * 65),
    ],
)
def test_a_malformed_receipt_is_refused(name: str, value: object) -> None:
    body: dict[str, Any] = {**make().to_json(), name: value}
    with pytest.raises(InvalidInput):
        Receipt.from_json(body)


def test_a_receipt_with_a_field_too_many_or_too_few_is_refused() -> None:
    body = make().to_json()
    cut = {name: value for name, value in body.items() if name != "salt"}
    others: list[object] = [{**body, "extra": 1}, cut, [], None]
    for wrong in others:
        with pytest.raises(InvalidInput):
            Receipt.from_json(wrong)


def test_an_entry_in_another_spelling_is_refused_even_if_it_was_logged() -> None:
    tag, salt, entry = b"t" * 20, b"s" * 32, b'{"b":1,"a":2}'
    tree = Tree([leaf_hash(leaf_data(tag, inner(salt, entry)))])
    note = KEY.sign(Checkpoint(origin=KEY.origin, size=1, root=tree.root()))
    with pytest.raises(LedgerError):
        verify(Receipt(index=0, tag=tag, salt=salt, entry=entry, checkpoint=note, proof=()), KEY.verifier)


def test_a_receipt_does_not_show_its_entry_in_logs() -> None:
    assert "PERMIT" not in repr(make())

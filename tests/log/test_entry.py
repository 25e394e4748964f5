"""The entry subset of JSON, its one spelling, and the commitment over it."""

from enum import IntEnum
from hashlib import sha256
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.log.entry import MAX_INTEGER, NO_PATIENT, EntryKind, TypedEntry, decode, encode, inner, leaf_data

KEYS = st.text(st.characters(max_codepoint=127))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = TEXTS | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER)
VALUES = st.recursive(SCALARS, lambda inside: st.lists(inside) | st.dictionaries(KEYS, inside), max_leaves=8)
ENTRIES = st.dictionaries(KEYS, VALUES)


@settings(deadline=None)
@given(ENTRIES)
def test_the_fast_encoder_writes_rfc_8785(entry: dict[str, Any]) -> None:
    raw = encode(entry)
    assert raw == rfc8785.dumps(entry)
    assert decode(raw) == entry


def test_every_ascii_character_is_written_as_rfc_8785_writes_it() -> None:
    text = "".join(map(chr, range(128)))
    assert encode({text: text}) == rfc8785.dumps({text: text})


class Level(IntEnum):
    ONE = 1


NESTED: dict[str, Any] = {}
for _ in range(70):
    NESTED = {"n": NESTED}


@pytest.mark.parametrize(
    "entry",
    [
        {"a": 1.0},
        {"a": None},
        {"a": MAX_INTEGER + 1},
        {"a": -MAX_INTEGER - 1},
        {"ä": 1},
        {1: 1},
        {"a": b"bytes"},
        {"a": (1, 2)},
        {"a": Level.ONE},
        {"a": [{"b": float("nan")}]},
        {"a": "\ud800"},
        NESTED,
        [],
        "text",
    ],
)
def test_what_has_no_single_spelling_is_refused(entry: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidInput):
        encode(entry)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":null}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":9007199254740992}',
        b'{"a":123456789012345678901234567890}',
        b'{"a":"\xff"}',
        b'{"a":1}\n',
        b"[1]",
        b"",
        b"{",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_another_spelling_is_not_an_entry(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode(raw)


class Typed(TypedEntry, kw_only=True):
    zone: str
    list: tuple[str, ...]
    inner: dict[str, Any]
    absent: int | msgspec.UnsetType = msgspec.UNSET


def test_an_entry_of_a_class_of_its_own_is_written_as_any_other() -> None:
    entry = Typed(kind="x", zone="é\u2028", list=("b", "a"), inner={"b": 1, "a": [True]}, time=7)
    alike: Any = {
        "kind": "x",
        "zone": "é\u2028",
        "list": ["b", "a"],
        "inner": {"b": 1, "a": [True]},
        "time": 7,
    }
    assert encode(entry) == encode(alike) == rfc8785.dumps(alike)
    entry.zone = "\ud800"
    with pytest.raises(InvalidInput):
        encode(entry)


def test_a_kind_is_written_as_its_name() -> None:
    assert encode({"kind": EntryKind.CONSENT_FILED}) == b'{"kind":"consent.filed"}'


def test_the_commitment_is_the_one_of_the_format() -> None:
    salt, entry, tag = b"s" * 32, b'{"kind":"decision"}', b"t" * 20
    assert inner(salt, entry) == sha256(salt + entry).digest()
    assert leaf_data(tag, inner(salt, entry)) == sha256(tag + sha256(salt + entry).digest()).digest()
    assert len(NO_PATIENT) == 20


def test_lengths_are_fixed_so_that_no_two_openings_share_bytes() -> None:
    with pytest.raises(InvalidInput):
        inner(b"s" * 31, b"{}")
    with pytest.raises(InvalidInput):
        leaf_data(b"t" * 21, bytes(32))
    with pytest.raises(InvalidInput):
        leaf_data(b"t" * 20, bytes(31))

"""Strict texts in, canonical texts out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import b64, canonical, hexed, parse_json, parse_object, unb64, unhex
from ledger.errors import InvalidInput, TooLarge

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_canonical_text_parses_to_the_value_and_is_its_own_canonical_text(value: Any) -> None:  # noqa: ANN401
    text = canonical(value)
    assert parse_json(text) == value
    assert canonical(parse_json(text)) == text


@pytest.mark.parametrize(
    ("reason", "raw"),
    [
        ("duplicate_key", b'{"a":1,"a":1}'),
        ("duplicate_key", b'{"a":{"b":1,"\\u0062":2}}'),
        ("not_json", b'{"a":NaN}'),
        ("not_json", b"[Infinity]"),
        ("not_json", b"{'a':1}"),
        ("not_json", b""),
        ("not_json", b"{} {}"),
        ("not_json", b"[" + b"9" * 5000 + b"]"),
        ("not_utf8", b'"\xff"'),
        ("json_too_deep", b"[" * 65 + b"]" * 65),
        ("json_too_deep", b"[" * 200_000),
    ],
)
def test_what_is_not_strict_json_is_refused(reason: str, raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_json(raw)
    assert caught.value.reason == reason


@given(st.text(alphabet='[]{}"\\a', max_size=60))
def test_brackets_inside_strings_are_no_depth(text: str) -> None:
    raw = json.dumps([text]).encode()
    assert parse_json(raw, max_depth=1) == [text]


def test_a_text_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        parse_json(b" " * 101, limit=100)


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"a"', b"null"])
def test_an_object_is_an_object(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_object(raw)
    assert caught.value.reason == "not_an_object"


@pytest.mark.parametrize("value", [float("nan"), 2**53, "\ud800", {"a": float("inf")}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        canonical(value)


@given(st.binary())
def test_bytes_have_one_base64_and_one_hex_text(data: bytes) -> None:
    assert unb64(b64(data)) == data
    assert unhex(hexed(data)) == data


@pytest.mark.parametrize("text", ["AA", "AB==", "AA==\n", "A A=", "-_==", "====", "ä"])
def test_another_spelling_of_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        unb64(text)


@pytest.mark.parametrize("text", ["0xA0", "a0", "0xa", "0x a0", "0xg0", "0Xa0", ""])
def test_another_spelling_of_hex_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        unhex(text)

"""EIP-4361: the message on its exact bytes, and what it must say at this gateway and moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import SignInRefused
from ledger.ids import Address
from ledger.service.signin import SignInMessage, check_message, parse_message

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MESSAGE = SignInMessage(
    domain="127.0.0.1:8440",
    address=Address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94"),
    uri="http://127.0.0.1:8440",
    chain_id=31337,
    nonce="8N3v0sGq2Zl5Kd1T",
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=5),
)


def test_the_text_is_that_of_the_specification() -> None:
    assert MESSAGE.text == (
        "127.0.0.1:8440 wants you to sign in with your Ethereum account:\n"
        "0x9858EfFD232B4033E47d90003D41EC34EcaEda94\n"
        "\n"
        "Sign in to Consent Ledger.\n"
        "\n"
        "URI: http://127.0.0.1:8440\n"
        "Version: 1\n"
        "Chain ID: 31337\n"
        "Nonce: 8N3v0sGq2Zl5Kd1T\n"
        "Issued At: 2026-11-22T10:00:00Z\n"
        "Expiration Time: 2026-11-22T10:05:00Z"
    )


def test_without_a_statement_there_are_two_blank_lines() -> None:
    message = replace(MESSAGE, statement=None)
    assert "Eda94\n\n\nURI: " in message.text
    assert parse_message(message.text) == message


def test_what_was_written_is_parsed() -> None:
    assert parse_message(MESSAGE.text) == MESSAGE


@pytest.mark.parametrize(
    ("defect", "old", "new"),
    [
        (
            "lower_case_address",
            "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
            "0x9858effd232b4033e47d90003d41ec34ecaeda94",
        ),
        ("other_version", "Version: 1", "Version: 2"),
        ("short_nonce", "8N3v0sGq2Zl5Kd1T", "8N3v0sG"),
        ("nonce_with_punctuation", "8N3v0sGq2Zl5Kd1T", "8N3v0sGq-Zl5Kd1T"),
        ("chain_id_with_leading_zero", "Chain ID: 31337", "Chain ID: 031337"),
        ("chain_id_in_other_digits", "Chain ID: 31337", "Chain ID: ٣١٣٣٧"),
        ("carriage_returns", "\n", "\r\n"),
        ("user_info_in_the_domain", "127.0.0.1:8440 wants", "user@127.0.0.1:8440 wants"),
        ("scheme_in_the_domain", "127.0.0.1:8440 wants", "http://127.0.0.1:8440 wants"),
        ("no_expiration", "\nExpiration Time: 2026-11-22T10:05:00Z", ""),
        ("local_time", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00+01:00"),
        ("no_such_day", "2026-11-22T10:00:00Z", "2026-11-31T10:00:00Z"),
        ("statement_with_a_quote", "Sign in to", 'Sign in "to"'),
        ("trailing_line_feed", "10:05:00Z", "10:05:00Z\n"),
    ],
)
def test_any_other_spelling_is_refused(defect: str, old: str, new: str) -> None:
    with pytest.raises(SignInRefused) as caught:
        parse_message(MESSAGE.text.replace(old, new))
    assert caught.value.reason == "bad_message", defect


@given(st.integers(0, len(MESSAGE.text) - 1), st.characters(codec="utf-8"))
def test_a_changed_character_gives_another_message_or_none(position: int, character: str) -> None:
    text = MESSAGE.text[:position] + character + MESSAGE.text[position + 1 :]
    try:
        parsed = parse_message(text)
    except SignInRefused:
        return
    assert parsed.text == text
    assert (parsed == MESSAGE) == (text == MESSAGE.text)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("wrong_domain", {"domain": "127.0.0.1:8441"}),
        ("wrong_uri", {"uri": "https://127.0.0.1:8440"}),
        ("wrong_chain", {"chain_id": 1}),
        ("not_yet", {"issued_at": NOW + timedelta(seconds=31), "expires_at": NOW + timedelta(minutes=5)}),
        ("expired", {"issued_at": NOW - timedelta(minutes=5), "expires_at": NOW}),
        ("too_long", {"expires_at": NOW + timedelta(minutes=11)}),
    ],
)
def test_a_message_for_elsewhere_or_another_time_is_refused(reason: str, change: dict[str, object]) -> None:
    message = replace(MESSAGE, **change)  # type: ignore[arg-type]
    with pytest.raises(SignInRefused) as caught:
        check_message(message, domain="127.0.0.1:8440", uri="http://127.0.0.1:8440", chain_id=31337, now=NOW)
    assert caught.value.reason == reason


def test_a_message_for_here_and_now_passes() -> None:
    check_message(MESSAGE, domain="127.0.0.1:8440", uri="http://127.0.0.1:8440", chain_id=31337, now=NOW)

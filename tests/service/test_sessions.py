"""A session ends a quarter of an hour after the sign-in at the latest, whatever is done with it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.canonical import hexed
from ledger.crypto.signatures import personal_digest
from ledger.errors import SignInRefused, SignInRequired
from ledger.service import sessions
from ledger.service.gateway import Gateway
from tests.network import Network, Person

QUARTER = 15 * 60


@pytest.fixture
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture
def person(network: Network) -> Person:
    return network.person()


def after(gateway: Gateway, seconds: float) -> Gateway:
    """The gateway so many seconds from now."""
    moment = gateway.clock() + timedelta(seconds=seconds)
    return replace(gateway, clock=lambda: moment)


def signed(gateway: Gateway, person: Person) -> tuple[str, str]:
    text = sessions.challenge(gateway, person.identity.account.address).text
    return text, hexed(person.identity.account.sign(personal_digest(text)))


@pytest.fixture
def session(gateway: Gateway, person: Person) -> sessions.Session:
    return sessions.sign_in(gateway, *signed(gateway, person))


def test_a_token_that_is_used_ends_no_later_than_one_that_is_not(gateway: Gateway, person: Person) -> None:
    used, idle = (sessions.sign_in(gateway, *signed(gateway, person)) for _ in range(2))
    for minute in range(1, 15):
        assert sessions.account_of(after(gateway, 60 * minute), used.token) == used.account
    assert sessions.account_of(after(gateway, QUARTER - 5), idle.token) == idle.account
    for one in (used, idle):
        with pytest.raises(SignInRequired):
            sessions.account_of(after(gateway, QUARTER), one.token)


def test_no_setting_lets_a_session_last_longer(gateway: Gateway, session: sessions.Session) -> None:
    assert gateway.settings.session_seconds <= QUARTER
    assert session.expires_at <= gateway.now_ms() + QUARTER * 1000


def by_itself(gateway: Gateway, session: sessions.Session) -> None:
    sessions.sign_out(gateway, session.token)


def by_account(gateway: Gateway, session: sessions.Session) -> None:
    sessions.sign_out_everywhere(gateway, session.account)


@pytest.mark.parametrize("end", [by_itself, by_account])
def test_an_ended_session_is_ended_at_once(
    gateway: Gateway, session: sessions.Session, end: Callable[[Gateway, sessions.Session], None]
) -> None:
    end(gateway, session)
    with pytest.raises(SignInRequired):
        sessions.account_of(gateway, session.token)


def test_a_token_is_shown_by_no_repr(session: sessions.Session) -> None:
    assert session.token[3:] not in repr(session)


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(-29, None), (-31, "not_yet"), (299, None), (300, "expired"), (86_400, "expired")],
)
def test_a_challenge_holds_from_half_a_minute_before_to_five_after(
    gateway: Gateway, person: Person, seconds: float, reason: str | None
) -> None:
    at = gateway.clock().replace(microsecond=0)
    then = replace(gateway, clock=lambda: at)
    text, signature = signed(then, person)
    now = replace(gateway, clock=lambda: at + timedelta(seconds=seconds))
    if reason is None:
        assert sessions.sign_in(now, text, signature).account == person.identity.account.address
    else:
        with pytest.raises(SignInRefused) as caught:
            sessions.sign_in(now, text, signature)
        assert caught.value.reason == reason

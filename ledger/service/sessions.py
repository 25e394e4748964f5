"""Sign-in: a challenge with a nonce of ours, a signed EIP-4361 message, a short-lived bearer token.

A token ends a quarter of an hour after the sign-in at the latest, used or not. So none is idle for longer,
none lives on because it is used, and an access check writes nothing about its session. It ends at once when
its account signs out, here or everywhere, and is kept as a keyed hash only.
"""

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ledger.canonical import unhex
from ledger.crypto.signatures import personal_digest, verify
from ledger.errors import InvalidInput, SignatureInvalid, SignInRefused, SignInRequired
from ledger.ids import Address, parse_address
from ledger.service.gateway import Gateway
from ledger.service.signin import SignInMessage, check_message, parse_message
from ledger.service.states import gone
from ledger.store.departures import Leaving

CHALLENGE_SECONDS = 300
_TOKEN = re.compile(r"cl_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in account; `token` is given out once and kept only as a hash."""

    account: Address
    token: str = field(repr=False)
    expires_at: int


def challenge(gateway: Gateway, account: Address) -> SignInMessage:
    """A message to sign, with a nonce that is good once and for five minutes; nothing is written."""
    now = gateway.clock().replace(microsecond=0)
    expires = now + timedelta(seconds=CHALLENGE_SECONDS)
    nonce = _nonce(gateway, account, gateway.randomness(16).hex(), expires)
    return SignInMessage(
        domain=gateway.settings.domain,
        address=account,
        uri=gateway.settings.origin,
        chain_id=gateway.chain_id,
        nonce=nonce,
        issued_at=now,
        expires_at=expires,
    )


def sign_in(gateway: Gateway, text: str, signature: str) -> Session:
    """A session for the account that signed the message.

    Raises:
        SignInRefused: wrong grammar, origin, chain or time; a nonce that is not ours or was used; a signature
            by another account.
        ChainUnreachable: only the chain could tell whether a contract takes the signature, and it is away.
    """
    message = parse_message(text)
    check_message(
        message,
        domain=gateway.settings.domain,
        uri=gateway.settings.origin,
        chain_id=gateway.chain_id,
        now=gateway.clock(),
    )
    ours = _nonce(gateway, message.address, message.nonce[:32], message.expires_at)
    if not hmac.compare_digest(message.nonce, ours):
        raise _bad_nonce()
    if not _is_signed(gateway, personal_digest(text), signature, message.address):
        raise SignInRefused("the message is not signed by its account", reason="bad_signature")
    session = opened(
        gateway,
        message.address,
        seconds=gateway.settings.session_seconds,
        once=message.nonce,
        until=_ms(message.expires_at),
    )
    if session is None:
        raise _bad_nonce()
    return session


def opened(gateway: Gateway, account: Address, *, seconds: int, once: str, until: int) -> Session | None:
    """A session of `account` for so many seconds; None if `once` was used before.

    Until `until` (Unix milliseconds) it is remembered that `once` was used.

    Raises:
        SignInRefused: a patient's account that was given up for a new one (``account_succeeded``).
    """
    token = "cl_" + gateway.randomness(32).hex()
    now = gateway.now_ms()
    expires = now + seconds * 1000
    with gateway.db.write() as connection:
        _refuse_given_up(gateway, connection, account)
        gateway.stores.access.sweep(connection, now)
        if not gateway.stores.access.spend(connection, gateway.keys.hash_token(once), until):
            return None
        gateway.stores.access.open_session(connection, gateway.keys.hash_token(token), account, expires)
    return Session(account=account, token=token, expires_at=expires)


def account_of(gateway: Gateway, token: str) -> Address:
    """The account of a running session.

    Raises:
        SignInRequired: no such session, or it has expired.
    """
    found = None
    if is_token(token):
        with gateway.db.read() as connection:
            found = gateway.stores.access.account(
                connection, gateway.keys.hash_token(token), gateway.now_ms()
            )
    if found is None:
        raise no_session()
    return parse_address(found)


def is_token(text: str) -> bool:
    """Whether a text looks like a token of ours."""
    return _TOKEN.fullmatch(text) is not None


def no_session() -> SignInRequired:
    """What is said to whoever brings a token of no running session."""
    return SignInRequired("no running session", fix="Sign in, then try again.")


def sign_out(gateway: Gateway, token: str) -> None:
    """End a session; ending one that has ended is success."""
    with gateway.db.write() as connection:
        gateway.stores.access.close_session(connection, gateway.keys.hash_token(token))


def sign_out_everywhere(gateway: Gateway, account: Address) -> None:
    """End every session of an account."""
    with gateway.db.write() as connection:
        gateway.stores.access.close_sessions(connection, account)


def _refuse_given_up(gateway: Gateway, connection: Connection, account: Address) -> None:
    """Refuse an account that its patient gave up for a new one, in the transaction that opens the session."""
    lookup = gateway.look_up(account)
    known = gateway.stores.patients.versions(connection, [lookup]).get(lookup)
    left = None if known is None else gateway.stores.departures.find(connection, known[0])
    if left is not None and left.kind is Leaving.SUCCEEDED:
        given_up = gone(left.kind)
        raise SignInRefused(given_up.message, reason=given_up.reason, fix=given_up.fix)


def _is_signed(gateway: Gateway, digest: bytes, signature: str, account: Address) -> bool:
    """By the account's key; or, if the account is a contract, by whatever that takes (ERC-1271)."""
    try:
        raw = unhex(signature)
        verify(digest, raw, account)
    except InvalidInput:
        return False
    except SignatureInvalid:
        return gateway.wallet_takes(account, digest, raw)
    return True


def _nonce(gateway: Gateway, account: Address, entropy: str, expires: datetime) -> str:
    """64 hex digits: 16 random bytes, and a mark that binds them to account and end; nothing is stored."""
    mark = gateway.keys.hash_token(f"challenge/{account}/{entropy}/{_ms(expires)}").hex()
    return entropy + mark[:32]


def _bad_nonce() -> SignInRefused:
    return SignInRefused(
        "the nonce is not one of ours, or was used", reason="bad_nonce", fix="Sign in again."
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

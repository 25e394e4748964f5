"""Sign-in of machines: a participant registers a public key, whose holder signs assertions (RFC 7523).

The form is that of SMART Backend Services: ``private_key_jwt`` with ES384 or RS384, the participant's did as
client id. The key is registered by the participant's account, in a session and with a signature of its own
(`MachineKey`), so that neither a stolen token nor the gateway can add one. Nothing is fetched from any URL.
"""

from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

from ledger.canonical import canonical, parse_object, unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import MachineKey
from ledger.errors import Conflict, InvalidInput, LedgerError, NotAdmitted, NotFound, SignInRefused, TooLarge
from ledger.ids import Address
from ledger.service.gateway import Gateway
from ledger.service.participants import find
from ledger.service.sessions import Session, opened
from ledger.store.machines import MachineKeyRow

ALGORITHMS = ["ES384", "RS384"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE = "participant"
SECONDS = 300
SKEW = 30
MOST_KEYS = 32
_LONGEST = 8192
_HEADER = {"alg", "kid", "typ", "jku"}
"""A ``jku`` is what SMART lets clients send; nobody looks at it. Keys that are sent along are refused."""
_MEMBERS = {"EC": {"kty", "crv", "x", "y"}, "RSA": {"kty", "n", "e"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A JWK in its one form: the required members alone, as RFC 7638 hashes them."""

    kid: str
    thumbprint: bytes
    text: str


def public_key(members: dict[str, str]) -> PublicKey:
    """The public key that a JWK is.

    Raises:
        InvalidInput: ``bad_jwk``: not EC on P-384 or RSA of 2048 to 8192 bits, or with other members.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey, import_key

    refusal = InvalidInput(
        "a public JWK is needed: EC on P-384, or RSA of 2048 to 8192 bits, and no other members",
        reason="bad_jwk",
        fix="Send kty, crv, x and y, or kty, n and e.",
    )
    if members.keys() != _MEMBERS.get(members.get("kty", "")):
        raise refusal
    try:
        key = import_key(dict(members))
        sound = (isinstance(key, ECKey) and key.curve_name == "P-384") or (
            isinstance(key, RSAKey) and 2048 <= key.public_key.key_size <= 8192
        )
    except (JoseError, ValueError, TypeError) as exc:
        raise refusal from exc
    if not sound or key.as_dict(private=False) != members:
        raise refusal
    kid = key.thumbprint()
    return PublicKey(kid=kid, thumbprint=_unb64url(kid), text=canonical(members).decode())


def register(gateway: Gateway, caller: Address, kid: str, members: dict[str, str], signature: str) -> None:
    """Let the holder of a key sign in for the caller; again with the same key is success.

    Raises:
        NotAdmitted: the caller is no participant in force.
        InvalidInput: no such JWK, or its thumbprint is not `kid`.
        SignatureInvalid: the caller's account did not sign for it.
        Conflict: the key was revoked (``key_revoked``).
        TooLarge: the caller has too many keys.
    """
    _require_in_force(gateway, caller)
    key = public_key(members)
    if key.kid != kid:
        raise InvalidInput("the path does not name this key", reason="other_kid", fix="Use its thumbprint.")
    claim = MachineKey(origin=gateway.settings.origin, participant=caller, key=key.thumbprint)
    verify(claim.digest(gateway.gateway_domain), unhex(signature), caller)
    with gateway.db.write() as connection:
        known = {row.kid: row for row in gateway.stores.machines.of(connection, _raw(caller))}
        if kid in known:
            if known[kid].revoked is not None:
                raise Conflict("this key was revoked", reason="key_revoked", fix="Make a new one.")
            return
        if len(known) >= MOST_KEYS:
            raise TooLarge(f"at most {MOST_KEYS} keys, revoked ones too", reason="too_many_keys")
        gateway.stores.machines.add(connection, _raw(caller), kid=kid, jwk=key.text, signature=signature)


def keys_of(gateway: Gateway, account: Address) -> list[MachineKeyRow]:
    """An account's keys, revoked ones too."""
    with gateway.db.read() as connection:
        return gateway.stores.machines.of(connection, _raw(account))


def revoke(gateway: Gateway, caller: Address, kid: str) -> None:
    """Let a key sign in no more, and end every session of the account; again is success.

    Raises:
        NotFound: the caller has no such key.
    """
    with gateway.db.write() as connection:
        if not gateway.stores.machines.revoke(connection, _raw(caller), kid, gateway.now_ms()):
            raise NotFound("no such key of yours", reason="no_key")
        gateway.stores.access.close_sessions(connection, caller)


def sign_in(gateway: Gateway, assertion: str) -> Session:
    """A session of at most five minutes for the participant whose key signed the assertion.

    Raises:
        SignInRefused: by its ``reason``; to the outside all of them are ``invalid_client``.
    """
    header, claims = _parsed(assertion)
    account = _client(gateway, claims)
    _verify(gateway, account, assertion, str(header.get("kid", "")))
    until = _check_claims(gateway, claims)
    try:
        _require_in_force(gateway, account)
    except NotAdmitted as exc:
        raise _refusal("not a participant in force", "not_admitted") from exc
    session = opened(
        gateway, account, seconds=SECONDS, once=f"jti/{account}/{claims['jti']}", until=until * 1000
    )
    if session is None:
        raise _refusal("this assertion was used before", "replayed")
    return session


def _parsed(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, each member once, so that nobody reads them otherwise than we do."""
    from joserfc.errors import JoseError
    from joserfc.jws import extract_compact

    if len(assertion) > _LONGEST or not assertion.isascii():
        raise _refusal("not a signed JWT", "bad_assertion")
    try:
        found = extract_compact(assertion.encode())
        header = parse_object(_unb64url(assertion.partition(".")[0]))
        claims = parse_object(found.payload)
    except (JoseError, LedgerError, ValueError, TypeError, RecursionError) as exc:
        raise _refusal("not a signed JWT", "bad_assertion") from exc
    if not header.keys() <= _HEADER or header.get("typ", "JWT") != "JWT":
        raise _refusal("the header of an assertion has alg, kid and typ", "bad_header")
    return header, claims


def _client(gateway: Gateway, claims: dict[str, Any]) -> Address:
    client = claims.get("iss")
    if not isinstance(client, str) or claims.get("sub") != client:
        raise _refusal("iss and sub are the participant's did", "bad_client")
    try:
        return gateway.account_of(client)
    except LedgerError as exc:
        raise _refusal("iss and sub are the participant's did", "bad_client") from exc


def _verify(gateway: Gateway, account: Address, assertion: str, kid: str) -> None:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    row = next((row for row in keys_of(gateway, account) if row.kid == kid and row.revoked is None), None)
    if row is None:
        raise _refusal("no such key of this participant", "unknown_key")
    try:
        jwt.decode(assertion, import_key(parse_object(row.jwk)), algorithms=ALGORITHMS)
    except (JoseError, ValueError, TypeError) as exc:
        raise _refusal("not signed by this key", "bad_signature") from exc


def _check_claims(gateway: Gateway, claims: dict[str, Any]) -> int:
    """The expiry, once all claims hold."""
    now = gateway.now_ms() // 1000
    expires, identifier = claims.get("exp"), claims.get("jti")
    if claims.get("aud") != token_url(gateway):
        raise _refusal("aud is the URL of this endpoint", "bad_audience")
    if type(expires) is not int or not now < expires <= now + SECONDS:
        raise _refusal(f"exp is at most {SECONDS} seconds ahead", "bad_expiry")
    for name in ("nbf", "iat"):
        if name in claims and (type(claims[name]) is not int or claims[name] > now + SKEW):
            raise _refusal(f"{name} is in the future", "not_yet")
    if not isinstance(identifier, str) or not 1 <= len(identifier) <= 128:
        raise _refusal("jti is a text of 1 to 128 characters", "bad_jti")
    return expires


def token_url(gateway: Gateway) -> str:
    """What an assertion names as its audience."""
    return f"{gateway.settings.origin}/v1/token"


def _require_in_force(gateway: Gateway, account: Address) -> None:
    try:
        state = find(gateway, account).state
    except NotFound:
        state = None
    if state is None or state.suspended or not state.roles:
        raise NotAdmitted("only participants in force have machines that sign in for them")


def _refusal(why: str, reason: str) -> SignInRefused:
    return SignInRefused(why, reason=reason, fix="Sign a new assertion.", error="invalid_client")


def _unb64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _raw(account: Address) -> bytes:
    return bytes.fromhex(account[2:])

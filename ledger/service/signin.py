"""Sign-in with Ethereum: the message of EIP-4361, written and parsed on its exact bytes.

::

    127.0.0.1:8440 wants you to sign in with your Ethereum account:
    0x9858EfFD232B4033E47d90003D41EC34EcaEda94

    Sign in to Consent Ledger.

    URI: http://127.0.0.1:8440
    Version: 1
    Chain ID: 31337
    Nonce: 8N3v0sGq2Zl5Kd1T
    Issued At: 2026-11-22T10:00:00Z
    Expiration Time: 2026-11-22T10:05:00Z

The parser accepts what the writer would write and nothing else: parse, format, compare.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger.errors import InvalidInput, SignInRefused
from ledger.ids import Address, parse_address

STATEMENT = "Sign in to Consent Ledger."
CLOCK_SKEW = timedelta(seconds=30)

_MESSAGE = re.compile(
    r"(?P<domain>[A-Za-z0-9.:\[\]_~%!$&'()*+,;=-]+) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    r"(?:(?P<statement>[^\n]+)\n)?\n"
    r"URI: (?P<uri>[^\s]+)\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain_id>[1-9][0-9]{0,17})\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9]{8,128})\n"
    r"Issued At: (?P<issued_at>[0-9TZ:-]+)\n"
    r"Expiration Time: (?P<expires_at>[0-9TZ:-]+)"
    r"(?:\nNot Before: (?P<not_before>[0-9TZ:-]+))?"
    r"(?:\nRequest ID: (?P<request_id>[A-Za-z0-9._~!$&'()*+,;=:@%-]*))?"
    r"(?:\nResources:(?P<resources>(?:\n- [^\s]+)*))?"
)
_STATEMENT = re.compile(r"[\x20\x21\x23\x24\x26-\x3b\x3d\x3f-\x7e]+")  # ASCII without " % < >
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInMessage:
    """One EIP-4361 message. Times are aware UTC in whole seconds; an expiration is always given.

    What is None is not in the text; `resources` may be named and empty.
    """

    domain: str
    address: Address
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime
    statement: str | None = STATEMENT
    not_before: datetime | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        """The exact text that is signed with EIP-191."""
        statement = "" if self.statement is None else f"{self.statement}\n"
        lines = [
            f"{self.domain} wants you to sign in with your Ethereum account:\n{self.address}\n\n{statement}\n"
            f"URI: {self.uri}\nVersion: 1\nChain ID: {self.chain_id}\nNonce: {self.nonce}\n"
            f"Issued At: {format_time(self.issued_at)}\nExpiration Time: {format_time(self.expires_at)}"
        ]
        if self.not_before is not None:
            lines.append(f"Not Before: {format_time(self.not_before)}")
        if self.request_id is not None:
            lines.append(f"Request ID: {self.request_id}")
        if self.resources is not None:
            lines += ["Resources:", *(f"- {resource}" for resource in self.resources)]
        return "\n".join(lines)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as sign-in messages carry it."""
    return moment.astimezone(UTC).strftime(_TIME)


def parse_time(text: str) -> datetime:
    """The inverse of `format_time`; another spelling is InvalidInput."""
    try:
        moment = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError as exc:
        raise InvalidInput("not a UTC time such as 2026-11-22T10:00:00Z", reason="bad_time") from exc
    if format_time(moment) != text:
        raise InvalidInput("not a UTC time such as 2026-11-22T10:00:00Z", reason="bad_time")
    return moment


def parse_message(text: str) -> SignInMessage:
    """The message whose text is exactly `text`.

    Raises:
        SignInRefused: any other grammar, a bad checksum, a character that a statement may not have.
    """
    match = _MESSAGE.fullmatch(text)
    if match is None:
        raise SignInRefused("not an EIP-4361 message in our form", reason="bad_message")
    statement = match["statement"]
    if statement is not None and not _STATEMENT.fullmatch(statement):
        raise SignInRefused(
            "the statement has a character that EIP-4361 does not allow", reason="bad_message"
        )
    try:
        message = SignInMessage(
            domain=match["domain"],
            address=parse_address(match["address"]),
            uri=match["uri"],
            chain_id=int(match["chain_id"]),
            nonce=match["nonce"],
            issued_at=parse_time(match["issued_at"]),
            expires_at=parse_time(match["expires_at"]),
            statement=statement,
            not_before=None if match["not_before"] is None else parse_time(match["not_before"]),
            request_id=match["request_id"],
            resources=_resources(match["resources"]),
        )
    except InvalidInput as exc:
        raise SignInRefused(exc.message, reason="bad_message") from exc
    if message.text != text:
        raise SignInRefused("not an EIP-4361 message in our form", reason="bad_message")
    return message


def _resources(lines: str | None) -> tuple[str, ...] | None:
    return None if lines is None else tuple(line[2:] for line in lines.split("\n")[1:])


def check_message(message: SignInMessage, *, domain: str, uri: str, chain_id: int, now: datetime) -> None:
    """Refuse a message that is not for this origin and chain, or not for this moment, or that says more.

    A session is for the account alone: a request id that we did not name and resources are refused, so that
    nobody takes a sign-in for a delegation.

    Raises:
        SignInRefused: ``wrong_domain``, ``wrong_uri``, ``wrong_chain``, ``wrong_statement``, ``not_yet``,
            ``expired``, ``too_long``, ``unknown_request_id`` or ``resources_named``.
    """
    starts = max(message.issued_at - CLOCK_SKEW, message.not_before or message.issued_at - CLOCK_SKEW)
    checks = (
        (message.domain == domain, "wrong_domain", "the message is for another host"),
        (message.uri == uri, "wrong_uri", "the message is for another origin"),
        (message.chain_id == chain_id, "wrong_chain", "the message is for another chain"),
        (message.statement == STATEMENT, "wrong_statement", "the message says something else"),
        (starts <= now, "not_yet", "the message is for later; check the clock"),
        (now < message.expires_at, "expired", "the message has expired; ask for a new challenge"),
        (message.expires_at - message.issued_at <= timedelta(minutes=10), "too_long", "valid for too long"),
        (message.request_id is None, "unknown_request_id", "the message has a request id that is not ours"),
        (message.resources is None, "resources_named", "a sign-in gives access to no resources by itself"),
    )
    for holds, reason, why in checks:
        if not holds:
            raise SignInRefused(why, reason=reason, fix="Sign in again.")

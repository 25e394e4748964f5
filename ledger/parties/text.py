"""The form that these texts share: canonical JSON with a format, and a signed sentence over its hash."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from ledger.canonical import canonical, parse_object
from ledger.crypto.identity import Account
from ledger.crypto.signatures import personal_digest, verify
from ledger.errors import InvalidInput, SignatureInvalid
from ledger.ids import Did, parse_did, word

MAX_SIZE = 16 * 1024


def parse_text(
    raw: bytes | str, form: str, required: set[str], optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The members of a canonical text besides ``format``.

    Raises:
        InvalidInput: not JSON, of another format, a member too many or too few, or not written canonically.
        TooLarge: more than 16 KiB.
    """
    found = parse_object(raw, limit=MAX_SIZE)
    if found.get("format") != form:
        raise InvalidInput(f"not a {form}", reason="bad_format")
    if not required <= found.keys() - {"format"} <= required | optional:
        raise InvalidInput(f"the members are not those of {form}", reason="bad_members")
    if canonical(found) != (raw.encode() if isinstance(raw, str) else raw):
        raise InvalidInput(f"not the canonical text of a {form}", reason="not_canonical")
    return found


def text(value: object) -> str:
    """A JSON string, or InvalidInput."""
    if not isinstance(value, str):
        raise InvalidInput("a text is expected here", reason="not_a_text")
    return value


def sign_text(sentence: str, members: dict[str, Any], account: Account) -> bytes:
    """The EIP-191 signature over `sentence`, in which ``{}`` becomes the SHA-256 of the members' text."""
    return account.sign(_digest(sentence, members))


def verify_text(sentence: str, members: dict[str, Any], signature: bytes, signer: Did) -> None:
    """SignatureInvalid unless `signer` made this signature with `sign_text`."""
    verify(_digest(sentence, members), signature, parse_did(signer)[1])


@contextmanager
def handed_over(what: str) -> Iterator[None]:
    """Say of a signature that does not hold that it is on a text which somebody handed over by themselves."""
    try:
        yield
    except SignatureInvalid as exc:
        raise SignatureInvalid(
            f"this {what} was changed, or made by somebody else than the holder of its account",
            reason=exc.reason,
            fix=f"Do not use it. Ask that person for a new {what}, over a way that you trust.",
        ) from exc


def _digest(sentence: str, members: dict[str, Any]) -> bytes:
    return personal_digest(sentence.format(word(sha256(canonical(members)).digest())))

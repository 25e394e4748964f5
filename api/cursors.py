"""Where a list goes on: an opaque text that works for the caller and the question it was made for, only.

It is encrypted, so that a position in our tables tells nothing, and authenticated with the caller's account
and the digest of the whole question, so that no cursor can be made up, changed or carried over.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.canonical import canonical, parse_json
from ledger.errors import InvalidInput
from ledger.ids import Address
from ledger.service.gateway import Gateway

T = TypeVar("T")
LARGEST_PAGE = 1000
_NONCE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one answer holds of a list; `next` is empty on the last page."""

    items: list[Any]
    next: str


def paged(
    gateway: Gateway,
    caller: Address | None,
    question: dict[str, Any],
    found: Sequence[T],
    *,
    key: Callable[[T], Any],
    cursor: str = "",
    limit: int = LARGEST_PAGE,
) -> Page:
    """The items behind `cursor`, at most `limit`, in the order of their keys.

    A key is unique, a number, a text or a list of them. What comes or goes meanwhile changes no other page.

    Raises:
        InvalidInput: ``bad_cursor``: not one that this gateway made for this caller and question.
    """
    bound = sha256(canonical({"caller": caller or "", "question": question})).digest()
    left = sorted(found, key=key)
    if cursor:
        last = _opened(gateway, cursor, bound)
        left = [one for one in left if key(one) > last]
    shown = left[:limit]
    more = _sealed(gateway, key(shown[-1]), bound) if len(left) > limit else ""
    return Page(items=shown, next=more)


def _sealed(gateway: Gateway, position: object, bound: bytes) -> str:
    nonce = gateway.randomness(_NONCE)
    sealed = AESGCM(gateway.keys.cursor_key).encrypt(nonce, canonical({"after": position}), bound)
    return urlsafe_b64encode(nonce + sealed).decode().rstrip("=")


def _opened(gateway: Gateway, cursor: str, bound: bytes) -> Any:  # noqa: ANN401
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        text = AESGCM(gateway.keys.cursor_key).decrypt(raw[:_NONCE], raw[_NONCE:], bound)
    except (InvalidTag, ValueError) as exc:
        raise InvalidInput(
            "not a place in this list", reason="bad_cursor", fix="Begin again, without a cursor."
        ) from exc
    return parse_json(text)["after"]

"""Where a list goes on: an opaque text that works for the caller and the question it was made for, only.

It is encrypted, so that a position in our tables tells nothing, and authenticated with the caller's account
and the digest of the whole question, so that no cursor can be made up, changed or carried over.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends, Query

from ledger.canonical import canonical, parse_json
from ledger.errors import InvalidInput
from ledger.ids import Address
from ledger.service.gateway import Gateway

T = TypeVar("T")
Key = Callable[[T], Any]
LARGEST_PAGE = 1000
_NONCE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """What one answer holds of a list; `next` is empty on the last page. How much is left, nobody is told."""

    items: list[T]
    next: str

    def as_json(self, name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        """The items under their name, and the cursor of the next page, if there is one."""
        return {name: items, **({"next": self.next} if self.next else {})}


class PageWanted:
    """The query of a list: how many items, and behind which."""

    def __init__(
        self,
        cursor: Annotated[str, Query(max_length=512, description="The `next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = LARGEST_PAGE,
    ) -> None:
        self._cursor = cursor
        self._limit = limit

    def of(
        self, gateway: Gateway, caller: Address | None, name: str, found: Sequence[T], *, key: Key[T]
    ) -> Page[T]:
        """The page of the list `name` of this caller; see `paged`."""
        question = {"list": name}
        return paged(gateway, caller, question, found, key=key, cursor=self._cursor, limit=self._limit)

    def shown(
        self,
        gateway: Gateway,
        caller: Address | None,
        name: str,
        found: Sequence[dict[str, Any]],
        *,
        key: Key[dict[str, Any]],
    ) -> dict[str, Any]:
        """The page as it is answered."""
        page = self.of(gateway, caller, name, found, key=key)
        return page.as_json(name, page.items)


Asked = Annotated[PageWanted, Depends()]


def paged(
    gateway: Gateway,
    caller: Address | None,
    question: dict[str, Any],
    found: Sequence[T],
    *,
    key: Key[T],
    cursor: str = "",
    limit: int = LARGEST_PAGE,
) -> Page[T]:
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

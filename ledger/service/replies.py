"""Writes that may be sent again: what an Idempotency-Key promises.

The same key with the same body gives the answer that was given; with another body it is refused. The answer
is kept in the transaction of the act itself, for a day, so there is never one without the other.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection

from ledger.canonical import canonical
from ledger.errors import Conflict, EvidenceError, InvalidInput
from ledger.ids import Address
from ledger.service.gateway import Gateway

KEPT_SECONDS = 86_400
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class _Answered(Conflict):
    """Somebody sent the same at the same moment and was first."""

    code = "answered_meanwhile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One write under a key of its caller's; `key` and `body` are keyed hashes."""

    gateway: Gateway
    key: bytes
    body: bytes

    @classmethod
    def of(cls, gateway: Gateway, caller: Address, operation: str, key: str, body: dict[str, Any]) -> Self:
        """A key is the caller's own, and of one operation.

        Raises:
            InvalidInput: not 1 to 255 visible ASCII characters.
        """
        if not _KEY.fullmatch(key):
            raise InvalidInput(
                "an Idempotency-Key has 1 to 255 visible ASCII characters", reason="bad_idempotency_key"
            )
        hashed = gateway.keys.hash_token
        return cls(
            gateway=gateway,
            key=hashed(f"reply/{caller}/{operation}/{key}"),
            body=hashed(f"reply-body/{canonical(body).decode()}"),
        )

    def answered(self, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The kept answer; without one, that of `act`, which keeps it by `keep` in its transaction.

        Raises:
            EvidenceError: the key was used for another body (``idempotency_key_reused``).
        """
        try:
            return self._kept() or act()
        except _Answered:
            return self._kept() or act()

    def keep(self, connection: Connection, answer: dict[str, Any]) -> None:
        """Keep the answer with the act; what this raises undoes the act, for `answered` to begin again."""
        now = self.gateway.now_ms()
        kept = self.gateway.stores.replies.keep(
            connection, self.key, body=self.body, answer=answer, expires=now + KEPT_SECONDS * 1000, now=now
        )
        if not kept:
            raise _Answered("the same request was sent twice at once")

    def _kept(self) -> dict[str, Any] | None:
        with self.gateway.db.read() as connection:
            found = self.gateway.stores.replies.find(connection, self.key, self.gateway.now_ms())
        if found is None:
            return None
        body, answer = found
        if body != self.body:
            raise EvidenceError(
                "this Idempotency-Key was used for another request",
                reason="idempotency_key_reused",
                fix="Use a new key for a new request.",
            )
        return answer

"""Answers to writes that carried an Idempotency-Key, kept until they may be forgotten."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from ledger.canonical import canonical, parse_object
from ledger.store.tables import replies
from ledger.store.vault import Vault


class ReplyStore:
    """Rows of ``replies``, in the caller's transaction; `key` and `body` are keyed hashes, 32 bytes."""

    def __init__(self, vault: Vault, no_patient: bytes) -> None:
        self._vault = vault
        self._tag = no_patient

    def find(self, connection: Connection, key: bytes, now: int) -> tuple[bytes, dict[str, Any]] | None:
        """The hashed body and the answer that were kept under `key`, if not forgotten yet."""
        row = connection.execute(
            select(replies.c.body, replies.c.sealed).where((replies.c.key == key) & (replies.c.expires > now))
        ).one_or_none()
        if row is None:
            return None
        return row.body, parse_object(self._vault.open(self._tag, f"reply/{key.hex()}", row.sealed))

    def keep(
        self,
        connection: Connection,
        key: bytes,
        *,
        body: bytes,
        answer: dict[str, Any],
        expires: int,
        now: int,
    ) -> bool:
        """Keep an answer; False if there is one under `key`. Forgets what has expired."""
        connection.execute(delete(replies).where(replies.c.expires <= now))
        sealed = self._vault.seal(self._tag, f"reply/{key.hex()}", canonical(answer))
        try:
            with connection.begin_nested():
                connection.execute(insert(replies).values(key=key, body=body, expires=expires, sealed=sealed))
        except IntegrityError:
            return False
        return True

"""Sessions and single-use nonces. Tokens and nonces are kept as keyed hashes only."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from ledger.store.parts import in_parts
from ledger.store.tables import access_nonces, sessions
from ledger.store.vault import Vault

_KNOWN = 4096
_RUNNING = select(sessions.c.token, sessions.c.sealed).where(
    sessions.c.expires > bindparam("now"), sessions.c.token.in_(bindparam("tokens", expanding=True))
)


class AccessStore:
    """Rows of ``access_nonces`` and ``sessions``; times are Unix milliseconds."""

    def __init__(self, vault: Vault, no_patient: bytes) -> None:
        self._vault = vault
        self._tag = no_patient
        self._known: dict[bytes, tuple[bytes, str]] = {}

    def spend(self, connection: Connection, nonce: bytes, expires: int) -> bool:
        """Record a nonce that a caller made; False if it was seen before."""
        try:
            with connection.begin_nested():
                connection.execute(insert(access_nonces).values(nonce=nonce, expires=expires))
        except IntegrityError:
            return False
        return True

    def open_session(self, connection: Connection, token: bytes, account: str, expires: int) -> None:
        """Start a session under the hashed `token`."""
        sealed = self._vault.seal(self._tag, f"session/{token.hex()}", account.encode())
        connection.execute(insert(sessions).values(token=token, expires=expires, sealed=sealed))

    def account(self, connection: Connection, token: bytes, now: int) -> str | None:
        """The account of a session that has not expired."""
        return self.accounts(connection, [token], now).get(token)

    def accounts(self, connection: Connection, tokens: Iterable[bytes], now: int) -> dict[bytes, str]:
        """The accounts of those sessions that have not expired, by hashed token."""
        found = {}
        for some in in_parts(tokens):
            for token, sealed in connection.execute(_RUNNING, {"now": now, "tokens": some}):
                found[token] = self._opened(token, sealed)
        return found

    def known(self, token: bytes) -> str | None:
        """The account of a session when it was last read here; whether it still runs, the database knows."""
        known = self._known.get(token)
        return None if known is None else known[1]

    def _opened(self, token: bytes, sealed: bytes) -> str:
        known = self._known.get(token)
        if known is not None and known[0] == sealed:
            return known[1]
        account = self._vault.open(self._tag, f"session/{token.hex()}", sealed).decode()
        if len(self._known) >= _KNOWN:
            self._known.pop(next(iter(self._known)), None)
        self._known[token] = (sealed, account)
        return account

    def close_session(self, connection: Connection, token: bytes) -> None:
        """End a session."""
        self._known.pop(token, None)
        connection.execute(delete(sessions).where(sessions.c.token == token))

    def close_sessions(self, connection: Connection, account: str) -> None:
        """End every session of an account; each row is opened for that, since it names nobody in clear."""
        for row in connection.execute(select(sessions.c.token, sessions.c.sealed)).all():
            if self._vault.open(self._tag, f"session/{row.token.hex()}", row.sealed).decode() == account:
                self.close_session(connection, row.token)

    def sweep(self, connection: Connection, now: int) -> None:
        """Forget what has expired."""
        connection.execute(delete(sessions).where(sessions.c.expires <= now))
        connection.execute(delete(access_nonces).where(access_nonces.c.expires <= now))

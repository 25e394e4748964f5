"""Public keys with which machines sign in for participants."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from ledger.store.tables import machine_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineKeyRow:
    """One key: thumbprint, JWK text, the account's signature; `revoked` in Unix milliseconds."""

    kid: str
    jwk: str
    signature: str
    revoked: int | None


class MachineStore:
    """Rows of ``machine_keys``, in the caller's transaction; a participant is its 20 bytes."""

    def add(self, connection: Connection, participant: bytes, *, kid: str, jwk: str, signature: str) -> None:
        """A new key."""
        connection.execute(
            insert(machine_keys).values(participant=participant, kid=kid, jwk=jwk, signature=signature)
        )

    def of(self, connection: Connection, participant: bytes) -> list[MachineKeyRow]:
        """All keys of a participant, revoked ones too, by thumbprint."""
        rows = connection.execute(
            select(machine_keys).where(machine_keys.c.participant == participant).order_by(machine_keys.c.kid)
        )
        return [
            MachineKeyRow(kid=row.kid, jwk=row.jwk, signature=row.signature, revoked=row.revoked)
            for row in rows
        ]

    def revoke(self, connection: Connection, participant: bytes, kid: str, at: int) -> bool:
        """Mark a key as revoked, for good; False if the participant has no such key."""
        mine = (machine_keys.c.participant == participant) & (machine_keys.c.kid == kid)
        connection.execute(
            update(machine_keys).where(mine & machine_keys.c.revoked.is_(None)).values(revoked=at)
        )
        return connection.execute(select(machine_keys.c.kid).where(mine)).first() is not None

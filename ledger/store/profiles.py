"""Public profiles of participants."""

from sqlalchemy import Connection, delete, insert, select

from ledger.store.tables import profiles


class ProfileStore:
    """Rows of ``profiles``; a profile is public, so nothing here is sealed."""

    def put(self, connection: Connection, participant: bytes, profile: bytes) -> None:
        """Store or replace the canonical profile of a participant (20-byte account)."""
        connection.execute(delete(profiles).where(profiles.c.participant == participant))
        connection.execute(insert(profiles).values(participant=participant, profile=profile))

    def get(self, connection: Connection, participant: bytes) -> bytes | None:
        """The canonical profile, or None."""
        return connection.execute(
            select(profiles.c.profile).where(profiles.c.participant == participant)
        ).scalar_one_or_none()

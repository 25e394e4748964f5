"""Keys of machines that sign in for participants, and answers to writes that may be sent again.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables, empty."""
    op.create_table(
        "machine_keys",
        sa.Column("participant", sa.LargeBinary(20), nullable=False),
        sa.Column("kid", sa.String(43), nullable=False),
        sa.Column("jwk", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("revoked", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("participant", "kid", name="pk_machine_keys"),
        comment="Public keys that sign in for participants; kid is the RFC 7638 thumbprint. "
        "A revoked one stays.",
    )
    op.create_table(
        "replies",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("body", sa.LargeBinary(32), nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_replies"),
        comment="What was answered to writes with an Idempotency-Key: keyed hashes of caller and key, "
        "and of body.",
    )
    op.create_index("ix_replies_expires", "replies", ["expires"])

"""Refilings: records that writers sealed to an inbox, and where their patients put them.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; no record waits in an inbox yet."""
    op.create_table(
        "refilings",
        sa.Column("tag", sa.LargeBinary(20), sa.ForeignKey("patients.tag"), primary_key=True),
        sa.Column("root", sa.String(96), primary_key=True),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="Records that patients moved from their inbox to a compartment: publication, record capsule.",
    )

"""Patients who go on under another account, or at another gateway.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "departures",
        sa.Column("tag", sa.LargeBinary(20), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("lookup", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="Patients who go on under another account (lookup: its keyed look-up) or at another gateway "
        "(zeros); nothing is taken for them here any more.",
    )
    op.create_index("ix_departures_lookup", "departures", ["lookup"])

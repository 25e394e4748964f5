"""Emergencies that providers declared, and their reviews.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "emergencies",
        sa.Column("emergency", sa.String(29), primary_key=True),
        sa.Column("tag", sa.LargeBinary(20), nullable=False),
        sa.Column("lookup", sa.LargeBinary(32), nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("declared", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("reviewed", sa.BigInteger, nullable=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("review", sa.LargeBinary, nullable=True),
        comment="Declared emergencies, also of accounts that nobody enrolled: who declared, by keyed "
        "look-up; reviewed is the log index of the review, set once.",
    )
    op.create_index("ix_emergencies_tag", "emergencies", ["tag"])
    op.create_index("ix_emergencies_reviewed", "emergencies", ["reviewed"])
    op.create_index("ix_emergencies_lookup", "emergencies", ["lookup", "declared"])

"""Lanes: which acts of the relayer must not share a block.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; acts that are under way already have no lane."""
    op.create_table(
        "lanes",
        sa.Column("submission", sa.Integer, sa.ForeignKey("submissions.id"), primary_key=True),
        sa.Column("lane", sa.LargeBinary(32), nullable=False),
        comment="Which acts are of one patient, by keyed look-up; a row goes once its act is final or "
        "withdrawn.",
    )

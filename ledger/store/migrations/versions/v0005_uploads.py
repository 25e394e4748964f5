"""Uploads: blocks that were brought and that no published record has yet.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; blocks that are here already are nobody's to take back."""
    op.create_table(
        "uploads",
        sa.Column("lookup", sa.LargeBinary(32), primary_key=True),
        sa.Column("cid", sa.String(96), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        comment="Blocks that were brought and that no published record has yet: who brought them, by keyed "
        "look-up (zeros: somebody who was erased), and when.",
    )
    op.create_index("ix_uploads_cid", "uploads", ["cid"])

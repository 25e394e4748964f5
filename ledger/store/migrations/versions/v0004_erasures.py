"""Erasures: whom nothing of is left here, and which of their blocks are still to be let go of.

Revision ID: 0004
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables; nobody has been erased before."""
    op.create_table(
        "erasures",
        sa.Column("tag", sa.LargeBinary(20), primary_key=True),
        sa.Column("entry", sa.BigInteger, nullable=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("order", sa.Text, nullable=False),
        comment="Erased patients and who ordered it; entry is null while this log does not say so yet.",
    )
    op.create_table(
        "erased_blocks",
        sa.Column("tag", sa.LargeBinary(20), primary_key=True),
        sa.Column("cid", sa.String(96), primary_key=True),
        sa.Column("place", sa.Integer, nullable=True),
        comment="Blocks of erased records that the block store still has, each behind the manifest above it; "
        "of a root without a place it is not yet known what hangs below.",
    )

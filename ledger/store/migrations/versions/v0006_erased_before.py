"""Of an erasure: what had been asked before its patient joined, and how many blocks others have too.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from ledger.store.tables import NoBytes

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; of earlier erasures neither was noted."""
    op.add_column("erasures", sa.Column("asked", sa.LargeBinary, nullable=False, server_default=NoBytes()))
    op.add_column("erasures", sa.Column("kept", sa.Integer, nullable=False, server_default="0"))

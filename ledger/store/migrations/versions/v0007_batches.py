"""Batches: a transaction carries several acts; and marks: what holds of the relayer until it is taken back.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEPT = "hash, nonce, raw, max_fee, priority_fee, block_number, block_hash, gas_used, succeeded, created"


def upgrade() -> None:
    """Make both tables; until now each transaction carried one act, and said itself which."""
    op.execute("CREATE TABLE before AS SELECT * FROM transactions")
    op.drop_table("transactions")
    _transactions()
    op.execute(f"INSERT INTO transactions ({_KEPT}) SELECT {_KEPT} FROM before")  # noqa: S608 - our columns
    op.create_table(
        "carried",
        sa.Column("transaction", sa.LargeBinary(32), sa.ForeignKey("transactions.hash"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("submission", sa.Integer, sa.ForeignKey("submissions.id"), nullable=False, index=True),
        sa.Column("skipped", sa.Boolean, nullable=False, server_default=sa.false()),
        comment="Which acts a transaction carries, in order; skipped if the contract passed over that one.",
    )
    op.execute(
        'INSERT INTO carried ("transaction", place, submission) SELECT hash, 0, submission FROM before'
    )
    op.execute("DROP TABLE before")
    op.create_table(
        "relayer_marks",
        sa.Column("mark", sa.String(24), primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.String(80), nullable=False, server_default=sa.text("''")),
        comment="What holds of the relayer until it is taken back: drained by an operator, or a fault.",
    )


def _transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("max_fee", sa.BigInteger, nullable=False),
        sa.Column("priority_fee", sa.BigInteger, nullable=False),
        sa.Column("block_number", sa.BigInteger, nullable=True),
        sa.Column("block_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("gas_used", sa.BigInteger, nullable=True),
        sa.Column("succeeded", sa.Boolean, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        comment="Signed bytes and hash, written before broadcast; several at one nonce "
        "when a fee is replaced.",
    )
    op.create_index("ix_transactions_nonce", "transactions", ["nonce"])
    op.create_index("ix_transactions_created", "transactions", ["created", "gas_used"])

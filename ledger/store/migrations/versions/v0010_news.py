"""News of what happened, the ends of consents, and the webhooks that tell of both.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_index("ix_requests_state", "requests", ["state", "expires"])
    op.create_table(
        "news",
        sa.Column("event", sa.String(29), primary_key=True),
        sa.Column("lookup", sa.LargeBinary(32), primary_key=True),
        sa.Column("tag", sa.LargeBinary(20), nullable=True),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("about", sa.String(66), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        comment="What happened, once for each whom it concerns, by keyed look-up; kept for a while.",
    )
    op.create_index("ix_news_tag", "news", ["tag"])
    op.create_index("ix_news_lookup", "news", ["lookup", "at"])
    op.create_table(
        "consent_ends",
        sa.Column("consent", sa.String(66), sa.ForeignKey("consents.consent"), primary_key=True),
        sa.Column("ends", sa.BigInteger, nullable=True),
        sa.Column("told", sa.Boolean, nullable=False),
        comment="The first moment after each filed consent, none of one without end; told once it has come.",
    )
    op.create_index("ix_consent_ends_told", "consent_ends", ["told", "ends"])
    op.create_table(
        "webhooks",
        sa.Column("hook", sa.String(29), primary_key=True),
        sa.Column("lookup", sa.LargeBinary(32), nullable=False),
        sa.Column("kinds", sa.String(400), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("succeeded", sa.BigInteger, nullable=True),
        sa.Column("failed", sa.BigInteger, nullable=True),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.Column("gone", sa.BigInteger, nullable=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="Where providers want to hear of events, and how the last tries went; not tried before due.",
    )
    op.create_index("ix_webhooks_lookup", "webhooks", ["lookup"])
    op.create_table(
        "webhook_events",
        sa.Column("event", sa.String(29), primary_key=True),
        sa.Column("hook", sa.String(29), sa.ForeignKey("webhooks.hook"), primary_key=True),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("about", sa.String(66), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("dead", sa.BigInteger, nullable=True),
        comment="Events on their way to webhooks, until they are taken; dead when they were tried too long.",
    )
    op.create_index("ix_webhook_events_hook", "webhook_events", ["hook", "dead"])
    op.create_index("ix_webhook_events_dead", "webhook_events", ["dead", "due"])

"""The first tables.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table of the first version."""
    _patients()
    _records()
    _consents()
    _log()
    _sign_in()
    _chain()
    _relay()


def _patients() -> None:
    op.create_table(
        "patients",
        sa.Column("tag", sa.LargeBinary(20), primary_key=True),
        sa.Column("lookup", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="One row a patient; version rises with every filing, stop, publication and erasure.",
    )
    op.create_table(
        "profiles",
        sa.Column("participant", sa.LargeBinary(20), primary_key=True),
        sa.Column("profile", sa.LargeBinary, nullable=False),
        comment="Public profiles of participants; only what the directory's hash vouches for is stored.",
    )


def _records() -> None:
    op.create_table(
        "compartments",
        sa.Column("tag", sa.LargeBinary(20), sa.ForeignKey("patients.tag"), primary_key=True),
        sa.Column("compartment", sa.String(66), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="Signed public keys per compartment and epoch: the current one and "
        "those deposited for later.",
    )
    op.create_table(
        "records",
        sa.Column("tag", sa.LargeBinary(20), sa.ForeignKey("patients.tag"), primary_key=True),
        sa.Column("root", sa.String(96), primary_key=True),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="Published records: header, publication, record capsule.",
    )


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("consent", sa.String(66), primary_key=True),
        sa.Column("tag", sa.LargeBinary(20), sa.ForeignKey("patients.tag"), nullable=False, index=True),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("stopped", sa.BigInteger, nullable=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="Filed consents; stopped is the log index of the revocation, set once and never cleared.",
    )
    op.create_table(
        "consent_parties",
        sa.Column("consent", sa.String(66), sa.ForeignKey("consents.consent"), primary_key=True),
        sa.Column("lookup", sa.LargeBinary(32), primary_key=True, index=True),
        comment="Which participants a filed consent names, by keyed look-up.",
    )
    op.create_table(
        "grant_capsules",
        sa.Column("consent", sa.String(66), sa.ForeignKey("consents.consent"), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="One consent's capsules and the patient's signed list; deleted on the first sign of a stop.",
    )
    op.create_table(
        "requests",
        sa.Column("request", sa.String(29), primary_key=True),
        sa.Column("tag", sa.LargeBinary(20), nullable=False, index=True),
        sa.Column("lookup", sa.LargeBinary(32), nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="A provider's requests, also to accounts that nobody enrolled.",
    )


def _log() -> None:
    op.create_table(
        "log_entries",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tag", sa.LargeBinary(20), nullable=False, index=True),
        sa.Column("inner", sa.LargeBinary(32), nullable=False),
        sa.Column("leaf", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=True),
        comment="The log: inner = SHA-256(salt || entry), leaf = RFC 6962 leaf hash, sealed = salt || entry.",
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        comment="Checkpoints that were signed and given out.",
    )


def _sign_in() -> None:
    op.create_table(
        "access_nonces",
        sa.Column("nonce", sa.LargeBinary(32), primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False, index=True),
        comment="Keyed hashes of nonces that were used (sign-in, AccessRequest), until they expire.",
    )
    op.create_table(
        "sessions",
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="Keyed hashes of bearer tokens; the account is sealed under the log's own key.",
    )


def _chain() -> None:
    op.create_table(
        "chain_blocks",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("parent", sa.LargeBinary(32), nullable=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        comment="The canonical chain as last seen, from the deployment block on.",
    )
    op.create_table(
        "chain_events",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("log_index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("address", sa.LargeBinary(20), nullable=False),
        sa.Column("topics", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("transaction", sa.LargeBinary(32), nullable=False),
        comment="Every event of the three contracts, raw (topics concatenated, 32 bytes each).",
    )


def _relay() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("subject", sa.String(66), nullable=False, index=True),
        sa.Column("to", sa.LargeBinary(20), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(12), nullable=False, index=True),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        comment="What the relayer must bring on chain: intended, sent, seen, final, failed, superseded.",
    )
    op.create_table(
        "transactions",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("submission", sa.Integer, sa.ForeignKey("submissions.id"), nullable=False, index=True),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("max_fee", sa.BigInteger, nullable=False),
        sa.Column("priority_fee", sa.BigInteger, nullable=False),
        sa.Column("block_number", sa.BigInteger, nullable=True),
        sa.Column("block_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("gas_used", sa.BigInteger, nullable=True),
        sa.Column("succeeded", sa.Boolean, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        comment="Signed bytes and hash, written before broadcast; several per "
        "submission when a fee is replaced.",
    )
    op.create_index("ix_transactions_nonce", "transactions", ["nonce"])
    op.create_table(
        "anchors",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("submission", sa.Integer, sa.ForeignKey("submissions.id"), nullable=True),
        comment="Checkpoints sent to the chain.",
    )

"""The tables of a gateway. What identifies a patient or their data is sealed under that patient's data key.

Columns in clear are what the database must search by: tags (the patient's erasure address, 20 bytes),
keyed look-ups (HMAC-SHA256 of an account under the gateway's index key), compartments blinded under the
patient's data key (their ids are hashes that whoever knows the account can guess), ids that are public anyway
(consent ids, CIDs, transaction hashes), states and times. ``sealed`` columns hold
``Vault.seal(tag, row name, canonical JSON)``. Times are Unix milliseconds, UTC.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import TextClause

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class NoBytes(TextClause):
    """The default of a column of bytes that has none."""

    inherit_cache = True

    def __init__(self) -> None:
        super().__init__("''")


@compiles(NoBytes, "sqlite")
def _no_bytes(_element: NoBytes, _compiler: SQLCompiler, **_options: object) -> str:
    return "x''"


patients = Table(
    "patients",
    metadata,
    Column("tag", LargeBinary(20), primary_key=True),
    Column("lookup", LargeBinary(32), nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    comment="One row a patient; version rises with every filing, stop, publication and erasure.",
)

compartments = Table(
    "compartments",
    metadata,
    Column("tag", LargeBinary(20), ForeignKey("patients.tag"), primary_key=True),
    Column("compartment", String(66), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("current", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    comment="Signed public keys per compartment and epoch: the current one and those deposited for later.",
)

records = Table(
    "records",
    metadata,
    Column("tag", LargeBinary(20), ForeignKey("patients.tag"), primary_key=True),
    Column("root", String(96), primary_key=True),
    Column("entry", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    comment="Published records: header, publication, record capsule.",
)

refilings = Table(
    "refilings",
    metadata,
    Column("tag", LargeBinary(20), ForeignKey("patients.tag"), primary_key=True),
    Column("root", String(96), primary_key=True),
    Column("entry", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    comment="Records that patients moved from their inbox to a compartment: publication, record capsule.",
)

consents = Table(
    "consents",
    metadata,
    Column("consent", String(66), primary_key=True),
    Column("tag", LargeBinary(20), ForeignKey("patients.tag"), nullable=False, index=True),
    Column("entry", BigInteger, nullable=False),
    Column("stopped", BigInteger, nullable=True),
    Column("sealed", LargeBinary, nullable=False),
    comment="Filed consents; stopped is the log index of the revocation, set once and never cleared.",
)

consent_parties = Table(
    "consent_parties",
    metadata,
    Column("consent", String(66), ForeignKey("consents.consent"), primary_key=True),
    Column("lookup", LargeBinary(32), primary_key=True, index=True),
    comment="Which participants a filed consent names, by keyed look-up.",
)

consent_ends = Table(
    "consent_ends",
    metadata,
    Column("consent", String(66), ForeignKey("consents.consent"), primary_key=True),
    Column("ends", BigInteger, nullable=True),
    Column("told", Boolean, nullable=False),
    comment="The first moment after each filed consent, none of one without end; told once it has come.",
)

Index("ix_consent_ends_told", consent_ends.c.told, consent_ends.c.ends)

grant_capsules = Table(
    "grant_capsules",
    metadata,
    Column("consent", String(66), ForeignKey("consents.consent"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    comment="One consent's capsules and the patient's signed list; deleted on the first sign of a stop.",
)

requests = Table(
    "requests",
    metadata,
    Column("request", String(29), primary_key=True),
    Column("tag", LargeBinary(20), nullable=False, index=True),
    Column("lookup", LargeBinary(32), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    comment="A provider's requests, also to accounts that nobody enrolled.",
)

Index("ix_requests_state", requests.c.state, requests.c.expires)

emergencies = Table(
    "emergencies",
    metadata,
    Column("emergency", String(29), primary_key=True),
    Column("tag", LargeBinary(20), nullable=False, index=True),
    Column("lookup", LargeBinary(32), nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("declared", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("reviewed", BigInteger, nullable=True, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("review", LargeBinary, nullable=True),
    comment="Declared emergencies, also of accounts that nobody enrolled: who declared, by keyed "
    "look-up; reviewed is the log index of the review, set once.",
)

Index("ix_emergencies_lookup", emergencies.c.lookup, emergencies.c.declared)

news = Table(
    "news",
    metadata,
    Column("event", String(29), primary_key=True),
    Column("lookup", LargeBinary(32), primary_key=True),
    Column("tag", LargeBinary(20), nullable=True, index=True),
    Column("kind", String(24), nullable=False),
    Column("about", String(66), nullable=False),
    Column("at", BigInteger, nullable=False),
    comment="What happened, once for each whom it concerns, by keyed look-up; kept for a while.",
)

Index("ix_news_lookup", news.c.lookup, news.c.at)

webhooks = Table(
    "webhooks",
    metadata,
    Column("hook", String(29), primary_key=True),
    Column("lookup", LargeBinary(32), nullable=False, index=True),
    Column("kinds", String(400), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("succeeded", BigInteger, nullable=True),
    Column("failed", BigInteger, nullable=True),
    Column("reason", String(40), nullable=True),
    Column("gone", BigInteger, nullable=True),
    Column("sealed", LargeBinary, nullable=False),
    comment="Where providers want to hear of events, and how the last tries went; not tried before due.",
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("event", String(29), primary_key=True),
    Column("hook", String(29), ForeignKey("webhooks.hook"), primary_key=True),
    Column("kind", String(24), nullable=False),
    Column("about", String(66), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("dead", BigInteger, nullable=True),
    comment="Events on their way to webhooks, until they are taken; dead when they were tried too long.",
)

Index("ix_webhook_events_hook", webhook_events.c.hook, webhook_events.c.dead)
Index("ix_webhook_events_dead", webhook_events.c.dead, webhook_events.c.due)

departures = Table(
    "departures",
    metadata,
    Column("tag", LargeBinary(20), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("lookup", LargeBinary(32), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    comment="Patients who go on under another account (lookup: its keyed look-up) or at another gateway "
    "(zeros); nothing is taken for them here any more.",
)

erasures = Table(
    "erasures",
    metadata,
    Column("tag", LargeBinary(20), primary_key=True),
    Column("entry", BigInteger, nullable=True),
    Column("size", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("signature", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("asked", LargeBinary, nullable=False, server_default=NoBytes()),
    Column("kept", Integer, nullable=False, server_default="0"),
    comment="Erased patients and who ordered it; entry is null while this log does not say so yet.",
)

erased_blocks = Table(
    "erased_blocks",
    metadata,
    Column("tag", LargeBinary(20), primary_key=True),
    Column("cid", String(96), primary_key=True),
    Column("place", Integer, nullable=True),
    comment="Blocks of erased records that the block store still has, each behind the manifest above it; "
    "of a root without a place it is not yet known what hangs below.",
)

uploads = Table(
    "uploads",
    metadata,
    Column("lookup", LargeBinary(32), primary_key=True),
    Column("cid", String(96), primary_key=True, index=True),
    Column("at", BigInteger, nullable=False),
    comment="Blocks that were brought and that no published record has yet: who brought them, by keyed "
    "look-up (zeros: somebody who was erased), and when.",
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("tag", LargeBinary(20), nullable=False, index=True),
    Column("inner", LargeBinary(32), nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    comment="The log: inner = SHA-256(salt || entry), leaf = RFC 6962 leaf hash, sealed = salt || entry.",
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("note", Text, nullable=False),
    comment="Checkpoints that were signed and given out.",
)

anchors = Table(
    "anchors",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("submission", Integer, ForeignKey("submissions.id"), nullable=True),
    comment="Checkpoints sent to the chain.",
)

profiles = Table(
    "profiles",
    metadata,
    Column("participant", LargeBinary(20), primary_key=True),
    Column("profile", LargeBinary, nullable=False),
    comment="Public profiles of participants; only what the directory's hash vouches for is stored.",
)

access_nonces = Table(
    "access_nonces",
    metadata,
    Column("nonce", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),
    comment="Keyed hashes of nonces that were used (sign-in, AccessRequest), until they expire.",
)

sessions = Table(
    "sessions",
    metadata,
    Column("token", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    comment="Keyed hashes of bearer tokens; the account is sealed under the log's own key.",
)

machine_keys = Table(
    "machine_keys",
    metadata,
    Column("participant", LargeBinary(20), primary_key=True),
    Column("kid", String(43), primary_key=True),
    Column("jwk", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("revoked", BigInteger, nullable=True),
    comment="Public keys that sign in for participants; kid is the RFC 7638 thumbprint. A revoked one stays.",
)

replies = Table(
    "replies",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("body", LargeBinary(32), nullable=False),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    comment="What was answered to writes with an Idempotency-Key: keyed hashes of caller and key, "
    "and of body.",
)

chain_blocks = Table(
    "chain_blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("parent", LargeBinary(32), nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    comment="The canonical chain as last seen, from the deployment block on.",
)

chain_events = Table(
    "chain_events",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", Integer, primary_key=True, autoincrement=False),
    Column("address", LargeBinary(20), nullable=False),
    Column("topics", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("transaction", LargeBinary(32), nullable=False),
    comment="Every event of the three contracts, raw (topics concatenated, 32 bytes each).",
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(24), nullable=False),
    Column("subject", String(66), nullable=False, index=True),
    Column("to", LargeBinary(20), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("not_before", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    comment="What the relayer must bring on chain: intended, sent, seen, final, failed, superseded.",
)

lanes = Table(
    "lanes",
    metadata,
    Column("submission", Integer, ForeignKey("submissions.id"), primary_key=True),
    Column("lane", LargeBinary(32), nullable=False),
    comment="Which acts are of one patient, by keyed look-up; a row goes once its act is final or withdrawn.",
)

transactions = Table(
    "transactions",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("nonce", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("max_fee", BigInteger, nullable=False),
    Column("priority_fee", BigInteger, nullable=False),
    Column("block_number", BigInteger, nullable=True),
    Column("block_hash", LargeBinary(32), nullable=True),
    Column("gas_used", BigInteger, nullable=True),
    Column("succeeded", Boolean, nullable=True),
    Column("created", BigInteger, nullable=False),
    comment="Signed bytes and hash, written before broadcast; several at one nonce when a fee is replaced.",
)

Index("ix_transactions_nonce", transactions.c.nonce)
Index("ix_transactions_created", transactions.c.created, transactions.c.gas_used)

carried = Table(
    "carried",
    metadata,
    Column("transaction", LargeBinary(32), ForeignKey("transactions.hash"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("submission", Integer, ForeignKey("submissions.id"), nullable=False, index=True),
    Column("skipped", Boolean, nullable=False, server_default=false()),
    comment="Which acts a transaction carries, in order; skipped if the contract passed over that one.",
)

relayer_marks = Table(
    "relayer_marks",
    metadata,
    Column("mark", String(24), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("detail", String(80), nullable=False, server_default=text("''")),
    comment="What holds of the relayer until it is taken back: drained by an operator, or a fault.",
)

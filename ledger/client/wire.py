"""What a gateway answers, as it comes over the wire: shapes only, nothing in here is verified.

Times are Unix milliseconds unless said otherwise, digests ``0x`` + hex, ciphertext base64.
"""

from typing import Any

import msgspec
from msgspec import Struct, field


class GatewayInfo(Struct, frozen=True, kw_only=True):
    """``GET /v1/gateway``: where it is, which chain and contracts it serves, how its log is signed."""

    origin: str
    chain_id: int
    registry: str
    directory: str
    anchor: str
    deployment_block: int
    log_origin: str
    log_key: str
    account: str
    level: str
    max_head_age: int
    policy: str
    version: str


class Challenge(Struct, frozen=True, kw_only=True):
    """What a sign-in message must say; times as RFC 3339 text."""

    nonce: str
    domain: str
    uri: str
    chain_id: int
    issued_at: str
    expires_at: str


class Session(Struct, frozen=True, kw_only=True):
    """A bearer token and its end."""

    token: str
    expires_at: int
    account: str

    def __repr__(self) -> str:
        return "Session()"


class Enrolled(Struct, frozen=True, kw_only=True):
    """A patient as the gateway knows them: did, tag of their log entries, version.

    ``waiting`` is how many records of others lie in their inbox, ``emergencies`` how many nobody reviewed.
    """

    patient: str
    tag: str
    version: int = 0
    waiting: int = 0
    emergencies: int = 0


class LogReader(Struct, frozen=True, kw_only=True):
    """An auditor who was given entries of a patient, and when last."""

    reader: str
    time: int


class ErasureProspect(Struct, frozen=True, kw_only=True):
    """``GET /v1/patient/erasure``: how much would go; what was asked before the patient joined stays."""

    records: int
    consents: int
    capsules: int
    compartments: int
    requests: int
    entries: int
    asked_before: int
    key_backup_days: int
    readers: list[LogReader]


class Erased(Struct, frozen=True, kw_only=True):
    """``POST /v1/patient/erasure``, with the receipt (`log.receipt` JSON) of the entry."""

    receipt: dict[str, Any]
    at: int
    keys_until: int
    blocks_left: int
    blocks_kept: int


class Departed(Struct, frozen=True, kw_only=True):
    """A patient has left, for a new account or another gateway: the entry, and its receipt."""

    index: int
    receipt: dict[str, Any]


class DepositedKey(Struct, frozen=True, kw_only=True):
    """A compartment's public key in one epoch, with the patient's signature."""

    epoch: int
    key: str
    signature: str


class Compartment(Struct, frozen=True, kw_only=True):
    """A compartment's keys; ``current`` is absent when its epoch ended and no next key was deposited."""

    compartment: str
    keys: list[DepositedKey]
    current: int | None = None


class Compartments(Struct, frozen=True, kw_only=True):
    """``GET /v1/compartments``."""

    compartments: list[Compartment]


class Logged(Struct, frozen=True, kw_only=True):
    """Where an act stands in the disclosure log; the receipt (`log.receipt` JSON) may be asked for later."""

    index: int
    receipt: dict[str, Any] | None = None


class Published(Logged, frozen=True, kw_only=True):
    """One record of ``POST /v1/records``."""

    root: str


class Publications(Struct, frozen=True, kw_only=True):
    """``POST /v1/records``."""

    records: list[Published]


class SealingPlace(Struct, frozen=True, kw_only=True):
    """``POST /v1/publications/place``: a signed public key, of a compartment or (32 zeros) the inbox."""

    compartment: str
    epoch: int
    key: str
    signature: str


class RefusedRecord(Struct, frozen=True, kw_only=True):
    """A record that a writer may not add, and the decision."""

    root: str
    decision: "Decision"


class WrittenRecords(Struct, frozen=True, kw_only=True):
    """``POST /v1/publications``: all records, or those that are refused; with a receipt for each."""

    records: list[Published]
    refused: list[RefusedRecord]
    receipts: list[dict[str, Any]]


class Written(Struct, frozen=True, kw_only=True):
    """What the writer of a re-filed record signed: epoch of the inbox key, SHA-256 of the capsule to it."""

    epoch: int
    capsule: str
    signature: str


class Record(Struct, frozen=True, kw_only=True):
    """A record as published: to its patient, or to a grantee after a PERMIT.

    The signature is the writer's; with ``written``, that of the patient, who moved it to where it is.
    """

    root: str
    header: str
    compartment: str
    epoch: int
    capsule: str
    signature: str
    writer: str
    written: Written | None = None


class Records(Struct, frozen=True, kw_only=True):
    """``GET /v1/records``."""

    records: list[Record]
    next: str = ""


class Participant(Struct, frozen=True, kw_only=True):
    """A participant as a gateway tells it; the directory on chain decides."""

    participant: str
    roles: int
    suspended: bool
    profile: str | None = None


class Participants(Struct, frozen=True, kw_only=True):
    """``GET /v1/participants``."""

    participants: list[Participant]
    next: str = ""


class Requested(Logged, frozen=True, kw_only=True):
    """``POST /v1/requests``."""

    request: str
    state: str


class Request(Struct, frozen=True, kw_only=True):
    """A provider's request for a consent: proposed, approved, declined, withdrawn or expired.

    ``renews`` is the consent that it asks to prolong; the rest then describes that consent.
    """

    request: str
    state: str
    patient: str
    subject: str
    purpose: list[str]
    action: str
    classes: list[str]
    expires: int
    until: int | None = None
    note: str = ""
    renews: str = ""
    sent: int = 0


class Requests(Struct, frozen=True, kw_only=True):
    """``GET /v1/requests``."""

    requests: list[Request]
    next: str = ""


class Moved(Struct, frozen=True, kw_only=True):
    """A request in a new state."""

    request: str
    state: str


class InboxItem(Struct, frozen=True, kw_only=True):
    """One thing in an inbox: ``does`` is ``answer``, ``open`` or ``news``, ``about`` an id.

    ``at`` is when it happened or began, ``by`` when what waits ends. People as far as the gateway still
    knows of them.
    """

    kind: str
    about: str
    does: str
    at: int
    by: int | None = None
    patient: str = ""
    providers: list[str] = field(default_factory=list)
    renews: str = ""


class Inbox(Struct, frozen=True, kw_only=True):
    """``GET /v1/inbox``: what waits, then what happened; ``counts`` says how many of each."""

    counts: dict[str, int]
    items: list[InboxItem]
    next: str = ""


class Webhook(Struct, frozen=True, kw_only=True):
    """A provider's receiver: new, healthy, failing or gone.

    ``waiting`` events are on their way, the next try is at ``next``; ``lost`` were given up. ``reason`` is
    why the last try failed, the last of ``failures`` in a row.
    """

    webhook: str
    url: str
    events: list[str]
    state: str
    created: int
    waiting: int
    failures: int
    lost: int
    succeeded: int | None = None
    failed: int | None = None
    reason: str = ""
    next: int | None = None


class Webhooks(Struct, frozen=True, kw_only=True):
    """``GET /v1/webhooks``."""

    webhooks: list[Webhook]


class LostEvent(Struct, frozen=True, kw_only=True):
    """An event that no receiver took in time."""

    event: str
    type: str
    about: str
    time: int


class WebhookInFull(Webhook, frozen=True, kw_only=True):
    """``GET /v1/webhooks/{webhook}``."""

    lost_events: list[LostEvent]


class WebhookTest(Struct, frozen=True, kw_only=True):
    """``POST /v1/webhooks/{webhook}/test``: the event that is on its way."""

    webhook: str
    event: str


class ChainStatus(Struct, frozen=True, kw_only=True):
    """How far a recording or a stop has come on its way to the chain: signed, submitted, seen, final.

    ``index`` is where a stop stands in the log.
    """

    state: str
    transaction: str | None = None
    block: int | None = None
    gas_used: int | None = None
    index: int | None = None


class Consent(Struct, frozen=True, kw_only=True):
    """A filed consent: a patient sees the filing, a provider that it names document and statement.

    ``moved``: the patient goes on with it at the gateway of this URL.
    """

    consent: str
    state: str
    chain: ChainStatus
    filed: int
    index: int
    filing: dict[str, Any] | None = None
    document: str | None = None
    statement: str | None = None
    stop: ChainStatus | None = None
    moved: str | None = None

    def __repr__(self) -> str:
        return f"Consent(consent={self.consent!r}, state={self.state!r})"


class Filed(Consent, frozen=True, kw_only=True):
    """A consent just filed or stopped, with the receipt (`log.receipt` JSON) of that act."""

    receipt: dict[str, Any]


class StopTaken(Struct, frozen=True, kw_only=True):
    """A stop without a receipt: ``logged``, or ``kept`` on disk until the gateway's database answers."""

    consent: str
    state: str


class Consents(Struct, frozen=True, kw_only=True):
    """``GET /v1/consents``."""

    consents: list[Consent]
    next: str = ""


class Preview(Struct, frozen=True, kw_only=True):
    """Which records a participant can open today, and could open with a consent."""

    participant: str
    now: list[str]
    then: list[str]


class Previews(Struct, frozen=True, kw_only=True):
    """``POST /v1/consents/preview``."""

    participants: list[Preview]


class Decision(Struct, frozen=True, kw_only=True):
    """The context of an AuthZEN answer, and of a release.

    ``stale``: it rests on the last final head, since the gateway does not hear of the chain; and
    ``refusal`` is a stable code: ``no_emergency_capsule`` in an emergency, ``patient_moved`` for somebody
    whom a consent of theirs names.
    """

    evaluation: str
    outcome: str
    basis: list[str]
    permitted: list[str]
    head: dict[str, Any]
    time: int
    policy: str
    log: dict[str, int]
    reason: str = ""
    obligations: list[Any] = field(default_factory=list)
    stale: bool = False
    refusal: str = ""


class Evaluation(Struct, frozen=True, kw_only=True):
    """``POST /access/v1/evaluation``."""

    decision: bool
    context: Decision


class ReleasedGrant(Struct, frozen=True, kw_only=True):
    """A grant capsule handed to its grantee, with the patient's signed list of all under that consent."""

    consent: str
    compartment: str
    epoch: int
    capsule: str
    digests: list[str] = field(name="list")
    signature: str


class Release(Struct, frozen=True, kw_only=True):
    """``POST /v1/releases``: a decision and, after a PERMIT, what it opens.

    ``waiting`` are permitted records whose key the patient's client has not sealed for this grantee yet.
    """

    decision: Decision
    receipts: list[dict[str, Any]]
    records: list[Record] = field(default_factory=list)
    grants: list[ReleasedGrant] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


class DeclaredEmergency(Struct, frozen=True, kw_only=True):
    """``POST /v1/emergencies``: ``due`` is by when it must be reviewed."""

    emergency: str
    index: int
    due: int
    receipt: dict[str, Any]


class ReviewOfEmergency(Struct, frozen=True, kw_only=True):
    """What somebody found of an emergency: justified or unjustified."""

    index: int
    reviewer: str
    finding: str
    time: int
    note: str = ""


class Emergency(Struct, frozen=True, kw_only=True):
    """An emergency: unreviewed, overdue, justified or unjustified.

    A list for an auditor has neither patient nor reason.
    """

    emergency: str
    index: int
    state: str
    subject: str
    purpose: str
    declared: int
    until: int
    due: int
    patient: str | None = None
    reason: str = ""
    review: ReviewOfEmergency | None = None


class Emergencies(Struct, frozen=True, kw_only=True):
    """``GET /v1/emergencies``."""

    emergencies: list[Emergency]


class ReviewedEmergency(Struct, frozen=True, kw_only=True):
    """``POST /v1/emergencies/…/review``."""

    emergency: str
    state: str
    index: int
    receipt: dict[str, Any]


class Disclosure(Struct, frozen=True, kw_only=True):
    """One line of a patient's history: a decision, a release, an emergency or its review.

    ``classes`` are the kinds of records that were asked about or handed out; none where all were meant.
    """

    index: int
    time: int
    kind: str
    subject: str
    purpose: list[str]
    action: str
    outcome: str
    records: list[str]
    basis: list[str]
    classes: list[str] = field(default_factory=list)


class History(Struct, frozen=True, kw_only=True):
    """``GET /v1/history``."""

    disclosures: list[Disclosure]
    next: str = ""


class Entry(Struct, frozen=True, kw_only=True):
    """A log entry; without ``salt`` and ``entry`` where it cannot be opened."""

    index: int
    tag: str
    inner: str
    leaf: str
    salt: str | None = None
    entry: str | None = None


class Entries(Struct, frozen=True, kw_only=True):
    """``GET /v1/log/entries``."""

    entries: list[Entry]


class Leaves(Struct, frozen=True, kw_only=True):
    """``GET /v1/log/leaves``."""

    leaves: list[str]


class Proof(Struct, frozen=True, kw_only=True):
    """``GET /v1/log/proofs/…``."""

    proof: list[str]


def plain(value: object) -> Any:  # noqa: ANN401
    """A wire value as dictionaries, lists, strings and integers."""
    return msgspec.to_builtins(value)

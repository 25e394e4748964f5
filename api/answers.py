"""What every operation answers, for the OpenAPI document: the types that our own client decodes.

Operations that are missing answer with no content; those with a text are not JSON.
"""

from typing import Any

from msgspec import Struct

from ledger.client import access, hooks, machines, wire


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457, with a stable code and reason; some have structured members besides."""

    type: str
    title: str
    status: int
    code: str
    reason: str
    detail: str
    fix: str
    request_id: str


class Challenged(wire.Challenge, frozen=True, kw_only=True):
    """What the EIP-4361 message must say, and the message."""

    message: str


class Brought(Struct, frozen=True, kw_only=True):
    """Whose profile was brought."""

    participant: str


class Health(Struct, frozen=True, kw_only=True):
    """That it answers."""

    status: str


class Ready(Struct, frozen=True, kw_only=True):
    """How fresh and how large what it decides on is."""

    status: str
    head: int
    head_age_seconds: int
    log_size: int
    erasures_unfinished: int
    stops_refused: int
    emergencies: dict[str, int]
    revocation: dict[str, int]


TEXT, OCTETS = "text/plain", "application/vnd.ipld.raw"

ANSWERS: dict[str, Any] = {
    "POST /v1/sign-in/challenge": Challenged,
    "POST /v1/sign-in": wire.Session,
    "POST /v1/token": machines.Token,
    "GET /v1/machine-keys": machines.MachineKeys,
    "PUT /v1/patient": wire.Enrolled,
    "GET /v1/patient": wire.Enrolled,
    "GET /v1/patient/erasure": wire.ErasureProspect,
    "POST /v1/patient/erasure": wire.Erased,
    "POST /v1/patient/succession": wire.Departed,
    "POST /v1/patient/departure": wire.Departed,
    "GET /v1/compartments": wire.Compartments,
    "GET /v1/history": wire.History,
    "POST /v1/records": wire.Publications,
    "GET /v1/records": wire.Records,
    "GET /v1/blocks/{cid}": OCTETS,
    "HEAD /v1/blocks/{cid}": OCTETS,
    "POST /v1/publications/place": wire.SealingPlace,
    "POST /v1/publications": wire.WrittenRecords,
    "POST /v1/records/refilings": wire.Publications,
    "POST /v1/emergencies": wire.DeclaredEmergency,
    "GET /v1/emergencies": wire.Emergencies,
    "GET /v1/emergencies/{emergency}": wire.Emergency,
    "POST /v1/emergencies/{emergency}/review": wire.ReviewedEmergency,
    "GET /v1/participants": wire.Participants,
    "POST /v1/participants": Brought,
    "GET /v1/participants/{did}": wire.Participant,
    "POST /v1/requests": wire.Requested,
    "GET /v1/requests": wire.Requests,
    "GET /v1/requests/{request}": wire.Request,
    "POST /v1/requests/{request}/decline": wire.Moved,
    "POST /v1/requests/renewals": wire.Requested,
    "POST /v1/requests/{request}/withdraw": wire.Moved,
    "GET /v1/inbox": wire.Inbox,
    "GET /.well-known/consent-ledger-webhook-keys": hooks.WebhookKeys,
    "POST /v1/webhooks": wire.WebhookInFull,
    "GET /v1/webhooks": wire.Webhooks,
    "GET /v1/webhooks/{webhook}": wire.WebhookInFull,
    "POST /v1/webhooks/{webhook}/test": wire.WebhookTest,
    "POST /v1/consents": wire.Filed,
    "GET /v1/consents": wire.Consents,
    "POST /v1/consents/preview": wire.Previews,
    "GET /v1/consents/{consent}": wire.Consent,
    "POST /v1/consents/{consent}/revocation": wire.Filed,
    "POST /v1/stops": wire.StopTaken,
    "GET /.well-known/authzen-configuration": access.Configuration,
    "POST /access/v1/evaluation": wire.Evaluation,
    "POST /access/v1/evaluations": access.Evaluations,
    "POST /access/v1/search/subject": access.Found,
    "POST /access/v1/search/resource": access.Found,
    "POST /access/v1/search/action": access.Found,
    "POST /v1/releases": wire.Release,
    "GET /v1/log/checkpoint": TEXT,
    "GET /v1/log/entries": wire.Entries,
    "GET /v1/log/leaves": wire.Leaves,
    "GET /v1/log/proofs/inclusion": wire.Proof,
    "GET /v1/log/proofs/consistency": wire.Proof,
    "GET /v1/log/receipts/{index}": dict[str, Any],
    "GET /v1/gateway": wire.GatewayInfo,
    "GET /healthz": Health,
    "GET /readyz": Ready,
}

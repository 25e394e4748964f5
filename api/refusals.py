"""What operations refuse, for the OpenAPI document: statuses with their stable reasons.

Some follow from the form of an operation (a body, a sign-in); the others are listed here by operation.
"""

from typing import Any

SIGN_IN_REASONS = (
    "bad_message",
    "wrong_domain",
    "wrong_uri",
    "wrong_chain",
    "wrong_statement",
    "not_yet",
    "expired",
    "too_long",
    "unknown_request_id",
    "resources_named",
    "bad_nonce",
    "bad_signature",
    "account_succeeded",
)
ASSERTION_REASONS = (
    "bad_assertion",
    "bad_header",
    "bad_client",
    "unknown_key",
    "bad_signature",
    "bad_audience",
    "bad_expiry",
    "not_yet",
    "bad_jti",
    "not_admitted",
    "replayed",
)
NOT_ENROLLED: dict[int, tuple[str, ...]] = {404: ("not_enrolled",)}
SIGNED = ("signature_length", "signature_range", "signature_high_s", "signature_v", "another_signer")

OWN: dict[str, dict[int, tuple[str, ...]]] = {
    "POST /v1/sign-in": {401: SIGN_IN_REASONS},
    "POST /v1/token": {401: ASSERTION_REASONS},
    "PUT /v1/machine-keys/{kid}": {409: ("key_revoked",), 422: SIGNED},
    "DELETE /v1/machine-keys/{kid}": {404: ("no_key",)},
    "PUT /v1/patient": {409: ("other_erasure", "erased"), 422: SIGNED},
    "GET /v1/patient": NOT_ENROLLED,
    "GET /v1/patient/erasure": NOT_ENROLLED,
    "POST /v1/patient/erasure": {**NOT_ENROLLED, 409: ("consents_running", "erasure_outrun"), 422: SIGNED},
    "POST /v1/patient/succession": {
        **NOT_ENROLLED,
        409: ("departed", "changed_meanwhile"),
        422: ("own_witness", *SIGNED),
    },
    "POST /v1/patient/departure": {
        **NOT_ENROLLED,
        400: ("bad_request", "same_log"),
        409: ("departed", "changed_meanwhile"),
        422: SIGNED,
    },
    "GET /v1/compartments": NOT_ENROLLED,
    "PUT /v1/compartments/{compartment}": {**NOT_ENROLLED, 409: ("epoch_taken", "epoch_gap"), 422: SIGNED},
    "GET /v1/history": NOT_ENROLLED,
    "POST /v1/records": {**NOT_ENROLLED, 409: ("epoch_ended", "published_otherwise"), 422: SIGNED},
    "GET /v1/records": NOT_ENROLLED,
    "GET /v1/blocks/{cid}": {404: ("no_block",), 422: ("block_corrupt",)},
    "HEAD /v1/blocks/{cid}": {404: ("no_block",), 422: ("block_corrupt",)},
    "PUT /v1/blocks/{cid}": {422: ("block_corrupt",)},
    "DELETE /v1/blocks/{cid}": {404: ("no_block",)},
    "POST /v1/publications": {409: ("epoch_ended",), 422: SIGNED},
    "POST /v1/records/refilings": {404: ("no_record",), 409: ("epoch_ended", "filed_otherwise"), 422: SIGNED},
    "POST /v1/participants": {409: ("profile_unknown",), 422: SIGNED},
    "GET /v1/participants/{did}": {404: ("not_found",)},
    "POST /v1/requests": {422: ("idempotency_key_reused",)},
    "GET /v1/requests/{request}": {404: ("not_found",)},
    "POST /v1/requests/renewals": {
        400: ("bad_request", "no_longer", "endless", "renews_refusal", "dated_exception"),
        404: ("not_found",),
        409: ("stopped",),
        422: ("idempotency_key_reused",),
    },
    "POST /v1/requests/{request}/decline": {404: ("not_found",), 409: ("answered", "request_expired")},
    "POST /v1/requests/{request}/withdraw": {404: ("not_found",), 409: ("answered", "request_expired")},
    "POST /v1/webhooks": {
        400: ("bad_request", "bad_webhook_url", "unknown_event"),
        413: ("too_large", "too_many_webhooks"),
    },
    "GET /v1/webhooks/{webhook}": {404: ("no_webhook",)},
    "DELETE /v1/webhooks/{webhook}": {404: ("no_webhook",)},
    "POST /v1/webhooks/{webhook}/test": {404: ("no_webhook",), 409: ("webhook_gone", "test_waiting")},
    "POST /v1/consents": {
        **NOT_ENROLLED,
        409: ("answered", "request_expired"),
        422: ("document_not_canonical", "other_statement", "other_until", *SIGNED),
        429: ("account_quota",),
    },
    "POST /v1/consents/preview": NOT_ENROLLED,
    "GET /v1/consents/{consent}": {404: ("not_found",)},
    "PUT /v1/consents/{consent}/capsules": {404: ("not_found",), 409: ("stopped",), 422: SIGNED},
    "POST /v1/consents/{consent}/revocation": {
        404: ("not_found",),
        422: SIGNED,
        503: ("stop_not_kept", "stop_not_proven"),
    },
    "POST /v1/stops": {404: ("not_found",), 422: SIGNED, 503: ("stop_not_kept",)},
    "POST /v1/releases": {404: ("no_emergency",), 409: ("replayed", "emergency_over"), 422: SIGNED},
    "POST /v1/emergencies": {409: ("replayed",), 422: SIGNED, 429: ("emergency_quota",)},
    "GET /v1/emergencies/{emergency}": {404: ("no_emergency",)},
    "POST /v1/emergencies/{emergency}/review": {404: ("no_emergency",), 409: ("reviewed",), 422: SIGNED},
    "GET /v1/log/checkpoint": {404: ("no_checkpoint",), 422: ("log_damaged",)},
    "GET /v1/log/receipts/{index}": {404: ("no_entry",), 422: ("log_damaged",)},
}


def refused(operation: str, shape: dict[str, Any]) -> dict[int, tuple[str, ...]]:
    """Statuses and reasons of an operation, given its part of the OpenAPI document."""
    found: dict[int, tuple[str, ...]] = {}
    if shape.get("parameters") or "requestBody" in shape:
        found[400] = ("bad_request",)
    if "security" in shape:
        found |= {401: ("sign_in_required",), 403: ("suspended", "not_admitted", "forbidden")}
    if "requestBody" in shape:
        found[413] = ("too_large",)
    return {**found, 503: ("database", "stale_head", "stops_waiting"), **OWN.get(operation, {})}

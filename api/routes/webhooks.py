"""Webhooks of providers, and the key that signs what they are told."""

from typing import Any

from fastapi import APIRouter, status

from api.auth import Caller, GatewayPart, Provider
from api.models import WebhookBody
from ledger.ids import parse_hook_id
from ledger.service import hooksigning, webhooks

router = APIRouter(tags=["webhooks"])


@router.get(hooksigning.WELL_KNOWN)
def keys(gateway: GatewayPart) -> dict[str, Any]:
    """The JWK set of what signs events to webhooks, signed by the gateway's account."""
    return hooksigning.published(gateway)


@router.post("/v1/webhooks")
def add(body: WebhookBody, gateway: GatewayPart, provider: Provider) -> dict[str, Any]:
    """Tell a receiver of the caller's events; the same URL again changes which."""
    hook = webhooks.register(gateway, provider, body.url, body.events)
    return webhooks.shown_in_full(gateway, provider, hook)


@router.get("/v1/webhooks")
def show(gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """The caller's webhooks, and how they do."""
    return {"webhooks": webhooks.shown_to(gateway, caller)}


@router.get("/v1/webhooks/{webhook}")
def one(webhook: str, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """One of them, with the events that were given up."""
    return webhooks.shown_in_full(gateway, caller, parse_hook_id(webhook))


@router.delete("/v1/webhooks/{webhook}", status_code=status.HTTP_204_NO_CONTENT)
def remove(webhook: str, gateway: GatewayPart, caller: Caller) -> None:
    """Tell a receiver nothing more."""
    webhooks.remove(gateway, caller, parse_hook_id(webhook))


@router.post("/v1/webhooks/{webhook}/test")
def try_out(webhook: str, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Send a receiver an event about nothing; the webhook shows how that went."""
    event = webhooks.try_out(gateway, caller, parse_hook_id(webhook))
    return {"webhook": webhook, "event": event}

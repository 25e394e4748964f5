"""Providers' requests, and patients' answers."""

from typing import Any

from fastapi import APIRouter

from api.auth import Caller, GatewayPart, Patient, Provider
from api.models import RequestBody
from ledger.ids import parse_request_id
from ledger.service import requests, views
from ledger.service.disclosure import receipt

router = APIRouter(prefix="/v1/requests", tags=["requests"])


@router.post("")
def send(body: RequestBody, gateway: GatewayPart, provider: Provider) -> dict[str, Any]:
    """Ask a patient for a consent. The answer is the same whether or not the account is a patient's here."""
    wish = requests.Wish(
        subject=gateway.did(provider),
        purpose=tuple(body.purpose),
        action=body.action,
        classes=tuple(body.classes),
        expires=body.expires,
        until=body.until,
        note=body.note,
    )
    request, index = requests.send(gateway, gateway.account_of(body.patient), wish)
    shown = {"request": request, "state": "proposed", "index": index}
    return {**shown, "receipt": receipt(gateway, provider, index)}


@router.get("")
def show(gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """What was asked of the caller, and what the caller asked."""
    return {"requests": views.requests_for(gateway, caller)}


@router.get("/{request}")
def one(request: str, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """One request."""
    return views.request_for(gateway, caller, parse_request_id(request))


@router.post("/{request}/decline")
def decline(request: str, gateway: GatewayPart, patient: Patient) -> dict[str, Any]:
    """Say no to a request."""
    requests.decline(gateway, patient, parse_request_id(request))
    return {"request": request, "state": "declined"}

"""Providers' requests, and patients' answers."""

from typing import Annotated, Any

from fastapi import APIRouter, Header

from api.auth import Caller, GatewayPart, Patient, Provider
from api.cursors import Asked
from api.models import RequestBody
from ledger.ids import Address, parse_request_id
from ledger.service import requests, views
from ledger.service.disclosure import receipt
from ledger.service.gateway import Gateway
from ledger.service.replies import Once

router = APIRouter(prefix="/v1/requests", tags=["requests"])

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", description="The caller's own name for this one write.")
]


@router.post("")
def send(
    body: RequestBody, gateway: GatewayPart, provider: Provider, once: IdempotencyKey = None
) -> dict[str, Any]:
    """Ask a patient for a consent. The answer is the same whether or not the account is a patient's here.

    Sent again with the same Idempotency-Key within a day, it asks once.
    """
    wish = requests.Wish(
        subject=gateway.did(provider),
        purpose=tuple(body.purpose),
        action=body.action,
        classes=tuple(body.classes),
        expires=body.expires,
        until=body.until,
        note=body.note,
    )
    patient = gateway.account_of(body.patient)
    shown = _sent_once(gateway, provider, patient, wish, once)
    return {**shown, "receipt": receipt(gateway, provider, shown["index"])}


@router.get("")
def show(gateway: GatewayPart, caller: Caller, page: Asked) -> dict[str, Any]:
    """What was asked of the caller, and what the caller asked, in the order of expiry."""
    found = views.requests_for(gateway, caller)
    return page.shown(gateway, caller, "requests", found, key=lambda one: [one["expires"], one["request"]])


@router.get("/{request}")
def one(request: str, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """One request."""
    return views.request_for(gateway, caller, parse_request_id(request))


@router.post("/{request}/decline")
def decline(request: str, gateway: GatewayPart, patient: Patient) -> dict[str, Any]:
    """Say no to a request."""
    requests.decline(gateway, patient, parse_request_id(request))
    return {"request": request, "state": "declined"}


def _sent_once(
    gateway: Gateway, provider: Address, patient: Address, wish: requests.Wish, key: str | None
) -> dict[str, Any]:
    if key is None:
        return _proposed(*requests.send(gateway, patient, wish))
    once = Once.of(gateway, provider, "request", key, {**wish.as_json(), "patient": patient})
    return once.answered(
        lambda: _proposed(
            *requests.send(
                gateway, patient, wish, filed=lambda within, *sent: once.keep(within, _proposed(*sent))
            )
        )
    )


def _proposed(request: str, index: int) -> dict[str, Any]:
    return {"request": request, "state": "proposed", "index": index}

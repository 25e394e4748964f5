"""Providers' requests, and what becomes of them."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header

from api.auth import Caller, GatewayPart, Patient, Provider
from api.cursors import Asked
from api.models import RenewalBody, RequestBody
from ledger.ids import Address, RequestId, parse_consent_id, parse_request_id
from ledger.service import renewals, requests, views
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

    Without `expires` it stays open for 30 days. Sent again with the same Idempotency-Key within a day, it
    asks once.
    """
    wish = requests.Wish(
        subject=gateway.did(provider),
        purpose=tuple(body.purpose),
        action=body.action,
        classes=tuple(body.classes),
        expires=_expires(gateway, body),
        until=body.until,
        note=body.note,
    )
    patient = gateway.account_of(body.patient)
    return _sent(
        gateway, provider, once, body, lambda filed: requests.send(gateway, patient, wish, filed=filed)
    )


@router.post("/renewals")
def renew(
    body: RenewalBody, gateway: GatewayPart, caller: Caller, once: IdempotencyKey = None
) -> dict[str, Any]:
    """Ask a patient to prolong a consent that names the caller, as it is; before or after its end.

    What is asked for is that consent's scope, which the patient signs again for the new period, or does not.
    """
    return _sent(
        gateway,
        caller,
        once,
        body,
        lambda filed: renewals.ask(
            gateway,
            caller,
            parse_consent_id(body.consent),
            until=body.until,
            expires=_expires(gateway, body),
            note=body.note,
            filed=filed,
        ),
    )


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


@router.post("/{request}/withdraw")
def withdraw(request: str, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Take back a request that the caller made."""
    requests.withdraw(gateway, caller, parse_request_id(request))
    return {"request": request, "state": "withdrawn"}


Send = Callable[[requests.Filed], tuple[RequestId, int]]


def _sent(
    gateway: Gateway, provider: Address, key: str | None, body: RequestBody | RenewalBody, act: Send
) -> dict[str, Any]:
    """What is answered to a request, made once for each key."""
    shown = _sent_once(gateway, provider, key, body, act)
    return {**shown, "receipt": receipt(gateway, provider, shown["index"])}


def _sent_once(
    gateway: Gateway, provider: Address, key: str | None, body: RequestBody | RenewalBody, act: Send
) -> dict[str, Any]:
    if key is None:
        return _proposed(*act(lambda *_: None))
    once = Once.of(gateway, provider, "request", key, body.model_dump(exclude_none=True))
    return once.answered(lambda: _proposed(*act(lambda within, *sent: once.keep(within, _proposed(*sent)))))


def _expires(gateway: Gateway, body: RequestBody | RenewalBody) -> int:
    return requests.default_end(gateway) if body.expires is None else body.expires


def _proposed(request: str, index: int) -> dict[str, Any]:
    return {"request": request, "state": "proposed", "index": index}

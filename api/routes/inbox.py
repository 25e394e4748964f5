"""What is new for somebody, and what waits for them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.auth import Caller, GatewayPart
from api.cursors import Asked
from ledger.service import inboxes

router = APIRouter(prefix="/v1/inbox", tags=["requests"])

Since = Annotated[
    int | None, Query(ge=0, lt=2**53, description="Only news since then, Unix milliseconds; else of 30 days.")
]


@router.get("")
def show(gateway: GatewayPart, caller: Caller, page: Asked, since: Since = None) -> dict[str, Any]:
    """What waits for the caller, soonest first; then what happened, newest first. With their numbers."""
    found = inboxes.of(gateway, caller, since)
    name = "inbox" if since is None else f"inbox since {since}"
    wanted = page.of(gateway, caller, name, found.items, key=lambda one: one.place)
    items = [inboxes.shown(gateway, one) for one in wanted.items]
    return {"counts": found.counts, **wanted.as_json("items", items)}

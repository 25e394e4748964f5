"""The disclosure log: checkpoint and proofs for everybody, entries for those who may read them."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse

from api.auth import Caller, GatewayPart
from ledger.canonical import hexed
from ledger.service import disclosure

router = APIRouter(prefix="/v1/log", tags=["log"])

Index = Annotated[int, Query(ge=0, lt=2**53)]
IndexPath = Annotated[int, Path(ge=0, lt=2**53)]


@router.get("/checkpoint", response_class=PlainTextResponse)
def checkpoint(gateway: GatewayPart) -> str:
    """A signed note (C2SP tlog-checkpoint) over all entries."""
    return disclosure.checkpoint(gateway)


@router.get("/entries")
def entries(gateway: GatewayPart, caller: Caller, start: Index = 0, end: Index = 512) -> dict[str, Any]:
    """Entries with their openings: all for an auditor, their own for a patient; at most 512 a call."""
    return {"entries": disclosure.entries(gateway, caller, start, end)}


@router.get("/leaves")
def leaves(gateway: GatewayPart, start: Index = 0, end: Index = 4096) -> dict[str, Any]:
    """Leaf hashes, at most 4096 a call."""
    return {"leaves": disclosure.leaves(gateway, start, end)}


@router.get("/proofs/inclusion")
def inclusion(gateway: GatewayPart, index: Index, size: Index) -> dict[str, Any]:
    """The RFC 6962 proof that the entry at `index` is in the tree of `size`."""
    return {"proof": [hexed(step) for step in gateway.journal.inclusion_proof(index, size)]}


@router.get("/proofs/consistency")
def consistency(gateway: GatewayPart, old: Index, new: Index) -> dict[str, Any]:
    """The RFC 6962 proof that the tree of `new` extends the tree of `old`."""
    return {"proof": [hexed(step) for step in gateway.journal.consistency_proof(old, new)]}


@router.get("/receipts/{index}")
def receipt(index: IndexPath, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """The receipt of an entry, for a party to it."""
    return disclosure.receipt(gateway, caller, index)

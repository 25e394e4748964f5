"""Record metadata and capsules, and the blocks of ciphertext."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response, status
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, Depositor, GatewayPart, Patient
from api.cursors import Asked
from api.models import RecordsBody
from ledger.records.cid import parse_cid
from ledger.service import records, uploads
from ledger.service.gateway import Gateway

router = APIRouter(prefix="/v1", tags=["records"])

CidPath = Annotated[str, Path(max_length=96)]


@router.post("/records")
def publish(body: RecordsBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Publish records whose blocks are stored already: all, or none."""
    batch = [records.Submission(**one.model_dump()) for one in body.records]
    places = gateway.states.sequenced(caller, lambda state: records.publish(gateway, state, batch))
    return {"records": [{"root": one.root, "index": index} for one, index in zip(batch, places, strict=True)]}


@router.get("/records")
def show(gateway: GatewayPart, patient: Patient, page: Asked) -> dict[str, Any]:
    """The patient's own records, in the order of publication."""
    rows = [record.row for record in patient.records]
    found = page.of(gateway, patient.account, "records", rows, key=lambda row: [row.entry, row.root])
    return found.as_json("records", [{"root": row.root, **row.sealed} for row in found.items])


@router.get("/blocks/{cid}", response_class=Response)
def get_block(cid: CidPath, gateway: GatewayPart) -> Response:
    """One block of ciphertext, which is public by design."""
    return _block(gateway, cid)


@router.head("/blocks/{cid}", response_class=Response)
def has_block(cid: CidPath, gateway: GatewayPart) -> Response:
    """Whether a block is here undamaged: as getting it, without its bytes."""
    return _block(gateway, cid)


@router.put("/blocks/{cid}", status_code=status.HTTP_204_NO_CONTENT)
async def put_block(cid: CidPath, request: Request, gateway: GatewayPart, caller: Depositor) -> None:
    """Store one block; its bytes must hash to the CID."""
    await run_in_threadpool(uploads.put, gateway, caller, parse_cid(cid), await request.body())


@router.delete("/blocks/{cid}", status_code=status.HTTP_204_NO_CONTENT)
def take_back_block(cid: CidPath, gateway: GatewayPart, caller: Caller) -> None:
    """Take back a block that the caller has brought and that no published record has."""
    uploads.take_back(gateway, caller, parse_cid(cid))


def _block(gateway: Gateway, cid: str) -> Response:
    return Response(records.get_block(gateway, parse_cid(cid)), media_type="application/vnd.ipld.raw")

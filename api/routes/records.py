"""Record metadata and capsules, and the blocks of ciphertext."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response, status
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, Depositor, GatewayPart, Patient
from api.models import RecordsBody
from ledger.records.cid import parse_cid
from ledger.service import records

router = APIRouter(prefix="/v1", tags=["records"])

CidPath = Annotated[str, Path(max_length=96)]


@router.post("/records")
def publish(body: RecordsBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Publish records whose blocks are stored already: all, or none."""
    batch = [records.Submission(**one.model_dump()) for one in body.records]
    places = gateway.states.sequenced(caller, lambda state: records.publish(gateway, state, batch))
    return {"records": [{"root": one.root, "index": index} for one, index in zip(batch, places, strict=True)]}


@router.get("/records")
def show(patient: Patient) -> dict[str, Any]:
    """The patient's own records."""
    return {"records": [{"root": record.row.root, **record.row.sealed} for record in patient.records]}


@router.get("/blocks/{cid}", response_class=Response)
def get_block(cid: CidPath, gateway: GatewayPart) -> Response:
    """One block of ciphertext, which is public by design."""
    data = records.get_block(gateway, parse_cid(cid))
    return Response(data, media_type="application/vnd.ipld.raw")


@router.put("/blocks/{cid}", status_code=status.HTTP_204_NO_CONTENT)
async def put_block(cid: CidPath, request: Request, gateway: GatewayPart, _caller: Depositor) -> None:
    """Store one block; its bytes must hash to the CID."""
    await run_in_threadpool(records.put_block, gateway, parse_cid(cid), await request.body())

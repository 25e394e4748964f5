"""What this gateway is, and whether it is well."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.auth import GatewayPart
from api.problems import problem, request_id
from api.readiness import told
from ledger import __version__
from ledger.errors import LedgerError
from ledger.policy.model import POLICY

router = APIRouter(tags=["operations"])


@router.get("/v1/gateway")
def gateway_info(gateway: GatewayPart) -> dict[str, Any]:
    """What a client must know: chain, contracts, log and policy. A client checks the chain itself."""
    deployment = gateway.deployment
    return {
        "version": __version__,
        "origin": gateway.settings.origin,
        "account": gateway.account,
        "chain_id": deployment.chain_id,
        "registry": deployment.registry,
        "directory": deployment.directory,
        "anchor": deployment.anchor,
        "deployment_block": deployment.block,
        "log_origin": gateway.journal.origin,
        "log_key": gateway.journal.verifier,
        "level": gateway.settings.level,
        "max_head_age": gateway.settings.max_head_age,
        "policy": POLICY,
    }


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", response_model=None)
def readyz(request: Request, gateway: GatewayPart) -> dict[str, Any] | Response:
    """Whether access could be granted now: 503 with the reason when not.

    ``revocation`` says how soon a stop counts that was sent to the registry, past this gateway;
    ``emergencies`` how many nobody has reviewed, and of how many that is overdue; ``stops_refused`` how many
    stops were kept while the database was away and then proved to be of no consent here.
    """
    named = request_id(request.scope)
    if request.app.state.stopping.is_set():
        return problem(503, "unavailable", "the gateway is stopping", reason="stopping", request_id=named)
    try:
        return told(gateway)
    except LedgerError as exc:
        return problem(503, exc.code, exc.message, reason=exc.reason, fix=exc.fix, request_id=named)

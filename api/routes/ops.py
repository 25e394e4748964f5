"""What this gateway is, and whether it is well."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.auth import GatewayPart
from api.problems import problem, request_id
from ledger import __version__
from ledger.chain.networks import network_of
from ledger.errors import LedgerError, ProofInvalid
from ledger.policy.model import POLICY
from ledger.records.stores import require_usable
from ledger.service import erasure, keptstops, reviews
from ledger.service.bound import revocation_bound

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
    try:
        keptstops.require_applied(gateway.kept_stops)
        head = gateway.head()
        size = gateway.journal.size
        gateway.journal.last_checkpoint()
        if gateway.journal.damage is not None:
            raise ProofInvalid(gateway.journal.damage, reason="log_damaged")
        require_usable(gateway.blocks)
        unfinished = erasure.unfinished(gateway)
        emergencies = reviews.backlog(gateway)
        stops_refused = len(gateway.kept_stops.refused())
    except LedgerError as exc:
        named = request_id(request.scope)
        return problem(503, exc.code, exc.message, reason=exc.reason, fix=exc.fix, request_id=named)
    age = max(0, int(gateway.clock().timestamp()) - head.time)
    network = network_of(gateway.deployment.chain_id)
    return {
        "status": "ready",
        "head": head.number,
        "head_age_seconds": age,
        "log_size": size,
        "erasures_unfinished": unfinished,
        "stops_refused": stops_refused,
        "emergencies": emergencies,
        "revocation": revocation_bound(gateway, look=network.look_seconds).as_json(),
    }

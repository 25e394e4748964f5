"""Whether access could be granted now, and what an operator reads off that."""

from typing import Any

from ledger.chain.networks import network_of
from ledger.errors import ProofInvalid
from ledger.records.stores import require_usable
from ledger.service import erasure, keptstops, reviews
from ledger.service.bound import revocation_bound
from ledger.service.gateway import Gateway


def require_ready(gateway: Gateway) -> None:
    """Nothing, if a decision could be made, logged and followed by a release.

    Raises:
        Undecidable: the chain was not heard of, or not for too long.
        ProofInvalid: the log is damaged, or is not the one that is anchored.
        StoreUnavailable: the database or the block store does not answer, or stops wait to be applied.
    """
    keptstops.require_applied(gateway.kept_stops)
    gateway.head()
    gateway.journal.last_checkpoint()
    if gateway.journal.damage is not None:
        raise ProofInvalid(gateway.journal.damage, reason="log_damaged")
    require_usable(gateway.blocks)


def told(gateway: Gateway) -> dict[str, Any]:
    """How fresh and how large what is decided on is, of a gateway that is ready; see `require_ready`."""
    require_ready(gateway)
    head, size = gateway.head(), gateway.journal.size
    network = network_of(gateway.deployment.chain_id)
    return {
        "status": "ready",
        "head": head.number,
        "head_age_seconds": max(0, int(gateway.clock().timestamp()) - head.time),
        "log_size": size,
        "erasures_unfinished": erasure.unfinished(gateway),
        "stops_refused": len(gateway.kept_stops.refused()),
        "emergencies": reviews.backlog(gateway),
        "revocation": revocation_bound(gateway, look=network.look_seconds).as_json(),
    }

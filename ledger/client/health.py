"""Whether what a profile depends on answers."""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.chain.rpc import Rpc, shown
from ledger.client.config import Config
from ledger.client.gateway import GatewayClient
from ledger.client.receipts import require_network
from ledger.errors import ChainUnreachable, GatewayUnreachable, LedgerError, NotFound

_SINCE = {
    "usual_ms": "after it is sent",
    "measured_ms": "after its block, as measured",
    "most_ms": "after its block at most",
}
"""What a gateway states of the time until a stop counts; see `service.bound`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


def examine(config: Config) -> list[Check]:
    """Ask the gateway and the chain; a failure is an answer here, not an error."""
    return [
        check("gateway", lambda: _gateway(config)),
        check("network", lambda: _network(config)),
        check("chain", lambda: _chain(config)),
        check("stops", lambda: _stops(config)),
        check("kept stops", lambda: _kept_stops(config)),
    ]


def check(name: str, ask: Callable[[], str]) -> Check:
    """What `ask` says of a thing, or why it could not."""
    try:
        return Check(name=name, ok=True, detail=ask())
    except LedgerError as exc:
        return Check(name=name, ok=False, detail=exc.message)


def _gateway(config: Config) -> str:
    with GatewayClient(config.gateway, chain_id=config.deployment.chain_id) as gateway:
        gateway.healthy()
    return f"{config.gateway} answers"


def _network(config: Config) -> str:
    with GatewayClient(config.gateway, chain_id=config.deployment.chain_id) as gateway:
        require_network(gateway.info(), config.deployment)
    return "the gateway serves the contracts of this profile"


def _chain(config: Config) -> str:
    rpc = Rpc(config.rpc)
    try:
        heads = [_head(node, config) for node in rpc.apart()]
    finally:
        rpc.close()
    return f"chain {config.deployment.chain_id}, {', '.join(f'block {number}' for number in heads)}"


def _head(node: Rpc, config: Config) -> int:
    chain_id, head = node.chain_id(), node.block("latest")
    if chain_id != config.deployment.chain_id or head is None:
        raise ChainUnreachable(f"{shown(node.urls[0])} is on chain {chain_id}", reason="other_chain")
    if not node.code(config.deployment.registry):
        raise ChainUnreachable("there is no registry on this chain", reason="no_contract")
    return head.number


def _stops(config: Config) -> str:
    """How soon a stop counts at the gateway that was sent to the registry without it, as the gateway says."""
    with GatewayClient(config.gateway, chain_id=config.deployment.chain_id) as gateway:
        told = gateway.ready().get("revocation")
    known = {name: told.get(name) for name in _SINCE} if isinstance(told, dict) else {}
    words = [f"{value / 1000:.1f} s {_SINCE[name]}" for name, value in known.items() if type(value) is int]
    if type(known.get("most_ms")) is not int:
        raise GatewayUnreachable(
            "the gateway does not say how soon a stop made on chain counts", reason="bad_answer"
        )
    return f"a stop made on chain alone counts {', '.join(words)}"


def _kept_stops(config: Config) -> str:
    """Whether every stop that the gateway kept while its database was away could be applied."""
    with GatewayClient(config.gateway, chain_id=config.deployment.chain_id) as gateway:
        refused = gateway.ready().get("stops_refused")
    if type(refused) is not int:
        raise GatewayUnreachable("the gateway does not say what became of kept stops", reason="bad_answer")
    if refused:
        raise NotFound(
            f"{refused} of the stops that were kept are of no consent at this gateway", reason="stops_refused"
        )
    return "no stop waits for the gateway's database, and none was refused"
